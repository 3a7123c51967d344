import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type AttributeValue,
  CreateTableCommand,
  DeleteItemCommand,
  DynamoDBClient,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import type { DynamoDBRecord } from 'aws-lambda';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { dynamoDbStreamReader } from '../../src/aws/dynamodb-streams.ts';
import {
  type EmbeddedDynamoDb,
  startEmbeddedDynamoDb,
} from '../../src/local/engine/embedded-dynamodb.ts';
import type { StreamReader } from '../../src/ports.ts';

const STREAM_ARN =
  'arn:aws:dynamodb:us-east-1:000000000000:table/Orders/stream/2026-01-01T00:00:00';
const here = process.platform === 'linux' && process.arch === 'x64';
const clientConfig = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  maxAttempts: 1,
};

async function allRecords(reader: StreamReader, after?: string): Promise<DynamoDBRecord[]> {
  const records: DynamoDBRecord[] = [];
  for (const { shardId } of await reader.shards()) {
    let iterator: string | undefined = await reader.open(shardId, after);
    for (let empty = 0; iterator !== undefined && empty < 2; ) {
      const page = await reader.read(iterator, 1_000);
      records.push(...page.records);
      empty = page.records.length === 0 ? empty + 1 : 0;
      iterator = page.nextIterator;
    }
  }
  return records;
}

describe.runIf(here)('reading the stream of the embedded engine', () => {
  let engine: EmbeddedDynamoDb;
  let table: DynamoDBClient;
  let streams: DynamoDBStreamsClient;

  beforeAll(async () => {
    engine = await startEmbeddedDynamoDb();
    table = new DynamoDBClient({ ...clientConfig, endpoint: engine.endpoint });
    streams = new DynamoDBStreamsClient({ ...clientConfig, endpoint: engine.endpoint });
  });

  afterAll(async () => {
    table.destroy();
    streams.destroy();
    await engine.stop();
  });

  async function createTable(name: string): Promise<{ streamArn: string; reader: StreamReader }> {
    const { TableDescription } = await table.send(
      new CreateTableCommand({
        TableName: name,
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        BillingMode: 'PAY_PER_REQUEST',
        StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
      }),
    );
    const streamArn = TableDescription?.LatestStreamArn ?? '';
    return { streamArn, reader: dynamoDbStreamReader(streams, streamArn) };
  }

  const put = (TableName: string, pk: string, rest: Record<string, AttributeValue> = {}) =>
    table.send(new PutItemCommand({ TableName, Item: { pk: { S: pk }, ...rest } }));

  it('shows a record as a Lambda event does, with every type at every depth', async () => {
    const { streamArn, reader } = await createTable('EveryType');
    const bytes = new Uint8Array([0, 1, 254, 255]);
    const before = Math.floor(Date.now() / 1000);

    await put('EveryType', 'a', {
      b: { B: bytes },
      bs: { BS: [bytes, new Uint8Array([7])] },
      l: { L: [{ B: bytes }, { M: { deep: { BS: [bytes] } } }, { L: [] }] },
      m: { M: { __proto__x: { S: '' }, b: { B: new Uint8Array() }, none: { NULL: true } } },
      n: { N: '12345678901234567890.123456789012345678' },
      ns: { NS: ['-1.5'] },
      ss: { SS: ['ä'] },
      no: { BOOL: false },
    });
    const [record] = await allRecords(reader);

    expect(JSON.parse(JSON.stringify(record))).toEqual({
      eventID: expect.any(String),
      eventName: 'INSERT',
      eventVersion: '1.1',
      eventSource: 'aws:dynamodb',
      eventSourceARN: streamArn,
      awsRegion: expect.any(String),
      dynamodb: {
        ApproximateCreationDateTime: expect.any(Number),
        Keys: { pk: { S: 'a' } },
        NewImage: {
          pk: { S: 'a' },
          b: { B: 'AAH+/w==' },
          bs: { BS: expect.arrayContaining(['AAH+/w==', 'Bw==']) },
          l: { L: [{ B: 'AAH+/w==' }, { M: { deep: { BS: ['AAH+/w=='] } } }, { L: [] }] },
          m: { M: { __proto__x: { S: '' }, b: { B: '' }, none: { NULL: true } } },
          n: { N: '12345678901234567890.123456789012345678' },
          ns: { NS: ['-1.5'] },
          ss: { SS: ['ä'] },
          no: { BOOL: false },
        },
        SequenceNumber: expect.stringMatching(/^\d+$/),
        SizeBytes: expect.any(Number),
        StreamViewType: 'NEW_AND_OLD_IMAGES',
      },
    });
    const createdAt = record?.dynamodb?.ApproximateCreationDateTime ?? 0;
    expect(createdAt).toBeGreaterThanOrEqual(before);
    expect(createdAt).toBeLessThanOrEqual(Date.now() / 1000);
  });

  it('gives a delete of the application no identity', async () => {
    const { reader } = await createTable('Deletes');
    await put('Deletes', 'a');
    await table.send(new DeleteItemCommand({ TableName: 'Deletes', Key: { pk: { S: 'a' } } }));

    const records = await allRecords(reader);

    expect(records.map(({ eventName }) => eventName)).toEqual(['INSERT', 'REMOVE']);
    expect(records[1]).not.toHaveProperty('userIdentity');
    expect(records[1]?.dynamodb).toMatchObject({ OldImage: { pk: { S: 'a' } } });
    expect(records[1]?.dynamodb).not.toHaveProperty('NewImage');
  });

  it('reads on behind a sequence number, past the ones that text order misplaces', async () => {
    const { reader } = await createTable('Resumed');
    for (let index = 1; index <= 12; index += 1) await put('Resumed', `item ${index}`);
    const all = (await allRecords(reader)).map((record) => record.dynamodb?.SequenceNumber);

    const behindNinth = await allRecords(reader, all[8]);

    expect(all).toHaveLength(12);
    expect(behindNinth.map((record) => record.dynamodb?.SequenceNumber)).toEqual(all.slice(9));
  });

  it('gives no more records than asked for, and an open shard always goes on', async () => {
    const { reader } = await createTable('Paged');
    for (let index = 1; index <= 5; index += 1) await put('Paged', `item ${index}`);
    const [shard] = await reader.shards();

    const sizes: number[] = [];
    let iterator = await reader.open(shard?.shardId ?? '');
    for (let read = 0; read < 5; read += 1) {
      const page = await reader.read(iterator, 2);
      sizes.push(page.records.length);
      expect(page.nextIterator).toBeDefined();
      iterator = page.nextIterator ?? '';
    }

    expect(sizes).toEqual([2, 2, 1, 0, 0]);
  });

  it('refuses a sequence number that the engine would take for the beginning', async () => {
    const { reader } = await createTable('Refused');
    const [shard] = await reader.shards();

    await expect(reader.open(shard?.shardId ?? '', 'latest')).rejects.toMatchObject({
      code: 'stream.unreadable',
    });
    await expect(reader.open(shard?.shardId ?? '', '')).rejects.toThrow(/1 to 40 digits/);
  });

  it('lists the shard of a table that nobody has written to', async () => {
    const { reader } = await createTable('Empty');

    expect(await reader.shards()).toHaveLength(1);
    expect(await allRecords(reader)).toEqual([]);
  });
});

interface Call {
  readonly operation: string;
  readonly body: Record<string, unknown>;
}

describe('reading what a service sends over the wire', () => {
  const cleanups: Array<() => void> = [];

  afterEach(() => {
    for (const cleanup of cleanups.splice(0)) cleanup();
  });

  /** A service that answers every call with what `answer` says. */
  async function serve(answer: (call: Call) => object, status = 200) {
    const calls: Call[] = [];
    const server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk) => (text += String(chunk)));
      request.on('end', () => {
        const operation = String(request.headers['x-amz-target']).split('.')[1] ?? '';
        const call = { operation, body: JSON.parse(text) as Call['body'] };
        calls.push(call);
        response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
        response.end(JSON.stringify(answer(call)));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const client = new DynamoDBStreamsClient({ ...clientConfig, endpoint });
    cleanups.push(
      () => client.destroy(),
      () => server.close(),
    );
    return { reader: dynamoDbStreamReader(client, STREAM_ARN), calls };
  }

  const wireRecord = (fields: object = {}, change: object = {}) => ({
    eventName: 'REMOVE',
    dynamodb: { Keys: { pk: { S: 'a' } }, SequenceNumber: '111', ...change },
    ...fields,
  });

  async function readOne(record: object): Promise<DynamoDBRecord | undefined> {
    const { reader } = await serve(() => ({ Records: [record], NextShardIterator: 'next' }));
    return (await reader.read('iterator', 10)).records[0];
  }

  it('collects the shards of all pages, with their parents', async () => {
    const { reader, calls } = await serve(({ body }) =>
      body['ExclusiveStartShardId'] === 'shard-2'
        ? { StreamDescription: { Shards: [{ ShardId: 'shard-3', ParentShardId: 'shard-1' }] } }
        : {
            StreamDescription: {
              Shards: [{ ShardId: 'shard-1' }, { ShardId: 'shard-2' }],
              LastEvaluatedShardId: 'shard-2',
            },
          },
    );

    expect(await reader.shards()).toEqual([
      { shardId: 'shard-1', parentShardIds: [] },
      { shardId: 'shard-2', parentShardIds: [] },
      { shardId: 'shard-3', parentShardIds: ['shard-1'] },
    ]);
    expect(calls).toHaveLength(2);
  });

  it('starts at the horizon, or behind a sequence number of 40 digits', async () => {
    const { reader, calls } = await serve(() => ({ ShardIterator: 'iterator' }));

    await reader.open('shard-1');
    await reader.open('shard-1', '9'.repeat(40));

    const where = { StreamArn: STREAM_ARN, ShardId: 'shard-1' };
    expect(calls.map(({ body }) => body)).toEqual([
      { ...where, ShardIteratorType: 'TRIM_HORIZON' },
      {
        ...where,
        ShardIteratorType: 'AFTER_SEQUENCE_NUMBER',
        SequenceNumber: '9'.repeat(40),
      },
    ]);
  });

  it('never asks for more than 1,000 records', async () => {
    const { reader, calls } = await serve(() => ({ Records: [], NextShardIterator: 'next' }));

    await reader.read('iterator', 10_000);

    expect(calls[0]?.body).toMatchObject({ Limit: 1_000 });
  });

  it('ends a shard only where there is no next iterator', async () => {
    const { reader } = await serve(() => ({ Records: [wireRecord()] }));

    const page = await reader.read('iterator', 10);

    expect(page.records).toHaveLength(1);
    expect(page.nextIterator).toBeUndefined();
  });

  it.each([
    ['as the API names it', { Type: 'Service', PrincipalId: 'dynamodb.amazonaws.com' }],
    ['as the embedded engine names it', { type: 'Service', principalId: 'dynamodb.amazonaws.com' }],
  ])('recognizes a delete by TTL %s', async (_name, userIdentity) => {
    expect(await readOne(wireRecord({ userIdentity }))).toMatchObject({
      userIdentity: { type: 'Service', principalId: 'dynamodb.amazonaws.com' },
    });
  });

  it('keeps another identity as it is', async () => {
    const record = await readOne(wireRecord({ userIdentity: { PrincipalId: 'somebody' } }));

    expect(record?.userIdentity).toEqual({ principalId: 'somebody' });
  });

  it('turns a creation time into epoch seconds', async () => {
    const record = await readOne(wireRecord({}, { ApproximateCreationDateTime: 1_795_223_595 }));

    expect(record?.dynamodb?.ApproximateCreationDateTime).toBe(1_795_223_595);
  });

  it.each([
    ['an attribute of an unknown type', { NewImage: { q: { Q: 'qubit' } } }, /unknown type "Q"/],
    ['one deep inside', { NewImage: { l: { L: [{ M: { q: { Q: 1 } } }] } } }, /unknown type "Q"/],
    ['a value that the SDK loses', { NewImage: JSON.parse('{"__proto__":{"S":"x"}}') }, /lost/],
    ['a record without a sequence number', { SequenceNumber: undefined }, /1 to 40 digits/],
    ['a sequence number that is none', { SequenceNumber: '0x1f' }, /1 to 40 digits/],
  ])('refuses %s instead of passing it on', async (_name, change, message) => {
    const reading = readOne(wireRecord({}, change));

    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toMatchObject({ code: 'stream.unreadable' });
  });

  it('rejects with the name of the service’s own error', async () => {
    const { reader } = await serve(
      () => ({
        __type: 'com.amazonaws.dynamodb.v20120810#ExpiredIteratorException',
        message: 'old',
      }),
      400,
    );

    await expect(reader.read('iterator', 1)).rejects.toMatchObject({
      name: 'ExpiredIteratorException',
    });
  });
});
