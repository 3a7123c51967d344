// How many records wait for a redrive, counted before it begins: exactly if they are few.

import { ON_FAILURE_OBJECT_PREFIX } from '../config/names.ts';
import { parseFailureMessage } from '../model/failure-message.ts';
import { mapInParallel } from '../pacing/in-parallel.ts';
import type { ObjectStore, StoredObject } from '../ports.ts';
import type { SampledObject } from './estimate.ts';
import { objectText } from './unpack.ts';

export interface Waiting {
  readonly records: number;
  readonly isEstimate: boolean;
  /** What was read for it. */
  readonly sample: SampledObject;
}

export interface WaitingContext {
  readonly bucket: ObjectStore;
  readonly replication: string;
  /** Called with each object of a batch. */
  readonly onObject?: (object: StoredObject) => void;
}

/** Where more records wait, they are estimated by the sizes of the objects. */
const COUNTED_MAX = 1_000;
const READS_AT_ONCE = 8;

/** The records of the batches in the bucket. */
export async function recordsInBucket(context: WaitingContext): Promise<Waiting> {
  const { bucket, onObject } = context;
  const first: StoredObject[] = [];
  let [count, bytes] = [0, 0];
  for await (const objects of bucket.list(ON_FAILURE_OBJECT_PREFIX)) {
    for (const object of objects) {
      onObject?.(object);
      count += 1;
      bytes += object.sizeBytes;
      // Each has a record.
      if (first.length <= COUNTED_MAX) first.push(object);
    }
  }
  const { isWhole, ...sample } = await sampleOf(first, context);
  if (isWhole && first.length === count)
    return { records: sample.records, isEstimate: false, sample };
  const estimate = Math.round((bytes * sample.records) / Math.max(1, sample.bytes));
  return { records: Math.max(sample.records, estimate), isEstimate: true, sample };
}

/** Reads until it has counted enough records. */
async function sampleOf(objects: readonly StoredObject[], context: WaitingContext) {
  let [bytes, records, read] = [0, 0, 0];
  while (read < objects.length && records <= COUNTED_MAX) {
    const some = objects.slice(read, read + READS_AT_ONCE);
    for (const found of await mapInParallel(some, READS_AT_ONCE, (one) => sizeOf(one, context))) {
      bytes += found.bytes;
      records += found.records;
    }
    read += some.length;
  }
  return { bytes, records, isWhole: read === objects.length };
}

async function sizeOf(
  { key }: StoredObject,
  { bucket, replication }: WaitingContext,
): Promise<SampledObject> {
  const body = await objectText(key, bucket);
  if (body.kind !== 'text') return { bytes: 0, records: 0 };
  const message = parseFailureMessage(body.text, replication);
  const records = message.kind === 'records' ? message.records.length : 0;
  return { bytes: Buffer.byteLength(body.text), records };
}
