// The port of a process: whether it is well, and its figures. It has no contents of items, and takes nothing.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FerryError } from '../errors.ts';
import type { HealthView } from '../run/health.ts';
import { PROMETHEUS_TYPE } from '../run/prometheus.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface RunEndpointOptions extends ListenAddress {
  readonly health: () => readonly HealthView[];
  /** Undefined where there is no page of metrics. */
  readonly metrics: (() => string) | undefined;
}

export interface RunEndpoint extends ListenAddress {
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** @throws FerryError `run.listen` where the port cannot be opened. */
export async function openRunEndpoint(options: RunEndpointOptions): Promise<RunEndpoint> {
  const { host, port } = options;
  const server = createServer((request, response) => {
    request.resume();
    const [pathname = ''] = (request.url ?? '').split('?');
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const { status, type, text } = isRead ? answer(pathname, options) : NOT_ALLOWED;
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
    response.end(request.method === 'HEAD' ? undefined : text);
  });
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FerryError(`The port ${host}:${port} cannot be opened: ${why}.`, {
      code: 'run.listen',
      hint: 'Name another one with --listen HOST:PORT, or none with --listen none.',
      cause,
    });
  }
  // No file for one more connection, for example: that one is lost, and the next may be answered.
  server.on('error', () => undefined);
  return {
    host,
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function answer(pathname: string, { health, metrics }: RunEndpointOptions): Answer {
  if (pathname === '/healthz') {
    const replications = health();
    const ok = replications.every((one) => one.ok);
    const text = `${JSON.stringify({ ok, replications })}\n`;
    return { status: ok ? 200 : 503, type: 'application/json', text };
  }
  if (pathname === '/metrics' && metrics !== undefined)
    return { status: 200, type: PROMETHEUS_TYPE, text: metrics() };
  const offer = metrics === undefined ? '/healthz' : '/healthz and /metrics';
  return { status: 404, type: 'text/plain', text: `There is ${offer}.\n` };
}

const NOT_ALLOWED: Answer = { status: 405, type: 'text/plain', text: 'Only GET.\n' };
