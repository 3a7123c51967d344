// The two ends between which the fault proxy stands: the engine, and the client that waits for an answer.

import { Agent, request as httpRequest, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { FerryError } from '../../errors.ts';
import { type Call, type Reply, toReply } from './proxy-messages.ts';

/** Silence of the engine after which a request counts as unanswered. */
const UPSTREAM_TIMEOUT_MS = 30_000;
/** Shorter than engines keep idle connections, so that none ends just when it is used again. */
const UPSTREAM_IDLE_MS = 4_000;

/** The engine, over connections that stay open. */
export class Upstream {
  readonly #url: URL;
  readonly #agent = new Agent({ keepAlive: true, timeout: UPSTREAM_IDLE_MS });
  #closed = false;

  constructor(upstream: string) {
    this.#url = upstreamUrl(upstream);
  }

  /** Undefined where the engine gave no answer, or not all of it; it may have applied the request. */
  ask({ method, path, headers, body }: Call): Promise<Reply | undefined> {
    return new Promise((resolve) => {
      if (this.#closed) return resolve(undefined);
      const { hostname, port } = this.#url;
      const request = httpRequest(
        { hostname, port, method, path, headers, agent: this.#agent, timeout: UPSTREAM_TIMEOUT_MS },
        (response) => void toReply(response).then(resolve),
      );
      request.on('timeout', () => request.destroy());
      request.on('error', () => resolve(undefined));
      request.end(body);
    });
  }

  /** Cuts every connection, and opens none any more. */
  close(): void {
    this.#closed = true;
    this.#agent.destroy();
  }
}

/** Who waits for the answer. May be gone at any time; then nothing happens. */
export class Client {
  readonly #response: ServerResponse;
  readonly #socket: Socket;

  constructor(response: ServerResponse, socket: Socket) {
    this.#response = response;
    this.#socket = socket;
    // A connection that breaks while the answer is sent is the client's own affair.
    response.on('error', () => undefined);
  }

  /** No answer from the engine is none here either: the connection is reset. */
  answer(reply: Reply | undefined): void {
    if (reply === undefined) return this.reset();
    if (this.#socket.destroyed) return;
    this.#response.sendDate = false;
    this.#response.writeHead(reply.status, reply.statusMessage, [...reply.headers]);
    this.#response.end(reply.body);
  }

  reset(): void {
    if (!this.#socket.destroyed) this.#socket.resetAndDestroy();
  }
}

function upstreamUrl(upstream: string): URL {
  const url = URL.canParse(upstream) ? new URL(upstream) : undefined;
  if (url?.protocol === 'http:' && url.pathname === '/') return url;
  throw new FerryError(
    `Faults can be injected in front of http://host:port only, got "${upstream}".`,
    {
      code: 'local.upstream.invalid',
      hint: 'Leave the faults out, or use the embedded engine.',
    },
  );
}
