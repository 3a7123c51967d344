// A Kinesis data stream to which the source sends its changes, written from AWS's documentation: each record goes to any
// shard, arrives out of order, may arrive again much later, tells when it was written but not in which order, and stands
// beside records of other tables. What the stream has, it keeps for its retention.

import type { DynamoDBRecord } from 'aws-lambda';
import { below } from '../../src/local/seeded-random.ts';
import type { Random } from '../../src/ports.ts';
import type { Item } from './memory-dynamodb.ts';
import type { Keys } from './keys.ts';
import { HOUR, type KinesisSettings, MINUTE, type Precision, SECOND } from './plan.ts';
import { between, happens, oneOf } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import {
  type ChangeStream,
  eventNameOf,
  identityOf,
  MALFORMED,
  type SourceWrite,
  type StreamEntry,
  type StreamShard,
} from './stream.ts';

export interface KinesisStreamOptions {
  readonly settings: KinesisSettings;
  readonly keys: Keys;
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** A record can be read that could not be before. */
  readonly onArrival: () => void;
  readonly note: (situation: string) => void;
}

export const TABLE = 'Orders';
export const OTHER_TABLE = 'Others';
const ACCOUNT = 'arn:aws:kinesis:us-east-1:111122223333';
export const KINESIS_STREAM_ARN = `${ACCOUNT}:stream/order-changes`;
const HASHES = 2 ** 32;
const SEQUENCE_DIGITS = 56;
/** Of duplicates. */
const MUCH_LATER = 0.3;
/** Of writes that make no sense in the stream: how many have data that are not even JSON. */
const GARBAGE = 0.5;
const MICROS_OF_TIES = 1_000;
const FOREIGN_NUMBER = 999_999;

export class KinesisStream implements ChangeStream {
  /** Versions have none: they are times. */
  readonly labelMs = 0;
  readonly arn = `${KINESIS_STREAM_ARN}/table/${TABLE}`;
  readonly shards: StreamShard[] = [];
  precision: Precision;
  /** Streaming is disabled: what is written meanwhile is lost. */
  isOff = false;
  readonly #options: KinesisStreamOptions;
  /** Of the newest write of each item, in microseconds. */
  readonly #micros = new Map<string, number>();
  #sequence = 0;

  constructor(options: KinesisStreamOptions) {
    this.#options = options;
    this.precision = options.settings.precision;
    const { shards } = options.settings;
    for (let index = 0; index < shards; index += 1)
      this.#open([], (HASHES / shards) * index, (HASHES / shards) * (index + 1));
  }

  record(write: SourceWrite): readonly StreamEntry[] {
    if (this.isOff) return [];
    const { random, settings, note } = this.#options;
    write.micros = this.#microsOf(write);
    write.isExact = this.precision === 'MICROSECOND';
    if (happens(random, settings.foreign)) this.#sendForeign(write);
    const copies = happens(random, settings.duplicates) ? 1 + below(random, 2) : 0;
    if (copies > 0) note('sent more than once');
    const isGarbage = write.malformed && happens(random, GARBAGE);
    return Array.from({ length: 1 + copies }, (_, copy) => {
      const entry = this.#entryOf(write, TABLE, isGarbage);
      const isAgain = copy > 0 && happens(random, MUCH_LATER);
      if (isAgain) note('sent again much later');
      const againMs = isAgain ? this.#muchLaterMs() : 0;
      this.#send(entry, copy === 0 ? this.#lateMs(write) : this.#lateMs() + againMs);
      return entry;
    });
  }

  split(): void {
    const open = this.shards.filter(({ isOver }) => !isOver);
    for (const parent of open) {
      end(parent);
      const middle = Math.floor((parent.from + parent.to) / 2);
      this.#open([parent], parent.from, middle);
      this.#open([parent], middle, parent.to);
    }
  }

  /** Every two neighbours end, and one goes on in their place. @returns how many. */
  merge(): number {
    const open = this.shards.filter(({ isOver }) => !isOver).toSorted((a, b) => a.from - b.from);
    let merged = 0;
    for (let index = 0; index + 1 < open.length; index += 2) {
      const [left, right] = open.slice(index, index + 2) as [StreamShard, StreamShard];
      end(left);
      end(right);
      this.#open([left, right], left.from, right.to);
      merged += 1;
    }
    return merged;
  }

  /** Writes of one item have different times, unless the plan says otherwise or milliseconds are all there is. */
  #microsOf({ key, atMs, isTied }: SourceWrite): number {
    const before = this.#micros.get(key) ?? 0;
    const micros =
      this.precision === 'MILLISECOND'
        ? Math.floor(atMs) * 1000
        : isTied === true && atMs * 1000 - before < MICROS_OF_TIES
          ? before
          : Math.max(Math.floor(atMs * 1000), before + 1);
    this.#micros.set(key, micros);
    return micros;
  }

  #lateMs({ lateMs }: Partial<SourceWrite> = {}): number {
    const { random, settings } = this.#options;
    if (lateMs !== undefined) return Math.max(1, lateMs);
    return happens(random, settings.lateShare)
      ? random.next() * settings.lateMs
      : between(random, 1, 300);
  }

  #muchLaterMs(): number {
    const { random } = this.#options;
    return oneOf(random, [20 * SECOND, 3 * MINUTE, 20 * MINUTE, 6 * HOUR]) * random.next();
  }

  /** A record of another table, of an item with the same key and the same time. */
  #sendForeign(write: SourceWrite): void {
    const { keys } = this.#options;
    const image = { ...keys.keyOf(write.key), w: { N: String(FOREIGN_NUMBER) } };
    const facts = { ...write, number: FOREIGN_NUMBER, image, entries: [], malformed: false };
    const foreign: SourceWrite = { ...facts, kind: 'put', isInsert: true, expired: false };
    this.#options.note('record of another table');
    this.#send(this.#entryOf(foreign, OTHER_TABLE), this.#lateMs());
  }

  #entryOf(write: SourceWrite, table: string, isGarbage = false): StreamEntry {
    const { keys, settings } = this.#options;
    const record = recordOf(write, `${KINESIS_STREAM_ARN}/table/${table}`, keys);
    const kinesis = {
      isForeign: table !== TABLE,
      isGarbage,
      keptMs: settings.retentionMs,
      arrivedAtMs: Infinity,
      partitionKey: `${this.#hex()}${write.malformed ? MALFORMED : ''}`,
      data: isGarbage ? encoded('{"tableName":"Orders"') : encoded(dataOf(record, write, table)),
      event: undefined,
    };
    const counts = { deliveries: 0, letters: 0, lettersAllowed: 1 };
    const place = { sequenceNumber: '', shardId: '' };
    return { write, ...place, record, kinesis, status: 'waiting', ...counts };
  }

  #hex(): string {
    const { random } = this.#options;
    return Array.from({ length: 4 }, () =>
      below(random, HASHES).toString(16).padStart(8, '0'),
    ).join('');
  }

  #send(entry: StreamEntry, afterMs: number): void {
    this.#options.scheduler.after(afterMs, () => this.#arrive(entry));
  }

  #arrive(entry: StreamEntry): void {
    const { kinesis } = entry;
    if (kinesis === undefined) return;
    const hash = Number.parseInt(kinesis.partitionKey.slice(0, 8), 16);
    const shard = this.shards.find((one) => !one.isOver && hash >= one.from && hash < one.to);
    if (shard === undefined) throw new Error('a Kinesis stream without an open shard');
    this.#sequence += 1 + (this.#sequence % 5);
    entry.sequenceNumber = `49${String(this.#sequence).padStart(SEQUENCE_DIGITS - 2, '0')}`;
    entry.shardId = shard.id;
    kinesis.arrivedAtMs = this.#options.scheduler.now();
    kinesis.event = eventOf(entry, kinesis);
    const { write } = entry;
    const isOlder = shard.entries.some(
      (one) => one.write.key === write.key && one.write.number > write.number,
    );
    if (isOlder && !kinesis.isForeign) this.#options.note('arrived out of order');
    shard.entries.push(entry);
    this.#options.onArrival();
  }

  #open(parents: readonly StreamShard[], from: number, to: number): void {
    const id = `shardId-${String(this.shards.length).padStart(12, '0')}`;
    this.shards.push({ id, parents, from, to, entries: [], closed: false, isOver: false });
  }
}

function end(shard: StreamShard): void {
  shard.isOver = true;
  shard.closed = true;
}

/** As letters have it, and as a table's stream would: the number is the time. */
function recordOf(write: SourceWrite, eventSourceARN: string, keys: Keys): DynamoDBRecord {
  const { micros = 0, malformed, image, before } = write;
  const record = {
    eventName: eventNameOf(write),
    eventSource: 'aws:dynamodb',
    awsRegion: 'us-east-1',
    eventSourceARN,
    dynamodb: {
      ApproximateCreationDateTime: micros / 1e6,
      Keys: keys.keyOf(write.key),
      ...(malformed || image === undefined ? {} : { NewImage: image }),
      ...(before === undefined ? {} : { OldImage: before }),
      SequenceNumber: String(micros),
      SizeBytes: 100,
    },
    ...identityOf(write),
  };
  return JSON.parse(JSON.stringify(record)) as DynamoDBRecord;
}

function dataOf(
  { eventName, awsRegion, dynamodb = {}, userIdentity }: DynamoDBRecord & { userIdentity?: object },
  { number, micros = 0, isExact }: SourceWrite,
  tableName: string,
): string {
  const { Keys, NewImage, OldImage, SizeBytes } = dynamodb;
  const images = { Keys, ...(NewImage && { NewImage }), ...(OldImage && { OldImage }) };
  const twice = Object.entries(images).map(([name, item]) => [name, binariesTwice(item as Item)]);
  return JSON.stringify({
    awsRegion,
    eventID: `11111111-2222-3333-4444-${String(number).padStart(12, '0')}`,
    eventName,
    userIdentity: userIdentity ?? null,
    recordFormat: 'application/json',
    tableName,
    dynamodb: {
      ApproximateCreationDateTime: isExact === true ? micros : micros / 1000,
      ...(isExact === true ? { ApproximateCreationDateTimePrecision: 'MICROSECOND' } : {}),
      ...Object.fromEntries(twice),
      SizeBytes,
    },
    eventSource: 'aws:dynamodb',
  });
}

/** The base64 text of each binary is itself encoded once more. Only keys are binary here. */
function binariesTwice(item: Item): object {
  const entries = Object.entries(item).map(([name, value]) => {
    const text: unknown = value.B;
    return [name, typeof text === 'string' ? { B: encoded(text) } : value] as const;
  });
  return Object.fromEntries(entries);
}

function eventOf(
  { sequenceNumber, shardId }: StreamEntry,
  { partitionKey, data, arrivedAtMs }: NonNullable<StreamEntry['kinesis']>,
): object {
  const approximateArrivalTimestamp = Math.floor(arrivedAtMs) / 1000;
  return {
    kinesis: {
      kinesisSchemaVersion: '1.0',
      partitionKey,
      sequenceNumber,
      data,
      approximateArrivalTimestamp,
    },
    eventSource: 'aws:kinesis',
    eventVersion: '1.0',
    eventID: `${shardId}:${sequenceNumber}`,
    eventName: 'aws:kinesis:record',
    invokeIdentityArn: 'arn:aws:iam::111122223333:role/orders',
    awsRegion: 'us-east-1',
    eventSourceARN: KINESIS_STREAM_ARN,
  };
}

function encoded(text: string): string {
  return Buffer.from(text).toString('base64');
}
