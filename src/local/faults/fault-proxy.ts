// A proxy between Ferry and a DynamoDB engine: passes every request on byte for byte, and injects faults into
// those that they strike. Faults come and go while it runs; the engine is never touched.

import { setMaxListeners } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { systemRandom } from '../../aws/system-clock.ts';
import type { Random } from '../../ports.ts';
import { ProxyPort, track } from './proxy-port.ts';
import { type Call, readCall, refused, type Reply, TOO_LARGE } from './proxy-messages.ts';
import { Client, Upstream } from './proxy-connections.ts';
import {
  checkFault,
  type Fault,
  inOrder,
  REFUSALS,
  type RequestFault,
  type Strike,
  strike,
} from './faults.ts';

export interface FaultProxyOptions {
  /** The engine: `http://host:port`. */
  readonly upstream: string;
  /** @default a free port. */
  readonly port?: number | undefined;
  /** Decides which requests a fault strikes. A seeded one repeats a run. @default real chance. */
  readonly random?: Random | undefined;
  /** Receives a line for people about each failure that was not injected. */
  readonly onProblem?: ((problem: string) => void) | undefined;
}

interface FaultCounts {
  /** Requests passed on that no fault has struck. */
  readonly passed: number;
  /** Requests by the fault that struck them; an outage counts once: the requests that it strikes never arrive. */
  readonly injected: Readonly<Record<Fault['kind'], number>>;
  /** Of the late requests, those that the engine has answered by now. */
  readonly landedLate: number;
  /** Requests that the engine was asked to write by, whatever it answered. */
  readonly writes: number;
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
  const proxyPort = new ProxyPort({
    onRequest: (request, response) => exchanges.serve(request, response),
    onProblem,
  });
  const endpoint = await proxyPort.open(port);
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
      proxyPort.close();
      return () => {
        outages.delete(fault);
        if (outages.size === 0 && !stopped) proxyPort.reopen();
      };
    },
    async stop({ landLate = false } = {}) {
      stopped = true;
      proxyPort.close();
      await exchanges.end({ landLate });
      await proxyPort.closed();
    },
  };
}

const WRITES = new Set([
  'PutItem',
  'UpdateItem',
  'DeleteItem',
  'BatchWriteItem',
  'TransactWriteItems',
]);

/** The requests under way, and the faults that may strike the next ones. */
class Exchanges {
  readonly counts = {
    passed: 0,
    injected: { outage: 0, deny: 0, poison: 0, throttle: 0, error: 0, reset: 0, late: 0, slow: 0 },
    landedLate: 0,
    writes: 0,
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
    const call = await readCall(request);
    if (call === 'broken') return;
    if (call === 'too-large') return client.answer(refused(TOO_LARGE));
    const struck = call.operation === '' ? undefined : strike(call, this.#faults, this.#random);
    if (struck === undefined) {
      this.counts.passed += 1;
      return client.answer(await this.#ask(call));
    }
    this.counts.injected[struck.fault.kind] += 1;
    await this.#inject(struck, call, client);
  }

  #ask(call: Call): Promise<Reply | undefined> {
    if (WRITES.has(call.operation)) this.counts.writes += 1;
    return this.#upstream.ask(call);
  }

  async #inject({ fault, applied }: Strike, call: Call, client: Client): Promise<void> {
    switch (fault.kind) {
      case 'deny':
      case 'poison':
      case 'throttle':
        return client.answer(refused(REFUSALS[fault.kind]));
      case 'error':
        if (applied) await this.#ask(call);
        return client.answer(refused(REFUSALS.error));
      case 'reset':
        if (applied) await this.#ask(call);
        return client.reset();
      case 'slow': {
        const reply = await this.#ask(call);
        await elapsed(fault.ms, this.#dropAnswers.signal);
        return client.answer(reply);
      }
      case 'late': {
        const due = await elapsed(fault.ms, this.#dropLate.signal);
        // Cut first: when a late request is applied, no client may still wait for it.
        client.reset();
        const reply = due ? await this.#ask(call) : undefined;
        if (reply !== undefined) this.counts.landedLate += 1;
      }
    }
  }
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
