// The port of the fault proxy, which an outage closes and opens again. Closed, it refuses connections, as a
// host does on which nothing listens.

import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { type LoopbackServer, startLoopbackServer } from '../loopback/server.ts';

const RELISTEN_INTERVAL_MS = 50;

interface ProxyPortOptions {
  readonly onRequest: RequestListener;
  readonly onProblem: (problem: string) => void;
}

export class ProxyPort {
  readonly #options: ProxyPortOptions;
  #port = 0;
  #listening: LoopbackServer | undefined;
  #isOpen = false;
  #reopening: Promise<void> | undefined;
  readonly #closing = new Set<Promise<void>>();

  constructor(options: ProxyPortOptions) {
    this.#options = options;
  }

  /**
   * @param port 0 for a free one.
   * @returns the endpoint.
   * @throws FerryError `local.port.in-use`.
   */
  async open(port: number): Promise<string> {
    this.#port = port;
    this.#isOpen = true;
    return this.#listen();
  }

  /** Refuses new connections and cuts those that are open, at once. */
  close(): void {
    this.#isOpen = false;
    const server = this.#listening?.server;
    this.#listening = undefined;
    if (server === undefined) return;
    track(this.#closing, once(server, 'close'));
    server.close();
    server.closeAllConnections();
  }

  reopen(): void {
    this.#isOpen = true;
    this.#reopening ??= this.#listenAgain().finally(() => {
      this.#reopening = undefined;
    });
  }

  /** Resolves once no socket is left; to be called after the last close. */
  async closed(): Promise<void> {
    await this.#reopening;
    await Promise.all(this.#closing);
  }

  /** While the port was closed, another program may have taken it: tries until it is free again. */
  async #listenAgain(): Promise<void> {
    let attempts = 0;
    while (this.#isOpen && this.#listening === undefined) {
      try {
        await this.#listen();
      } catch (error) {
        attempts += 1;
        if (attempts === 1) this.#options.onProblem((error as Error).message);
        await delay(RELISTEN_INTERVAL_MS);
      }
    }
  }

  async #listen(): Promise<string> {
    const { onRequest } = this.#options;
    const server = await startLoopbackServer({
      port: this.#port,
      name: 'the fault layer',
      onRequest,
    });
    this.#port = server.port;
    this.#listening = server;
    // Closed while it opened: nothing has been accepted yet.
    if (!this.#isOpen) this.close();
    return server.endpoint;
  }
}

/** Keeps `work`, which never rejects, in `set` until it is done. */
export function track(set: Set<Promise<void>>, work: Promise<unknown>): void {
  const done = work.then(() => undefined);
  set.add(done);
  void done.finally(() => set.delete(done));
}
