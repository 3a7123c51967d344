// Records of one shape, put into a local bucket as Lambda gives batches up, and redriven by the command in a
// process of its own; beside it, the engine's own limit for transactions of two items.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { parseConfig } from '../src/config/config.ts';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { LEDGER_ATTRIBUTES } from '../src/config/names.ts';
import { startEmbeddedDynamoDb } from '../src/local/engine/embedded-dynamodb.ts';
import { type LocalFailures, openLocalFailures } from '../src/local/run/local-failures.ts';
import { makeBatch } from './batches.ts';
import { createTable } from './create-table.ts';
import { PROBED, transactionLimit } from './transaction-limit.ts';

/** As Lambda's batches are after an outage: a few hundred records of 200 bytes. */
const RECORDS_PER_OBJECT = 500;
const RECORD_BYTES = 200;
/** Of the engine's limit, before the redrive and after it. */
const PROBE_TRANSACTIONS = 4_000;
const OBJECTS_AT_ONCE = 8;
const DAY_MS = 24 * 60 * 60 * 1_000;
const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };

export interface Shape {
  readonly records: number;
  readonly recordsPerItem: number;
}

export interface Measured extends Shape {
  readonly recordsPerSecond: number;
  /** Transactions of two items per second that the engine can do, before and after. */
  readonly limits: readonly number[];
  /** Items per second, as a share of the engine's limit. */
  readonly ofLimit: number;
  readonly peakMiB: number;
  readonly report: Readonly<Record<string, unknown>>;
}

/** Records of one shape, put into a bucket and redriven. Everything that it starts, it ends. */
export async function measureRedrive(shape: Shape): Promise<Measured> {
  const [source, destination] = await Promise.all([
    startEmbeddedDynamoDb(),
    startEmbeddedDynamoDb(),
  ]);
  const directory = mkdtempSync(join(tmpdir(), 'ferry-bench-redrive-'));
  const config = join(directory, 'ferry.json');
  const [replication] = parseConfig({
    replications: [configuration(source.endpoint, destination.endpoint)],
  }).replications as [ReplicationConfig];
  writeFileSync(
    config,
    JSON.stringify({ replications: [configuration(source.endpoint, destination.endpoint)] }),
  );
  const failures = await openLocalFailures(replication, CREDENTIALS);
  try {
    const streamArn = await createTables(source.endpoint, destination.endpoint);
    await fill(shape, streamArn, failures);
    const limit = () => transactionLimit(destination.endpoint, PROBE_TRANSACTIONS);
    const before = await limit();
    const startMs = performance.now();
    const { report, peakMiB } = await runRedrive(config, failures);
    const seconds = (performance.now() - startMs) / 1000;
    const limits = [before, await limit()];
    const items = shape.records / shape.recordsPerItem;
    return {
      ...shape,
      recordsPerSecond: shape.records / seconds,
      limits,
      ofLimit: items / seconds / Math.max(...limits),
      peakMiB,
      report,
    };
  } finally {
    await failures.close();
    await Promise.all([source.stop(), destination.stop()]);
    rmSync(directory, { recursive: true, force: true });
  }
}

function configuration(sourceEndpoint: string, destinationEndpoint: string) {
  return {
    name: 'bench',
    source: {
      region: 'us-east-1',
      table: 'Orders',
      create: true,
      partitionKey: { name: 'pk', type: 'S' },
      sortKey: { name: 'sk', type: 'S' },
      endpoint: sourceEndpoint,
    },
    destination: { region: 'eu-west-1', table: 'Orders', endpoint: destinationEndpoint },
  };
}

/** @returns ARN of the source's stream. */
async function createTables(sourceEndpoint: string, endpoint: string): Promise<string> {
  const client = new DynamoDBClient({ region: 'eu-west-1', endpoint, credentials: CREDENTIALS });
  await createTable(client, 'Orders', ['pk', 'sk']);
  await createTable(client, 'ferry-bench-state', [LEDGER_ATTRIBUTES.id]);
  await createTable(client, PROBED.twin, ['pk', 'sk']);
  await createTable(client, PROBED.state, [LEDGER_ATTRIBUTES.id]);
  client.destroy();
  const source = new DynamoDBClient({
    region: 'us-east-1',
    endpoint: sourceEndpoint,
    credentials: CREDENTIALS,
  });
  const names = ['pk', 'sk'] as const;
  const { TableDescription } = await source.send(
    new CreateTableCommand({
      TableName: 'Orders',
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: names.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: names.map((AttributeName, index) => ({
        AttributeName,
        KeyType: index === 0 ? 'HASH' : 'RANGE',
      })),
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
    }),
  );
  source.destroy();
  return TableDescription?.LatestStreamArn ?? '';
}

/** Records of one item are spread over an object, as in nature: not side by side. */
async function fill(
  { records, recordsPerItem }: Shape,
  streamArn: string,
  { bucket }: LocalFailures,
): Promise<void> {
  // After the first adoption, which the redrive itself does: what was put aside before has no place in the order.
  const timestamp = new Date(Date.now() + DAY_MS).toISOString();
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
    }) as LambdaRecord[];
    for (const [index, record] of made.entries()) {
      record.eventSourceARN = streamArn;
      const number = Math.floor(first / recordsPerItem) + (index % items);
      for (const image of [record.dynamodb.Keys, record.dynamodb.NewImage])
        image['pk'] = { S: `customer-${number}` };
    }
    const document = {
      requestContext: { condition: 'RetryAttemptsExhausted', approximateInvokeCount: 3 },
      timestamp,
      DDBStreamBatchInfo: { shardId: 'shardId-1', streamArn, batchSize: count },
      payload: JSON.stringify({ Records: made }),
    };
    const key = `aws/lambda/bench/shardId-1/2026/01/31/${String(first).padStart(12, '0')}`;
    await bucket.put(key, JSON.stringify(document));
  };
  for (let first = 0; first < records; first += RECORDS_PER_OBJECT * OBJECTS_AT_ONCE) {
    const firsts = Array.from(
      { length: OBJECTS_AT_ONCE },
      (_, index) => first + index * RECORDS_PER_OBJECT,
    );
    await Promise.all(firsts.filter((one) => one < records).map(store));
  }
}

interface LambdaRecord {
  eventSourceARN: string;
  readonly dynamodb: {
    readonly Keys: Record<string, object>;
    readonly NewImage: Record<string, object>;
  };
}

const MEMORY_INTERVAL_MS = 250;

/** The command as an operator runs it, and the most memory that its process has had. */
async function runRedrive(config: string, failures: LocalFailures) {
  const places = [
    ['--config', config],
    ['--queue-url', failures.queueUrl],
    ['--bucket', failures.bucketName],
    ['--look-again-queue-url', failures.lookAgainQueueUrl],
  ].flat();
  const args = ['bin/ferry.cjs', 'redrive', '--apply', '--json', ...places];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      AWS_ENDPOINT_URL_S3: failures.objectEndpoint,
    },
  });
  let peakMiB = 0;
  const timer = setInterval(() => {
    peakMiB = Math.max(peakMiB, peakMemoryMiB(child.pid));
  }, MEMORY_INTERVAL_MS);
  let out = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (chunk: string) => (out += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  clearInterval(timer);
  if (code !== 0) throw new Error(`ferry redrive ended with ${code}: ${out}`);
  return { report: JSON.parse(out) as Record<string, unknown>, peakMiB };
}

/** Linux keeps the highest resident size of each process. */
function peakMemoryMiB(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Math.ceil(Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024);
  } catch {
    // It has ended.
    return 0;
  }
}
