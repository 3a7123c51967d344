// Records of one shape, put into a local bucket as Lambda gives batches up, and redriven by the command in a
// process of its own; beside it, the engine's own limit for transactions of two items.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DynamoDBRecord } from 'aws-lambda';
import { type LocalFailures, openLocalFailures } from '../src/local/run/local-failures.ts';
import { inParallel } from '../src/pacing/in-parallel.ts';
import { newBatch } from '../src/stream/batches.ts';
import { onFailureDocument } from '../src/stream/on-failure-document.ts';
import { CREDENTIALS } from './approach.ts';
import { makeBatch } from './batches.ts';
import { ferry, type Finished } from './ferry-process.ts';
import { PROBED, transactionLimit } from './transaction-limit.ts';
import { openTwoRegions, ORDER_KEYS, STATE_KEYS } from './two-regions.ts';

/** As Lambda's batches are after an outage: a few hundred records of 200 bytes. */
const RECORDS_PER_OBJECT = 500;
const RECORD_BYTES = 200;
/** Of the engine's limit, before the redrive and after it. */
const PROBE_TRANSACTIONS = 4_000;
const OBJECTS_AT_ONCE = 8;
const DAY_MS = 24 * 60 * 60 * 1_000;

export interface Shape {
  readonly records: number;
  readonly recordsPerItem: number;
}

export interface Measured extends Shape, Finished {
  readonly recordsPerSecond: number;
  /** Transactions of two items per second that the engine can do, before and after. */
  readonly limits: readonly number[];
  /** Items per second, as a share of the engine's limit. */
  readonly ofLimit: number;
}

/** Records of one shape, put into a bucket and redriven. Everything that it starts, it ends. */
export async function measureRedrive(shape: Shape): Promise<Measured> {
  const regions = await openTwoRegions({ name: 'bench' });
  const { destination, replication, configuration, streamArn } = regions;
  const directory = mkdtempSync(join(tmpdir(), 'ferry-bench-redrive-'));
  const config = join(directory, 'ferry.json');
  writeFileSync(config, JSON.stringify(configuration));
  const failures = await openLocalFailures(replication, CREDENTIALS);
  try {
    await destination.createTable(PROBED.destinationTable, ORDER_KEYS);
    await destination.createTable(PROBED.stateTable, STATE_KEYS);
    await fill(shape, streamArn, failures);
    const limit = () => transactionLimit(destination.endpoint, PROBE_TRANSACTIONS);
    const before = await limit();
    const startMs = performance.now();
    const finished = await redrive(config, failures);
    const seconds = (performance.now() - startMs) / 1000;
    const limits = [before, await limit()];
    const items = shape.records / shape.recordsPerItem;
    return {
      ...shape,
      ...finished,
      recordsPerSecond: shape.records / seconds,
      limits,
      ofLimit: items / seconds / Math.max(...limits),
    };
  } finally {
    await failures.close();
    await regions.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Records of one item are spread over an object, as in nature: not side by side. */
async function fill(
  { records, recordsPerItem }: Shape,
  streamArn: string,
  failures: LocalFailures,
): Promise<void> {
  // After the first adoption, which the redrive itself does: what was put aside before has no place in the order.
  const nowMs = Date.now() + DAY_MS;
  const store = async (first: number) => {
    const count = Math.min(RECORDS_PER_OBJECT, records - first);
    const items = Math.ceil(count / recordsPerItem);
    const made = makeBatch({
      records: count,
      keys: count,
      bytes: RECORD_BYTES,
      deleteShare: 0,
      event: 'INSERT',
      ageSeconds: 0,
      first,
      itemOf: (index) => Math.floor(first / recordsPerItem) + ((index - first) % items),
      streamArn,
    });
    const document = onFailureDocument({
      batch: newBatch(made as DynamoDBRecord[]),
      condition: 'RetryAttemptsExhausted',
      shardId: 'shardId-1',
      streamArn,
      functionArn: 'arn:aws:lambda:us-east-1:111122223333:function:bench',
      nowMs,
    });
    await failures.keep(document);
  };
  const firsts = Array.from(
    { length: Math.ceil(records / RECORDS_PER_OBJECT) },
    (_, index) => index * RECORDS_PER_OBJECT,
  );
  await inParallel(
    firsts.map((first) => () => store(first)),
    OBJECTS_AT_ONCE,
  );
}

function redrive(config: string, failures: LocalFailures): Promise<Finished> {
  const places = [
    ['--config', config],
    ['--queue-url', failures.queueUrl],
    ['--bucket', failures.bucketName],
    ['--look-again-queue-url', failures.lookAgainQueueUrl],
  ].flat();
  return ferry(['redrive', '--apply', '--yes', ...places], {
    AWS_ENDPOINT_URL_S3: failures.objectEndpoint,
  });
}
