// A stream -> invocations of a function, as Lambda's event source mapping makes them. Delivers every
// record, in order per item, parent shards before their children, until the function has taken it, it is
// given up to `onFailure`, or the stream has lost it.

import type { DynamoDBStreamEvent } from 'aws-lambda';
import { describeError, FerryError } from '../errors.ts';
import type { Shard } from '../ports.ts';
import {
  type ConsumerContext,
  type ConsumerCounts,
  type ConsumerOptions,
  retryDelayMs,
} from './context.ts';
import { ShardConsumer } from './shard.ts';

export interface StreamConsumer {
  /** Live. What is received, but neither done nor given up, is still to be delivered. */
  readonly counts: ConsumerCounts;
  /** With Lambda's words. It is "Disabling" until the last invocation is over. */
  readonly state: ConsumerState;
  /** Disabled, it neither reads nor invokes. Enabled again, it continues where it was. */
  setEnabled(enabled: boolean): void;
  /**
   * Resolves once everything that is in the stream now has been handed over or given up. Enables the consumer.
   * @throws FerryError `stream.stopped`, also when stop() comes first.
   */
  settled(): Promise<void>;
  /** Rejects when the stream is gone for good; never settles otherwise. */
  readonly lost: Promise<never>;
  /** Ends reading, lets invocations in flight finish, and resolves. Safe to repeat. */
  stop(): Promise<void>;
}

export type ConsumerState = 'Enabled' | 'Disabling' | 'Disabled';

/** New shards appear when old ones end, which is noticed anyway; this is for all other cases. */
const DISCOVERY_INTERVAL_MS = 10_000;
/** An engine that restarts may not know its streams at first. */
const NOT_FOUND_ATTEMPTS_MAX = 6;
/** Longest uninterrupted sleep, so that no timer outlives stop() by more. */
const SLEEP_SLICE_MS = 250;

/** Starts reading at once, at the oldest record of every shard. */
export function startConsumer(options: ConsumerOptions): StreamConsumer {
  const consumer = new Consumer(options);
  consumer.start();
  return consumer;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Finds the shards, starts parents before their children, and notices when the stream is quiet. */
class Consumer implements StreamConsumer, ConsumerContext {
  readonly options: ConsumerOptions;
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
  readonly #shards = new Map<string, ShardConsumer>();
  readonly #wakers = new Set<() => void>();
  #settling: Waiter[] = [];
  /** Discoveries are numbered: a quiet stream is only quiet if a later look found nothing new. */
  #discoveryWanted = 1;
  #discoveryDone = 0;
  #discovering: Promise<void> = Promise.resolve();

  constructor(options: ConsumerOptions) {
    this.options = { ...options, invoke: (event) => this.#invoke(event, options) };
    this.lost = new Promise((_, reject) => (this.#lose = reject));
    // Nothing may be listening any more.
    this.lost.catch(() => undefined);
  }

  get state(): ConsumerState {
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

  async sleep(ms: number): Promise<void> {
    const { clock } = this.options;
    const until = clock.now() + ms;
    while (!this.stopping && clock.now() < until) await this.nap(until - clock.now());
  }

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

  async #invoke(event: DynamoDBStreamEvent, { invoke }: ConsumerOptions) {
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
        if (isGone(error) && failures === NOT_FOUND_ATTEMPTS_MAX)
          this.#lose(gone(this.options, error));
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
        this.#shards.set(shard.shardId, new ShardConsumer(shard, this));
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

function gone({ streamArn }: ConsumerOptions, cause: unknown): FerryError {
  return new FerryError(`The stream ${streamArn} is gone: ${describeError(cause)}.`, {
    code: 'stream.gone',
    hint: 'Was its table deleted, or its stream turned off? Run it again on a table with a stream.',
    cause,
  });
}

function stopped(): FerryError {
  return new FerryError('The stream consumer was stopped before the stream was settled.', {
    code: 'stream.stopped',
  });
}
