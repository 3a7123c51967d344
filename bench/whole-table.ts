// A table of a million small items, on disk: copied and compared by the commands, each in a process of its
// own, with the time and the memory that they took. `npm run scale -- 1000000`

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BatchWriteItemCommand,
  CreateTableCommand,
  DynamoDBClient,
  UpdateTableCommand,
} from '@aws-sdk/client-dynamodb';
import { inParallel } from '../src/pacing/in-parallel.ts';
import { startEmbeddedDynamoDb } from '../src/local/engine/embedded-dynamodb.ts';

const PEAK_MIB_MAX = 300;
const BATCH_ITEMS = 25;
const FILLS_AT_ONCE = 8;
// For this process; the commands see to themselves.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
const items = Number(process.argv[2] ?? 1_000_000);
const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };

const directory = mkdtempSync(join(tmpdir(), 'ferry-scale-'));
const [source, destination] = await Promise.all(
  ['source', 'destination'].map((name) =>
    startEmbeddedDynamoDb({ dbPath: join(directory, `${name}.db`) }),
  ),
);
if (source === undefined || destination === undefined) throw new Error('an engine is missing');
try {
  await createTables();
  await timed(`fill the source with ${items} items`, fill);
  await turnStreamOn();
  const config = join(directory, 'ferry.json');
  writeFileSync(config, JSON.stringify(configuration()));
  const report = join(directory, 'differences.jsonl');
  const copied = await timed('ferry backfill', () =>
    ferry('backfill', '--apply', '--config', config),
  );
  const compared = await timed('ferry verify', () =>
    ferry('verify', '--config', config, '--report', report, '--settle', '1'),
  );
  const peaks = [copied, compared].map((result) => Number(result['peakMemoryMiB']));
  console.log(`peak memory: backfill ${peaks[0]} MiB, verify ${peaks[1]} MiB`);
  const fine =
    copied['copied'] === items &&
    compared['equal'] === true &&
    compared['items'] === items &&
    peaks.every((peak) => peak < PEAK_MIB_MAX);
  console.log(fine ? 'All copied, equal, and under the limit.' : 'NOT as it should be.');
  process.exitCode = fine ? 0 : 1;
} finally {
  await Promise.all([source.stop(), destination.stop()]);
  rmSync(directory, { recursive: true, force: true });
}

function clientAt(endpoint = ''): DynamoDBClient {
  return new DynamoDBClient({ region: 'us-east-1', endpoint, credentials });
}

async function createTables(): Promise<void> {
  const tables = [
    { endpoint: source?.endpoint, table: 'Orders', key: 'pk' },
    { endpoint: destination?.endpoint, table: 'Orders', key: 'pk' },
    { endpoint: destination?.endpoint, table: 'ferry-scale-state', key: 'id' },
  ];
  for (const { endpoint, table, key } of tables) {
    const client = clientAt(endpoint);
    await client.send(
      new CreateTableCommand({
        TableName: table,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: key, AttributeType: 'S' }],
        KeySchema: [{ AttributeName: key, KeyType: 'HASH' }],
      }),
    );
    client.destroy();
  }
}

/** After the items: this is about those that a stream knows nothing of. */
async function turnStreamOn(): Promise<void> {
  const client = clientAt(source?.endpoint);
  const StreamSpecification = { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' } as const;
  await client.send(new UpdateTableCommand({ TableName: 'Orders', StreamSpecification }));
  client.destroy();
}

async function fill(): Promise<void> {
  const client = clientAt(source?.endpoint);
  const tasks = Array.from({ length: Math.ceil(items / BATCH_ITEMS) }, (_, batch) => async () => {
    const count = Math.min(BATCH_ITEMS, items - batch * BATCH_ITEMS);
    const requests = Array.from({ length: count }, (_item, index) => {
      const number = batch * BATCH_ITEMS + index;
      const Item = {
        pk: { S: `customer-${number}` },
        total: { N: String(number) },
        note: { S: 'a small item of a large table' },
      };
      return { PutRequest: { Item } };
    });
    await client.send(new BatchWriteItemCommand({ RequestItems: { Orders: requests } }));
  });
  await inParallel(tasks, FILLS_AT_ONCE);
  client.destroy();
}

function configuration() {
  return {
    replications: [
      {
        name: 'scale',
        source: {
          region: 'us-east-1',
          table: 'Orders',
          create: true,
          partitionKey: { name: 'pk', type: 'S' },
          endpoint: source?.endpoint,
        },
        destination: { region: 'eu-west-1', table: 'Orders', endpoint: destination?.endpoint },
      },
    ],
  };
}

async function ferry(...args: string[]): Promise<Record<string, unknown>> {
  const child = spawn(process.execPath, ['bin/ferry.cjs', ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' },
  });
  let out = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (chunk: string) => (out += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  console.log(out.trim());
  if (code !== 0) throw new Error(`ferry ${args[0]} ended with ${code}`);
  return JSON.parse(out) as Record<string, unknown>;
}

async function timed<T>(what: string, action: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await action();
  const seconds = (performance.now() - start) / 1000;
  console.log(`${what}: ${seconds.toFixed(1)} s, ${Math.round(items / seconds)} items/s`);
  return result;
}
