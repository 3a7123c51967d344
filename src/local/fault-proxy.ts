// Stands between Ferry and a DynamoDB engine: receives every request, passes it on byte for byte, and
// makes go wrong what it is told to. Faults come and go while it runs; the engine is never touched.

import { randomUUID } from 'node:crypto';
import { once, setMaxListeners } from 'node:events';
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { systemRandom } from '../adapters/system-clock.ts';
import { FerryError } from '../errors.ts';
import type { Random } from '../ports.ts';
import {
  checkFault,
  type Fault,
  inOrder,
  REFUSALS,
  type Refusal,
  type RequestFault,
  type Strike,
  strike,
} from './faults.ts';

export interface FaultProxyOptions {
  /** The engine: `http://host:port`. */
  readonly upstream: string;
  /** @default a free port. */
  readonly port?: number | undefined;
  /** Decides whom a fault strikes. A seeded one repeats a run. @default real chance. */
  readonly random?: Random | undefined;
  /** Something went wrong that nobody injected; for people. */
  readonly onProblem?: ((problem: string) => void) | undefined;
}

interface FaultCounts {
  /** Requests passed on that no fault has struck. */
  readonly passed: number;
  /** Requests by the fault that struck them; an outage counts once, for nobody sees whom it strikes. */
  readonly injected: Readonly<Record<Fault['kind'], number>>;
  /** Of the late requests, those that the engine has answered by now. */
  readonly landedLate: number;
}

export interface FaultProxy {
  readonly endpoint: string;
  /** Live. */
  readonly counts: FaultCounts;
  /**
   * Adds a fault and returns what takes it back, which is safe to repeat. Requests that it has struck
   * already take their course: a late one still lands.
   * @throws FerryError `local.fault.invalid`.
   */
  inject(fault: Fault): () => void;
  /**
   * Cuts every connection and resolves once nothing is left open. Late requests are dropped, or with
   * `landLate` awaited, until they are due. Safe to repeat, also without `landLate` while it waits.
   */
  stop(options?: { readonly landLate?: boolean }): Promise<void>;
}

const HOST = '127.0.0.1';
/** A request of DynamoDB is no longer. */
const REQUEST_BYTES_MAX = 16 * 1024 * 1024;
/** An answer of 16 MiB, with its binary values in Base64 and room for names and quotes. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
/** Time for a request to arrive. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Longer than clients keep idle connections, so that none is cut that nobody meant to cut. */
const CLIENT_IDLE_MS = 60_000;
/** Silence of the engine after which a request counts as unanswered. */
const UPSTREAM_TIMEOUT_MS = 30_000;
/** Shorter than engines keep idle connections, so that none ends just when it is used again. */
const UPSTREAM_IDLE_MS = 4_000;
const RELISTEN_INTERVAL_MS = 50;

/**
 * Starts a proxy in front of `upstream`, which need not be up yet.
 * @throws FerryError `local.port.in-use` or `local.upstream.invalid`.
 */
export async function startFaultProxy({
  upstream,
  port = 0,
  random = systemRandom,
  onProblem = () => undefined,
}: FaultProxyOptions): Promise<FaultProxy> {
  const exchanges = new Exchanges(new Upstream(upstream), random);
  const entrance = new Entrance({
    onRequest: (request, response) => exchanges.serve(request, response),
    onProblem,
  });
  const endpoint = `http://${HOST}:${await entrance.open(port)}`;
  const outages = new Set<Fault>();
  let stopped = false;
  return {
    endpoint,
    counts: exchanges.counts,
    inject(given) {
      checkFault(given);
      const fault = { ...given };
      if (fault.kind !== 'outage') return exchanges.inject(fault);
      exchanges.counts.injected.outage += 1;
      outages.add(fault);
      entrance.shut();
      return () => {
        outages.delete(fault);
        if (outages.size === 0 && !stopped) entrance.reopen();
      };
    },
    async stop({ landLate = false } = {}) {
      stopped = true;
      entrance.shut();
      await exchanges.end({ landLate });
      await entrance.closed();
    },
  };
}

/** A request as it came: nothing in it is changed. */
interface Call {
  readonly method: string;
  readonly path: string;
  /** Names and values in turn, in their order and spelling. */
  readonly headers: readonly string[];
  readonly operation: string;
  readonly body: Buffer;
}

interface Reply {
  readonly status: number;
  readonly statusMessage: string;
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** The requests under way, and the faults that may strike the next ones. */
class Exchanges {
  readonly counts = {
    passed: 0,
    injected: { outage: 0, deny: 0, poison: 0, throttle: 0, error: 0, reset: 0, late: 0, slow: 0 },
    landedLate: 0,
  };
  readonly #upstream: Upstream;
  readonly #random: Random;
  #faults: readonly RequestFault[] = [];
  readonly #underWay = new Set<Promise<void>>();
  readonly #dropAnswers = new AbortController();
  readonly #dropLate = new AbortController();

  constructor(upstream: Upstream, random: Random) {
    this.#upstream = upstream;
    this.#random = random;
    // Every request that waits listens to one of them.
    setMaxListeners(0, this.#dropAnswers.signal, this.#dropLate.signal);
  }

  inject(fault: RequestFault): () => void {
    this.#faults = inOrder([...this.#faults, fault]);
    return () => {
      this.#faults = this.#faults.filter((other) => other !== fault);
    };
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    track(this.#underWay, this.#exchange(request, new Client(response, request.socket)));
  }

  /** To be called when all clients are cut off. */
  async end({ landLate }: { readonly landLate: boolean }): Promise<void> {
    this.#dropAnswers.abort();
    if (!landLate) {
      this.#dropLate.abort();
      this.#upstream.close();
    }
    await Promise.all(this.#underWay);
    this.#upstream.close();
  }

  async #exchange(request: IncomingMessage, client: Client): Promise<void> {
    const body = await read(request, REQUEST_BYTES_MAX);
    // The client left before it had said all.
    if (body === 'broken') return;
    if (body === 'too-large') return client.answer(refused(TOO_LARGE));
    const call = toCall(request, body);
    const struck = call.operation === '' ? undefined : strike(call, this.#faults, this.#random);
    if (struck === undefined) {
      this.counts.passed += 1;
      return client.answer(await this.#upstream.ask(call));
    }
    this.counts.injected[struck.fault.kind] += 1;
    await this.#inject(struck, call, client);
  }

  async #inject({ fault, applied }: Strike, call: Call, client: Client): Promise<void> {
    switch (fault.kind) {
      case 'deny':
      case 'poison':
      case 'throttle':
        return client.answer(refused(REFUSALS[fault.kind]));
      case 'error':
        if (applied) await this.#upstream.ask(call);
        return client.answer(refused(REFUSALS.error));
      case 'reset':
        if (applied) await this.#upstream.ask(call);
        return client.reset();
      case 'slow': {
        const reply = await this.#upstream.ask(call);
        await elapsed(fault.ms, this.#dropAnswers.signal);
        return client.answer(reply);
      }
      case 'late': {
        const due = await elapsed(fault.ms, this.#dropLate.signal);
        // Cut first: nobody may still wait for a request that is applied late.
        client.reset();
        const reply = due ? await this.#upstream.ask(call) : undefined;
        if (reply !== undefined) this.counts.landedLate += 1;
      }
    }
  }
}

interface EntranceOptions {
  readonly onRequest: RequestListener;
  readonly onProblem: (problem: string) => void;
}

/** The port. Shut, it refuses connections, as a host does on which nothing listens. */
class Entrance {
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

/** The engine, over connections that stay open. */
class Upstream {
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
class Client {
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

/** Headers about one connection, not about the message; and `expect`, which was answered here. */
const HOP_BY_HOP = [
  'connection',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** The host stays as the client has signed it. */
function endToEnd({ rawHeaders, headers }: IncomingMessage): string[] {
  const named = (headers.connection ?? '').toLowerCase().split(',');
  const dropped = new Set([...HOP_BY_HOP, ...named.map((name) => name.trim())]);
  const nameAt = (index: number) => rawHeaders[index - (index % 2)] ?? '';
  return rawHeaders.filter((_, index) => !dropped.has(nameAt(index).toLowerCase()));
}

function toCall(request: IncomingMessage, body: Buffer): Call {
  const target = String(request.headers['x-amz-target'] ?? '');
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    headers: endToEnd(request),
    operation: target.slice(target.lastIndexOf('.') + 1),
    body,
  };
}

async function toReply(response: IncomingMessage): Promise<Reply | undefined> {
  const body = await read(response, ANSWER_BYTES_MAX);
  if (typeof body === 'string') return undefined;
  const { statusCode: status = 0, statusMessage = '' } = response;
  return { status, statusMessage, headers: endToEnd(response), body };
}

const TOO_LARGE: Refusal = {
  status: 413,
  type: 'com.amazon.coral.service#RequestEntityTooLargeException',
  message: `The request body must not be longer than ${REQUEST_BYTES_MAX} bytes.`,
};

function refused({ status, type, message }: Refusal): Reply {
  const body = Buffer.from(JSON.stringify({ __type: type, message }));
  const headers = {
    'content-type': 'application/x-amz-json-1.0',
    'content-length': String(body.length),
    'x-amzn-requestid': randomUUID(),
    'x-amz-crc32': String(crc32(body)),
  };
  return { status, statusMessage: '', headers: Object.entries(headers).flat(), body };
}

/** Reads to the end, also what is too long to be kept, so that the connection stays usable. */
async function read(
  message: IncomingMessage,
  bytesMax: number,
): Promise<Buffer | 'broken' | 'too-large'> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size <= bytesMax) chunks.push(chunk);
      else chunks.length = 0;
    }
  } catch {
    // Nothing throws in there but the connection.
    return 'broken';
  }
  return size <= bytesMax ? Buffer.concat(chunks) : 'too-large';
}

/** Whether the time has passed before `signal` came. */
async function elapsed(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(ms, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}

/** Keeps `work`, which never rejects, in `set` until it is done. */
function track(set: Set<Promise<void>>, work: Promise<void>): void {
  set.add(work);
  void work.finally(() => set.delete(work));
}

async function closed(server: Server): Promise<void> {
  await once(server, 'close');
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

function portError(cause: unknown, port: number): Error {
  if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') return cause as Error;
  return new FerryError(`Port ${port} on ${HOST} is in use; the fault layer cannot listen there.`, {
    code: 'local.port.in-use',
    hint: 'Choose another port, or stop the program that uses it; port 0 takes a free one.',
    cause,
  });
}
