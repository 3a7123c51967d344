// Batches as Lambda hands them to the function, made from nothing but numbers, the same in every run.

import type { Item } from '../src/model/attribute-value.ts';
import { clockVersion } from '../src/model/clock-version.ts';
import { seededRandom } from '../src/local/seeded-random.ts';
import type { Random } from '../src/ports.ts';

export interface BatchShape {
  readonly records: number;
  /** Different items; with fewer than records, chosen as in nature: the first take most. */
  readonly keys: number;
  /** About the size of an item, in bytes. */
  readonly bytes: number;
  /** Of all records. */
  readonly deleteShare: number;
  /** Of what is not deleted. @default MODIFY */
  readonly event?: 'INSERT' | 'MODIFY';
  /** Whether records have the item before the change, too. */
  readonly oldImages?: boolean;
  /**
   * Whose write each record is, of a table with stamps; `ferry` also with homes. The images have versions then.
   * @default they have none
   */
  readonly stampedBy?: Writer;
  /** How old the records are; the default is older than any look-up asks about. @default a year or so */
  readonly ageSeconds?: number;
  /** Number of the first item and record: batches that follow each other. @default 0 */
  readonly first?: number;
  /** Number of the item of a record, which has a number, too. @default chosen as `keys` says */
  readonly itemOf?: (index: number) => number;
  /** @default STREAM_ARN */
  readonly streamArn?: string;
}

export type Writer = 'application' | 'ferry';

export const STREAM_ARN =
  'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000';

export type LambdaRecord = ReturnType<typeof record>;

/** Members of `event.Records`, as JSON.parse of an event makes them. */
export function makeBatch(shape: BatchShape): LambdaRecord[] {
  const { records, keys, deleteShare, first = 0, event = 'MODIFY', ageSeconds } = shape;
  const random = seededRandom(20_260_131);
  const chosen = keys < records ? zipf(keys, random) : (index: number) => index;
  const { itemOf = chosen } = shape;
  const createdAt =
    ageSeconds === undefined ? LONG_AGO : Math.floor(Date.now() / 1000) - ageSeconds;
  const made = Array.from({ length: records }, (_, place) => {
    const index = first + place;
    const number = itemOf(index);
    const eventName = random.next() < deleteShare ? 'REMOVE' : event;
    return record(shape, { index, number, eventName, createdAt });
  });
  return JSON.parse(JSON.stringify(made)) as LambdaRecord[];
}

interface RecordFacts {
  readonly index: number;
  readonly number: number;
  readonly eventName: 'INSERT' | 'MODIFY' | 'REMOVE';
  /** Epoch seconds. */
  readonly createdAt: number;
}

const LONG_AGO = 1_769_860_800;

/** Of the write of a record, which knows the one before, or of that one, which the other side has made. */
function stampOf(by: Writer, index: number, isBefore: boolean): Item {
  const version = (origin: 1 | 2, ms: number) => ({
    S: clockVersion({
      epoch: 1,
      ms: LONG_AGO * 1000 + ms,
      counter: 0,
      origin,
      unique: `9${index}`,
    }),
  });
  const isOurs = (by === 'application') !== isBefore;
  const v = version(isOurs ? 1 : 2, isBefore ? 0 : 1);
  if (isOurs) return { _ferry: { M: { v } } };
  const ofFerry = { v, t: { N: String(LONG_AGO) }, o: { S: 'eu-west-1' } };
  return { _ferry: { M: isBefore ? ofFerry : { ...ofFerry, b: version(1, 0) } } };
}

function record(
  { bytes, oldImages, streamArn = STREAM_ARN, stampedBy }: BatchShape,
  { index, number, eventName, createdAt }: RecordFacts,
) {
  const Keys = { pk: { S: `customer-${number}` }, sk: { S: 'order#2026-01-31T12:00' } };
  const NewImage: Item = {
    ...Keys,
    total: { N: '12345.67' },
    paid: { BOOL: true },
    tags: { SS: ['a', 'b'] },
    at: { N: '1769860800000' },
    note: { S: 'x'.repeat(Math.max(1, bytes - 120)) },
  };
  const stamp = (isBefore: boolean) => stampedBy && stampOf(stampedBy, index, isBefore);
  return {
    eventID: String(index),
    eventName,
    eventVersion: '1.1',
    eventSource: 'aws:dynamodb',
    awsRegion: 'us-east-1',
    eventSourceARN: streamArn,
    dynamodb: {
      ApproximateCreationDateTime: createdAt,
      Keys,
      ...(eventName !== 'REMOVE' && { NewImage: { ...NewImage, ...stamp(false) } }),
      ...(oldImages === true &&
        eventName !== 'INSERT' && { OldImage: { ...NewImage, ...stamp(true) } }),
      SequenceNumber: String(100_000_000_000_000_000_000n + BigInt(index)),
      SizeBytes: bytes,
      StreamViewType: 'NEW_IMAGE',
    },
  };
}

/** Item n is chosen in proportion to 1/n. */
function zipf(keys: number, random: Random): () => number {
  const sums: number[] = [];
  let sum = 0;
  for (let number = 1; number <= keys; number += 1) sums.push((sum += 1 / number));
  return () => {
    const wanted = random.next() * sum;
    let [low, high] = [0, keys - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
