// A table of one's own in a local engine: replicated with what it holds already, and only read. And sources that
// have no stream to replicate, which end the run instead of letting it wait.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  ListTablesCommand,
  PutItemCommand,
  ScanCommand,
  type StreamViewType,
  UpdateTableCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import {
  type EmbeddedDynamoDb,
  startEmbeddedDynamoDb,
} from '../../src/local/engine/embedded-dynamodb.ts';
import { startFaultProxy } from '../../src/local/faults/fault-proxy.ts';

/** Only ends what hangs. */
const LIMIT_MS = 120_000;

let engine: EmbeddedDynamoDb;
let client: DynamoDBClient;

beforeAll(async () => {
  engine = await startEmbeddedDynamoDb();
  const credentials = { accessKeyId: 'mine', secretAccessKey: 'mine' };
  client = new DynamoDBClient({ region: 'us-east-1', endpoint: engine.endpoint, credentials });
});

afterAll(async () => {
  client.destroy();
  await engine.stop();
});

async function ferryLocal(...args: readonly string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const exitCode = await main(['local', '--duration', '1', '--rate', '20', ...args], {
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
    status: () => undefined,
    isTerminal: false,
    environment: {},
    interrupted: new AbortController().signal,
  });
  return { exitCode, out: out.join('\n'), err: err.join('\n') };
}

async function createTable(TableName: string): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'order', AttributeType: 'N' }],
      KeySchema: [{ AttributeName: 'order', KeyType: 'HASH' }],
    }),
  );
}

async function turnStreamOn(TableName: string, view: StreamViewType): Promise<void> {
  const StreamSpecification = { StreamEnabled: true, StreamViewType: view };
  await client.send(new UpdateTableCommand({ TableName, StreamSpecification }));
}

async function put(TableName: string, order: number): Promise<void> {
  const Item = { order: { N: String(order) }, what: { S: 'mine' } };
  await client.send(new PutItemCommand({ TableName, Item }));
}

it(
  'replicates a table that is there already, items from before its stream included, and only reads it',
  async () => {
    await createTable('Orders');
    for (let order = 1; order <= 30; order += 1) await put('Orders', order);
    await turnStreamOn('Orders', 'NEW_AND_OLD_IMAGES');
    await put('Orders', 31);
    const before = await client.send(new ScanCommand({ TableName: 'Orders' }));
    const source = ['--source-endpoint', engine.endpoint, '--source-table', 'Orders'];

    const { exitCode, out, err } = await ferryLocal(...source, '--json');

    expect({ exitCode, err }).toMatchObject({
      exitCode: 0,
      err: expect.stringContaining('Orders'),
    });
    expect(JSON.parse(out)).toMatchObject({ writes: 0, records: 1, items: 31, differences: 0 });
    expect(await client.send(new ScanCommand({ TableName: 'Orders' }))).toMatchObject({
      Items: before.Items,
    });
    const { Table } = await client.send(new DescribeTableCommand({ TableName: 'Orders' }));
    expect(Table).toMatchObject({ TableStatus: 'ACTIVE' });
  },
  LIMIT_MS,
);

it(
  'refuses a table without a stream, and one whose stream has no new images',
  async () => {
    await createTable('Still');
    await createTable('KeysOnly');
    await turnStreamOn('KeysOnly', 'KEYS_ONLY');
    const at = ['--source-endpoint', engine.endpoint];

    for (const [table, problem] of [
      ['Still', 'The table Still has no stream'],
      ['KeysOnly', 'The table KeysOnly has a stream of KEYS_ONLY only'],
      ['Nowhere', `There is no table Nowhere at ${engine.endpoint} in us-east-1.`],
    ] as const) {
      const { exitCode, err } = await ferryLocal(...at, '--source-table', table);

      expect({ exitCode, err }).toEqual({ exitCode: 1, err: expect.stringContaining(problem) });
      expect(err).toContain('Hint: ');
    }
  },
  LIMIT_MS,
);

it(
  'keeps to a projection of the table, if its stream has the images that this takes',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ferry-own-table-'));
    const config = join(folder, 'ferry.json');
    const keepItems = { attribute: 'order', between: [{ N: '3' }, { N: '12' }] };
    const table = { table: 'Anything', create: true, partitionKey: { name: 'order', type: 'N' } };
    const replication = {
      name: 'kept',
      source: { region: 'us-east-1', ...table },
      destination: { region: 'eu-west-1', ...table },
      projection: { keepItems, attributes: { rename: { what: 'kind' } } },
    };
    writeFileSync(config, JSON.stringify({ replications: [replication] }));
    await createTable('Kept');
    for (let order = 1; order <= 30; order += 1) await put('Kept', order);
    await turnStreamOn('Kept', 'NEW_AND_OLD_IMAGES');
    await put('Kept', 7);
    await put('Kept', 31);
    await createTable('NewOnly');
    await turnStreamOn('NewOnly', 'NEW_IMAGE');
    const options = ['--config', config, '--source-endpoint', engine.endpoint, '--source-table'];

    const kept = await ferryLocal(...options, 'Kept', '--json');
    const refused = await ferryLocal(...options, 'NewOnly');
    rmSync(folder, { recursive: true });

    expect(kept.exitCode).toBe(0);
    expect(JSON.parse(kept.out)).toMatchObject({ items: 10, leftOut: 21, differences: 0 });
    expect(refused).toMatchObject({
      exitCode: 1,
      err: expect.stringMatching(
        /a stream of NEW_IMAGE only; the projection needs new and old images.*StreamViewType=NEW_AND_OLD_IMAGES/s,
      ) as string,
    });
  },
  LIMIT_MS,
);

it(
  'ends on an engine that has no streams, and leaves no table there',
  async () => {
    const proxy = await startFaultProxy({ upstream: engine.endpoint });
    try {
      proxy.inject({ kind: 'deny', operations: ['DescribeStream'] });

      const { exitCode, err } = await ferryLocal('--source-endpoint', proxy.endpoint);

      expect({ exitCode, err }).toEqual({
        exitCode: 1,
        err: expect.stringMatching(/The stream arn:\S+ cannot be read at \S+: AccessDenied/),
      });
      const { TableNames = [] } = await client.send(new ListTablesCommand({}));
      expect(TableNames.filter((name) => name.startsWith('ferry-local-'))).toEqual([]);
    } finally {
      await proxy.stop();
    }
  },
  LIMIT_MS,
);

it('asks for the endpoint of a table that is there already', async () => {
  const { exitCode, err } = await ferryLocal('--source-table', 'Orders');

  expect({ exitCode, err }).toEqual({
    exitCode: 2,
    err: expect.stringContaining('--source-table needs --source-endpoint'),
  });
});
