// The web server of the live page, on loopback: its files, its state as server-sent events, and its
// buttons. Answers the page's own origin only, so that no other site that a browser has open can read
// the run or press a button.

import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { packageFile } from '../../package-files.ts';
import { HOST, startLoopbackServer } from '../loopback/server.ts';
import { FAULT_NAMES, type FaultName, type PageView } from './page-view.ts';

export interface PageServerOptions {
  /** @default a free port. */
  readonly port?: number | undefined;
  readonly view: () => PageView;
  /** Buttons; false where they do nothing now. */
  readonly setFault: (name: FaultName, on: boolean) => boolean;
  readonly redrive: () => boolean;
}

export interface PageServer {
  readonly url: string;
  /** Browsers that look at it now. */
  watchers(): number;
  /** Sends the view to all of them. */
  push(): void;
  /** Ends what is open, once the latest view has been sent. Safe to repeat. */
  stop(): Promise<void>;
}

const WATCHERS_MAX = 16;
const CONNECTIONS_MAX = 64;

/** The built files. They are self-contained: the browser loads nothing else. */
const FILES = [
  ['/', 'page.html', 'text/html; charset=utf-8'],
  ['/icon.svg', 'icon.svg', 'image/svg+xml'],
  ['/page.js', 'page.js', 'text/javascript; charset=utf-8'],
  ['/page.css', 'page.css', 'text/css; charset=utf-8'],
] as const;

const HEADERS = {
  'Content-Security-Policy':
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
} as const;

/** @throws FerryError `local.port.in-use`. */
export async function startPageServer(options: PageServerOptions): Promise<PageServer> {
  const assets = new Map<string, Asset>(
    FILES.map(([path, name, type]) => [
      path,
      { type, body: readFileSync(packageFile(`dist/page/${name}`)) },
    ]),
  );
  const watchers = new Set<ServerResponse>();
  const server = await startLoopbackServer({
    port: options.port,
    name: 'the live page',
    hint: 'Choose another one with --port, or leave it out to take a free one.',
    onRequest: (request, response) => answerTo(request, response, { assets, watchers, options }),
  });
  server.server.maxConnections = CONNECTIONS_MAX;
  return {
    url: server.endpoint,
    watchers: () => watchers.size,
    push() {
      const event = eventOf(options.view());
      for (const response of watchers) {
        // A browser that does not keep up misses views; each of them is whole.
        if (!response.writableNeedDrain) response.write(event);
      }
    },
    stop() {
      for (const response of watchers) response.end();
      return server.stop();
    },
  };
}

interface Asset {
  readonly type: string;
  readonly body: Uint8Array;
}

interface Page {
  /** By path, as a browser asks for them. */
  readonly assets: ReadonlyMap<string, Asset>;
  readonly watchers: Set<ServerResponse>;
  readonly options: PageServerOptions;
}

function answerTo(
  request: IncomingMessage,
  response: ServerResponse,
  { assets, watchers, options }: Page,
): void {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  // No request has a body that matters.
  request.resume();
  const { method = '', url = '' } = request;
  const asset = assets.get(url);
  if (!isOwn(request)) answer(response, 403, 'This page answers its own origin only.');
  else if (method === 'POST') answer(response, press(url, options), '');
  else if (method !== 'GET') answer(response, 405, 'GET or POST.');
  else if (url === '/events') watch(response, watchers, options);
  else if (asset === undefined) answer(response, 404, 'There is no such page.');
  else response.setHeader('Content-Type', asset.type).end(asset.body);
}

/**
 * Another site can make a browser send requests here, even under a host name of its own. It cannot forge the
 * headers Host and Origin.
 */
function isOwn({ headers, socket }: IncomingMessage): boolean {
  const port = socket.localPort;
  const hosts = [`${HOST}:${port}`, `localhost:${port}`];
  const { host = '', origin } = headers;
  return hosts.includes(host) && (origin === undefined || origin === `http://${host}`);
}

/** @returns the status to answer with. */
function press(path: string, { setFault, redrive }: PageServerOptions): number {
  if (path === '/redrive') return redrive() ? 204 : 409;
  const [, name, state] = /^\/faults\/(\w+)\/(on|off)$/.exec(path) ?? [];
  const fault = FAULT_NAMES.find((known) => known === name);
  if (fault === undefined) return 404;
  return setFault(fault, state === 'on') ? 204 : 409;
}

function watch(
  response: ServerResponse,
  watchers: Set<ServerResponse>,
  { view }: PageServerOptions,
): void {
  if (watchers.size >= WATCHERS_MAX) {
    answer(response, 503, 'Too many pages are open.');
    return;
  }
  watchers.add(response);
  response.on('close', () => watchers.delete(response));
  response.setHeader('Content-Type', 'text/event-stream');
  response.write(`retry: 1000\n\n${eventOf(view())}`);
}

/** JSON has no line breaks of its own. */
function eventOf(view: PageView): string {
  return `data: ${JSON.stringify(view)}\n\n`;
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status;
  if (text === '') response.end();
  else response.setHeader('Content-Type', 'text/plain; charset=utf-8').end(`${text}\n`);
}
