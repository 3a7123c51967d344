// One shard of a stream -> invocations of the function: reads it to its end, in order, and delivers batch
// after batch until the function has taken each record or it is given up.

import { describeError } from '../errors.ts';
import type { Shard, StoredPosition } from '../ports.ts';
import {
  INVOCATION_PAYLOAD_BYTES_MAX,
  newBatch,
  nextBatchSize,
  toWaitingRecord,
  type WaitingRecord,
} from './batches.ts';
import {
  type ConsumerContext,
  type ConsumerOptions,
  hasPassed,
  POLL_INTERVAL_MS,
} from './context.ts';
import { ShardDelivery } from './delivery.ts';
import { type EventRecord, slotOf } from './event-record.ts';
import { KeptPosition } from './kept-position.ts';
import { type Progress, ShardPosition } from './position.ts';
import { isOutlived, wasOutlived } from './start-positions.ts';

/** A shard is not read on while this many batches wait. */
const WAITING_BATCHES_MAX = 4;
const PAGE_RECORDS_MAX = 1_000;
/** An empty page alone does not prove the end of a shard. */
const EMPTY_READS_TO_SETTLE = 2;

/** Records whose batches are delivered one after the other. */
interface Slot {
  readonly waiting: WaitingRecord[];
  delivering: boolean;
  /** Of the latest delivery. */
  over: Promise<void>;
}

const DAY_MS = 24 * 3_600_000;

/** What is known of a shard that is new to the consumer. */
export interface KnownShard {
  /** Where it starts. @default at its oldest record */
  readonly stored?: StoredPosition | undefined;
  /** Since when it may be there, epoch milliseconds. @default now */
  readonly sinceMs?: number | undefined;
}

export class ShardConsumer {
  readonly shardId: string;
  readonly parentShardIds: readonly string[];
  /** Closed, read to its end, and everything delivered. */
  finished: boolean;
  /** Whether the newest list of the shards has it. */
  isListed = true;
  readonly #consumer: ConsumerContext;
  readonly #options: ConsumerOptions;
  readonly #position: ShardPosition;
  readonly #kept: KeptPosition | undefined;
  readonly #first: StoredPosition;
  readonly #delivery: ShardDelivery;
  readonly #slots: readonly Slot[];
  #reading: Promise<void> | undefined;
  #closed = false;
  #emptyReads = 0;
  #waitingRecords = 0;
  #waitingBytes = 0;
  #undelivered = 0;
  #makeRoom: () => void = () => undefined;

  constructor(
    { shardId, parentShardIds }: Shard,
    consumer: ConsumerContext,
    { stored, sinceMs = consumer.options.clock.now() }: KnownShard,
  ) {
    this.shardId = shardId;
    this.parentShardIds = parentShardIds;
    this.finished = stored?.closed === true;
    this.#consumer = consumer;
    this.#options = consumer.options;
    const { positions, clock, retentionMs: keptMs } = consumer.options;
    const known = stored ?? { closed: false, atMs: sinceMs };
    // All behind it is still there, and is kept for as long as the stream keeps records now.
    const first = wasOutlived(known, clock.now()) ? known : { ...known, keptMs };
    this.#first = first;
    this.#position = new ShardPosition(consumer.options, shardId, first);
    this.#kept = positions && new KeptPosition(shardId, { consumer, positions }, { stored, first });
    this.#delivery = new ShardDelivery(shardId, consumer, (records) => this.#release(records));
    const { parallelizationFactor } = this.#options.settings;
    this.#slots = Array.from({ length: parallelizationFactor }, () => ({
      waiting: [],
      delivering: false,
      over: Promise.resolve(),
    }));
  }

  /** Everything that had come by then is settled, where positions are kept. */
  get settledAtMs(): number | undefined {
    return this.#reading === undefined || this.finished ? undefined : this.#kept?.settledAtMs;
  }

  start(): void {
    if (this.#reading !== undefined || this.finished) return;
    if (this.#isOutlived()) this.#consumer.trimmed({ shardId: this.shardId, after: undefined });
    this.#reading = this.#read();
  }

  /** Asks for new proof that the shard is quiet. */
  doubt(): void {
    this.#emptyReads = 0;
  }

  isQuiet(): boolean {
    const atTip = this.#emptyReads >= EMPTY_READS_TO_SETTLE && this.#undelivered === 0;
    return this.finished || atTip;
  }

  async stopped(): Promise<void> {
    this.#makeRoom();
    await this.#reading;
    await Promise.all(this.#slots.map(({ over }) => over));
    await this.#kept?.over();
  }

  async #read(): Promise<void> {
    const { clock, pollIntervalMs = POLL_INTERVAL_MS } = this.#options;
    let failures = 0;
    while (!this.#consumer.stopping && !this.#closed) {
      if (!this.#consumer.enabled) {
        await this.#consumer.nap(pollIntervalMs);
        continue;
      }
      if (this.#roomLeft() <= 0) {
        await new Promise<void>((resolve) => (this.#makeRoom = resolve));
        continue;
      }
      try {
        const startedAt = clock.now();
        const page = await this.#position.next(Math.min(this.#roomLeft(), PAGE_RECORDS_MAX));
        failures = 0;
        this.#accept(page);
        if (!page.isEnd) await this.#pause(page, startedAt);
      } catch (error) {
        failures += 1;
        this.#recover(error, failures);
        await this.#consumer.backOff(failures);
      }
    }
  }

  /** Until the next read. A full page has more behind it. */
  async #pause({ isEmpty, records }: Progress, startedAtMs: number): Promise<void> {
    const { reader, readIntervalMs, pollIntervalMs = POLL_INTERVAL_MS } = this.#options;
    const isFull = records.length >= PAGE_RECORDS_MAX;
    const intervalMs = isFull ? reader.readIntervalMs : readIntervalMs;
    if (intervalMs !== undefined) {
      await this.#consumer.sleep(intervalMs, startedAtMs);
    } else if (isEmpty) await this.#consumer.nap(pollIntervalMs);
  }

  #isOutlived(): boolean {
    const { clock, retentionMs = DAY_MS } = this.#options;
    return isOutlived(this.#first, { nowMs: clock.now(), retentionMs });
  }

  #roomLeft(): number {
    if (this.#waitingBytes >= WAITING_BATCHES_MAX * INVOCATION_PAYLOAD_BYTES_MAX) return 0;
    const { readIntervalMs, settings } = this.#options;
    const room = WAITING_BATCHES_MAX * settings.batchSize - this.#waitingRecords;
    // Reads that are few had better be large.
    return readIntervalMs === undefined
      ? room
      : Math.max(room, PAGE_RECORDS_MAX - this.#waitingRecords);
  }

  #accept({ records, isEmpty, isEnd, askedAtMs }: Progress): void {
    this.#closed = isEnd;
    this.#emptyReads = isEmpty ? this.#emptyReads + 1 : 0;
    if (this.#emptyReads >= EMPTY_READS_TO_SETTLE) this.#kept?.atTip(askedAtMs);
    for (const record of records) this.#enqueue(record);
    for (const slot of this.#slots) this.#deliverFrom(slot);
    this.#finishIfDone();
    this.#consumer.changed();
  }

  #enqueue(record: EventRecord): void {
    this.#kept?.receive(record);
    const waiting = toWaitingRecord(record);
    this.#slots[slotOf(record, this.#slots.length)]?.waiting.push(waiting);
    this.#waitingRecords += 1;
    this.#waitingBytes += waiting.bytes;
    this.#undelivered += 1;
    this.#consumer.counts.received += 1;
  }

  #recover(error: unknown, failures: number): void {
    const { onProblem } = this.#options;
    const name = error instanceof Error ? error.name : '';
    const isGone = name === 'ResourceNotFoundException' && !this.isListed;
    if (isGone || name === 'TrimmedDataAccessException') {
      const after = this.#position.trimmed();
      this.#closed = isGone;
      this.#finishIfDone();
      // An iterator at the oldest record may lose it before it is used.
      if (isGone || after !== undefined) {
        this.#consumer.trimmed({ shardId: this.shardId, after });
        return;
      }
    }
    // An iterator expires while a shard waits for room. Only repeated expiry is a problem.
    const isExpired = name === 'ExpiredIteratorException';
    if (isExpired) this.#position.expired();
    if (isExpired && failures === 1) return;
    onProblem(`read shard ${this.shardId}, attempt ${failures}: ${describeError(error)}`);
  }

  #deliverFrom(slot: Slot): void {
    if (slot.delivering || slot.waiting.length === 0) return;
    slot.delivering = true;
    slot.over = this.#deliverAll(slot);
  }

  async #deliverAll(slot: Slot): Promise<void> {
    while (slot.waiting.length > 0 && !this.#consumer.stopping) {
      await this.#gather(slot);
      if (this.#consumer.stopping) break;
      const { size } = nextBatchSize(slot.waiting, this.#options.settings);
      const taken = slot.waiting.splice(0, size);
      this.#waitingRecords -= taken.length;
      for (const { bytes } of taken) this.#waitingBytes -= bytes;
      this.#makeRoom();
      await this.#delivery.deliver(newBatch(taken.map(({ record }) => record)));
    }
    slot.delivering = false;
  }

  /** Waits for more records, as long as the batching window is open and the batch is not full. */
  async #gather(slot: Slot): Promise<void> {
    const { clock, settings, pollIntervalMs = POLL_INTERVAL_MS } = this.#options;
    const [sinceMs, ms] = [clock.now(), settings.maxBatchingWindowSeconds * 1000];
    const isOpen = () => !hasPassed(ms, sinceMs, clock.now());
    const full = () => this.#closed || nextBatchSize(slot.waiting, settings).full;
    while (!this.#consumer.stopping && isOpen() && !full()) {
      await this.#consumer.nap(Math.min(sinceMs + ms - clock.now(), pollIntervalMs));
    }
  }

  #release(records: readonly EventRecord[]): void {
    this.#kept?.settle(records);
    this.#undelivered -= records.length;
    this.#finishIfDone();
    this.#consumer.changed();
  }

  #finishIfDone(): void {
    if (this.finished || !this.#closed || this.#undelivered > 0) return;
    this.finished = true;
    this.#kept?.close();
    this.#consumer.shardFinished();
  }
}
