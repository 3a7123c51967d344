// The table libraries that are downloaded most from npm, by their public commands: none of them knows of the plug-in.

import { DynamoDB, ScanCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import {
  $add,
  BatchPutRequest,
  BatchWriteCommand,
  DeleteItemCommand,
  Entity as ToolboxEntity,
  executeBatchWrite,
  executeTransactWrite,
  GetItemCommand,
  item,
  number,
  PutItemCommand,
  PutTransaction,
  string,
  Table,
  UpdateAttributesCommand,
  UpdateItemCommand as ToolboxUpdate,
  UpdateTransaction,
} from 'dynamodb-toolbox';
import dynamoose from 'dynamoose';
import { Entity, Service } from 'electrodb';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Item } from '../../src/model/attribute-value.ts';
import { assertStamped, ferryStamp } from '../../src/stamp/index.ts';
import { useEngine } from '../fixtures/engine.ts';
import { LATER_VERSION, versionOf } from './stamped-clients.ts';

const TABLES = ['Electro', 'Moose', 'Toolbox'];
const STAMP = ferryStamp({ epoch: 1, origin: 'source', tables: TABLES });

const engine = useEngine();
let client: DynamoDB;
let document: DynamoDBDocumentClient;
beforeAll(async () => {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  client = new DynamoDB({ region: 'eu-west-1', endpoint: engine().endpoint, credentials });
  client.middlewareStack.use(STAMP);
  document = DynamoDBDocumentClient.from(client);
  assertStamped(document, TABLES);
  for (const table of TABLES) {
    const keys = table === 'Electro' ? ['pk', 'sk'] : ['id'];
    await engine().createTable(
      table,
      keys.map((name) => ({ name, type: 'S' as const })),
    );
  }
});

/** The item of an order, whatever its key. */
async function found(table: string, order: string): Promise<Item | undefined> {
  const { Items: items = [] } = await engine().client.send(new ScanCommand({ TableName: table }));
  return items.find((item) => JSON.stringify(item).includes(`"${order}"`));
}

/** As a host whose clock is ahead has stamped it. */
async function stampLater(table: string, order: string): Promise<void> {
  const { pk, sk, id } = (await found(table, order)) ?? {};
  const update = {
    TableName: table,
    Key: (pk === undefined ? { id } : { pk, sk }) as Item,
    UpdateExpression: 'SET #f.#v = :v',
    ExpressionAttributeNames: { '#f': '_ferry', '#v': 'v' },
    ExpressionAttributeValues: { ':v': { S: LATER_VERSION } },
  };
  await engine().client.send(new UpdateItemCommand(update));
}

interface Library {
  /** Each writes the order of its name, with a total of 1. */
  readonly inserts: Readonly<Record<string, (order: string) => Promise<unknown>>>;
  /** Each changes an order that is there, from a total of 1 to one of 2. */
  readonly changes: Readonly<Record<string, (order: string) => Promise<unknown>>>;
  /** Fails where the order is there. */
  create(order: string): Promise<unknown>;
  read(order: string): Promise<unknown>;
  remove(order: string): Promise<unknown>;
}

describe.each([
  ['electrodb', 'Electro', electrodb],
  ['dynamoose', 'Moose', dynamooseOrders],
  ['dynamodb-toolbox', 'Toolbox', toolbox],
])('%s', (_, table, open) => {
  const names = (part: 'inserts' | 'changes') => {
    const library = open();
    return Object.keys(library[part]);
  };

  it.each(names('inserts'))('stamps %s', async (command) => {
    await open().inserts[command]?.(command);

    const item = await found(table, command);
    expect(item).toMatchObject({ total: { N: '1' } });
    expect(versionOf(item)).not.toBe('');
  });

  it.each(names('changes'))('stamps %s, above a later version', async (command) => {
    const library = open();
    await library.create(command);
    await stampLater(table, command);

    await library.changes[command]?.(command);

    const item = await found(table, command);
    expect(item).toMatchObject({ total: { N: '2' } });
    expect(versionOf(item) > LATER_VERSION).toBe(true);
  });

  it('keeps the conditions that it makes', async () => {
    const library = open();
    await library.create('once');
    const before = await found(table, 'once');

    await expect(library.create('once')).rejects.toThrow(/conditional request failed/i);
    expect(await found(table, 'once')).toEqual(before);
  });

  it('reads what it has written, and removes it', async () => {
    const library = open();
    await library.create('gone');

    expect(await library.read('gone')).toEqual({ id: 'gone', total: 1 });
    await library.remove('gone');
    expect(await found(table, 'gone')).toBeUndefined();
  });
});

function electrodb(): Library {
  const schema = {
    model: { entity: 'order', version: '1', service: 'shop' },
    attributes: {
      id: { type: 'string', required: true },
      total: { type: 'number' },
    },
    indexes: {
      byId: { pk: { field: 'pk', composite: ['id'] }, sk: { field: 'sk', composite: [] } },
    },
  } as const;
  const orders = new Entity(schema, { table: 'Electro', ...(document && { client: document }) });
  const shop = new Service({ orders }, { table: 'Electro', ...(document && { client: document }) });
  const order = (id: string) => ({ id, total: 1 });
  return {
    inserts: {
      put: (id) => orders.put(order(id)).go(),
      upsert: (id) => orders.upsert(order(id)).go(),
      'put of many': (id) => orders.put([order(id), order(`${id}, 2`)]).go(),
      'transaction.put': (id) =>
        shop.transaction.write(({ orders }) => [orders.put(order(id)).commit()]).go(),
      'transaction.create': (id) =>
        shop.transaction.write(({ orders }) => [orders.create(order(id)).commit()]).go(),
    },
    changes: {
      update: (id) => orders.update({ id }).set({ total: 2 }).go({ response: 'all_new' }),
      patch: (id) => orders.patch({ id }).add({ total: 1 }).go(),
      'upsert of one that is there': (id) => orders.upsert({ id, total: 2 }).go(),
      'transaction.update': (id) =>
        shop.transaction
          .write(({ orders }) => [orders.update({ id }).set({ total: 2 }).commit()])
          .go(),
    },
    create: (id) => orders.create(order(id)).go(),
    read: async (id) => (await orders.get({ id }).go()).data,
    remove: (id) => orders.delete({ id }).go(),
  };
}

function dynamooseOrders(): Library {
  if (client) dynamoose.aws.ddb.set(client);
  const Order = dynamoose.model('Order', { id: String, total: Number });
  void new dynamoose.Table('Moose', [Order], { create: false, waitForActive: false });
  const order = (id: string) => ({ id, total: 1 });
  return {
    inserts: {
      save: (id) => new Order(order(id)).save(),
      batchPut: (id) => Order.batchPut([order(id), order(`${id}, 2`)]),
      'transaction.create': (id) => dynamoose.transaction([Order.transaction.create(order(id))]),
    },
    changes: {
      update: (id) => Order.update({ id }, { total: 2 }),
      'update with $ADD': (id) => Order.update({ id }, { $ADD: { total: 1 } }),
      'save of one that was read': async (id) => {
        const read = await Order.get(id);
        read['total'] = 2;
        await read.save();
      },
      'transaction.update': (id) =>
        dynamoose.transaction([Order.transaction.update({ id }, { $SET: { total: 2 } })]),
    },
    create: (id) => Order.create(order(id)),
    read: async (id) => (await Order.get(id)).toJSON(),
    remove: (id) => Order.delete(id),
  };
}

function toolbox(): Library {
  const table = new Table({
    name: 'Toolbox',
    partitionKey: { name: 'id', type: 'string' },
    ...(document && { documentClient: document }),
  });
  const orders = new ToolboxEntity({
    name: 'Order',
    table,
    schema: item({ id: string().key(), total: number().optional() }),
    timestamps: false,
    entityAttribute: false,
  });
  const order = (id: string) => ({ id, total: 1 });
  return {
    inserts: {
      PutItemCommand: (id) => orders.build(PutItemCommand).item(order(id)).send(),
      UpdateItemCommand: (id) => orders.build(ToolboxUpdate).item(order(id)).send(),
      BatchWriteCommand: (id) =>
        executeBatchWrite(
          table.build(BatchWriteCommand).requests(orders.build(BatchPutRequest).item(order(id))),
        ),
      PutTransaction: (id) => executeTransactWrite(orders.build(PutTransaction).item(order(id))),
    },
    changes: {
      'UpdateItemCommand with $add': (id) =>
        orders
          .build(ToolboxUpdate)
          .item({ id, total: $add(1) })
          .options({ returnValues: 'ALL_NEW' })
          .send(),
      UpdateAttributesCommand: (id) =>
        orders.build(UpdateAttributesCommand).item({ id, total: 2 }).send(),
      UpdateTransaction: (id) =>
        executeTransactWrite(orders.build(UpdateTransaction).item({ id, total: 2 })),
    },
    create: (id) =>
      orders
        .build(PutItemCommand)
        .item(order(id))
        .options({ condition: { attr: 'id', exists: false } })
        .send(),
    read: async (id) => (await orders.build(GetItemCommand).key({ id }).send()).Item,
    remove: (id) => orders.build(DeleteItemCommand).key({ id }).send(),
  };
}
