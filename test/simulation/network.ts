// The way from a process to a service and back: delays, throttling, outages, lost answers, requests that
// land long after nobody waits for them any more, and processes that die in between.

import type { Random } from '../../src/ports.ts';
import type { WriteRequest } from '../../src/model/write-request.ts';
import { below } from '../../src/local/seeded-random.ts';
import { serviceError } from './memory-dynamodb.ts';
import { type AccessError, type Disturbance, type Plan, type Rates, SECOND } from './plan.ts';
import type { Process, Sent } from './process.ts';
import { between, happens, oneOf } from './random.ts';
import type { Scheduler } from './scheduler.ts';

export type Service = 'destination' | 'source' | 'queue' | 'bucket';

/** What becomes of a request. */
interface Fate {
  /** When the service does it, from now; absent where it never does. */
  readonly doneMs?: number | undefined;
  /** When the sender is told, from now. */
  readonly toldMs: number;
  /** What the sender is told instead of the answer. */
  readonly error?: string | undefined;
}

type AccessLoss = Extract<Disturbance, { kind: 'access' }>;
export type Outage = Extract<Disturbance, { kind: 'outage' }>;

const REQUEST_TIMEOUT_MS = 5 * SECOND;
const NO_RATES: Rates = {
  throttle: 0,
  timeout: 0,
  reset: 0,
  conflict: 0,
  crash: 0,
  lostAck: 0,
  lostBatch: 0,
  veryLate: 0,
  queueDuplicate: 0,
  overlap: 0,
  stale: 0,
};

export interface NetworkOptions {
  readonly scheduler: Scheduler;
  readonly plan: Plan;
  readonly note: (situation: string) => void;
  readonly tell: (line: () => string) => void;
}

export class Network {
  readonly scheduler: Scheduler;
  readonly note: (situation: string) => void;
  readonly #plan: Plan;
  readonly tell: NetworkOptions['tell'];
  readonly #outages: readonly Outage[];
  readonly #losses: readonly AccessLoss[];

  constructor({ scheduler, plan, note, tell }: NetworkOptions) {
    this.scheduler = scheduler;
    this.note = note;
    this.tell = tell;
    this.#plan = plan;
    this.#outages = plan.disturbances.filter((one) => one.kind === 'outage');
    this.#losses = plan.disturbances.filter((one) => one.kind === 'access');
  }

  rates(): Rates {
    return this.scheduler.now() < this.#plan.calmAtMs ? this.#plan.rates : NO_RATES;
  }

  /** Sends one request; `action` is what the service does, and may throw. */
  send<T>(
    process: Process,
    service: Service,
    action: (sent: Sent) => T,
    { intent, tables = tablesOf(intent) }: Traits = {},
  ): Promise<T> {
    const sent: Sent = { process, sentAtMs: this.scheduler.now(), intent };
    if (intent !== undefined) process.writes.push(sent);
    return process.promise<T>((resolve, reject) => {
      const index = process.requests++;
      const { crash } = process.facts;
      const stage = crash?.atRequest === index ? crash.stage : undefined;
      if (stage === 'before') {
        this.#die(process, 'crash before a request');
        return;
      }
      const fate = this.#inParts(this.#fateOf(process, service, tables), sent);
      const isDeaf = stage === 'hangs';
      process.hangs ||= isDeaf;
      if (process.jumpBetween(process.startedAtMs, this.scheduler.now()) !== 0)
        this.note('clock jumps under a process');
      const answers = isDeaf ? { resolve: nobody, reject: nobody } : { resolve, reject };
      const exchange = { sent, fate, action, ...answers, dies: stage === 'after' };
      if (stage === 'sent') this.#die(process, 'crash with a request under way');
      this.#carry(exchange);
    });
  }

  #die(process: Process, how: string): void {
    this.note(how);
    this.tell(() => `${process.facts.name} dies: ${how}`);
    process.kill();
  }

  #carry<T>(exchange: Exchange<T>): void {
    const { fate, sent, dies } = exchange;
    let answer: (() => void) | undefined;
    if (fate.doneMs !== undefined) {
      this.scheduler.after(fate.doneMs, () => {
        answer = this.#do(exchange);
        if (dies) this.#die(sent.process, 'crash after a request');
        if (fate.error === undefined && fate.toldMs === fate.doneMs) answer();
      });
      if (fate.error === undefined && fate.toldMs === fate.doneMs) return;
    }
    this.scheduler.after(fate.toldMs, () => {
      if (fate.error === undefined) {
        answer?.();
        return;
      }
      sent.gaveUpAtMs = this.scheduler.now();
      sent.told = fate.error;
      exchange.reject(serviceError(fate.error));
    });
  }

  #do<T>({ sent, action, resolve, reject }: Exchange<T>): () => void {
    const { process, gaveUpAtMs } = sent;
    if (gaveUpAtMs !== undefined) this.note('landed after it was given up');
    if (!process.alive) this.note('landed after its sender died');
    try {
      const value = action(sent);
      return () => resolve(value);
    } catch (error) {
      return () => {
        if (error instanceof Error) sent.told = error.name;
        reject(error);
      };
    }
  }

  #fateOf(process: Process, service: Service, tables: readonly string[]): Fate {
    const { random, slowMs } = process.facts;
    const denied = this.#deniedTo(process, service);
    if (denied !== undefined) return this.#refused(denied, 5);
    const doneMs = between(random, 1, slowMs);
    const outage = service === 'destination' ? this.#outageNow(random) : undefined;
    if (outage !== undefined) return this.#struck(outage, random);
    const { throttle, timeout, reset, conflict } = this.rates();
    const share = service === 'destination' ? 1 : 0.4;
    const { throttledTable } = this.#plan.settings;
    const isBusy = throttledTable === undefined || tables.includes(throttledTable);
    if (isBusy && happens(random, throttle * share))
      return this.#refused('ThrottlingException', doneMs);
    if (happens(random, timeout * share)) return this.#timedOut(random);
    if (happens(random, reset * share)) return this.#reset(random);
    if (service === 'destination' && happens(random, conflict * 0.2))
      return this.#refused('TransactionConflictException', doneMs);
    const backMs = happens(random, 0.7) ? 0 : between(random, 1, slowMs);
    return { doneMs, toldMs: Math.min(doneMs + backMs, REQUEST_TIMEOUT_MS - 1) };
  }

  /** What stops one part of a transaction cancels the whole; throttled, it may not be looked at at all. */
  #inParts(fate: Fate, sent: Sent): Fate {
    const { intent, process } = sent;
    const code = CANCELLATIONS[fate.error ?? ''];
    if (code === undefined || intent?.operation !== 'TransactWriteItems') return fate;
    const { random } = process.facts;
    const isConflict = fate.error === 'TransactionConflictException';
    if (!isConflict && happens(random, 0.5)) return fate;
    const at = below(random, intent.input.TransactItems?.length ?? 1);
    sent.cancelled = { at, code };
    this.note('transaction cancelled for one part');
    return { doneMs: fate.toldMs, toldMs: fate.toldMs };
  }

  #deniedTo({ facts: { kind, random } }: Process, service: Service): AccessError | undefined {
    const nowMs = this.scheduler.now();
    if (this.#losses.length === 0 || nowMs >= this.#plan.calmAtMs) return undefined;
    const who = kind === 'handler' || kind === 'look-again' ? 'functions' : 'commands';
    const isNow = (one: AccessLoss) => nowMs >= one.atMs && nowMs < one.atMs + one.forMs;
    const loss = this.#losses.find((one) => one.who === who && isNow(one));
    if (loss === undefined || !(loss.isOfBoth || service === 'destination')) return undefined;
    if (loss.share < 1 && !happens(random, loss.share)) return undefined;
    this.note(`no access for ${who}`);
    return loss.error;
  }

  #outageNow(random: Random): Outage | undefined {
    const nowMs = this.scheduler.now();
    if (nowMs >= this.#plan.calmAtMs) return undefined;
    const outage = this.#outages.find((one) => nowMs >= one.atMs && nowMs < one.atMs + one.forMs);
    return outage !== undefined && happens(random, outage.share) ? outage : undefined;
  }

  #struck({ how, forMs }: Outage, random: Random): Fate {
    if (forMs > 24 * 3600 * SECOND) this.note('outage of more than a day');
    switch (how) {
      case 'unreachable':
        return this.#refused('ECONNREFUSED', 2);
      case 'denied':
        return this.#refused('AccessDeniedException', 5);
      case 'throttled':
        return this.#refused('ProvisionedThroughputExceededException', 5);
      case 'silent':
        return this.#timedOut(random);
    }
  }

  #refused(error: string, toldMs: number): Fate {
    this.note(error);
    return { error, toldMs };
  }

  #timedOut(random: Random): Fate {
    this.note('request timed out');
    return {
      error: 'TimeoutError',
      toldMs: REQUEST_TIMEOUT_MS,
      doneMs: this.#landing(random, REQUEST_TIMEOUT_MS),
    };
  }

  #reset(random: Random): Fate {
    this.note('answer reset');
    const toldMs = between(random, 1, 50);
    return { error: 'ECONNRESET', toldMs, doneMs: this.#landing(random, toldMs) };
  }

  /** Never, before the sender gives it up, soon after, or long after. */
  #landing(random: Random, givenUpMs: number): number | undefined {
    if (happens(random, this.rates().veryLate)) {
      this.note('request is very late');
      return givenUpMs + between(random, 10, 60) * SECOND;
    }
    const when = oneOf(random, ['never', 'before', 'after', 'after']);
    if (when === 'never') return undefined;
    return when === 'before' ? random.next() * givenUpMs : givenUpMs + random.next() * 9.9 * SECOND;
  }
}

/** From the API reference of `TransactionCanceledException`. */
const CANCELLATIONS: Readonly<Record<string, string>> = {
  TransactionConflictException: 'TransactionConflict',
  ProvisionedThroughputExceededException: 'ProvisionedThroughputExceeded',
  ThrottlingException: 'ThrottlingError',
};

interface Traits {
  /** Of a write. */
  readonly intent?: WriteRequest | undefined;
  /** That it touches. */
  readonly tables?: readonly string[];
}

function tablesOf(intent: WriteRequest | undefined): string[] {
  if (intent === undefined) return [];
  if (intent.operation !== 'TransactWriteItems') return [intent.input.TableName ?? ''];
  const parts = intent.input.TransactItems ?? [];
  return parts.flatMap(
    ({ Put, ConditionCheck, Delete, Update }) =>
      (Put ?? ConditionCheck ?? Delete ?? Update)?.TableName ?? [],
  );
}

const nobody = () => undefined;

interface Exchange<T> {
  readonly sent: Sent;
  readonly fate: Fate;
  readonly action: (sent: Sent) => T;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
  readonly dies: boolean;
}
