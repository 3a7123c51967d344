// Batches as Lambda hands them to the function, made from nothing but numbers, the same in every run.

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
  /** How old the records are; the default is older than any look-up asks about. @default a year or so */
  readonly ageSeconds?: number;
  /** Number of the first item and record: batches that follow each other. @default 0 */
  readonly first?: number;
}

export const STREAM_ARN =
  'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000';

/** Members of `event.Records`, as JSON.parse of an event makes them. */
export function makeBatch(shape: BatchShape): unknown[] {
  const { records, keys, bytes, deleteShare, first = 0, event = 'MODIFY', ageSeconds } = shape;
  const random = sequence(20_260_131);
  const pick = keys < records ? zipf(keys, random) : undefined;
  const createdAt =
    ageSeconds === undefined ? LONG_AGO : Math.floor(Date.now() / 1000) - ageSeconds;
  const made = Array.from({ length: records }, (_, place) => {
    const index = first + place;
    const number = pick === undefined ? index : pick();
    const eventName = random() < deleteShare ? 'REMOVE' : event;
    return record({ index, number, bytes, eventName, createdAt });
  });
  return JSON.parse(JSON.stringify(made)) as unknown[];
}

interface RecordFacts {
  readonly index: number;
  readonly number: number;
  readonly bytes: number;
  readonly eventName: 'INSERT' | 'MODIFY' | 'REMOVE';
  /** Epoch seconds. */
  readonly createdAt: number;
}

const LONG_AGO = 1_769_860_800;

function record({ index, number, bytes, eventName, createdAt }: RecordFacts): object {
  const Keys = { pk: { S: `customer-${number}` }, sk: { S: 'order#2026-01-31T12:00' } };
  const NewImage = {
    ...Keys,
    total: { N: '12345.67' },
    paid: { BOOL: true },
    tags: { SS: ['a', 'b'] },
    at: { N: '1769860800000' },
    note: { S: 'x'.repeat(Math.max(1, bytes - 120)) },
  };
  return {
    eventID: String(index),
    eventName,
    eventVersion: '1.1',
    eventSource: 'aws:dynamodb',
    awsRegion: 'us-east-1',
    eventSourceARN: STREAM_ARN,
    dynamodb: {
      ApproximateCreationDateTime: createdAt,
      Keys,
      ...(eventName === 'REMOVE' ? {} : { NewImage }),
      SequenceNumber: String(100_000_000_000_000_000_000n + BigInt(index)),
      SizeBytes: bytes,
      StreamViewType: 'NEW_IMAGE',
    },
  };
}

/** Item n is chosen in proportion to 1/n. */
function zipf(keys: number, random: () => number): () => number {
  const sums: number[] = [];
  let sum = 0;
  for (let number = 1; number <= keys; number += 1) sums.push((sum += 1 / number));
  return () => {
    const wanted = random() * sum;
    let [low, high] = [0, keys - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Park and Miller's generator: 0 up to 1. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
