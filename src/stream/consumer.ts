// A stream -> invocations of a function, as Lambda's event source mapping makes them. Delivers every
// record, in order per item, parent shards before their children, until the function has taken it, it is
// given up to `onFailure`, or the stream has lost it.

import { describeError, FerryError } from '../errors.ts';
import {
  type ConsumerContext,
  type ConsumerCounts,
  type ConsumerOptions,
  hasPassed,
  retryDelayMs,
  type TrimmedPosition,
} from './context.ts';
import type { StreamEvent } from './event-record.ts';
import { ShardSet } from './shard-set.ts';

export interface StreamConsumer {
  /** Live. What is received, but neither done nor given up, is still to be delivered. */
  readonly counts: ConsumerCounts;
  /** With Lambda's words. It is "Disabling" until the last invocation is over. */
  readonly state: ConsumerState;
  /**
   * Everything that had come to the stream by then is settled, epoch milliseconds. Undefined before the first list of
   * shards, and where no positions are kept.
   */
  readonly settledAtMs: number | undefined;
  /** Disabled, it neither reads nor invokes. Enabled again, it continues where it was. */
  setEnabled(enabled: boolean): void;
  /**
   * Resolves once everything that is in the stream now has been handed over or given up. Enables the consumer.
   * @throws FerryError `stream.stopped`, also when stop() comes first.
   */
  settled(): Promise<void>;
  /**
   * Rejects with FerryError `stream.gone` when the stream is gone for good, and with `stream.disabled` when it was turned
   * off, and all of it has been handed over or given up; never settles otherwise.
   */
  readonly lost: Promise<never>;
  /** Ends reading, lets invocations in flight finish, writes positions, and resolves. Safe to repeat. */
  stop(): Promise<void>;
}

export type ConsumerState = 'Enabled' | 'Disabling' | 'Disabled';

/** New shards appear when old ones end, which is noticed anyway; this is for all other cases. */
const DISCOVERY_INTERVAL_MS = 10_000;
/** Between lists of the shards, where reads have an interval, too. */
const LISTING_GAP_MS = 1_000;
/** The children of a shard may be listed late. Doubles with each list without them. */
const CHILDREN_DELAY_MS = 1_000;
/** An engine that restarts may not know its streams at first. */
const NOT_FOUND_ATTEMPTS_MAX = 6;
/** Longest uninterrupted sleep, so that no timer outlives stop() by more. */
const SLEEP_SLICE_MS = 250;

/** Starts reading at once: at the positions, or at the oldest record of every shard. */
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
  lose: (error: Error) => void = () => undefined;
  #invocations = 0;
  readonly #shards = new ShardSet(this);
  readonly #wakers = new Set<() => void>();
  #settling: Waiter[] = [];
  /** Discoveries are numbered: a quiet stream is only quiet if a later look found nothing new. */
  #discoveryWanted = 1;
  #discoveryDone = 0;
  #discovering: Promise<void> = Promise.resolve();

  constructor(options: ConsumerOptions) {
    this.options = { ...options, invoke: (event) => this.#invoke(event, options) };
    this.lost = new Promise((_, reject) => (this.lose = reject));
    // Nothing may be listening any more.
    this.lost.catch(() => undefined);
  }

  get state(): ConsumerState {
    if (this.enabled) return 'Enabled';
    return this.#invocations > 0 ? 'Disabling' : 'Disabled';
  }

  get settledAtMs(): number | undefined {
    return this.#shards.settledAtMs;
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
    this.#shards.doubt();
    this.#discoveryWanted += 1;
    this.#wake();
    return new Promise((resolve, reject) => this.#settling.push({ resolve, reject }));
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.#wake();
    for (const { reject } of this.#settling.splice(0)) reject(stopped());
    await Promise.all([this.#discovering, this.#shards.stopped()]);
  }

  changed(): void {
    const quiet = this.#discoveryDone === this.#discoveryWanted && this.#shards.isQuiet;
    if (quiet) for (const { resolve } of this.#settling.splice(0)) resolve();
  }

  shardFinished(): void {
    // Its children may not have been listed yet.
    this.#discoveryWanted += 1;
    this.#shards.startReady();
    this.#wake();
  }

  trimmed({ shardId, after }: TrimmedPosition): void {
    const { onTrimmed, onProblem } = this.options;
    this.counts.trimmed += 1;
    onTrimmed?.({ shardId, after });
    onProblem(
      `shard ${shardId} has lost records behind ${after ?? 'its beginning'}, because they were not read in ` +
        'time; reading goes on at its oldest record',
    );
  }

  backOff(failures: number): Promise<void> {
    const { random } = this.options;
    return this.sleep(retryDelayMs(failures) * (random === undefined ? 1 : spread(random.next())));
  }

  async sleep(ms: number, sinceMs = this.options.clock.now()): Promise<void> {
    const { clock } = this.options;
    while (!this.stopping && !hasPassed(ms, sinceMs, clock.now()))
      await this.nap(sinceMs + ms - clock.now());
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

  async #invoke(event: StreamEvent, options: ConsumerOptions) {
    this.#invocations += 1;
    try {
      return await options.invoke(event);
    } finally {
      this.#invocations -= 1;
    }
  }

  #wake(): void {
    for (const wake of this.#wakers) wake();
  }

  async #discover(): Promise<void> {
    const { reader, clock, onProblem, readIntervalMs } = this.options;
    let failures = 0;
    let childless = 0;
    while (!this.stopping) {
      const wanted = this.#discoveryWanted;
      const startedAt = clock.now();
      let doing = 'list the shards';
      try {
        const listed = await reader.shards();
        doing = 'read the positions';
        await this.#shards.adopt(listed, startedAt);
        this.#discoveryDone = wanted;
        failures = 0;
        this.changed();
        doing = 'ask whether the stream is on';
        if (await this.#isAtItsEnd()) this.lose(disabled(this.options));
      } catch (error) {
        failures += 1;
        const isStreamGone = isGone(error) && doing === 'list the shards';
        if (isStreamGone && failures === NOT_FOUND_ATTEMPTS_MAX)
          this.lose(gone(this.options, error));
        onProblem(`${doing}, attempt ${failures}: ${describeError(error)}`);
        await this.backOff(failures);
        continue;
      }
      await this.#shards.removeUnlisted();
      childless = this.#shards.hasChildless ? childless + 1 : 0;
      await this.#untilNextList(startedAt, childless);
      if (readIntervalMs !== undefined) await this.sleep(LISTING_GAP_MS, startedAt);
    }
  }

  async #untilNextList(startedAt: number, childless: number): Promise<void> {
    const { clock, random, discoveryIntervalMs = DISCOVERY_INTERVAL_MS } = this.options;
    const soonMs = childless === 0 ? Infinity : CHILDREN_DELAY_MS * 2 ** (childless - 1);
    const spreading = random === undefined ? 1 : spread(random.next());
    const ms = Math.min(discoveryIntervalMs, soonMs) * spreading;
    const idle = () => !this.stopping && this.#discoveryDone === this.#discoveryWanted;
    while (idle() && !hasPassed(ms, startedAt, clock.now()))
      await this.nap(startedAt + ms - clock.now());
  }

  /** A stream that was turned off is readable for a day, and ends without open shards. */
  async #isAtItsEnd(): Promise<boolean> {
    const { reader } = this.options;
    if (!this.#shards.isFinished) return false;
    return (await reader.isEnabled?.()) === false;
  }
}

/** Half of a delay up to one and a half of it. */
function spread(chance: number): number {
  return 0.5 + chance;
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

function disabled({ streamArn }: ConsumerOptions): FerryError {
  return new FerryError(`The stream ${streamArn} is turned off, and has been read to its end.`, {
    code: 'stream.disabled',
    hint: 'If the table has a new stream, changes between the two are in neither: see "The stream was turned off" in the runbook.',
  });
}

function stopped(): FerryError {
  return new FerryError('The stream consumer was stopped before the stream was settled.', {
    code: 'stream.stopped',
  });
}
