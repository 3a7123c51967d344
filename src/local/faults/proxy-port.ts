// The port of the fault proxy, which an outage shuts and opens again.

import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { FerryError } from '../../errors.ts';

export const HOST = '127.0.0.1';
/** Time for a request to arrive. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Longer than clients keep idle connections, so that none is cut that nobody meant to cut. */
const CLIENT_IDLE_MS = 60_000;
const RELISTEN_INTERVAL_MS = 50;

interface EntranceOptions {
  readonly onRequest: RequestListener;
  readonly onProblem: (problem: string) => void;
}

/** The port. Shut, it refuses connections, as a host does on which nothing listens. */
export class Entrance {
  readonly #onRequest: RequestListener;
  readonly #onProblem: (problem: string) => void;
  #port = 0;
  #server: Server | undefined;
  #isOpen = false;
  #reopening: Promise<void> | undefined;
  readonly #closing = new Set<Promise<void>>();

  constructor({ onRequest, onProblem }: EntranceOptions) {
    this.#onRequest = onRequest;
    this.#onProblem = onProblem;
  }

  /** @returns the port, which is a free one if `port` is 0. */
  async open(port: number): Promise<number> {
    this.#port = port;
    this.#isOpen = true;
    try {
      await this.#listen();
    } catch (error) {
      throw portError(error, port);
    }
    return this.#port;
  }

  /** Refuses new connections and cuts those that are open, at once. */
  shut(): void {
    this.#isOpen = false;
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    track(this.#closing, closed(server));
    server.close();
    server.closeAllConnections();
  }

  reopen(): void {
    this.#isOpen = true;
    this.#reopening ??= this.#listenAgain().finally(() => {
      this.#reopening = undefined;
    });
  }

  /** Resolves once no socket is left; to be called when shut for good. */
  async closed(): Promise<void> {
    await this.#reopening;
    await Promise.all(this.#closing);
  }

  /** While the port was shut, somebody else may have taken it: tries until it is free again. */
  async #listenAgain(): Promise<void> {
    let attempts = 0;
    while (this.#isOpen && this.#server === undefined) {
      try {
        await this.#listen();
      } catch (error) {
        attempts += 1;
        if (attempts === 1) this.#onProblem(portError(error, this.#port).message);
        await delay(RELISTEN_INTERVAL_MS);
      }
    }
  }

  async #listen(): Promise<void> {
    const server = createServer(
      { requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: CLIENT_IDLE_MS },
      this.#onRequest,
    );
    server.listen(this.#port, HOST);
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    // Shut while it opened: nothing has been accepted yet.
    if (!this.#isOpen) this.shut();
  }
}

/** Keeps `work`, which never rejects, in `set` until it is done. */
export function track(set: Set<Promise<void>>, work: Promise<void>): void {
  set.add(work);
  void work.finally(() => set.delete(work));
}

async function closed(server: Server): Promise<void> {
  await once(server, 'close');
}

function portError(cause: unknown, port: number): Error {
  if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') return cause as Error;
  return new FerryError(`Port ${port} on ${HOST} is in use; the fault layer cannot listen there.`, {
    code: 'local.port.in-use',
    hint: 'Choose another port, or stop the program that uses it; port 0 takes a free one.',
    cause,
  });
}
