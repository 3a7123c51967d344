import {
  DeleteItemCommand,
  type DynamoDBClient,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
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

const Orders = { TableName: 'Orders' };
const Customers = { TableName: 'Customers' };
const key = (id: string) => ({ id: { S: id } });
const PUT = { Put: { ...Orders, Item: { ...ITEM, n: { N: '1' } } } };
const UPDATE = {
  Update: {
    ...Orders,
    Key: key('b'),
    UpdateExpression: 'ADD clicks :one',
    ExpressionAttributeValues: { ':one': { N: '1' } },
  },
};

const engine = useEngine();
let plain: DynamoDBClient;
beforeAll(async () => {
  plain = plainClient(engine().endpoint);
  for (const table of ['Orders', 'Customers'])
    await engine().createTable(table, [{ name: 'id', type: 'S' }]);
});
beforeEach(async () => {
  for (const id of ['a', 'b', 'c', 'd'])
    await plain.send(new DeleteItemCommand({ ...Orders, Key: key(id) }));
});

const stamped = () => stampedClients(engine().endpoint);
const transact = (TransactItems: object[], more = {}) =>
  new TransactWriteItemsCommand({ TransactItems, ...more });

describe('a transaction', () => {
  it('stamps its puts and updates, and nothing else', async () => {
    const { client, stamp } = stamped();
    const bodies = recordedBodies(client);
    await store(plain, key('c'));
    const others = [
      { Put: { ...Customers, Item: ITEM } },
      { Delete: { ...Orders, Key: key('c') } },
      {
        ConditionCheck: {
          ...Orders,
          Key: key('d'),
          ConditionExpression: 'attribute_not_exists(id)',
        },
      },
    ];

    await client.send(transact([PUT, UPDATE, ...others]));

    const [a, b] = [await stored(plain), await stored(plain, 'b')];
    expect(versionOf(b) > versionOf(a)).toBe(true);
    expect(b).toMatchObject({ clicks: { N: '1' } });
    const sent = JSON.parse(bodies[0]?.replace('TransactWriteItems ', '') ?? '') as {
      TransactItems: object[];
    };
    expect(sent.TransactItems.slice(2)).toEqual(others);
    expect(await stored(plain, 'c')).toBeUndefined();
    expect(stamp.stats().stamped).toBe(2);
  });

  it('of a document client has its values', async () => {
    const { document } = stamped();
    const Put = { ...Orders, Item: { id: 'a', tags: new Set(['x']) } };
    const Update = { ...Orders, Key: { id: 'b' }, UpdateExpression: undefined };

    await document.send(new TransactWriteCommand({ TransactItems: [{ Put }, { Update }] }));

    expect(await stored(plain)).toMatchObject({ tags: { SS: ['x'] } });
    expect(versionOf(await stored(plain))).not.toBe('');
    expect(versionOf(await stored(plain, 'b'))).not.toBe('');
  });

  it('goes above later versions, with a token of its own each time', async () => {
    const { client, stamp } = stamped();
    const bodies = recordedBodies(client);
    await store(plain, LATER_ITEM);

    await client.send(transact([UPDATE, PUT]));

    expect(versionOf(await stored(plain)) > LATER_VERSION).toBe(true);
    expect(await stored(plain, 'b')).toMatchObject({ clicks: { N: '1' } });
    expect(stamp.stats()).toEqual({ stamped: 2, sentAgain: 1, foundMade: 0 });
    const tokens = bodies.map((body) => /"ClientRequestToken":"([^"]+)"/.exec(body)?.[1]);
    expect(new Set(tokens).size).toBe(2);
    expect(tokens).not.toContain(undefined);
  });

  it('is written once if its answer is lost', async () => {
    const { client, stamp } = stamped();
    const bodies = recordedBodies(client);
    loseAnswers(client);

    await client.send(transact([PUT, UPDATE]));

    expect(bodies[0]).toBe(bodies[1]);
    expect(await stored(plain, 'b')).toMatchObject({ clicks: { N: '1' } });
    expect(stamp.stats().stamped).toBe(2);
  });

  it('is found made where the service has forgotten its token', async () => {
    const { client, stamp } = stamped();
    loseAnswers(client);
    client.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { body: string };
        request.body = request.body.replace(/,?"ClientRequestToken":"[^"]+"/, '');
        return next(args);
      },
      { step: 'build', priority: 'high' },
    );

    await client.send(transact([PUT, UPDATE]));

    expect(await stored(plain, 'b')).toMatchObject({ clicks: { N: '1' } });
    expect(stamp.stats()).toEqual({ stamped: 2, sentAgain: 0, foundMade: 1 });
  });
});

describe('the conditions of the caller', () => {
  const isNew = { ConditionExpression: 'attribute_not_exists(id)' };
  const asked = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const };
  const reasonsOf = async (client: DynamoDBClient, items: object[]) => {
    const error: unknown = await client.send(transact(items)).catch((error: unknown) => error);
    return error as { name: string; CancellationReasons: object[] };
  };

  it.each([
    ['not asked for', {}, undefined],
    ['asked for', asked, ITEM],
  ])('cancel it with their own reasons, the items being %s', async (_, more, Item) => {
    const { client } = stamped();
    await store(plain, ITEM);
    const items = [UPDATE, { Put: { ...PUT.Put, ...isNew, ...more } }];

    const error = await reasonsOf(client, items);

    expect(error.name).toBe('TransactionCanceledException');
    expect(error.CancellationReasons).toEqual((await reasonsOf(plain, items)).CancellationReasons);
    expect((error.CancellationReasons[1] as { Item?: object }).Item).toEqual(Item);
  });

  it('cancel it alone where a later version is in the way, too', async () => {
    const { client } = stamped();
    await store(plain, LATER_ITEM);
    await store(plain, key('b'));
    const items = [PUT, { Update: { ...UPDATE.Update, ...isNew } }];

    const { CancellationReasons } = await reasonsOf(client, items);

    expect(CancellationReasons).toMatchObject([
      { Code: 'None' },
      { Code: 'ConditionalCheckFailed' },
    ]);
  });

  it('keep the items of checks that ask for them', async () => {
    const { client } = stamped();
    await store(plain, key('d'));
    const ConditionCheck = { ...Orders, Key: key('d'), ...isNew, ...asked };

    const { CancellationReasons } = await reasonsOf(client, [PUT, { ConditionCheck }]);

    expect(CancellationReasons[1]).toMatchObject({ Item: key('d') });
  });
});

describe('a token of the caller', () => {
  const token = (ClientRequestToken: string) => ({ ClientRequestToken });

  it('stays what it is', async () => {
    const { client } = stamped();
    const bodies = recordedBodies(client);

    await client.send(transact([PUT], token('one')));

    expect(bodies[0]).toContain('"ClientRequestToken":"one"');
  });

  it('that the service does not take again ends in an error', async () => {
    const { client } = stamped();
    await store(plain, LATER_ITEM);
    let tries = 0;
    client.middlewareStack.add(
      (next) => (args) => {
        tries += 1;
        if (tries === 1) return next(args);
        throw Object.assign(new Error('mismatch'), {
          name: 'IdempotentParameterMismatchException',
        });
      },
      { step: 'finalizeRequest', priority: 'low' },
    );

    await expect(client.send(transact([PUT], token('two')))).rejects.toMatchObject({
      code: 'stamp.token-used',
    });
  });
});
