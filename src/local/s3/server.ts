// A local S3 on loopback that the SDK's client works against unchanged, path-style: starts it, stops it.
// Its buckets live in memory and end with it.

import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { FerryError } from '../../errors.ts';
import { S3Buckets } from './buckets.ts';
import { exchange } from './exchange.ts';

interface S3ServerOptions {
  /** 0, the default, takes a free port. */
  readonly port?: number;
  /** Epoch milliseconds; the system clock by default. */
  readonly now?: () => number;
}

/** A running local S3. */
export interface S3Server {
  readonly endpoint: string;
  /** Lets answers under way leave and closes every connection. Safe to repeat. */
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';

/** Time for a request to arrive, its body included. */
const REQUEST_TIMEOUT_MS = 30_000;

/** Longer than clients keep idle connections, so that none is closed while being used again. */
const KEEP_ALIVE_MS = 60_000;

/** Time that answers under way have to leave when the server stops. */
const STOP_GRACE_MS = 1_000;

/**
 * Starts a local S3 on loopback, without any bucket.
 * @throws FerryError `local.port.in-use`.
 */
export async function startS3Server({
  port = 0,
  now = Date.now,
}: S3ServerOptions = {}): Promise<S3Server> {
  const server = createServer({
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
  });
  const buckets = new S3Buckets({ now });
  const underWay = new Set<Promise<void>>();
  server.on('request', (request, response) => {
    const answered = exchange(request, response, buckets);
    underWay.add(answered);
    void answered.finally(() => underWay.delete(answered));
  });
  await listen(server, port);
  let stopped: Promise<void> | undefined;
  return {
    endpoint: `http://${HOST}:${(server.address() as AddressInfo).port}`,
    stop: () => {
      stopped ??= close(server, underWay);
      return stopped;
    },
  };
}

async function listen(server: Server, port: number): Promise<void> {
  try {
    server.listen(port, HOST);
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new FerryError(`Port ${port} on ${HOST} is in use; the local S3 cannot listen there.`, {
      code: 'local.port.in-use',
      hint: 'Choose another port, or stop the program that uses it; port 0 takes a free one.',
      cause: error,
    });
  }
}

async function close(server: Server, underWay: ReadonlySet<Promise<void>>): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const grace = sleep(STOP_GRACE_MS, undefined, { ref: false });
  await Promise.race([Promise.allSettled(underWay), grace]);
  server.closeAllConnections();
  await closed;
}
