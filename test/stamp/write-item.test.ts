import {
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { DeleteCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { originOf } from '../../src/model/clock-version.ts';
import { useEngine } from '../fixtures/engine.ts';
import {
  ITEM,
  LATER_ITEM,
  LATER_VERSION,
  loseAnswers,
  plainClient,
  recordedBodies,
  stampedClients,
  store,
  stored,
  versionOf,
} from './stamped-clients.ts';

const TableName = 'Orders';
const PUT = { TableName, Item: { ...ITEM, total: { N: '1' } } };
const UPDATE = { TableName, Key: ITEM, UpdateExpression: 'ADD clicks :one' };
const ONE = { ':one': { N: '1' } };

const engine = useEngine();
let plain: DynamoDBClient;
beforeAll(async () => {
  plain = plainClient(engine().endpoint);
  for (const table of ['Orders', 'Customers'])
    await engine().createTable(table, [{ name: 'id', type: 'S' }]);
});
beforeEach(async () => {
  for (const table of ['Orders', 'Customers'])
    await plain.send(new DeleteItemCommand({ TableName: table, Key: ITEM }));
});

const stamped = (options = {}) => stampedClients(engine().endpoint, options);

describe('every put and update has a stamp', () => {
  it.each([
    ['PutItem', new PutItemCommand(PUT)],
    ['UpdateItem', new UpdateItemCommand({ ...UPDATE, ExpressionAttributeValues: ONE })],
    ['UpdateItem without an expression', new UpdateItemCommand({ TableName, Key: ITEM })],
  ])('%s', async (_, command) => {
    const { client, stamp } = stamped({ origin: 'destination' });

    await client.send(command as PutItemCommand);

    const item = await stored(plain);
    expect(originOf(versionOf(item))).toBe(2);
    expect(Object.keys(item?.['_ferry']?.M ?? {})).toEqual(['v']);
    expect(stamp.stats()).toEqual({ stamped: 1, sentAgain: 0, foundMade: 0 });
  });

  it.each([
    ['put', new PutCommand({ TableName, Item: { id: 'a', tags: new Set(['x']) } })],
    [
      'update',
      new UpdateCommand({
        TableName,
        Key: { id: 'a' },
        UpdateExpression: 'set #n = :n',
        ExpressionAttributeNames: { '#n': 'n' },
        ExpressionAttributeValues: { ':n': { S: 'a map' } },
      }),
    ],
  ])('of a document client: %s', async (_, command) => {
    const { document } = stamped();

    await document.send(command as PutCommand);

    const item = await stored(plain);
    expect(versionOf(item)).not.toBe('');
    expect(item).toMatchObject(
      command instanceof PutCommand ? { tags: { SS: ['x'] } } : { n: { M: { S: { S: 'a map' } } } },
    );
  });

  it('with rising versions, in whatever order they arrive', async () => {
    const { client } = stamped();
    const puts = Array.from({ length: 30 }, (_, n) =>
      client.send(new PutItemCommand({ TableName, Item: { ...ITEM, n: { N: String(n) } } })),
    );
    await Promise.all(puts);
    const before = versionOf(await stored(plain));

    await client.send(new PutItemCommand(PUT));

    expect(before).not.toBe('');
    expect(versionOf(await stored(plain)) > before).toBe(true);
  });

  it('but deletes stay as they are, and so do other tables', async () => {
    const { client, document } = stamped();
    const bodies = recordedBodies(client);

    await client.send(new PutItemCommand({ ...PUT, TableName: 'Customers' }));
    await client.send(new DeleteItemCommand({ TableName, Key: ITEM }));
    await document.send(new DeleteCommand({ TableName, Key: { id: 'a' } }));

    expect(bodies).toHaveLength(3);
    expect(bodies.join('\n')).not.toMatch(/ferry|Condition/);
  });
});

describe('a later version', () => {
  it.each([
    ['a put', new PutItemCommand(PUT)],
    ['an update', new UpdateItemCommand({ ...UPDATE, ExpressionAttributeValues: ONE })],
  ])('does not stand in the way of %s, which goes above it', async (_, command) => {
    const { client, stamp } = stamped();
    await store(plain, LATER_ITEM);

    await client.send(command as PutItemCommand);
    await client.send(command as PutItemCommand);

    expect(versionOf(await stored(plain)) > LATER_VERSION).toBe(true);
    expect(stamp.stats()).toEqual({ stamped: 2, sentAgain: 2, foundMade: 0 });
  });

  it('that comes again and again ends in an error', async () => {
    const { client } = stamped();
    let ms = 4_102_444_800_000;
    client.middlewareStack.add(
      (next) => async (args) => {
        ms += 1_000;
        const v = { S: `0001.${ms}.${'0'.repeat(40)}` };
        await store(plain, { ...ITEM, _ferry: { M: { v } } });
        return next(args);
      },
      { step: 'finalizeRequest' },
    );

    await expect(client.send(new PutItemCommand(PUT))).rejects.toMatchObject({
      name: 'FerryStampError',
      code: 'stamp.contended',
      message: expect.stringContaining('refused 10 times') as string,
      cause: { name: 'ConditionalCheckFailedException' },
    });
  });

  it('that is not a version of Ferry’s ends in an error', async () => {
    const { client } = stamped();
    await store(plain, { ...ITEM, _ferry: { S: 'mine' } });

    await expect(client.send(new PutItemCommand(PUT))).rejects.toMatchObject({
      code: 'stamp.not-comparable',
    });
  });
});

describe('the condition of the caller', () => {
  const IS_NEW = { ConditionExpression: 'attribute_not_exists(id)' };

  it.each([
    ['an item without a version', ITEM],
    ['a later version, too', LATER_ITEM],
  ])('refuses with its own error: %s', async (_, item) => {
    const { client } = stamped();
    await store(plain, item);

    const error: unknown = await client
      .send(new PutItemCommand({ ...PUT, ...IS_NEW }))
      .catch((error: unknown) => error);

    const unstamped: unknown = await plain
      .send(new PutItemCommand({ ...PUT, ...IS_NEW }))
      .catch((error: unknown) => error);
    const seen = ({ name, message, Item, $fault }: { [name: string]: unknown }) => ({
      name,
      message,
      Item,
      $fault,
    });
    expect(seen(error as never)).toEqual(seen(unstamped as never));
    expect(await stored(plain)).toEqual(item);
  });

  it('gets the item in its way where it asks for it', async () => {
    const { document } = stamped();
    await store(plain, ITEM);
    const asked = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const };

    await expect(
      document.send(new PutCommand({ TableName, Item: { id: 'a' }, ...IS_NEW, ...asked })),
    ).rejects.toMatchObject({ name: 'ConditionalCheckFailedException', Item: ITEM });
  });

  it('holds with its names and values', async () => {
    const { client } = stamped();
    await store(plain, { ...ITEM, n: { N: '1' } });
    const update = {
      ...UPDATE,
      UpdateExpression: 'SET #ferry = :ferryV',
      ConditionExpression: '#ferry = :ferryStamp OR attribute_not_exists(id)',
      ExpressionAttributeNames: { '#ferry': 'n' },
      ExpressionAttributeValues: { ':ferryV': { N: '2' }, ':ferryStamp': { N: '1' } },
    };

    await client.send(new UpdateItemCommand(update));

    expect(await stored(plain)).toMatchObject({ n: { N: '2' } });
    await expect(client.send(new UpdateItemCommand(update))).rejects.toMatchObject({
      name: 'ConditionalCheckFailedException',
    });
  });
});

describe('a repetition after a lost answer', () => {
  it('has the same stamp, and succeeds', async () => {
    const { client, stamp } = stamped();
    const bodies = recordedBodies(client);
    loseAnswers(client);

    const IS_NEW = { ConditionExpression: 'attribute_not_exists(id)' };
    const output = await client.send(new PutItemCommand({ ...PUT, ...IS_NEW }));

    expect(output.Attributes).toBeUndefined();
    expect(output.$metadata.httpStatusCode).toBe(400);
    expect(bodies).toHaveLength(2);
    expect(bodies[0]).toBe(bodies[1]);
    expect(stamp.stats()).toEqual({ stamped: 1, sentAgain: 0, foundMade: 1 });
  });

  it('does not add twice, and returns the new values', async () => {
    const { client, document } = stamped();
    loseAnswers(client);

    const { Attributes } = await document.send(
      new UpdateCommand({
        TableName,
        Key: { id: 'a' },
        UpdateExpression: 'ADD clicks :one',
        ExpressionAttributeValues: { ':one': 1 },
        ReturnValues: 'ALL_NEW',
      }),
    );

    expect(Attributes).toMatchObject({ id: 'a', clicks: 1 });
    expect(await stored(plain)).toMatchObject({ clicks: { N: '1' } });
  });

  it.each(['ALL_OLD', 'UPDATED_OLD', 'UPDATED_NEW'] as const)(
    'cannot return %s, and says that the write was made',
    async (ReturnValues) => {
      const { client } = stamped();
      loseAnswers(client);
      const update = { ...UPDATE, ExpressionAttributeValues: ONE, ReturnValues };

      await expect(client.send(new UpdateItemCommand(update))).rejects.toMatchObject({
        code: 'stamp.answer-lost',
        message: expect.stringContaining('Do not write again') as string,
      });
      expect(await stored(plain)).toMatchObject({ clicks: { N: '1' } });
    },
  );
});
