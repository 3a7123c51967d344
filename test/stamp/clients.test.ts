import {
  BatchExecuteStatementCommand,
  DynamoDB,
  DynamoDBClient,
  ExecuteStatementCommand,
  ExecuteTransactionCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { DynamoDBDocument, DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it, vi } from 'vitest';
import { assertStamped, ferryStamp } from '../../src/stamp/index.ts';
import { OPTIONS, recordedBodies } from './stamped-clients.ts';

/** Its requests end before the network, with an empty answer. */
function offline(client = new DynamoDBClient(CONFIG)) {
  return { client, bodies: recordedBodies(client) };
}

const CONFIG = {
  region: 'eu-west-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  requestHandler: {
    handle: () =>
      Promise.resolve({
        response: { statusCode: 200, headers: {}, body: new TextEncoder().encode('{}') },
      }),
  },
} as never;
const PUT = { TableName: 'Orders', Item: { id: { S: 'a' } } };

/** As clients before 3.940.0: their commands bring the serializer, and a newer document client looks for it in the client. */
function makeOld({ middlewareStack }: DynamoDBClient): void {
  for (const name of ['serializerMiddleware', 'deserializerMiddleware'])
    middlewareStack.remove(name);
}

describe('the plug-in fits', () => {
  it.each([
    ['DynamoDBClient', () => new DynamoDBClient(CONFIG)],
    ['DynamoDB', () => new DynamoDB(CONFIG)],
    ['DynamoDBDocumentClient', () => DynamoDBDocumentClient.from(new DynamoDBClient(CONFIG))],
    ['DynamoDBDocument', () => DynamoDBDocument.from(new DynamoDB(CONFIG))],
  ])('%s', async (_, create) => {
    const client = create();
    const bodies = recordedBodies(client);
    client.middlewareStack.use(ferryStamp(OPTIONS));

    assertStamped(client, ['Orders']);
    await client.send(new PutItemCommand(PUT));

    expect(bodies[0]).toContain('_ferry');
  });

  it('a document client that was made before or after', async () => {
    const { client, bodies } = offline();
    const before = DynamoDBDocumentClient.from(client);
    client.middlewareStack.use(ferryStamp(OPTIONS));
    const after = DynamoDBDocumentClient.from(client);

    for (const document of [before, after]) {
      assertStamped(document);
      await document.send(new PutCommand({ TableName: 'Orders', Item: { id: 'a' } }));
    }

    expect(bodies.filter((body) => body.includes('"_ferry":{"M":{"v":{"S":'))).toHaveLength(2);
  });

  it('one client twice, with one stamp', async () => {
    const { client, bodies } = offline();
    const [first, second] = [ferryStamp(OPTIONS), ferryStamp(OPTIONS)];
    client.middlewareStack.use(first);
    client.middlewareStack.use(first);
    client.middlewareStack.use(second);

    await client.send(new PutItemCommand(PUT));

    expect(bodies[0]?.match(/attribute_not_exists/g)).toHaveLength(1);
    expect([first.stats().stamped, second.stats().stamped]).toEqual([0, 1]);
  });

  it('one client with two replications', async () => {
    const { client, bodies } = offline();
    client.middlewareStack.use(ferryStamp(OPTIONS));
    client.middlewareStack.use(ferryStamp({ ...OPTIONS, epoch: 7, tables: ['Customers'] }));

    assertStamped(client, ['Orders', 'Customers']);
    for (const TableName of ['Orders', 'Customers', 'Others'])
      await client.send(new PutItemCommand({ ...PUT, TableName }));

    const epochs = bodies.map((body) => /"v":\{"S":"(\d{4})/.exec(body)?.[1]);
    expect(epochs).toEqual(['0001', '0007', undefined]);
  });

  it('two clients of a process, whose stamps rise over both', async () => {
    const [one, other] = [offline(), offline()];
    for (const { client } of [one, other]) client.middlewareStack.use(ferryStamp(OPTIONS));
    const stamps: string[] = [];

    for (const { client, bodies } of [one, other, one, other]) {
      await client.send(new PutItemCommand(PUT));
      stamps.push(/"v":\{"S":"([^"]+)/.exec(bodies.at(-1) ?? '')?.[1] ?? '');
    }

    expect(stamps).toEqual(stamps.toSorted());
    expect(new Set(stamps).size).toBe(4);
  });
});

describe('tables are named', () => {
  const ARN = 'arn:aws:dynamodb:eu-west-1:111122223333:table/Orders';

  it.each([
    ['Orders', 'Orders', true],
    ['Orders', ARN, true],
    ['Orders', 'OrdersOld', false],
    [ARN, ARN, true],
    [ARN, 'Orders', true],
    [ARN, ARN.replace('1111', '4444'), false],
  ])('%s in the options, and %s in a request: %s', async (table, TableName, isStamped) => {
    const { client, bodies } = offline();
    client.middlewareStack.use(ferryStamp({ ...OPTIONS, tables: [table] }));

    await client.send(new PutItemCommand({ ...PUT, TableName }));

    expect(bodies[0]?.includes('_ferry')).toBe(isStamped);
  });
});

describe('throws at start', () => {
  it('where a newer document client would replace the client', () => {
    const { client } = offline();
    makeOld(client);

    expect(() => client.middlewareStack.use(ferryStamp(OPTIONS))).toThrow(/3\.940\.0.*npm ls/s);
  });

  it('where a document client has replaced the client, and with it the plug-in', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const { client } = offline();
    client.middlewareStack.use(ferryStamp(OPTIONS));
    makeOld(client);

    const document = DynamoDBDocumentClient.from(client);

    expect(warn).toHaveBeenCalledWith(expect.stringContaining('incompatible version'));
    warn.mockRestore();
    expect(() => assertStamped(document)).toThrow(/does not stamp.*same version/s);
    expect(() => assertStamped(document, ['Orders'])).toThrow('writes of Orders');
  });

  it('where a client has no plug-in, or one for other tables', () => {
    const { client } = offline();

    expect(() => assertStamped(client)).toThrow('does not stamp writes');
    client.middlewareStack.use(ferryStamp(OPTIONS));
    expect(() => assertStamped(client, ['Orders', 'Customers'])).toThrow('writes of Customers.');
  });

  it('where two plug-ins have the same table', () => {
    const { client } = offline();
    client.middlewareStack.use(ferryStamp(OPTIONS));

    expect(() =>
      client.middlewareStack.use(ferryStamp({ ...OPTIONS, tables: ['Orders', 'Customers'] })),
    ).toThrow('for the table "Orders" already');
  });

  it('where options are wrong, with all that is wrong', () => {
    const options = { epoch: 0, origin: 'eu-west-1', tables: [], reservedAttribute: '' };

    expect(() => ferryStamp(options as never)).toThrow(
      /epoch must be .* 1 to 9999, got 0; origin .*"eu-west-1"; tables .*\[\]; reservedAttribute .*""/,
    );
  });
});

describe('refuses before it sends', () => {
  const Statement = `update "Customers" set n = 1 where id = 'a'`;

  it.each([
    ['a statement', new ExecuteStatementCommand({ Statement })],
    [
      'a batch of statements',
      new BatchExecuteStatementCommand({
        Statements: [{ Statement: 'SELECT * FROM Orders' }, { Statement }],
      }),
    ],
    [
      'a transaction of statements',
      new ExecuteTransactionCommand({ TransactStatements: [{ Statement }] }),
    ],
    ['Expected', new PutItemCommand({ ...PUT, Expected: { id: { Exists: false } } })],
    [
      'AttributeUpdates',
      new UpdateItemCommand({
        TableName: 'Orders',
        Key: PUT.Item,
        AttributeUpdates: { n: { Value: { N: '1' } } },
        ConditionalOperator: 'AND',
      }),
    ],
  ])('%s', async (_, command) => {
    const { client, bodies } = offline();
    client.middlewareStack.use(ferryStamp(OPTIONS));

    await expect(client.send(command as PutItemCommand)).rejects.toMatchObject({
      name: 'FerryStampError',
      message: expect.stringMatching(/\. Use /) as string,
    });
    expect(bodies).toEqual([]);
  });

  it.each([
    new ExecuteStatementCommand({ Statement: '\n select * from "Orders"' }),
    new PutItemCommand({ ...PUT, TableName: 'Others', Expected: { id: { Exists: false } } }),
  ])('but not what reads, or is of another table', async (command) => {
    const { client, bodies } = offline();
    client.middlewareStack.use(ferryStamp(OPTIONS));

    await client.send(command as PutItemCommand);

    expect(bodies).toHaveLength(1);
  });
});

it('takes the reserved attribute, the time and the random number as options', async () => {
  const { client, bodies } = offline();
  const options = { reservedAttribute: 'meta', now: () => 1_000, random: () => 0 };
  client.middlewareStack.use(ferryStamp({ ...OPTIONS, ...options }));

  await client.send(new PutItemCommand(PUT));

  const version = '0001.0000000001000.0000019000000000000000000000000000000001';
  expect(bodies[0]).toContain(`"meta":{"M":{"v":{"S":"${version}"}}}`);
});
