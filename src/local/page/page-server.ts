// The web server of the live page, on loopback: its files, its state as server-sent events, and its
// buttons. Answers the page's own origin only, so that no other site that a browser has open can read
// the run or press a button.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FerryError } from '../../errors.ts';
import { readAssets } from './page-assets.ts';
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

const HOST = '127.0.0.1';
const WATCHERS_MAX = 16;
const CONNECTIONS_MAX = 64;
/** Time that the last view has to leave when the server stops. */
const STOP_GRACE_MS = 500;

const HEADERS = {
  'Content-Security-Policy':
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
} as const;

/**
 * Starts it.
 * @throws FerryError `local.port.in-use`.
 */
export async function startPageServer(options: PageServerOptions): Promise<PageServer> {
  const assets = readAssets();
  const watchers = new Set<ServerResponse>();
  const server = createServer();
  server.maxConnections = CONNECTIONS_MAX;
  const port = await listen(server, options.port ?? 0);
  server.on('request', (request, response) => {
    const own = isOwn(request, port);
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    // No request has a body that matters.
    request.resume();
    const { method = '', url = '' } = request;
    const asset = assets.get(url);
    if (!own) answer(response, 403, 'This page answers its own origin only.');
    else if (method === 'POST') answer(response, press(url, options), '');
    else if (method !== 'GET') answer(response, 405, 'GET or POST.');
    else if (url === '/events') watch(response, watchers, options);
    else if (asset === undefined) answer(response, 404, 'There is no such page.');
    else response.setHeader('Content-Type', asset.type).end(asset.body);
  });
  let stopped: Promise<void> | undefined;
  return {
    url: `http://${HOST}:${port}`,
    watchers: () => watchers.size,
    push() {
      const event = eventOf(options.view());
      for (const response of watchers) {
        // A browser that does not keep up misses views; each of them is whole.
        if (!response.writableNeedDrain) response.write(event);
      }
    },
    stop() {
      stopped ??= close(server, watchers);
      return stopped;
    },
  };
}

/** Another site can make a browser send requests here, and even under a name of its own; it cannot
 * make it lie about that name, or about whose page has asked. */
function isOwn({ headers }: IncomingMessage, port: number): boolean {
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

async function listen(server: Server, port: number): Promise<number> {
  try {
    server.listen(port, HOST);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new FerryError(`Port ${port} of ${HOST} is already in use; the live page needs one.`, {
      code: 'local.port.in-use',
      hint: 'Choose another one with --port, or leave it out to take a free one.',
      cause: error,
    });
  }
}

async function close(server: Server, watchers: ReadonlySet<ServerResponse>): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  for (const response of watchers) response.end();
  const impatience = setTimeout(() => server.closeAllConnections(), STOP_GRACE_MS);
  server.closeIdleConnections();
  await closed;
  clearTimeout(impatience);
}
