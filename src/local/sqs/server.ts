// A local SQS on loopback that the SDK's client works against unchanged: starts it, stops it.
// Its queues live in memory and end with it.

import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { FerryError } from '../../errors.ts';
import { exchange } from './exchange.ts';
import { SqsQueues } from './queues.ts';

interface SqsServerOptions {
  /** 0, the default, takes a free port. */
  readonly port?: number;
  /** Epoch milliseconds; the system clock by default. */
  readonly now?: () => number;
}

/** A running local SQS. */
export interface SqsServer {
  readonly endpoint: string;
  /** URL of the queue `name`, whether it exists yet or not. */
  queueUrl(name: string): string;
  /**
   * Ends the delays of all messages in the queue `name`: for a test or a demonstration that cannot wait.
   * @throws SqsError `QueueDoesNotExist`.
   */
  hasten(name: string): void;
  /**
   * When the oldest message in the queue `name` was sent; undefined where it is empty.
   * @throws SqsError `QueueDoesNotExist`.
   */
  oldestSentAtMs(name: string): number | undefined;
  /** Ends long polls at once, with no message, and closes every connection. Safe to repeat. */
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';

/** Time for a request to arrive; long polls count from there on. */
const REQUEST_TIMEOUT_MS = 30_000;

/** Longer than clients keep idle connections, so that none is closed while being used again. */
const KEEP_ALIVE_MS = 60_000;

/** Time that answers under way have to leave when the server stops. */
const STOP_GRACE_MS = 1_000;

/**
 * Starts a local SQS on loopback.
 * @throws FerryError `local.port.in-use`.
 */
export async function startSqsServer({
  port = 0,
  now = Date.now,
}: SqsServerOptions = {}): Promise<SqsServer> {
  const server = createServer({
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
  });
  await listen(server, port);
  const endpoint = `http://${HOST}:${(server.address() as AddressInfo).port}`;
  const queues = new SqsQueues({ endpoint, now });
  const stopping = new AbortController();
  const underWay = new Set<Promise<void>>();
  server.on('request', (request, response) => {
    const answered = exchange(request, response, { queues, stopping: stopping.signal });
    underWay.add(answered);
    void answered.finally(() => underWay.delete(answered));
  });
  let stopped: Promise<void> | undefined;
  return {
    endpoint,
    queueUrl: (name) => queues.url(name),
    hasten: (name) => queues.get(name).hasten(),
    oldestSentAtMs: (name) => queues.get(name).oldestSentAtMs(),
    stop: () => {
      stopping.abort();
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
    throw new FerryError(`Port ${port} on ${HOST} is in use; the local SQS cannot listen there.`, {
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
