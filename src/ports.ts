// What the operations need from the outside world. Adapters implement these; tests may, too.

import type { TransactWriteItemsInput } from '@aws-sdk/client-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import type { Item } from './model/attribute-value.ts';
import type { BatchSummary } from './model/batch-response.ts';
import type { DeadLetter } from './model/dead-letter.ts';
import type { ReadRequest } from './model/read-request.ts';
import type { ProcessLease, StoredPosition } from './model/run-rows.ts';
import type { Leftover } from './teardown/leftovers.ts';
import type { WriteRequest } from './model/write-request.ts';

export type { Item, ProcessLease, StoredPosition };

export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

export interface Random {
  /** Uniform, 0 up to but not including 1. */
  next(): number;
}

export type WriteReply =
  | { readonly kind: 'written' }
  /** A condition did not hold: of the item, or of its ledger row. */
  | {
      readonly kind: 'refused';
      readonly by: 'item' | 'ledger-row';
      /** What is stored, where the service tells. */
      readonly item?: Item | undefined;
    };

/** Guarded writes to the twin, and to the ledger beside it. */
export interface TwinWriter {
  /**
   * Sends one conditional write. Sending the same request again is harmless.
   * Rejects with the service's or the network's own error; model/write-failure says what it means.
   * A rejection does not prove that nothing was written.
   */
  write(request: WriteRequest): Promise<WriteReply>;
}

export interface ReadReply {
  /** What was found: of a batch in any order, and without those of `unprocessed`. */
  readonly items: readonly Item[];
  /** Keys of a batch that the service had no capacity for. */
  readonly unprocessed: readonly Item[];
}

/** The twin and the ledger as something to read: few items, by their keys. */
export interface TwinReader {
  /** One try of one page. Rejects as `TwinWriter.write` does. */
  read(request: ReadRequest): Promise<ReadReply>;
  /** `TableId`: another table of the same name has another one. */
  tableId(table: string): Promise<string>;
}

/** The queue of deletes that will be looked at again. */
export interface LookAgainQueue {
  /** Resolves once the queue has acknowledged the message. Sending twice is harmless. */
  announce(body: string): Promise<void>;
}

export interface DeadLetterQueue {
  /** Resolves once the queue has acknowledged the letter. Sending twice stores it twice. */
  send(letter: DeadLetter): Promise<void>;
}

/** A bucket for what is too large for a queue, and for batches that Lambda gave up. */
export interface ObjectStore {
  /** Storing the same key again replaces the object. Rejects as soon as `signal` is aborted. */
  put(key: string, body: string, signal?: AbortSignal): Promise<void>;
  /**
   * Undefined where there is no such object. Rejects with FerryError `objects.unreadable` where it is not
   * UTF-8.
   */
  get(key: string): Promise<string | undefined>;
  /** Keys under `prefix`, those above `after` alone, in the order of their bytes, a page at a time. */
  list(prefix: string, after?: string): AsyncIterable<readonly StoredObject[]>;
  /** Deleting what is not there is harmless. */
  delete(key: string): Promise<void>;
}

export interface StoredObject {
  readonly key: string;
  readonly sizeBytes: number;
  /** Epoch milliseconds. */
  readonly storedAtMs: number;
}

export interface QueuedMessage {
  readonly body: string;
  /** Epoch milliseconds. */
  readonly sentAtMs: number;
  /** The same for every delivery of the message. */
  readonly messageId: string;
  /** Good for this delivery only. */
  readonly receiptHandle: string;
}

/** A queue as a reader sees it. A message that is neither deleted nor released comes back by itself. */
export interface MessageQueue {
  /** Up to ten messages, hidden from all readers for `hiddenSeconds`; none does not prove it empty. */
  receive(hiddenSeconds: number): Promise<readonly QueuedMessage[]>;
  delete(message: QueuedMessage): Promise<void>;
  /** Makes a message visible again at once. */
  release(message: QueuedMessage): Promise<void>;
  /** Messages in it, hidden ones too; an estimate. */
  size(): Promise<number>;
}

export interface Metrics {
  /** Publishes the figures of one invocation. */
  publish(summary: BatchSummary): void;
}

/** One line of the log: an event name, names and counts; never an item's content. */
export interface LogEvent {
  readonly event: string;
  readonly [field: string]: string | number | Readonly<Record<string, number>> | undefined;
}

export type Log = (event: LogEvent) => void;

/** Several items of a table, in any order; those that are not there are left out. */
export interface ManyItems {
  readonly items: readonly Item[];
  /** Keys that the service had no capacity for. */
  readonly unprocessed: readonly Item[];
  /** Keys of items that the SDK cannot read whole. */
  readonly unreadable: readonly Item[];
}

/** A table that can be read item by item. */
export interface ItemReader {
  /** One item by its key, consistently read. */
  get(key: Item): Promise<Item | undefined>;
  /**
   * One try of up to 100 items by different keys. Each is consistently read, but not all at one moment.
   * @param attributes of each item, those of the key among them. @default all
   */
  getMany?(keys: readonly Item[], attributes?: readonly string[]): Promise<ManyItems>;
  /** Whether an item is there that the projection leaves out. @default it leaves none out */
  leavesOut?(key: Item): Promise<boolean>;
}

/** Where in a parallel scan to read. */
export interface ScanPosition {
  /** 0 up to, not including, `totalSegments`. */
  readonly segment: number;
  readonly totalSegments: number;
  /** The `next` of the page before; absent at the segment's beginning. */
  readonly after?: Item | undefined;
  /** Items at most; a page has at most 1 MB in any case. */
  readonly limit?: number | undefined;
}

/** An item that is there, and cannot be copied or compared. */
export interface UnreadableItem {
  readonly key: Item;
  /** Tells nothing of the item. */
  readonly reason: string;
  /** What a module says, where that is the reason: for a terminal, not for what is stored. */
  readonly detail?: string;
}

export interface ScanPage {
  readonly items: readonly Item[];
  /** Items that the SDK cannot read whole, or that the projection fails for. */
  readonly unreadable: readonly UnreadableItem[];
  /** Keys of the items that the projection leaves out. @default it leaves none out */
  readonly leftOut?: readonly Item[];
  /** Where to read on; absent at the segment's end. */
  readonly next?: Item | undefined;
  /** Capacity that the page has consumed. */
  readonly readUnits: number;
}

/** A table that can be read as a whole, too. */
export interface ReadableTable extends ItemReader {
  /** The key attributes of an item of this table. */
  keyOf(item: Item): Item;
  /** One page, consistently read. */
  scan(position: ScanPosition): Promise<ScanPage>;
}

type TransactionReply =
  | { readonly kind: 'written'; readonly writeUnits: number }
  /** Nothing was written; one reason per part, with code `None` where a part was not to blame. */
  | { readonly kind: 'cancelled'; readonly reasons: readonly CancellationReason[] };

export interface CancellationReason {
  /** As DynamoDB has it: `None`, `ConditionalCheckFailed`, `ValidationError`, … */
  readonly code: string;
  readonly message: string;
}

/** Writes of several items, all of them or none. */
export interface TransactionWriter {
  /** Rejects as `TwinWriter.write` does. */
  transact(input: TransactWriteItemsInput): Promise<TransactionReply>;
}

export interface Shard {
  readonly shardId: string;
  /** Listed or not. In Kinesis, a shard that two were merged into has both. */
  readonly parentShardIds: readonly string[];
}

export interface ShardPage<R = DynamoDBRecord> {
  readonly records: readonly R[];
  /** Where to read on; absent when the shard is closed and read to its end. */
  readonly nextIterator?: string | undefined;
  /** How far the page is behind the shard's newest record, where the service tells: Kinesis does. */
  readonly behindMs?: number | undefined;
}

/** A stream of shards, read as Lambda's event source mapping reads it. */
export interface StreamReader<R = DynamoDBRecord> {
  /** All shards that are known now. */
  shards(): Promise<readonly Shard[]>;
  /**
   * An iterator behind `afterSequenceNumber`, or at the shard's oldest record.
   * Rejects with TrimmedDataAccessException where records behind it are lost, as far as the service tells.
   * @param settledAtMs everything that had come by then is settled, for services that do not tell.
   */
  open(shardId: string, afterSequenceNumber?: string, settledAtMs?: number): Promise<string>;
  /** Up to `limit` (at most 1,000) records from the iterator on, in order, as Lambda would show them. */
  read(iterator: string, limit: number): Promise<ShardPage<R>>;
  /** Whether the stream still takes records. @default for ever */
  isEnabled?(): Promise<boolean>;
  /** The least from one read of a shard to the next that the service allows. @default none */
  readonly readIntervalMs?: number;
}

/** The positions of a replication that `ferry run` carries, by shard. */
export interface Positions {
  /** Those of shards that the stream no longer lists among them, until they are removed. */
  read(): Promise<ReadonlyMap<string, StoredPosition>>;
  /** Rejects with FerryError `positions.fenced` where another process has written since. */
  write(shardId: string, position: StoredPosition): Promise<void>;
  /** Removing it again is harmless. */
  remove(shardId: string): Promise<void>;
}

/** The row of a replication's process lease. */
export interface LeaseRow {
  /** Consistently read. */
  read(): Promise<ProcessLease | undefined>;
  /**
   * Writes `lease` where fence and beat of the row are those of `expected`, or where there is none.
   * A rejection does not prove that nothing was written.
   * @returns whether it was written.
   */
  write(lease: ProcessLease, expected: ProcessLease | undefined): Promise<boolean>;
}

export type BulkRunState =
  | { readonly kind: 'running' }
  | { readonly kind: 'succeeded' }
  /** Failed, timed out or aborted. */
  | { readonly kind: 'failed'; readonly why: string };

/** Runs of the state machine that works on tables too large for one machine. */
export interface BulkRuns {
  /** @returns what names the run from now on. The same `name` twice is one run. */
  start(name: string, input: object): Promise<string>;
  state(run: string): Promise<BulkRunState>;
  /** What names a run that goes on, and was started under a name with this beginning. */
  running(prefix: string): Promise<string | undefined>;
}

/** An event source mapping of the replicate function, as Lambda has it. */
export interface EventSource {
  readonly id: string;
  /** Enabled, Disabled, Creating, … */
  readonly state: string;
  readonly lastResult: string;
  /** As the control row lists it: of a Kinesis stream, with the table. */
  readonly streamArn: string;
  /** When its settings or its state changed last, epoch milliseconds. */
  readonly changedAtMs?: number | undefined;
}

/** The event source mappings of the replicate function. */
export interface EventSources {
  /** Those that read the stream of a table, or a Kinesis stream. */
  list(): Promise<readonly EventSource[]>;
  /** Asks for the change, which takes a while. Asking again is harmless. */
  setEnabled(id: string, enabled: boolean): Promise<void>;
}

/** Lines that are kept for a long time, and never changed. */
export interface Journal {
  /**
   * Adds a line. Adding it again, where an answer is lost, adds it twice.
   * @returns false where the journal is not there.
   */
  append(line: string, atMs: number): Promise<boolean>;
  /**
   * Lines from `fromMs` up to, but not including, `toMs`: the newest first. What was added seconds ago may be missing.
   * @returns undefined where the journal is not there.
   */
  read(fromMs: number, toMs: number): Promise<readonly string[] | undefined>;
}

/** What is left of a deployment: one queue, bucket or table. */
export interface Remains {
  /** As CloudFormation knows it: the URL of a queue, the name of all others. */
  readonly id: string;
  /** What is in it, for people; undefined where it is empty. */
  readonly holds: string | undefined;
}

export interface LeftoverStore {
  /** @returns undefined where it is gone. */
  find(leftover: Leftover): Promise<Remains | undefined>;
  /** Deletes it, with everything in it. Removing it again, after a failure, is harmless. */
  remove(leftover: Leftover, remains: Remains): Promise<void>;
}

/** The resource policy of a table. */
export interface TablePolicy {
  /** As it was a few seconds ago, or later. */
  read(): Promise<FoundPolicy>;
  /**
   * Writes `policy` over what was read, or removes it.
   * @returns `changed` where it is not what was read, and `paused` where DynamoDB takes no change yet: nothing was
   *   written then.
   */
  replace(found: FoundPolicy, policy: string | undefined): Promise<'done' | 'changed' | 'paused'>;
}

export interface FoundPolicy {
  /** JSON. Both are undefined where the table has none. */
  readonly policy: string | undefined;
  readonly revisionId: string | undefined;
}
