// The application of a run with switches: where it writes, what it refuses, and when it has left a table.

import { PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/aws/system-clock.ts';
import { type LocalRegion, openLocalRegion } from '../../src/local/engine/local-region.ts';
import { type Application, startApplication } from '../../src/local/failover/application.ts';
import { startFaultProxy } from '../../src/local/faults/fault-proxy.ts';

const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };
const PATIENCE = { timeout: 90_000, interval: 5 };

let region: LocalRegion;
let application: Application;
let count = 0;

beforeEach(async () => {
  region = await openLocalRegion({ region: 'us-east-1', credentials: CREDENTIALS });
  for (const table of ['here', 'there'])
    await region.createTable(table, { partitionKey: { name: 'pk', type: 'S' } });
  count = 0;
  application = startApplication({
    nextWrite: () => ({ kind: 'put', item: { pk: { S: `${(count += 1)}` } } }),
    writesPerSecond: 200,
    clock: systemClock,
  });
});
afterEach(async () => {
  await application.stop();
  await region.close();
});

async function itemsIn(TableName: string): Promise<number> {
  return (await region.client.send(new ScanCommand({ TableName }))).Count ?? 0;
}

it('refuses, and makes no write, until it has a table', async () => {
  await vi.waitUntil(() => application.refused > 5, PATIENCE);

  expect({ writes: application.writes, count }).toEqual({ writes: 0, count: 0 });
});

it('writes to one table at a time, and refuses between them', async () => {
  const { client } = region;
  await application.moveTo({ client, table: 'here' });
  await vi.waitUntil(() => application.writes > 5, PATIENCE);
  await application.moveTo(undefined);
  const [here, refused] = [await itemsIn('here'), application.refused];
  await vi.waitUntil(() => application.refused > refused + 5, PATIENCE);
  await application.moveTo({ client, table: 'there' });
  await vi.waitUntil(() => application.writes > here + 5, PATIENCE);
  await application.stop();

  expect(await itemsIn('here')).toBe(here);
  expect((await itemsIn('there')) + here).toBe(application.writes);
  expect(application.writes).toBe(count);
});

it('has left a table only when its last write there was answered', async () => {
  const proxy = await startFaultProxy({ upstream: region.endpoint });
  proxy.inject({ kind: 'slow', share: 1, ms: 400, operations: ['PutItem'] });
  const slow = await openLocalRegion({
    region: 'us-east-1',
    endpoint: proxy.endpoint,
    credentials: CREDENTIALS,
  });
  await slow.client.send(new PutItemCommand({ TableName: 'here', Item: { pk: { S: 'warm' } } }));

  await application.moveTo({ client: slow.client, table: 'here' });
  await vi.waitUntil(() => count > 3, PATIENCE);
  await application.moveTo(undefined);

  expect(application.writes).toBe(count);
  await slow.close();
  await proxy.stop();
});
