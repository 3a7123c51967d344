// A stream -> invocations of a function, the way Lambda's event source mapping makes them. Receives
// a stream's shards; hands on every record, in order per item, parent shards before their children,
// until the function has taken it, it is given up to `onFailure`, or the stream has lost it.

import type { DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { describeError, FerryError } from '../errors.ts';
import type { Clock, Shard, ShardPage, StreamReader } from '../ports.ts';
import {
  afterInvocation,
  type Batch,
  compareSequenceNumbers,
  type DeliverySettings,
  type FailureCondition,
  INVOCATION_PAYLOAD_BYTES_MAX,
  type InvocationResult,
  newBatch,
  nextBatchSize,
  type OnFailureDocument,
  onFailureDocument,
  separateExpired,
  sequenceNumberOf,
  slotOf,
  toWaitingRecord,
  type WaitingRecord,
} from './delivery-rules.ts';

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

interface EventSourceMappingCounts {
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
  /**
   * Resolves once everything that is in the stream now has been handed over or given up.
   * @throws FerryError `local.mapping.stopped`, also when stop() comes first.
   */
  settled(): Promise<void>;
  /** Ends reading, lets invocations in flight finish, and resolves. Safe to repeat. */
  stop(): Promise<void>;
}

const POLL_INTERVAL_MS = 250;
/** New shards appear when old ones end, which is noticed anyway; this is for all other cases. */
const DISCOVERY_INTERVAL_MS = 10_000;
const RETRY_DELAY_MS = 100;
const RETRY_DELAY_MS_MAX = 5_000;
/** Longest uninterrupted sleep, so that no timer outlives stop() by more. */
const SLEEP_SLICE_MS = 250;
/** A shard is not read on while this many batches wait. */
const WAITING_BATCHES_MAX = 4;
const PAGE_RECORDS_MAX = 1_000;
/** An empty page alone does not prove the end of a shard. */
const EMPTY_READS_TO_SETTLE = 2;

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
class Mapping implements EventSourceMapping {
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
  readonly #shards = new Map<string, ShardPoller>();
  readonly #wakers = new Set<() => void>();
  #settling: Waiter[] = [];
  /** Discoveries are numbered: a quiet stream is only quiet if a later look found nothing new. */
  #discoveryWanted = 1;
  #discoveryDone = 0;
  #discovering: Promise<void> = Promise.resolve();

  constructor(options: EventSourceMappingOptions) {
    this.options = options;
  }

  start(): void {
    this.#discovering = this.#discover();
  }

  settled(): Promise<void> {
    if (this.stopping) return Promise.reject(stopped());
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

/** Records of the same few items, delivered one batch after the other. */
interface Slot {
  readonly waiting: WaitingRecord[];
  delivering: boolean;
  /** Of the latest delivery. */
  over: Promise<void>;
}

/** Reads one shard to its end and delivers its records. Its position is kept in memory. */
class ShardPoller {
  readonly shardId: string;
  readonly parentShardId: string | undefined;
  /** Closed, read to its end, and everything delivered. */
  finished = false;
  readonly #mapping: Mapping;
  readonly #options: EventSourceMappingOptions;
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

  constructor({ shardId, parentShardId }: Shard, mapping: Mapping) {
    this.shardId = shardId;
    this.parentShardId = parentShardId;
    this.#mapping = mapping;
    this.#options = mapping.options;
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
      await this.#deliver(newBatch(taken.map(({ record }) => record)));
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

  /** Delivers one batch, or what becomes of it, until nothing of it is left. */
  async #deliver(batch: Batch): Promise<void> {
    const { clock, settings } = this.#options;
    const batches = [batch];
    let result: InvocationResult | undefined;
    let failures = 0;
    for (let next = batches.shift(); next !== undefined; next = batches.shift()) {
      const { expired, live } = separateExpired(next, clock.now(), settings);
      if (expired) await this.#giveUp(expired, 'RecordAgeExceeded', result);
      if (live) {
        result = await this.#invoke(live);
        const { done, retry, givenUp } = afterInvocation(live, result, settings);
        this.#mapping.counts.done += done.length;
        this.#release(done.length);
        if (givenUp) await this.#giveUp(givenUp, 'RetryAttemptsExhausted', result);
        batches.unshift(...retry);
        // Progress starts the back-off anew.
        if (done.length > 0) failures = 0;
        if (retry.length > 0) await this.#mapping.sleep(retryDelayMs(++failures));
      }
      if (this.#mapping.stopping) return;
    }
  }

  async #invoke(batch: Batch): Promise<InvocationResult> {
    const { invoke, onBatch, onProblem } = this.#options;
    const { counts } = this.#mapping;
    const { records } = batch;
    const invocation = batch.invocations + 1;
    counts.invocations += 1;
    if (invocation > 1) {
      counts.retries += 1;
      counts.redelivered += records.length;
    }
    let result: InvocationResult;
    try {
      result = { kind: 'returned', response: await invoke({ Records: [...records] }) };
    } catch (error) {
      result = { kind: 'failed', errorName: error instanceof Error ? error.name : 'Error' };
      onProblem(
        `invoke the function with ${records.length} records, attempt ${invocation}: ${describeError(error)}`,
      );
    }
    onBatch?.({ shardId: this.shardId, records, invocation, result });
    return result;
  }

  /** A batch counts as given up once the destination has it. */
  async #giveUp(
    batch: Batch,
    condition: FailureCondition,
    result: InvocationResult | undefined,
  ): Promise<void> {
    const { clock, streamArn, onFailure, onProblem } = this.#options;
    const { functionArn = 'arn:aws:lambda:local:000000000000:function:replicate' } = this.#options;
    const document = onFailureDocument({
      batch,
      condition,
      result,
      shardId: this.shardId,
      streamArn,
      functionArn,
      nowMs: clock.now(),
    });
    for (let attempt = 1; ; attempt += 1) {
      try {
        await onFailure(document);
        break;
      } catch (error) {
        onProblem(
          `give up ${batch.records.length} records, attempt ${attempt}: ${describeError(error)}`,
        );
        if (this.#mapping.stopping) return;
        await this.#mapping.sleep(retryDelayMs(attempt));
      }
    }
    this.#mapping.counts.givenUp += batch.records.length;
    this.#release(batch.records.length);
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

function retryDelayMs(failures: number): number {
  return Math.min(RETRY_DELAY_MS_MAX, RETRY_DELAY_MS * 2 ** (failures - 1));
}

function stopped(): FerryError {
  return new FerryError('The event source mapping was stopped before the stream was settled.', {
    code: 'local.mapping.stopped',
  });
}
