import { Readable } from 'node:stream';
import {
  BatchWriteItemCommand,
  DeleteItemCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { BatchWriteCommand, DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addFigures } from '../../src/stamp/batch-figures.ts';
import { ferryStamp } from '../../src/stamp/index.ts';
import { useEngine } from '../fixtures/engine.ts';
import {
  failRequests,
  LATER_ITEM,
  LATER_VERSION,
  loseAnswers,
  OPTIONS,
  plainClient,
  recordedBodies,
  stampedClients,
  store,
  stored,
  versionOf,
} from './stamped-clients.ts';

const IDS = Array.from({ length: 25 }, (_, index) => `item-${index}`);
const put = (id: string) => ({ PutRequest: { Item: { id: { S: id }, n: { N: '1' } } } });
const remove = (id: string) => ({ DeleteRequest: { Key: { id: { S: id } } } });

const engine = useEngine();
let plain: DynamoDBClient;
beforeAll(async () => {
  plain = plainClient(engine().endpoint);
  for (const table of ['Orders', 'Customers'])
    await engine().createTable(table, [{ name: 'id', type: 'S' }]);
});
beforeEach(async () => {
  for (const id of ['a', 'b', ...IDS.slice(0, 3)])
    await plain.send(new DeleteItemCommand({ TableName: 'Orders', Key: { id: { S: id } } }));
});

const stamped = () => stampedClients(engine().endpoint);

describe('a batch', () => {
  it('becomes conditional puts, and leaves the rest one batch', async () => {
    const { client, stamp } = stamped();
    const bodies = recordedBodies(client);
    await store(plain, { id: { S: 'b' } });
    const RequestItems = {
      Orders: [put('a'), remove('b')],
      Customers: [put('c')],
    };

    const output = await client.send(new BatchWriteItemCommand({ RequestItems }));

    expect(output.UnprocessedItems).toEqual({});
    expect(bodies.map((body) => body.split(' ')[0])).toEqual(['BatchWriteItem', 'PutItem']);
    expect(bodies[0]).not.toContain('ferry');
    const item = await stored(plain);
    expect(item).toMatchObject({ n: { N: '1' } });
    expect(versionOf(item)).not.toBe('');
    expect(await stored(plain, 'b')).toBeUndefined();
    expect(await stored(plain, 'c', 'Customers')).toEqual(put('c').PutRequest.Item);
    expect(stamp.stats().stamped).toBe(1);
  });

  it('of a document client becomes conditional puts with its values', async () => {
    const { document } = stamped();
    const Item = { id: 'a', tags: new Set(['x']), when: { S: 'a map' } };

    await document.send(
      new BatchWriteCommand({ RequestItems: { Orders: [{ PutRequest: { Item } }] } }),
    );

    const item = await stored(plain);
    expect(item).toMatchObject({ tags: { SS: ['x'] }, when: { M: { S: { S: 'a map' } } } });
    expect(versionOf(item)).not.toBe('');
  });

  it('may have as many puts as the service allows', async () => {
    const { client } = stamped();

    await client.send(new BatchWriteItemCommand({ RequestItems: { Orders: IDS.map(put) } }));

    const items = await Promise.all(IDS.map((id) => stored(plain, id)));
    expect(items.filter((item) => versionOf(item) !== '')).toHaveLength(25);
    expect(new Set(items.map(versionOf)).size).toBe(25);
  });

  it('goes above later versions', async () => {
    const { client, stamp } = stamped();
    await store(plain, LATER_ITEM);

    await client.send(new BatchWriteItemCommand({ RequestItems: { Orders: [put('a')] } }));

    expect(versionOf(await stored(plain)) > LATER_VERSION).toBe(true);
    expect(stamp.stats().sentAgain).toBe(1);
  });

  it('is written once if an answer is lost', async () => {
    const { client, stamp } = stamped();
    loseAnswers(client);

    const RequestItems = { Orders: [put('a'), put('b')] };
    const { UnprocessedItems } = await client.send(new BatchWriteItemCommand({ RequestItems }));

    expect(UnprocessedItems).toEqual({});
    expect(stamp.stats()).toEqual({ stamped: 2, sentAgain: 0, foundMade: 1 });
  });

  it('without puts into stamped tables passes as it is', async () => {
    const { client } = stamped();
    const bodies = recordedBodies(client);
    const RequestItems = { Orders: [remove('a')], Customers: [put('a')] };

    await client.send(new BatchWriteItemCommand({ RequestItems }));

    expect(bodies).toEqual([`BatchWriteItem ${JSON.stringify({ RequestItems })}`]);
  });
});

describe('the answer to a batch', () => {
  it('adds the capacity of all puts, by table', async () => {
    const { client } = stamped();
    const RequestItems = { Orders: [put('a'), put('b')], Customers: [put('a')] };
    const input = { RequestItems, ReturnConsumedCapacity: 'TOTAL' as const };

    const { ConsumedCapacity = [] } = await client.send(new BatchWriteItemCommand(input));

    const units = ConsumedCapacity.map(({ TableName, CapacityUnits }) => [
      TableName,
      CapacityUnits,
    ]);
    expect(Object.fromEntries(units)).toEqual({ Orders: 2, Customers: 1 });
  });

  it('is right with two plug-ins in one client', async () => {
    const { client } = stamped();
    const others = { ...OPTIONS, epoch: 2, tables: ['Customers'] };
    client.middlewareStack.use(ferryStamp(others));
    const RequestItems = { Orders: [put('a'), remove('b')], Customers: [put('a'), put('b')] };
    const input = { RequestItems, ReturnConsumedCapacity: 'TOTAL' as const };

    const { ConsumedCapacity = [] } = await client.send(new BatchWriteItemCommand(input));

    const units = ConsumedCapacity.map(({ TableName, CapacityUnits }) => [
      TableName,
      CapacityUnits,
    ]);
    expect(Object.fromEntries(units)).toEqual({ Orders: 2, Customers: 2 });
    expect(versionOf(await stored(plain))).toMatch(/^0001/);
    expect(versionOf(await stored(plain, 'a', 'Customers'))).toMatch(/^0002/);
  });

  it('has the metrics of item collections, read from a stream', async () => {
    const body = { ItemCollectionMetrics: { ItemCollectionKey: { id: { S: 'a' } } } };
    const client = plainClient('http://127.0.0.1:9');
    client.config.requestHandler = {
      handle: () =>
        Promise.resolve({
          response: {
            statusCode: 200,
            headers: {},
            body: Readable.from([Buffer.from(JSON.stringify(body))]),
          },
        }),
    } as never;
    client.middlewareStack.use(ferryStamp(OPTIONS));
    const Orders = [{ PutRequest: { Item: { id: 'a' } } }];

    const { ItemCollectionMetrics } = await DynamoDBDocumentClient.from(client).send(
      new BatchWriteCommand({ RequestItems: { Orders }, ReturnItemCollectionMetrics: 'SIZE' }),
    );

    expect(ItemCollectionMetrics).toMatchObject({ Orders: [{ ItemCollectionKey: { id: 'a' } }] });
  });

  it('has the throttled puts as the caller gave them', async () => {
    const { client, document } = stamped();
    failRequests(client, 'ProvisionedThroughputExceededException', (body) => body.includes('"b"'));
    const requests = ['a', 'b'].map((id) => ({ PutRequest: { Item: { id, n: 1 } } }));

    const { UnprocessedItems } = await document.send(
      new BatchWriteCommand({ RequestItems: { Orders: requests } }),
    );

    expect(UnprocessedItems).toEqual({ Orders: [requests[1]] });
    expect(versionOf(await stored(plain))).not.toBe('');
  });

  it('is the error if all puts are throttled', async () => {
    const { client } = stamped();
    failRequests(client, 'ThrottlingException', () => true);
    const RequestItems = { Orders: [put('a'), put('b')] };

    await expect(client.send(new BatchWriteItemCommand({ RequestItems }))).rejects.toMatchObject({
      name: 'ThrottlingException',
    });
  });

  it.each([
    ['too many requests', [...IDS, 'x'].map(put)],
    ['an item that is put and deleted', [put('a'), remove('a')]],
    ['no attributes', [{ PutRequest: { Item: {} } }]],
  ])('is the error of the service: %s', async (_, Orders) => {
    const { client } = stamped();

    await expect(
      client.send(new BatchWriteItemCommand({ RequestItems: { Orders } })),
    ).rejects.toMatchObject({ name: 'ValidationException', $fault: 'client' });
    expect(await stored(plain)).toBeUndefined();
  });
});

it('sends no put of a batch that it cannot rewrite', async () => {
  const { client } = stamped();
  const bodies = recordedBodies(client);
  client.middlewareStack.add(
    (next) =>
      ({ input, ...args }) =>
        // Rebuilds the arguments, and so loses what other steps have noted on them.
        next({ input, request: args.request }),
    { step: 'serialize', priority: 'low' },
  );

  await expect(
    client.send(new BatchWriteItemCommand({ RequestItems: { Orders: [put('a')] } })),
  ).rejects.toMatchObject({ code: 'stamp.batch' });
  expect(bodies).toEqual([]);
});

it('adds up what the puts of a batch report', () => {
  const capacity = (TableName: string, units: number) => ({
    TableName,
    CapacityUnits: units,
    Table: { CapacityUnits: 1 },
    GlobalSecondaryIndexes: { byDay: { CapacityUnits: units - 1 } },
  });

  expect(
    addFigures([
      { ConsumedCapacity: [capacity('A', 2)], ItemCollectionMetrics: { A: [{ n: 1 }] } },
      { ConsumedCapacity: [capacity('A', 3)], ItemCollectionMetrics: { A: [{ n: 2 }] } },
      { ConsumedCapacity: [capacity('B', 4)] },
    ]),
  ).toEqual({
    ConsumedCapacity: [
      {
        TableName: 'A',
        CapacityUnits: 5,
        Table: { CapacityUnits: 2 },
        GlobalSecondaryIndexes: { byDay: { CapacityUnits: 3 } },
      },
      capacity('B', 4),
    ],
    ItemCollectionMetrics: { A: [{ n: 1 }, { n: 2 }] },
  });
});
