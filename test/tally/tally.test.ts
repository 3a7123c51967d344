// Writes counted in a third Region, on a real engine: an application of a Region that is no longer active is refused, and
// what had begun and never arrived makes its item stale.

import { randomUUID } from 'node:crypto';
import { DynamoDB } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openTally, TallyRefused, type TallyOptions } from '../../src/tally/index.ts';
import {
  isBehind,
  nextNumber,
  quarantineItem,
  raisedActive,
  tallyItem,
  tallyRowOf,
} from '../../src/tally/tally-row.ts';
import { useEngine } from '../fixtures/engine.ts';

const TALLY = 'orders-tally';
const ORDERS = 'Orders';
const STATE = 'ferry-orders-state';
const KEY = { pk: { S: 'order-ü' } };
const NOW_MS = Date.UTC(2026, 0, 31, 12);

const engine = useEngine();
let client: DynamoDB;
let replication: string;
beforeAll(async () => {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  client = new DynamoDB({ region: 'us-west-2', endpoint: engine().endpoint, credentials });
  await engine().createTable(TALLY, [{ name: 'id', type: 'S' }]);
  await engine().createTable(ORDERS, [{ name: 'pk', type: 'S' }]);
  await engine().createTable(`${STATE}-own`, [{ name: 'id', type: 'S' }]);
});
afterAll(() => client.destroy());
beforeEach(() => {
  replication = `r-${randomUUID().slice(0, 8)}`;
});

function tallyIn(region: string, more: Partial<TallyOptions> = {}) {
  const local = { client, table: ORDERS, stateTable: `${STATE}-own` };
  const now = () => NOW_MS;
  return openTally({ client, table: TALLY, replication, region, local, now, ...more });
}

const raise = (epoch: number, region: string) =>
  client.putItem(raisedActive(TALLY, { replication, epoch, region }));

describe('begin', () => {
  it('gives each write of an item a higher number', async () => {
    const tally = tallyIn('us-east-1');

    const numbers = [await tally.begin(KEY), await tally.begin(KEY), await tally.begin(KEY)];

    expect(numbers).toEqual([NOW_MS, NOW_MS + 1, NOW_MS + 2]);
    expect(await tally.begin({ pk: { S: 'other' } })).toBe(NOW_MS);
  });

  it('never gives the same number twice, with several writers at the same time', async () => {
    const tallies = Array.from({ length: 4 }, () => tallyIn('us-east-1'));

    const numbers = await Promise.all(tallies.map((tally) => tally.begin(KEY)));

    expect(new Set(numbers).size).toBe(tallies.length);
  });

  it('goes on above what an expired row had counted', async () => {
    const before = await tallyIn('us-east-1').begin(KEY);
    await client.deleteItem({ TableName: TALLY, Key: { id: tallyItemId() } });

    const later = tallyIn('us-east-1', { now: () => NOW_MS + 7 * 86_400_000 });

    expect(await later.begin(KEY)).toBeGreaterThan(before);
  });

  it('is refused in a Region that is not active, and counts nothing', async () => {
    const [east, west] = [tallyIn('us-east-1'), tallyIn('eu-west-1')];
    await east.begin(KEY);
    await raise(2, 'eu-west-1');

    await expect(east.begin(KEY)).rejects.toThrow(TallyRefused);

    expect(await west.begin(KEY)).toBe(NOW_MS + 1);
    // What is sent late by a switch before changes nothing.
    await expect(raise(1, 'us-east-1')).rejects.toThrow('conditional request failed');
    await expect(east.begin(KEY)).rejects.toThrow(TallyRefused);
    await raise(3, 'us-east-1');
    expect(await east.begin(KEY)).toBe(NOW_MS + 2);
  });

  it('rejects where the third Region does not answer: the application must not write', async () => {
    const failing = {
      getItem: client.getItem.bind(client),
      transactWriteItems: () => Promise.reject(new Error('no connection')),
    } as unknown as TallyOptions['client'];

    await expect(tallyIn('us-east-1', { client: failing }).begin(KEY)).rejects.toThrow(
      'no connection',
    );
  });

  it('gives up where other writes of the item are counted each time', async () => {
    const busy = {
      getItem: client.getItem.bind(client),
      transactWriteItems: () =>
        Promise.reject(
          Object.assign(new Error('cancelled'), {
            CancellationReasons: [{ Code: 'None' }, { Code: 'ConditionalCheckFailed' }],
          }),
        ),
    } as unknown as TallyOptions['client'];

    await expect(tallyIn('us-east-1', { client: busy }).begin(KEY)).rejects.toThrow(
      'counted 10 times in between',
    );
  });
});

function tallyItemId() {
  return tallyItem(replication, { key: KEY, n: 1 }, NOW_MS)['id'] ?? { S: '' };
}

describe('isStale', () => {
  it('is so from the quarantine on, until the item has the number', async () => {
    const tally = tallyIn('eu-west-1');
    await client.putItem({ TableName: ORDERS, Item: { ...KEY, _tally: { N: '4' } } });
    expect(await tally.isStale(KEY)).toBe(false);
    const Item = { ...quarantineItem(replication, { key: KEY, n: 5 }, NOW_MS) };

    await client.putItem({ TableName: `${STATE}-own`, Item });

    expect(await tally.isStale(KEY)).toBe(true);
    await client.putItem({ TableName: ORDERS, Item: { ...KEY, _tally: { N: '5' } } });
    expect(await tally.isStale(KEY)).toBe(false);
    await client.deleteItem({ TableName: ORDERS, Key: KEY });
    expect(await tally.isStale(KEY)).toBe(true);
  });

  it('needs to know where the state table is', async () => {
    await expect(tallyIn('eu-west-1', { local: undefined }).isStale(KEY)).rejects.toThrow('local');
  });
});

describe('rows', () => {
  it('are read as they were written, and others are passed over', () => {
    const row = tallyItem('orders', { key: KEY, n: 7 }, NOW_MS);

    expect(tallyRowOf('orders', row)).toEqual({ key: KEY, n: 7 });
    expect(tallyRowOf('order', row)).toBeUndefined();
    expect(tallyRowOf('orders', { ...row, n: { S: '7' } })).toBeUndefined();
    const { Item = {} } = raisedActive(TALLY, { replication: 'orders', epoch: 1, region: 'r' });
    expect(tallyRowOf('orders', Item)).toBeUndefined();
    expect(row['expiresAt']).toEqual({ N: `${NOW_MS / 1000 + 7 * 86_400}` });
  });

  it.each([
    [undefined, { _tally: { N: '1' } }, false],
    [2, { _tally: { N: '1' } }, true],
    [2, { _tally: { N: '2' } }, false],
    [2, { _tally: { S: '2' } }, true],
    [2, {}, true],
    [2, undefined, true],
  ])('%s against %j is behind: %s', (n, item, expected) => {
    expect(isBehind(n, item)).toBe(expected);
  });

  it('count from the time on', () => {
    expect(nextNumber(undefined, NOW_MS)).toBe(NOW_MS);
    expect(nextNumber({ n: { N: '41' } }, NOW_MS)).toBe(42);
  });
});
