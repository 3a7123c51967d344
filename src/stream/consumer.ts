// A stream -> invocations of a function, the way Lambda's event source mapping makes them. Receives
// a stream's shards; hands on every record, in order per item, parent shards before their children,
// until the function has taken it, it is given up to `onFailure`, or the stream has lost it.

import type { DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { describeError, FerryError } from '../errors.ts';
import type { Clock, Shard, StreamReader } from '../ports.ts';
import type { DeliverySettings, InvocationResult, OnFailureDocument } from './delivery-rules.ts';
import { retryDelayMs, type ShardPollerHost } from './delivery.ts';
import { ShardPoller } from './shard.ts';

export interface EventSourceMappingOptions {
  readonly reader: StreamReader;
  readonly streamArn: string;
  /** Resolves with the function's response, rejects with its error. */
  readonly invoke: (event: DynamoDBStreamEvent) => Promise<unknown>;
  readonly settings: DeliverySettings;
  readonly clock: Clock;
  /** Stores a batch that is given up. Tried until it succeeds. */
  readonly onFailure: (document: OnFailureDocument) => void | Promise<void>;
  /** Something went wrong and is being dealt with; for people. */
  readonly onProblem: (problem: string) => void;
  /** After each invocation. */
  readonly onBatch?: ((batch: DeliveredBatch) => void) | undefined;
  /** Pause after an empty read. @default 250, Lambda's own base rate of four reads a second. */
  readonly pollIntervalMs?: number | undefined;
  /** Named in the on-failure documents. */
  readonly functionArn?: string | undefined;
}

interface DeliveredBatch {
  readonly shardId: string;
  readonly records: readonly DynamoDBRecord[];
  /** 1 for the first time. */
  readonly invocation: number;
  readonly result: InvocationResult;
}

export interface EventSourceMappingCounts {
  /** Records read from the stream, each counted once. */
  readonly received: number;
  /** Records that the function has taken. */
  readonly done: number;
  /** Records given up to `onFailure`. */
  readonly givenUp: number;
  readonly invocations: number;
  /** Invocations with records that the function had seen before. */
  readonly retries: number;
  /** Records in those invocations. */
  readonly redelivered: number;
  /** Times that the stream had lost records before they were read; it does not tell how many. */
  readonly trimmed: number;
}

export interface EventSourceMapping {
  /** Live. What is received, but neither done nor given up, is on its way. */
  readonly counts: EventSourceMappingCounts;
  /** As Lambda tells it. Disabling until the last invocation is over. */
  readonly state: MappingState;
  /** Disabled, it reads nothing and hands nothing over; enabled again, it goes on where it was. */
  setEnabled(enabled: boolean): void;
  /**
   * Resolves once everything that is in the stream now has been handed over or given up. Enables the mapping.
   * @throws FerryError `local.mapping.stopped`, also when stop() comes first.
   */
  settled(): Promise<void>;
  /** Rejects when the stream is gone for good; never settles otherwise. */
  readonly lost: Promise<never>;
  /** Ends reading, lets invocations in flight finish, and resolves. Safe to repeat. */
  stop(): Promise<void>;
}

export type MappingState = 'Enabled' | 'Disabling' | 'Disabled';

/** New shards appear when old ones end, which is noticed anyway; this is for all other cases. */
const DISCOVERY_INTERVAL_MS = 10_000;
/** An engine that starts again may not know its streams at first. */
const GONE_LOOKS = 6;
/** Longest uninterrupted sleep, so that no timer outlives stop() by more. */
const SLEEP_SLICE_MS = 250;

/** Starts reading at once, at the oldest record of every shard. */
export function startEventSourceMapping(options: EventSourceMappingOptions): EventSourceMapping {
  const mapping = new Mapping(options);
  mapping.start();
  return mapping;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Finds the shards, starts them parent before child, and knows when all is quiet. */
class Mapping implements EventSourceMapping, ShardPollerHost {
  readonly options: EventSourceMappingOptions;
  readonly counts = {
    received: 0,
    done: 0,
    givenUp: 0,
    invocations: 0,
    retries: 0,
    redelivered: 0,
    trimmed: 0,
  };
  stopping = false;
  enabled = true;
  readonly lost: Promise<never>;
  #lose: (error: Error) => void = () => undefined;
  #invocations = 0;
  readonly #shards = new Map<string, ShardPoller>();
  readonly #wakers = new Set<() => void>();
  #settling: Waiter[] = [];
  /** Discoveries are numbered: a quiet stream is only quiet if a later look found nothing new. */
  #discoveryWanted = 1;
  #discoveryDone = 0;
  #discovering: Promise<void> = Promise.resolve();

  constructor(options: EventSourceMappingOptions) {
    this.options = { ...options, invoke: (event) => this.#invoke(event, options) };
    this.lost = new Promise((_, reject) => (this.#lose = reject));
    // Only a run that is under way minds.
    this.lost.catch(() => undefined);
  }

  get state(): MappingState {
    if (this.enabled) return 'Enabled';
    return this.#invocations > 0 ? 'Disabling' : 'Disabled';
  }

  setEnabled(enabled: boolean): void {
    this.enabled = enabled;
    this.#wake();
  }

  start(): void {
    this.#discovering = this.#discover();
  }

  settled(): Promise<void> {
    if (this.stopping) return Promise.reject(stopped());
    this.enabled = true;
    for (const shard of this.#shards.values()) shard.doubt();
    this.#discoveryWanted += 1;
    this.#wake();
    return new Promise((resolve, reject) => this.#settling.push({ resolve, reject }));
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.#wake();
    for (const { reject } of this.#settling.splice(0)) reject(stopped());
    const shards = [...this.#shards.values()];
    await Promise.all([this.#discovering, ...shards.map((shard) => shard.stopped())]);
  }

  /** To be called whenever quiet may have come. */
  changed(): void {
    const quiet =
      this.#discoveryDone === this.#discoveryWanted &&
      [...this.#shards.values()].every((shard) => shard.isQuiet());
    if (quiet) for (const { resolve } of this.#settling.splice(0)) resolve();
  }

  shardFinished(): void {
    // Its children may not have been listed yet.
    this.#discoveryWanted += 1;
    this.#startReady();
    this.#wake();
  }

  /** Sleeps; only stop() wakes earlier. */
  async sleep(ms: number): Promise<void> {
    const { clock } = this.options;
    const until = clock.now() + ms;
    while (!this.stopping && clock.now() < until) await this.nap(until - clock.now());
  }

  /** Sleeps for a while; whatever calls for attention wakes earlier. */
  nap(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#wakers.delete(wake);
        resolve();
      };
      this.#wakers.add(wake);
      void this.options.clock.sleep(Math.min(ms, SLEEP_SLICE_MS)).then(wake);
    });
  }

  async #invoke(event: DynamoDBStreamEvent, { invoke }: EventSourceMappingOptions) {
    this.#invocations += 1;
    try {
      return await invoke(event);
    } finally {
      this.#invocations -= 1;
    }
  }

  #wake(): void {
    for (const wake of this.#wakers) wake();
  }

  async #discover(): Promise<void> {
    const { reader, clock, onProblem } = this.options;
    let failures = 0;
    while (!this.stopping) {
      const wanted = this.#discoveryWanted;
      try {
        this.#adopt(await reader.shards());
        this.#discoveryDone = wanted;
        failures = 0;
        this.changed();
      } catch (error) {
        failures += 1;
        if (isGone(error) && failures === GONE_LOOKS) this.#lose(gone(this.options, error));
        onProblem(`list the shards, attempt ${failures}: ${describeError(error)}`);
        await this.sleep(retryDelayMs(failures));
        continue;
      }
      const until = clock.now() + DISCOVERY_INTERVAL_MS;
      const idle = () => !this.stopping && this.#discoveryDone === this.#discoveryWanted;
      while (idle() && clock.now() < until) await this.nap(until - clock.now());
    }
  }

  #adopt(listed: readonly Shard[]): void {
    const ids = new Set(listed.map(({ shardId }) => shardId));
    for (const [id, shard] of this.#shards) {
      if (shard.finished && !ids.has(id)) this.#shards.delete(id);
    }
    for (const shard of listed) {
      if (!this.#shards.has(shard.shardId)) {
        this.#shards.set(shard.shardId, new ShardPoller(shard, this));
      }
    }
    this.#startReady();
  }

  /** A parent that is not listed any more has been trimmed away, so it cannot hold its child up. */
  #startReady(): void {
    if (this.stopping) return;
    for (const shard of this.#shards.values()) {
      const parent = this.#shards.get(shard.parentShardId ?? '');
      if (parent === undefined || parent.finished) shard.start();
    }
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && error.name === 'ResourceNotFoundException';
}

function gone({ streamArn }: EventSourceMappingOptions, cause: unknown): FerryError {
  return new FerryError(`The stream ${streamArn} is gone: ${describeError(cause)}.`, {
    code: 'local.stream.gone',
    hint: 'Was its table deleted, or its stream turned off? Run it again on a table with a stream.',
    cause,
  });
}

function stopped(): FerryError {
  return new FerryError('The event source mapping was stopped before the stream was settled.', {
    code: 'local.mapping.stopped',
  });
}
