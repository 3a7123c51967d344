// Both functions of a replication that can be switched, as they ship, on two real engines: the way back knows every
// write of the way there by its stream, and every write that an application makes by mistake.

import { DeleteItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import type { DynamoDBRecord } from 'aws-lambda';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { dynamoDbStreamReader } from '../../src/aws/dynamodb-streams.ts';
import { openReplicator } from '../../src/composition/replicator.ts';
import { parseConfig } from '../../src/config/config.ts';
import { otherDirection } from '../../src/config/directions.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { seededRandom } from '../../src/local/seeded-random.ts';
import { putControlRow } from '../../src/model/control-item.ts';
import { type ControlRow, firstRow } from '../../src/model/control-row.ts';
import type { Item } from '../../src/model/attribute-value.ts';
import { replicateBatch, type Replicator } from '../../src/replicate/replicate-batch.ts';
import { type TestEngine, useEngine } from '../fixtures/engine.ts';

const ENVIRONMENT = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
const [A, B] = ['us-east-1', 'eu-west-1'];
const KEY = [{ name: 'pk', type: 'S' }] as const;
const [engineOfA, engineOfB] = [useEngine(), useEngine()];
let there: ReplicationConfig;
let streams: { readonly [region: string]: string };

beforeAll(async () => {
  const [ofA, ofB] = await Promise.all(
    [engineOfA(), engineOfB()].map((engine) =>
      engine.createTable('Orders', KEY, 'NEW_AND_OLD_IMAGES'),
    ),
  );
  streams = { [A]: ofA ?? '', [B]: ofB ?? '' };
  await engineOfA().createTable('ferry-orders-back-state', [{ name: 'id', type: 'S' }]);
  const { endpoint: source } = engineOfA();
  const { endpoint: destination } = engineOfB();
  const { replications } = parseConfig({
    replications: [
      {
        name: 'orders',
        source: { region: A, table: 'Orders', streamArn: ofA, endpoint: source },
        destination: { region: B, table: 'Orders', endpoint: destination },
        switching: { streamArn: ofB },
      },
    ],
  });
  there = replications[0] as ReplicationConfig;
  const row = firstRow({
    region: A,
    streamArn: ofA ?? '',
    reserved: '_ferry',
    destinationId: 'twin',
    ledgerId: 'ledger',
    tag: 'test',
    nowMs: Date.now(),
  });
  await putRow(engineOfB(), there, row);
  await putRow(engineOfA(), otherDirection(there), row);
});

let printed: string[];
beforeEach(() => {
  printed = [];
  for (const [name, value] of Object.entries(ENVIRONMENT)) vi.stubEnv(name, value);
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    printed.push(String(chunk));
    return true;
  });
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

async function putRow(
  { twinWriter }: TestEngine,
  { name, stateTable }: ReplicationConfig,
  row: ControlRow,
): Promise<void> {
  await twinWriter.write(putControlRow(row, { replication: name, stateTable }));
}

function open(replication: ReplicationConfig, httpClient: 'signed' | 'sdk'): Promise<Replicator> {
  const deployed = {
    replication: { ...replication, function: { ...replication.function, httpClient } },
    streamArn: replication.source.streamArn ?? '',
    deadLetterQueueUrl: 'http://127.0.0.1:9/letters',
    onFailureBucket: 'failures',
    lookAgainQueueUrl: 'http://127.0.0.1:9/look-again',
  };
  return openReplicator(deployed, ENVIRONMENT);
}

const deliver = (replicator: Replicator, records: readonly DynamoDBRecord[]) =>
  replicateBatch(records, {
    ...replicator,
    lookAgain: { announce: async () => undefined },
    remainingMs: () => 60_000,
  });

async function recordsOf(engine: TestEngine, streamArn = ''): Promise<DynamoDBRecord[]> {
  const client = new DynamoDBStreamsClient({
    region: A,
    endpoint: engine.endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const reader = dynamoDbStreamReader(client, streamArn);
  const found: DynamoDBRecord[] = [];
  for (const { shardId } of await reader.shards()) {
    let iterator: string | undefined = await reader.open(shardId);
    while (iterator !== undefined) {
      const { records, nextIterator } = await reader.read(iterator, 1_000);
      found.push(...records);
      iterator = records.length > 0 ? nextIterator : undefined;
    }
  }
  client.destroy();
  return found;
}

const put = ({ client }: TestEngine, item: Item) =>
  client.send(new PutItemCommand({ TableName: 'Orders', Item: item }));
const remove = ({ client }: TestEngine, id: string) =>
  client.send(new DeleteItemCommand({ TableName: 'Orders', Key: { pk: { S: id } } }));

describe.each(['signed', 'sdk'] as const)('both directions, by the %s client', (httpClient) => {
  it('know every own write, and every stray one', async () => {
    const random = seededRandom(18);
    const idOf = () => `${httpClient}-${Math.floor(random.next() * 40)}`;
    const seen = { a: (await all(A)).length, b: (await all(B)).length };
    for (let change = 0; change < 400; change += 1) {
      if (random.next() < 0.3) await remove(engineOfA(), idOf());
      else await put(engineOfA(), { pk: { S: idOf() }, n: { N: String(change) } });
    }
    const changes = (await all(A)).slice(seen.a);
    const outward = await open(there, httpClient);
    // In batches that overlap, as they do after a failure.
    for (let from = 0; from < changes.length; from += 20)
      expect(await deliver(outward, changes.slice(from, from + 30))).toMatchObject({ retried: 0 });
    const kept = (
      await engineOfB().twinReader.read({ operation: 'Scan', input: { TableName: 'Orders' } })
    ).items;
    const [first, second, third] = kept.filter(({ pk }) => pk?.S?.startsWith(httpClient));
    if (first === undefined || second === undefined || third === undefined) throw new Error('few');
    await stray(first, second, third);

    const records = (await all(B)).slice(seen.b);
    const back = await open(otherDirection(there), httpClient);
    const summary = await deliver(back, records);

    expect(records.length).toBeGreaterThan(100);
    expect(summary).toMatchObject({ batchItemFailures: [], retried: 0 });
    expect(summary.counts).toMatchObject({ own: records.length - 4, stray: 4, applied: 0 });
    expect(await deliver(back, records)).toMatchObject({ counts: summary.counts });
    expect(metricsIn(printed)).toMatchObject({ OwnRecords: records.length - 4, StrayWrites: 4 });
  });
});

const all = (region: string) =>
  recordsOf(region === A ? engineOfA() : engineOfB(), streams[region]);

/** What an application does at the twin by mistake: a put, an update, a copy of what it has read, and a delete. */
async function stray(first: Item, second: Item, third: Item): Promise<void> {
  const { client } = engineOfB();
  await put(engineOfB(), { pk: { S: `${first['pk']?.S}-new` }, n: { N: '1' } });
  await client.send(
    new UpdateItemCommand({
      TableName: 'Orders',
      Key: { pk: first['pk'] ?? { S: '' } },
      UpdateExpression: 'SET n = :n',
      ExpressionAttributeValues: { ':n': { N: '-1' } },
    }),
  );
  await put(engineOfB(), { ...second, n: { N: '-2' } });
  await remove(engineOfB(), third['pk']?.S ?? '');
}

function metricsIn(lines: readonly string[]): object {
  const documents = lines.map((line) => JSON.parse(line) as Record<string, number>);
  return documents.find((one) => 'OwnRecords' in one) ?? {};
}

it('take the one copy for both, as long as no switch has held it', async () => {
  const replicator = await open(there, 'signed');
  const { stateTable } = otherDirection(there);
  const { client } = engineOfA();
  const Key = { id: { S: 'orders-back#control' } };
  await client.send(new DeleteItemCommand({ TableName: stateTable, Key }));
  const records = await all(A);

  expect(await deliver(replicator, records.slice(0, 1))).toMatchObject({
    retried: 0,
    counts: { superseded: 1 },
  });
});
