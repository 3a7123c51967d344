import { afterAll, expect, it } from 'vitest';
import { fixedCredentials } from '../../src/aws/access.ts';
import { dynamoDbReader, readClient } from '../../src/aws/dynamodb-reader.ts';
import type { Item } from '../../src/ports.ts';
import { useEngine } from '../fixtures/engine.ts';
import { putAll } from '../fixtures/two-regions.ts';
import { wireCall, wireJson } from '../fixtures/wire.ts';

const engine = useEngine();
const closing: Array<() => void> = [];
afterAll(() => closing.forEach((close) => close()));

function reader(table: string) {
  const client = readClient({
    region: 'eu-west-1',
    endpoint: engine().endpoint,
    credentials: fixedCredentials({ accessKeyId: 'test', secretAccessKey: 'test' }),
  });
  closing.push(() => client.destroy());
  return dynamoDbReader(client, { table, keyAttributes: ['pk', 'sk'] });
}

it('reads every item exactly once, in segments and pages', async () => {
  await engine().createTable('scanned', [
    { name: 'pk', type: 'S' },
    { name: 'sk', type: 'N' },
  ]);
  const items = Array.from({ length: 100 }, (_, index) => ({
    pk: { S: `a-${index % 30}` },
    sk: { N: String(index) },
    more: { S: 'x' },
  }));
  await putAll(engine(), 'scanned', items);
  const table = reader('scanned');
  const found: string[] = [];
  let units = 0;

  for (let segment = 0; segment < 3; segment += 1) {
    let after: Item | undefined;
    do {
      const page = await table.scan({ segment, totalSegments: 3, after, limit: 7 });
      expect(page.items.length).toBeLessThanOrEqual(7);
      found.push(...page.items.map(({ sk }) => sk?.N ?? ''));
      units += page.readUnits;
      after = page.next;
    } while (after !== undefined);
  }

  expect(found.toSorted()).toEqual(items.map(({ sk }) => sk.N).toSorted());
  expect(units).toBeGreaterThan(0);
  expect(table.keyOf(items[7] as Item)).toEqual({ pk: { S: 'a-7' }, sk: { N: '7' } });
});

it('tells apart what the SDK cannot read whole, and does not pass it for an item', async () => {
  await engine().createTable('mutilated', [{ name: 'pk', type: 'S' }]);
  for (const [pk, attributes] of [
    ['top', '"__proto__":{"S":"lost"}'],
    ['nested', '"a":{"L":[{"M":{"__proto__":{"S":"kept"}}}]}'],
  ] as const) {
    const Item = JSON.parse(`{"pk":{"S":"${pk}"},${attributes}}`) as object;
    await wireCall(engine().endpoint, 'PutItem', { TableName: 'mutilated', Item });
  }
  const table = reader('mutilated');

  const page = await table.scan({ segment: 0, totalSegments: 1 });

  expect(page.items.map(({ pk }) => pk?.S)).toEqual(['nested']);
  const reason = expect.stringContaining('called __proto__') as string;
  expect(page.unreadable).toEqual([{ key: { pk: { S: 'top' } }, reason }]);
  await expect(table.get({ pk: { S: 'top' } })).rejects.toMatchObject({ code: 'item.unreadable' });
  expect(wireJson(await table.get({ pk: { S: 'nested' } }))).toContain('"__proto__":{"S":"kept"}');
  expect(await table.get({ pk: { S: 'nowhere' } })).toBeUndefined();
});
