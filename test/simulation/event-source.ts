// Lambda's event source mapping for one stream, written from its documentation: batches in order per item,
// partial answers, retries, bisection, maximum age and attempts, checkpoints, and pollers that begin again
// at an old one. Deals in stream entries, and marks what has become of each.

import type { Random } from '../../src/ports.ts';
import { below } from '../../src/local/seeded-random.ts';
import { type Batch, failureIn, type InvocationResult, separateExpired } from './delivery.ts';
import { type Settings, MINUTE } from './plan.ts';
import { between, happens, hashOf } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import { isTrimmed, type SourceStream, type StreamEntry, type StreamShard } from './stream.ts';

export interface GivenUp {
  readonly entries: readonly StreamEntry[];
  readonly condition: 'RecordAgeExceeded' | 'RetryAttemptsExhausted';
  readonly invocations: number;
  readonly shardId: string;
}

export interface MappingHost {
  readonly scheduler: Scheduler;
  readonly settings: Settings;
  readonly random: Random;
  invoke(entries: readonly StreamEntry[]): Promise<InvocationResult>;
  giveUp(batch: GivenUp): void;
  lose(entry: StreamEntry, why: string): void;
  /** Chance that the answer of an invocation is lost. */
  lostAck(): number;
  note(situation: string): void;
  problem(text: string): void;
}

/** The records of some items of a shard, delivered one batch after the other. */
interface Slot {
  readonly shard: StreamShard;
  readonly index: number;
  /** Index in the shard of the next entry to read. */
  position: number;
  batches: Batch[];
  busy: boolean;
  failures: number;
  /** Entries by which the poller is to step back, once the invocation is over. */
  restart: number | undefined;
}

const RETRY_DELAY_MS = 100;
const RETRY_DELAY_MS_MAX = 30 * MINUTE;

export class EventSourceMapping {
  readonly #host: MappingHost;
  readonly #stream: SourceStream;
  readonly #slots: Slot[] = [];
  /** Reasons not to deliver at present. */
  #pauses = 0;
  #stopped = false;
  #onIdle: () => void = () => undefined;

  constructor(stream: SourceStream, host: MappingHost) {
    this.#stream = stream;
    this.#host = host;
    this.discover();
  }

  /** To be called when shards or records have been added. */
  discover(): void {
    for (const shard of this.#stream.shards) {
      const known = this.#slots.some((slot) => slot.shard === shard);
      if (!known && (shard.parent === undefined || this.#isFinished(shard.parent)))
        this.#open(shard);
    }
    for (const slot of this.#slots) this.#wake(slot);
    this.#tellIdle();
  }

  pause(): void {
    this.#pauses += 1;
  }

  resume(): void {
    this.#pauses -= 1;
    this.discover();
  }

  /** Deletes the mapping: what has not been delivered by then never will be. */
  stop(): void {
    this.#stopped = true;
    this.#tellIdle();
  }

  /** A poller goes away, and another one begins at an old checkpoint. */
  restart(back: number): void {
    const slots = this.#slots.filter(({ shard }) => !this.#isFinished(shard));
    const slot = slots[below(this.#host.random, Math.max(1, slots.length))];
    if (slot === undefined) return;
    slot.restart = back;
    if (!slot.busy) this.#stepBack(slot);
    this.#wake(slot);
  }

  /** Resolves when nothing is left to deliver and nothing more will come. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      this.#tellIdle();
    });
  }

  #tellIdle(): void {
    const busy = this.#slots.some((slot) => slot.busy);
    const isOver = this.#stream.shards.every((shard) => this.#isFinished(shard));
    if (this.#stopped && !busy) this.#dropRest();
    if (!busy && (this.#stopped || isOver)) this.#onIdle();
  }

  #dropRest(): void {
    for (const { entries } of this.#stream.shards)
      for (const entry of entries)
        if (entry.status === 'waiting') this.#host.lose(entry, 'the mapping was deleted');
  }

  #open(shard: StreamShard): void {
    for (let index = 0; index < this.#host.settings.parallelizationFactor; index += 1) {
      const state = { position: 0, batches: [], busy: false, failures: 0, restart: undefined };
      this.#slots.push({ shard, index, ...state });
    }
  }

  #isFinished(shard: StreamShard): boolean {
    const slots = this.#slots.filter((slot) => slot.shard === shard);
    const isAtEnd = ({ position, batches, busy }: Slot) =>
      position === shard.entries.length && batches.length === 0 && !busy;
    return shard.closed && slots.length > 0 && slots.every(isAtEnd);
  }

  #wake(slot: Slot): void {
    if (slot.busy || slot.position === slot.shard.entries.length) {
      if (slot.busy || slot.batches.length === 0) return;
    }
    slot.busy = true;
    void this.#deliverAll(slot);
  }

  async #deliverAll(slot: Slot): Promise<void> {
    const { scheduler, random } = this.#host;
    await scheduler.sleep(between(random, 20, 500));
    while (this.#pauses === 0 && !this.#stopped) {
      const batch = slot.batches.shift() ?? this.#read(slot);
      if (batch === undefined) break;
      await this.#deliver(slot, batch);
      if (slot.restart !== undefined) this.#stepBack(slot);
    }
    slot.busy = false;
    if (this.#isFinished(slot.shard)) this.discover();
    this.#tellIdle();
  }

  #stepBack(slot: Slot): void {
    const { restart = 0, position, shard } = slot;
    slot.restart = undefined;
    const undelivered = shard.entries.findIndex(
      (entry) => this.#isOf(entry, slot) && entry.status === 'waiting',
    );
    const checkpoint = undelivered < 0 ? position : undelivered;
    slot.batches = [];
    slot.position = Math.max(0, Math.min(position, checkpoint) - restart);
    for (const entry of shard.entries.slice(slot.position))
      if (this.#isOf(entry, slot) && entry.status === 'done') {
        entry.status = 'waiting';
        this.#host.note('delivered again from an old checkpoint');
      }
  }

  #isOf({ write }: StreamEntry, { index }: Slot): boolean {
    return hashOf(`slot ${write.key}`) % this.#host.settings.parallelizationFactor === index;
  }

  #read(slot: Slot): Batch | undefined {
    const { scheduler, settings, random } = this.#host;
    const size = 1 + below(random, settings.batchSize);
    const entries: StreamEntry[] = [];
    for (; slot.position < slot.shard.entries.length && entries.length < size; slot.position += 1) {
      const entry = slot.shard.entries[slot.position];
      if (entry === undefined || !this.#isOf(entry, slot)) continue;
      if (entry.status === 'lost') continue;
      if (isTrimmed(entry, scheduler.now())) this.#host.lose(entry, 'the stream has forgotten it');
      else entries.push(entry);
    }
    return entries.length === 0 ? undefined : { entries, invocations: 0, retries: 0 };
  }

  async #deliver(slot: Slot, batch: Batch): Promise<void> {
    const live = this.#withoutExpired(slot, batch);
    if (live === undefined) return;
    const { scheduler, random } = this.#host;
    let result = await this.#host.invoke(live.entries);
    if (slot.restart !== undefined) {
      this.#host.note('answer lost with its poller');
      return;
    }
    if (happens(random, this.#host.lostAck())) {
      this.#host.note('answer lost');
      result = { kind: 'failed' };
    }
    this.#settle(slot, live, result);
    if (slot.failures > 0) await scheduler.sleep(this.#delayMs(slot));
  }

  #delayMs({ failures }: Slot): number {
    const delayMs = Math.min(RETRY_DELAY_MS_MAX, RETRY_DELAY_MS * 2 ** (failures - 1));
    return delayMs * between(this.#host.random, 0.5, 1);
  }

  #withoutExpired(slot: Slot, batch: Batch): Batch | undefined {
    const { scheduler, settings } = this.#host;
    const { expired, live } = separateExpired(batch, scheduler.now(), settings);
    if (expired.entries.length > 0) this.#giveUp(slot, expired, 'RecordAgeExceeded');
    return live.entries.length > 0 ? live : undefined;
  }

  #giveUp(slot: Slot, { entries, invocations }: Batch, condition: GivenUp['condition']): void {
    for (const entry of entries) entry.status = 'given-up';
    this.#host.giveUp({ entries, invocations, condition, shardId: slot.shard.id });
    this.#host.note(`given up: ${condition}`);
  }

  #settle(slot: Slot, batch: Batch, result: InvocationResult): void {
    const { bisect } = this.#host.settings;
    const rest = { ...batch, invocations: batch.invocations + 1 };
    const failure = failureIn(batch, result);
    if (failure === 'unknown record')
      this.#host.problem('answer: names a record that is not in the batch');
    const from = failure === 'unknown record' ? 0 : failure;
    if (from === undefined || from > 0) slot.failures = 0;
    for (const entry of batch.entries.slice(0, from)) entry.status = 'done';
    if (from === undefined) return;
    slot.failures += 1;
    this.#host.note(result.kind === 'failed' ? 'invocation failed' : 'partial answer');
    const entries = batch.entries.slice(from);
    if (bisect && result.kind === 'failed' && entries.length > 1) {
      const middle = Math.ceil(entries.length / 2);
      this.#host.note('bisected');
      slot.batches.unshift(
        { ...rest, entries: entries.slice(0, middle) },
        { ...rest, entries: entries.slice(middle) },
      );
    } else if (bisect && from > 0) slot.batches.unshift({ ...rest, entries });
    else this.#retry(slot, { ...rest, entries });
  }

  #retry(slot: Slot, batch: Batch): void {
    const { retryAttempts } = this.#host.settings;
    if (retryAttempts >= 0 && batch.retries >= retryAttempts)
      this.#giveUp(slot, batch, 'RetryAttemptsExhausted');
    else slot.batches.unshift({ ...batch, retries: batch.retries + 1 });
  }
}
