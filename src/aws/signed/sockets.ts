// Sockets to one host, each for one request at a time. The one that was used last is used first: under little
// load few are kept busy, and the others end.

import type { Client as ClientType } from 'undici';
import Client from 'undici/lib/dispatcher/client.js';
import { resettingConnector } from './resetting-connector.ts';

/** A socket, which connects when it is first used, and again after it has broken. */
export type Socket = ClientType;

export interface SocketsOptions {
  readonly origin: string;
  /** Sockets at most. */
  readonly most: number;
}

/**
 * Lambda freezes an idle function, and the other end may have closed the connection before it thaws. A
 * request on such a socket would end without an answer, and its batch would have to wait for it.
 */
export const IDLE_MS_MAX = 15_000;

export class Sockets {
  readonly #options: SocketsOptions;
  /** One for all, since it remembers TLS sessions. */
  readonly #connect = resettingConnector();
  readonly #all = new Set<Socket>();
  readonly #idle: Array<{ readonly socket: Socket; readonly sinceMs: number }> = [];
  /** In the order in which they came. */
  readonly #waiting: Array<(socket: Socket) => void> = [];

  constructor(options: SocketsOptions) {
    this.#options = options;
  }

  /** Calls `use` with a socket: at once, or when one is given back. */
  take(use: (socket: Socket) => void, nowMs: number): void {
    const idle = this.#idle.pop();
    if (idle === undefined && this.#all.size >= this.#options.most) this.#waiting.push(use);
    else if (idle !== undefined && nowMs - idle.sinceMs <= IDLE_MS_MAX) use(idle.socket);
    else use(this.#open(idle?.socket));
  }

  giveBack(socket: Socket, nowMs: number): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push({ socket, sinceMs: nowMs });
    else next(socket);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all].map((socket) => socket.close()));
  }

  #open(stale: Socket | undefined): Socket {
    if (stale !== undefined) {
      this.#all.delete(stale);
      void stale.destroy();
    }
    const socket = new Client(this.#options.origin, {
      pipelining: 1,
      connect: this.#connect,
      keepAliveTimeout: IDLE_MS_MAX,
      // Each exchange has a time limit of its own.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#all.add(socket);
    return socket;
  }
}
