// Lambda's event source mapping for one stream, written from its documentation: batches in order per item,
// partial answers, retries, bisection, maximum age and attempts, checkpoints, and pollers that are replaced,
// also while an invocation of theirs goes on. Deals in stream entries, and marks what has become of each.

import type { Random } from '../../src/ports.ts';
import { below } from '../../src/local/seeded-random.ts';
import { type Batch, failureIn, type InvocationResult, separateExpired } from './delivery.ts';
import { type Settings, MINUTE } from './plan.ts';
import { between, happens, hashOf } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import { type ChangeStream, isTrimmed, type StreamEntry, type StreamShard } from './stream.ts';

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
  /** Nobody has taken notice of what an invocation answered. */
  answerLost(result: InvocationResult): void;
  /** Chances of an invocation: that its answer is lost, and that its poller is replaced meanwhile. */
  rates(): { readonly lostAck: number; readonly overlap: number };
  note(situation: string): void;
  problem(text: string): void;
}

/** The records of some items of a shard, delivered one batch after the other. */
interface Slot {
  readonly shard: StreamShard;
  readonly index: number;
  readonly factor: number;
  /** Index in the shard of the next entry to read. */
  position: number;
  batches: Batch[];
  busy: boolean;
  failures: number;
  /** Grows with every new poller: what an earlier one still does is of no interest to anybody. */
  poller: number;
  /** Entries by which the poller is to step back, once the invocation is over. */
  restart: number | undefined;
}

type Status = StreamEntry['status'];

const RETRY_DELAY_MS = 100;
const RETRY_DELAY_MS_MAX = 30 * MINUTE;

export class EventSourceMapping {
  readonly #host: MappingHost;
  readonly #stream: ChangeStream;
  /** Of a mapping beside another one, which alone decides what has become of entries. */
  readonly #ownStatuses: Map<StreamEntry, Status> | undefined;
  #slots: Slot[] = [];
  #factor: number;
  /** Reasons not to deliver at present. */
  #pauses = 0;
  #stopped = false;
  #onIdle: () => void = () => undefined;

  constructor(stream: ChangeStream, host: MappingHost, isSecond = false) {
    this.#stream = stream;
    this.#host = host;
    this.#factor = host.settings.parallelizationFactor;
    this.#ownStatuses = isSecond ? new Map() : undefined;
    this.discover();
  }

  /** To be called when shards or records have been added. */
  discover(): void {
    for (const shard of this.#stream.shards) {
      const known = this.#slots.some((slot) => slot.shard === shard);
      if (!known && shard.parents.every((parent) => this.#isFinished(parent))) this.#open(shard);
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

  isPaused(): boolean {
    return this.#pauses > 0;
  }

  isBusy(): boolean {
    return this.#slots.some(({ busy }) => busy);
  }

  /** Deletes the mapping: what has not been delivered by then never will be. */
  stop(): void {
    this.#stopped = true;
    this.#tellIdle();
  }

  /** A poller goes away, and another one begins at an old checkpoint, at once or after the invocation. */
  restart(back: number, isAtOnce: boolean): void {
    const slots = this.#slots.filter(({ shard }) => !this.#isFinished(shard));
    const slot = slots[below(this.#host.random, Math.max(1, slots.length))];
    if (slot === undefined) return;
    if (isAtOnce || !slot.busy) this.#replacePoller(slot, back);
    else slot.restart = back;
  }

  /** Everything once more, from the oldest record on. */
  replay(): void {
    for (const slot of this.#slots) {
      if (slot.busy) this.#host.note('mapping made again beside an invocation');
      slot.poller += 1;
    }
    this.#slots = [];
    for (const shard of this.#stream.shards) this.#redeliver(shard.entries);
    this.discover();
  }

  /** Other pollers take over, with the records of other items each. */
  parallelize(factor: number): void {
    this.#factor = factor;
    const shards = [...new Set(this.#slots.map(({ shard }) => shard))];
    const finished = new Set(shards.filter((shard) => this.#isFinished(shard)));
    for (const slot of this.#slots) slot.poller += 1;
    this.#slots = [];
    for (const shard of shards) {
      this.#open(shard);
      const first = shard.entries.findIndex((entry) => this.#statusOf(entry) === 'waiting');
      const position = first < 0 || finished.has(shard) ? shard.entries.length : first;
      for (const slot of this.#slots) {
        if (slot.shard !== shard) continue;
        slot.position = position;
        this.#redeliver(this.#entriesOf(slot));
      }
    }
    this.#host.note('parallelization factor changed');
    this.discover();
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
        if (entry.status === 'waiting') this.#lose(entry, 'the mapping was deleted');
  }

  #open(shard: StreamShard): void {
    for (let index = 0; index < this.#factor; index += 1) {
      const state = { position: 0, batches: [], busy: false, failures: 0, poller: 0 };
      this.#slots.push({ shard, index, factor: this.#factor, ...state, restart: undefined });
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
    void this.#deliverAll(slot, slot.poller);
  }

  async #deliverAll(slot: Slot, poller: number): Promise<void> {
    const { scheduler, random } = this.#host;
    await scheduler.sleep(between(random, 20, 500));
    while (this.#pauses === 0 && !this.#stopped && slot.poller === poller) {
      const batch = slot.batches.shift() ?? this.#read(slot);
      if (batch === undefined) break;
      await this.#deliver(slot, batch, poller);
      if (slot.restart !== undefined && slot.poller === poller) {
        const { restart } = slot;
        slot.restart = undefined;
        this.#stepBack(slot, restart);
      }
    }
    if (slot.poller !== poller) return;
    slot.busy = false;
    if (this.#isFinished(slot.shard)) this.discover();
    this.#tellIdle();
  }

  #replacePoller(slot: Slot, back: number): void {
    if (slot.busy) this.#host.note('poller replaced beside an invocation');
    slot.poller += 1;
    slot.restart = undefined;
    slot.busy = false;
    this.#stepBack(slot, back);
    this.#wake(slot);
    // Where nothing is left, nobody else would say so.
    if (this.#isFinished(slot.shard)) this.discover();
  }

  #stepBack(slot: Slot, back: number): void {
    const { position, shard } = slot;
    const undelivered = shard.entries.findIndex(
      (entry) => this.#isOf(entry, slot) && this.#statusOf(entry) === 'waiting',
    );
    const checkpoint = undelivered < 0 ? position : undelivered;
    slot.batches = [];
    slot.position = Math.max(0, Math.min(position, checkpoint) - back);
    this.#redeliver(this.#entriesOf(slot));
  }

  /** From its position on. */
  #entriesOf(slot: Slot): StreamEntry[] {
    return slot.shard.entries.slice(slot.position).filter((entry) => this.#isOf(entry, slot));
  }

  #redeliver(entries: readonly StreamEntry[]): void {
    for (const entry of entries) {
      const status = this.#statusOf(entry);
      if (status === 'lost') continue;
      // Whoever has it now, or had it, may have put it aside.
      entry.lettersAllowed += 1;
      if (status === 'waiting') continue;
      this.#mark(entry, 'waiting');
      this.#host.note('delivered again from an old checkpoint');
    }
  }

  #statusOf(entry: StreamEntry): Status {
    return this.#ownStatuses === undefined
      ? entry.status
      : (this.#ownStatuses.get(entry) ?? 'waiting');
  }

  #mark(entry: StreamEntry, status: Status): void {
    if (this.#ownStatuses === undefined) entry.status = status;
    else this.#ownStatuses.set(entry, status);
  }

  #lose(entry: StreamEntry, why: string): void {
    if (this.#ownStatuses === undefined) this.#host.lose(entry, why);
    else this.#mark(entry, 'lost');
  }

  #isOf({ write, kinesis }: StreamEntry, { index, factor }: Slot): boolean {
    return hashOf(`slot ${kinesis?.partitionKey ?? write.key}`) % factor === index;
  }

  #read(slot: Slot): Batch | undefined {
    const { scheduler, settings, random } = this.#host;
    const size = 1 + below(random, settings.batchSize);
    const entries: StreamEntry[] = [];
    for (; slot.position < slot.shard.entries.length && entries.length < size; slot.position += 1) {
      const entry = slot.shard.entries[slot.position];
      if (entry === undefined || !this.#isOf(entry, slot)) continue;
      if (this.#statusOf(entry) === 'lost') continue;
      if (isTrimmed(entry, scheduler.now())) this.#trim(entry);
      else entries.push(entry);
    }
    return entries.length === 0 ? undefined : { entries, invocations: 0, retries: 0 };
  }

  /** What has been put aside stays there, whatever becomes of its record. */
  #trim(entry: StreamEntry): void {
    if (this.#statusOf(entry) !== 'waiting') return;
    if (entry.wasGivenUp === true) this.#mark(entry, 'given-up');
    else this.#lose(entry, 'the stream has forgotten it');
  }

  async #deliver(slot: Slot, batch: Batch, poller: number): Promise<void> {
    const live = this.#withoutExpired(slot, batch);
    if (live === undefined) return;
    const { scheduler, random } = this.#host;
    if (happens(random, this.#host.rates().overlap)) this.#plan(slot, poller);
    if (this.#ownStatuses !== undefined)
      for (const entry of live.entries) entry.lettersAllowed += 1;
    let result = await this.#host.invoke(live.entries);
    if (slot.restart !== undefined || slot.poller !== poller) {
      this.#host.note('answer lost with its poller');
      this.#host.answerLost(result);
      return;
    }
    if (happens(random, this.#host.rates().lostAck)) {
      this.#host.note('answer lost');
      this.#host.answerLost(result);
      result = { ...result, kind: 'failed' };
    }
    if (result.kind === 'failed') this.#host.answerLost(result);
    this.#settle(slot, live, result);
    if (slot.failures > 0) await scheduler.sleep(this.#delayMs(slot));
  }

  /** Another poller begins while the invocation that is about to begin goes on. */
  #plan(slot: Slot, poller: number): void {
    const { scheduler, random, settings } = this.#host;
    const afterMs = random.next() ** 3 * settings.timeoutMs;
    const back = below(random, 4);
    scheduler.after(afterMs, () => {
      if (slot.poller === poller && slot.busy) this.#replacePoller(slot, back);
    });
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
    for (const entry of entries) {
      this.#mark(entry, 'given-up');
      entry.givenUpAtMs = this.#host.scheduler.now();
    }
    if (this.#ownStatuses !== undefined) return;
    for (const entry of entries) entry.wasGivenUp = true;
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
    for (const entry of batch.entries.slice(0, from)) this.#mark(entry, 'done');
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
