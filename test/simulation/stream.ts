// A DynamoDB stream: shards that split, parents before children, sequence numbers that grow, and records
// that are kept for a day. A stream that is switched on again has a later label and begins to count anew.

import type { DynamoDBRecord } from 'aws-lambda';
import type { Item } from './memory-dynamodb.ts';
import type { Keys } from './keys.ts';
import { hashOf } from './random.ts';
import { DAY } from './plan.ts';

/** A write that the source has accepted; its number is its place in the table's history, from 1 on. */
export interface SourceWrite {
  readonly number: number;
  readonly key: string;
  readonly kind: 'put' | 'delete';
  /** A put of an item that did not exist. */
  readonly isInsert: boolean;
  readonly expired: boolean;
  readonly malformed: boolean;
  /** A delete by a service other than the source's TTL. */
  readonly byService?: boolean | undefined;
  /** Has the time of the write before of its item. */
  readonly isTied?: boolean | undefined;
  readonly lateMs?: number | undefined;
  /** As a Kinesis stream tells it, and whether it is not rounded down to a millisecond. */
  micros?: number;
  isExact?: boolean;
  /** An expiry that was left out by policy. */
  wasSkipped?: boolean;
  /** The projection left it out, and the twin had nothing of it. */
  wasLeftOut?: boolean;
  readonly atMs: number;
  /** Absent for a delete. */
  readonly image: Item | undefined;
  /** What the source had before. */
  readonly before?: Item | undefined;
  /** Its records, one in each stream that was on. */
  readonly entries: StreamEntry[];
  /** Why no record of it will ever be delivered, if so. */
  lost?: string | undefined;
}

export interface StreamEntry {
  readonly write: SourceWrite;
  /** As Lambda knows it. */
  sequenceNumber: string;
  /** As a letter has it. */
  readonly record: DynamoDBRecord;
  shardId: string;
  readonly kinesis?: KinesisFacts | undefined;
  /** As the event source mapping has it. */
  status: 'waiting' | 'done' | 'given-up' | 'lost';
  /** When it was last given up to the bucket. */
  givenUpAtMs?: number;
  /** Lies in the on-failure bucket, or did. */
  wasGivenUp?: boolean;
  /** Invocations that were given it. */
  deliveries: number;
  /** Letters that the queue took, and how many of them the protocol explains. */
  letters: number;
  lettersAllowed: number;
}

/** Of a record in a Kinesis stream. */
interface KinesisFacts {
  /** Of another table. */
  readonly isForeign: boolean;
  /** Its data are not JSON. */
  readonly isGarbage: boolean;
  readonly keptMs: number;
  /** Infinity before. */
  arrivedAtMs: number;
  readonly partitionKey: string;
  /** As base64. */
  readonly data: string;
  /** As Lambda delivers it. */
  event: object | undefined;
  /** When it was done last. */
  doneAtMs?: number;
}

/** Where the changes of a table are read. */
export interface ChangeStream {
  readonly labelMs: number;
  /** As the control row lists it. */
  readonly arn: string;
  readonly shards: readonly StreamShard[];
  /** @returns the records of a write, to be attached to it: none where the stream is off. */
  record(write: SourceWrite): readonly StreamEntry[];
  split(): void;
}

export interface StreamShard {
  readonly id: string;
  /** Two, of a merge. */
  readonly parents: readonly StreamShard[];
  /** Hashes of keys in it: from, up to but not including. */
  readonly from: number;
  readonly to: number;
  readonly entries: StreamEntry[];
  /** Readers learn that nothing more will come. */
  closed: boolean;
  /** Takes no more writes. */
  isOver: boolean;
}

export interface StreamOptions {
  readonly table: string;
  /** @default us-east-1 */
  readonly region?: string | undefined;
  readonly keys: Keys;
  readonly labelMs: number;
  readonly firstSequenceNumber: string;
  /** @default false */
  readonly hasOldImages?: boolean | undefined;
}

/** In the text of every record that can never be applied. */
export const MALFORMED = '-malformed';

const HASHES = 2 ** 32;

export class SourceStream implements ChangeStream {
  readonly labelMs: number;
  readonly arn: string;
  readonly shards: StreamShard[] = [];
  #sequence: bigint;

  readonly #keys: Keys;
  readonly #hasOldImages: boolean;
  readonly #region: string;

  constructor(options: StreamOptions) {
    const { table, region = 'us-east-1', keys, labelMs, firstSequenceNumber } = options;
    const { hasOldImages } = options;
    this.#region = region;
    this.#keys = keys;
    this.#hasOldImages = hasOldImages === true;
    this.labelMs = Math.floor(labelMs);
    const label = new Date(this.labelMs).toISOString().slice(0, -1);
    this.arn = `arn:aws:dynamodb:${region}:111122223333:table/${table}/stream/${label}`;
    this.#sequence = BigInt(firstSequenceNumber);
    this.#open([], 0, HASHES);
  }

  record(write: SourceWrite): readonly StreamEntry[] {
    const entry = this.append(write);
    return entry === undefined ? [] : [entry];
  }

  /** To be attached to the write by whoever has a mapping for it. */
  append(write: SourceWrite): StreamEntry | undefined {
    const hash = hashOf(write.key);
    const shard = this.shards.find((one) => !one.isOver && hash >= one.from && hash < one.to);
    if (shard === undefined) return undefined;
    this.#sequence += BigInt(1 + (write.number % 3));
    const sequenceNumber = this.#sequence.toString();
    const record = this.#recordOf(write, sequenceNumber);
    const counts = { deliveries: 0, letters: 0, lettersAllowed: 1 };
    const { id: shardId } = shard;
    const place = { sequenceNumber, shardId };
    const entry: StreamEntry = { write, ...place, record, status: 'waiting', ...counts };
    shard.entries.push(entry);
    return entry;
  }

  /** Every open shard ends, and two go on in its place. */
  split(): StreamShard[] {
    const open = this.shards.filter(({ isOver }) => !isOver);
    return open.flatMap((parent) => {
      this.end(parent);
      const middle = Math.floor((parent.from + parent.to) / 2);
      return [this.#open([parent], parent.from, middle), this.#open([parent], middle, parent.to)];
    });
  }

  /** Every open shard ends, and another one goes on in its place. */
  rollOver(): StreamShard[] {
    const open = this.shards.filter(({ isOver }) => !isOver);
    return open.map((parent) => {
      this.end(parent);
      return this.#open([parent], parent.from, parent.to);
    });
  }

  close(): void {
    for (const shard of this.shards) this.end(shard);
  }

  protected end(shard: StreamShard): void {
    shard.isOver = true;
    shard.closed = true;
  }

  #open(parents: readonly StreamShard[], from: number, to: number): StreamShard {
    const id = `shard-${this.labelMs % 1e8}-${this.shards.length}`;
    const shard = { id, parents, from, to, entries: [], closed: false, isOver: false };
    this.shards.push(shard);
    return shard;
  }

  #recordOf(write: SourceWrite, sequenceNumber: string): DynamoDBRecord {
    const image = write.malformed ? undefined : write.image;
    const before = this.#hasOldImages ? write.before : undefined;
    const record = {
      eventID: `${this.labelMs}-${sequenceNumber}${write.malformed ? MALFORMED : ''}`,
      eventVersion: '1.1',
      eventName: eventNameOf(write),
      eventSource: 'aws:dynamodb',
      awsRegion: this.#region,
      eventSourceARN: this.arn,
      dynamodb: {
        ApproximateCreationDateTime: Math.floor(write.atMs / 1000),
        Keys: this.#keys.keyOf(write.key),
        ...(image === undefined ? {} : { NewImage: image }),
        ...(before === undefined ? {} : { OldImage: before }),
        SequenceNumber: sequenceNumber,
        SizeBytes: 100,
        StreamViewType: this.#hasOldImages ? 'NEW_AND_OLD_IMAGES' : 'NEW_IMAGE',
      },
      ...identityOf(write),
    };
    // As JSON, in which bytes are text.
    return JSON.parse(JSON.stringify(record)) as DynamoDBRecord;
  }
}

export function identityOf({ expired, byService }: SourceWrite): object {
  const identity = (principalId: string) => ({ userIdentity: { type: 'Service', principalId } });
  if (expired) return identity('dynamodb.amazonaws.com');
  return byService === true ? identity('replication.dynamodb.amazonaws.com') : {};
}

export function eventNameOf({ kind, malformed, isInsert }: SourceWrite): string {
  if (kind === 'put') return isInsert ? 'INSERT' : 'MODIFY';
  return malformed ? 'PURGE' : 'REMOVE';
}

/** Whether a record of it is to be delivered, or put back. */
export function isComing({ entries }: SourceWrite): boolean {
  return entries.some(({ status }) => status === 'waiting' || status === 'given-up');
}

/** Whether the stream has forgotten a record. */
export function isTrimmed(entry: StreamEntry, nowMs: number): boolean {
  return nowMs - arrivalMs(entry) > (entry.kinesis?.keptMs ?? DAY);
}

/** As Lambda delivers it. */
export function eventOf({ kinesis, record }: StreamEntry): object {
  return kinesis?.event ?? record;
}

/** From when on its age counts. */
export function arrivalMs({ write, kinesis }: StreamEntry): number {
  return kinesis?.arrivedAtMs ?? write.atMs;
}
