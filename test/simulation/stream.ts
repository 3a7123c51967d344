// A DynamoDB stream: shards that split, parents before children, sequence numbers that grow, and records
// that are kept for a day. A stream that is switched on again has a later label and begins to count anew.

import type { DynamoDBRecord } from 'aws-lambda';
import type { Item } from './memory-dynamodb.ts';
import { hashOf } from './random.ts';
import { DAY } from './plan.ts';

/** A write that the source has accepted; its number is its place in the table's history, from 1 on. */
export interface SourceWrite {
  readonly number: number;
  readonly key: string;
  readonly kind: 'put' | 'delete';
  readonly expired: boolean;
  readonly malformed: boolean;
  readonly atMs: number;
  /** Absent for a delete. */
  readonly image: Item | undefined;
  /** Its record; absent while no stream was on. */
  entry?: StreamEntry;
  /** Why its record will never be delivered, if so. */
  lost?: string;
}

export interface StreamEntry {
  readonly write: SourceWrite;
  readonly sequenceNumber: string;
  readonly record: DynamoDBRecord;
  /** As the event source mapping has it. */
  status: 'waiting' | 'done' | 'given-up' | 'lost';
  /** Invocations that were given it. */
  deliveries: number;
}

export interface StreamShard {
  readonly id: string;
  readonly parent: StreamShard | undefined;
  /** Hashes of keys in it: from, up to but not including. */
  readonly from: number;
  readonly to: number;
  readonly entries: StreamEntry[];
  closed: boolean;
}

export interface StreamOptions {
  readonly labelMs: number;
  readonly firstSequenceNumber: string;
}

/** In the text of every record that can never be applied. */
export const MALFORMED = '-malformed';

const HASHES = 2 ** 32;

export class SourceStream {
  readonly labelMs: number;
  readonly arn: string;
  readonly shards: StreamShard[] = [];
  #sequence: bigint;

  constructor({ labelMs, firstSequenceNumber }: StreamOptions) {
    this.labelMs = Math.floor(labelMs);
    const label = new Date(this.labelMs).toISOString().slice(0, -1);
    this.arn = `arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/${label}`;
    this.#sequence = BigInt(firstSequenceNumber);
    this.#open(undefined, 0, HASHES);
  }

  append(write: SourceWrite): StreamShard | undefined {
    const place = hashOf(write.key);
    const shard = this.shards.find((one) => !one.closed && place >= one.from && place < one.to);
    if (shard === undefined) return undefined;
    this.#sequence += BigInt(1 + (write.number % 3));
    const sequenceNumber = this.#sequence.toString();
    const record = this.#recordOf(write, sequenceNumber);
    write.entry = { write, sequenceNumber, record, status: 'waiting', deliveries: 0 };
    shard.entries.push(write.entry);
    return shard;
  }

  /** Every open shard ends, and two go on in its place. */
  split(): StreamShard[] {
    const open = this.shards.filter(({ closed }) => !closed);
    return open.flatMap((parent) => {
      parent.closed = true;
      const middle = Math.floor((parent.from + parent.to) / 2);
      return [this.#open(parent, parent.from, middle), this.#open(parent, middle, parent.to)];
    });
  }

  close(): void {
    for (const shard of this.shards) shard.closed = true;
  }

  #open(parent: StreamShard | undefined, from: number, to: number): StreamShard {
    const id = `shard-${this.labelMs % 1e8}-${this.shards.length}`;
    const shard = { id, parent, from, to, entries: [], closed: false };
    this.shards.push(shard);
    return shard;
  }

  #recordOf(write: SourceWrite, sequenceNumber: string): DynamoDBRecord {
    const image = write.malformed ? undefined : write.image;
    const record = {
      eventID: `${this.labelMs}-${sequenceNumber}${write.malformed ? MALFORMED : ''}`,
      eventVersion: '1.1',
      eventName: eventNameOf(write),
      eventSource: 'aws:dynamodb',
      awsRegion: 'us-east-1',
      eventSourceARN: this.arn,
      dynamodb: {
        ApproximateCreationDateTime: Math.floor(write.atMs / 1000),
        Keys: { pk: { S: write.key } },
        ...(image === undefined ? {} : { NewImage: image }),
        SequenceNumber: sequenceNumber,
        SizeBytes: 100,
        StreamViewType: 'NEW_IMAGE',
      },
      ...(write.expired
        ? { userIdentity: { type: 'Service', principalId: 'dynamodb.amazonaws.com' } }
        : {}),
    };
    return record as DynamoDBRecord;
  }
}

/** What was there before does not matter to anybody. */
function eventNameOf({ kind, malformed }: SourceWrite): string {
  if (kind === 'put') return 'MODIFY';
  return malformed ? 'PURGE' : 'REMOVE';
}

/** Whether the stream has forgotten a record. */
export function isTrimmed({ write }: StreamEntry, nowMs: number): boolean {
  return nowMs - write.atMs > DAY;
}
