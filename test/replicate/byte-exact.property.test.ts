// Arbitrary items, written to one engine, read off its stream, handed to the handler's operation as
// Lambda would, from that stream or from a Kinesis stream, and read back from another table: not a byte may differ.

import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import type { DynamoDBRecord } from 'aws-lambda';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { dynamoDbStreamReader } from '../../src/aws/dynamodb-streams.ts';
import { replicateBatch } from '../../src/replicate/replicate-batch.ts';
import { attributes, keyValues } from '../fixtures/arbitrary-items.ts';
import {
  type ChangeSource,
  KINESIS_STREAM,
  SOURCES,
  wrapped,
} from '../fixtures/kinesis-records.ts';
import { type KeyColumn, type TestEngine, useEngine } from '../fixtures/engine.ts';
import { lambdaRecord, SETTINGS } from '../fixtures/records.ts';
import { invocation } from '../fixtures/replication.ts';
import { wireCall, wireJson } from '../fixtures/wire.ts';

const RUNS = 30;
const ITEMS_PER_RUN = 20;

const schemas: Array<[string, KeyColumn[]]> = [
  ['hash S', [{ name: 'pk', type: 'S' }]],
  [
    'hash N, range B',
    [
      { name: 'pk', type: 'N' },
      { name: 'sk', type: 'B' },
    ],
  ],
  [
    'hash B, range S',
    [
      { name: 'pk', type: 'B' },
      { name: 'sk', type: 'S' },
    ],
  ],
  [
    'hash S, range N',
    [
      { name: 'pk', type: 'S' },
      { name: 'sk', type: 'N' },
    ],
  ],
];

const engine = useEngine();

const cases = SOURCES.flatMap((source) =>
  schemas.map(([name, columns]) => [source.name, name, columns, source] as const),
);

it.each(cases)(
  'delivers items of %s unchanged, with keys of %s',
  async (_, __, columns, source) => {
    const replica = await openReplica(columns, engine(), source);

    await fc.assert(
      fc.asyncProperty(itemsOf(columns), async (batch) => {
        for (const { item } of batch) await replica.put(item);
        await replica.replicate();
        for (const { keys } of batch)
          expect(await replica.twinOf(keys)).toBe(await replica.sourceOf(keys));
      }),
      { numRuns: RUNS },
    );
  },
);

it('notices when the bytes of a Kinesis stream are decoded once', async () => {
  const columns = [{ name: 'pk', type: 'S' as const }];
  // Once more as text: of that, the one decoding that there is leaves what would be left without any.
  const source: ChangeSource = {
    ...KINESIS_STREAM,
    delivered: (records) => KINESIS_STREAM.delivered(asText(records)),
  };
  const replica = await openReplica(columns, engine(), source);

  const found = await fc.check(
    fc.asyncProperty(itemsOf(columns), async (batch) => {
      for (const { item } of batch) await replica.put(item);
      await replica.replicate();
      for (const { keys } of batch)
        if ((await replica.twinOf(keys)) !== (await replica.sourceOf(keys))) return false;
      return true;
    }),
    { numRuns: RUNS, endOnFailure: true },
  );

  expect(found.counterexample).not.toBeNull();
});

function asText(records: readonly DynamoDBRecord[]): DynamoDBRecord[] {
  return records.map((record) => JSON.parse(JSON.stringify(wrapped(record))) as DynamoDBRecord);
}

function itemsOf(columns: readonly KeyColumn[]) {
  const key = fc.record(
    Object.fromEntries(columns.map((column) => [column.name, keyValues[column.type]])),
  );
  return fc.array(
    fc.tuple(key, attributes).map(([keys, rest]) => ({ keys, item: { ...rest, ...keys } })),
    { minLength: 1, maxLength: ITEMS_PER_RUN },
  );
}

it.each(['abc', '1E+500', ''])(
  'puts a record aside whose key is the number "%s", which no table takes',
  async (N) => {
    await engine().createTable(`twin-key-${N.length}`, [{ name: 'pk', type: 'N' }]);
    const settings = { ...SETTINGS, destinationTable: `twin-key-${N.length}` };
    const context = invocation({ twinWriter: engine().twinWriter, rules: settings });

    const summary = await replicateBatch([lambdaRecord({ keys: { pk: { N } } })], context);

    expect(summary).toMatchObject({ retried: 0, counts: { 'dead-lettered': 1 } });
    expect(context.letters).toHaveLength(1);
  },
);

it('delivers an attribute called __proto__, of which JavaScript makes something else', async () => {
  await engine().createTable('twin-proto', [{ name: 'pk', type: 'S' }]);
  const image =
    '{"pk":{"S":"order-1"},"__proto__":{"S":"kept"},"m":{"M":{"__proto__":{"B":"AP8="}}}}';
  const record = {
    ...lambdaRecord(),
    dynamodb: { ...lambdaRecord().dynamodb, NewImage: JSON.parse(image) as object },
  };
  const settings = { ...SETTINGS, destinationTable: 'twin-proto' };

  await replicateBatch([record], invocation({ twinWriter: engine().twinWriter, rules: settings }));

  const key = { TableName: 'twin-proto', Key: { pk: { S: 'order-1' } } };
  const { Item } = await wireCall<{ Item: Record<string, object> }>(
    engine().endpoint,
    'GetItem',
    key,
  );
  const { _ferry: version, ...twin } = Item;
  expect(version).toBeDefined();
  expect(wireJson(twin)).toBe(wireJson(JSON.parse(image) as object));
});

let replicas = 0;

async function openReplica(
  columns: readonly KeyColumn[],
  { endpoint, twinWriter, createTable }: TestEngine,
  { delivered, settings, control, replicate: replicateBatchOf }: ChangeSource,
) {
  replicas += 1;
  const [source, twin] = [`source-${replicas}`, `twin-${replicas}`];
  const streamArn = await createTable(source, columns, true);
  await createTable(twin, columns);
  const client = new DynamoDBStreamsClient({
    region: 'us-east-1',
    endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const reader = dynamoDbStreamReader(client, streamArn);
  const [shard] = await reader.shards();
  let iterator = await reader.open(shard?.shardId ?? '');
  const read = async (table: string, key: object) => {
    const { Item } = await wireCall<{ Item?: Record<string, object> }>(endpoint, 'GetItem', {
      TableName: table,
      Key: key,
    });
    const { _ferry: version, ...item } = Item ?? {};
    return { version, text: wireJson(item) };
  };
  return {
    put: (item: object) => wireCall(endpoint, 'PutItem', { TableName: source, Item: item }),
    async replicate() {
      const { records, nextIterator = '' } = await reader.read(iterator, 1_000);
      iterator = nextIterator;
      // Lambda hands the event over as JSON.
      const event = JSON.parse(JSON.stringify(records)) as DynamoDBRecord[];
      const rules = { ...settings, destinationTable: twin };
      const context = invocation({ twinWriter, control, rules });
      const summary = await replicateBatchOf(delivered(event), context);
      expect(summary).toMatchObject({ batchItemFailures: [], counts: { 'dead-lettered': 0 } });
    },
    sourceOf: async (key: object) => (await read(source, key)).text,
    async twinOf(key: object) {
      const { version, text } = await read(twin, key);
      expect(version).toBeDefined();
      return text;
    },
  };
}
