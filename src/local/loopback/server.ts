// An HTTP server on loopback: listens, reads bodies within a bound, and stops.

import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { FerryError } from '../../errors.ts';

export const HOST = '127.0.0.1';

const SETTINGS: ServerOptions = {
  /** Time for a request to arrive, its body included. */
  requestTimeout: 30_000,
  /** Longer than clients keep idle connections, so that none is closed while it is used again. */
  keepAliveTimeout: 60_000,
};

/** Time that answers under way have to leave when a server stops. */
const STOP_GRACE_MS = 1_000;

export interface LoopbackServer {
  readonly server: Server;
  readonly port: number;
  readonly endpoint: string;
  /** Lets answers under way leave, and closes every connection. Safe to repeat. */
  stop(): Promise<void>;
}

export interface LoopbackOptions {
  /** @default a free port. */
  readonly port?: number | undefined;
  /** Named where the port is in use, such as "the local SQS". */
  readonly name: string;
  readonly hint?: string | undefined;
  readonly onRequest: RequestListener;
}

/** @throws FerryError `local.port.in-use`. */
export async function startLoopbackServer({
  port: wanted = 0,
  name,
  hint = 'Choose another port, or stop the program that uses it; port 0 takes a free one.',
  onRequest,
}: LoopbackOptions): Promise<LoopbackServer> {
  const server = createServer(SETTINGS, (request, response) => {
    // Once the server has stopped listening, a connection ends with its answer.
    response.once('close', () => server.listening || request.socket.destroy());
    onRequest(request, response);
  });
  try {
    server.listen(wanted, HOST);
    await once(server, 'listening');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    const message = `Port ${wanted} on ${HOST} is in use; ${name} cannot listen there.`;
    throw new FerryError(message, { code: 'local.port.in-use', hint, cause });
  }
  const { port } = server.address() as AddressInfo;
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= close(server));
  return { server, port, endpoint: `http://${HOST}:${port}`, stop };
}

/** The server closes idle connections by itself. */
async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const timer = setTimeout(() => server.closeAllConnections(), STOP_GRACE_MS);
  await closed;
  clearTimeout(timer);
}

interface Body {
  /** Undefined if it is longer than the bound. */
  readonly bytes: Buffer | undefined;
  readonly size: number;
}

/**
 * Reads to the end, also what is too long to be kept: a client that is cut off while it sends sees a broken
 * connection, not the reason.
 */
export async function readBody(message: IncomingMessage, bytesMax: number): Promise<Body> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size <= bytesMax) chunks.push(chunk);
    else chunks.length = 0;
  }
  return { bytes: size <= bytesMax ? Buffer.concat(chunks) : undefined, size };
}
