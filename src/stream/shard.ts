// One shard of a stream -> invocations of the function: reads it to its end, in order, and delivers
// batch after batch until the function has taken each record or it is given up.

import type { DynamoDBRecord } from 'aws-lambda';
import { describeError } from '../errors.ts';
import type { Shard, ShardPage } from '../ports.ts';
import {
  compareSequenceNumbers,
  INVOCATION_PAYLOAD_BYTES_MAX,
  newBatch,
  nextBatchSize,
  sequenceNumberOf,
  slotOf,
  toWaitingRecord,
  type WaitingRecord,
} from './delivery-rules.ts';
import type { EventSourceMappingOptions } from './consumer.ts';
import { POLL_INTERVAL_MS, retryDelayMs, ShardDelivery, type ShardPollerHost } from './delivery.ts';

/** A shard is not read on while this many batches wait. */
const WAITING_BATCHES_MAX = 4;
const PAGE_RECORDS_MAX = 1_000;
/** An empty page alone does not prove the end of a shard. */
const EMPTY_READS_TO_SETTLE = 2;

/** Records of the same few items, delivered one batch after the other. */
interface Slot {
  readonly waiting: WaitingRecord[];
  delivering: boolean;
  /** Of the latest delivery. */
  over: Promise<void>;
}

/** Reads one shard to its end and delivers its records. Its position is kept in memory. */
export class ShardPoller {
  readonly shardId: string;
  readonly parentShardId: string | undefined;
  /** Closed, read to its end, and everything delivered. */
  finished = false;
  readonly #mapping: ShardPollerHost;
  readonly #options: EventSourceMappingOptions;
  readonly #delivery: ShardDelivery;
  readonly #slots: readonly Slot[];
  #reading: Promise<void> | undefined;
  #iterator: string | undefined;
  /** Where to open the shard again; its beginning, if undefined. */
  #position: string | undefined;
  #lastRead: string | undefined;
  /** Set by opening: records up to this one have been received before. */
  #repeatsUntil: string | undefined;
  #closed = false;
  #emptyReads = 0;
  #waitingRecords = 0;
  #waitingBytes = 0;
  #undelivered = 0;
  #makeRoom: () => void = () => undefined;

  constructor({ shardId, parentShardId }: Shard, mapping: ShardPollerHost) {
    this.shardId = shardId;
    this.parentShardId = parentShardId;
    this.#mapping = mapping;
    this.#options = mapping.options;
    this.#delivery = new ShardDelivery(shardId, mapping, (records) => this.#release(records));
    const { parallelizationFactor } = this.#options.settings;
    this.#slots = Array.from({ length: parallelizationFactor }, () => ({
      waiting: [],
      delivering: false,
      over: Promise.resolve(),
    }));
  }

  start(): void {
    this.#reading ??= this.#read();
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
  }

  async #read(): Promise<void> {
    const { pollIntervalMs = POLL_INTERVAL_MS } = this.#options;
    let failures = 0;
    while (!this.#mapping.stopping && !this.#closed) {
      if (!this.#mapping.enabled) {
        await this.#mapping.nap(pollIntervalMs);
        continue;
      }
      if (this.#roomLeft() <= 0) {
        await new Promise<void>((resolve) => (this.#makeRoom = resolve));
        continue;
      }
      try {
        const page = await this.#nextPage();
        failures = 0;
        this.#accept(page);
        if (page.records.length === 0 && !this.#closed) await this.#mapping.nap(pollIntervalMs);
      } catch (error) {
        failures += 1;
        this.#recover(error, failures);
        await this.#mapping.sleep(retryDelayMs(failures));
      }
    }
  }

  #roomLeft(): number {
    if (this.#waitingBytes >= WAITING_BATCHES_MAX * INVOCATION_PAYLOAD_BYTES_MAX) return 0;
    return WAITING_BATCHES_MAX * this.#options.settings.batchSize - this.#waitingRecords;
  }

  async #nextPage(): Promise<ShardPage> {
    const { reader } = this.#options;
    if (this.#iterator === undefined) {
      this.#repeatsUntil = this.#lastRead;
      this.#iterator = await reader.open(this.shardId, this.#position);
    }
    return reader.read(this.#iterator, Math.min(this.#roomLeft(), PAGE_RECORDS_MAX));
  }

  #accept({ records, nextIterator }: ShardPage): void {
    const fresh = this.#withoutRepeats(records);
    this.#iterator = nextIterator;
    this.#closed = nextIterator === undefined;
    this.#emptyReads = records.length === 0 ? this.#emptyReads + 1 : 0;
    for (const record of fresh) this.#enqueue(record);
    for (const slot of this.#slots) this.#deliverFrom(slot);
    this.#finishIfDone();
    this.#mapping.changed();
  }

  /** Opening a shard again may step back; what was received once is not received twice. */
  #withoutRepeats(records: readonly DynamoDBRecord[]): readonly DynamoDBRecord[] {
    const until = this.#repeatsUntil;
    if (until === undefined) return records;
    const fresh = records.filter(
      (record) => compareSequenceNumbers(sequenceNumberOf(record), until) > 0,
    );
    if (fresh.length > 0) this.#repeatsUntil = undefined;
    return fresh;
  }

  #enqueue(record: DynamoDBRecord): void {
    const waiting = toWaitingRecord(record);
    this.#lastRead = this.#position = sequenceNumberOf(record);
    this.#slots[slotOf(record, this.#slots.length)]?.waiting.push(waiting);
    this.#waitingRecords += 1;
    this.#waitingBytes += waiting.bytes;
    this.#undelivered += 1;
    this.#mapping.counts.received += 1;
  }

  #recover(error: unknown, failures: number): void {
    const name = error instanceof Error ? error.name : '';
    // Iterators expire while a shard waits for room. Once is no problem, again and again is one.
    const expired = name === 'ExpiredIteratorException';
    if (expired) this.#iterator = undefined;
    if (name === 'TrimmedDataAccessException') {
      this.#mapping.counts.trimmed += 1;
      const position = this.#position ?? 'its beginning';
      this.#options.onProblem(
        `shard ${this.shardId} has lost records behind ${position}, because they were not read in ` +
          'time; reading goes on at its oldest record',
      );
      this.#iterator = this.#position = undefined;
    } else if (!expired || failures > 1) {
      this.#options.onProblem(
        `read shard ${this.shardId}, attempt ${failures}: ${describeError(error)}`,
      );
    }
  }

  #deliverFrom(slot: Slot): void {
    if (slot.delivering || slot.waiting.length === 0) return;
    slot.delivering = true;
    slot.over = this.#deliverAll(slot);
  }

  async #deliverAll(slot: Slot): Promise<void> {
    while (slot.waiting.length > 0 && !this.#mapping.stopping) {
      await this.#gather(slot);
      if (this.#mapping.stopping) break;
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
    const until = clock.now() + settings.maxBatchingWindowSeconds * 1000;
    const full = () => this.#closed || nextBatchSize(slot.waiting, settings).full;
    while (!this.#mapping.stopping && clock.now() < until && !full()) {
      await this.#mapping.nap(Math.min(until - clock.now(), pollIntervalMs));
    }
  }

  #release(records: number): void {
    this.#undelivered -= records;
    this.#finishIfDone();
    this.#mapping.changed();
  }

  #finishIfDone(): void {
    if (this.finished || !this.#closed || this.#undelivered > 0) return;
    this.finished = true;
    this.#mapping.shardFinished();
  }
}
