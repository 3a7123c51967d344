// Items drawn by chance from a real table.

import { describe, expect, it, beforeAll } from 'vitest';
import { dynamoDbReader, readClient } from '../../src/aws/dynamodb-reader.ts';
import { seededRandom } from '../../src/local/seeded-random.ts';
import type { ReadableTable, ScanPosition } from '../../src/ports.ts';
import { type Draw, drawItems } from '../../src/verify/sample-items.ts';
import { useEngine } from '../fixtures/engine.ts';
import { putAll } from '../fixtures/two-regions.ts';

const engine = useEngine();
const ITEMS = 300;
let reader: ReadableTable;
beforeAll(async () => {
  await engine().createTable('Orders', [{ name: 'pk', type: 'S' }]);
  const items = Array.from({ length: ITEMS }, (_, index) => ({ pk: { S: `item-${index}` } }));
  await putAll(engine(), 'Orders', items);
  const client = readClient({ region: 'us-east-1', endpoint: engine().endpoint });
  reader = dynamoDbReader(client, { table: 'Orders', keyAttributes: ['pk'] });
});

/** As DynamoDB would tell the size of a large table. */
const LARGE = { items: ITEMS, sizeBytes: 2 ** 30 };

async function draw(parts: Partial<Draw>) {
  const positions: ScanPosition[] = [];
  const scan = (position: ScanPosition) => {
    positions.push(position);
    return reader.scan(position);
  };
  const { items, ...drawn } = await drawItems(
    { scan },
    { wanted: 20, facts: LARGE, random: seededRandom(1), ...parts },
  );
  return { ...drawn, keys: items.map(({ pk }) => pk?.S), positions };
}

describe('a sample of items', () => {
  it('has a few of each of many segments of a large table', async () => {
    const { keys, positions, isWhole, readUnits } = await draw({});

    expect(isWhole).toBe(false);
    expect(keys).toHaveLength(20);
    expect(new Set(keys).size).toBe(20);
    expect(new Set(positions.map(({ segment }) => segment)).size).toBe(positions.length);
    expect(positions.length).toBeGreaterThanOrEqual(10);
    expect(
      positions.every(({ limit, totalSegments }) => limit !== undefined && totalSegments === 150),
    ).toBe(true);
    expect(readUnits).toBeGreaterThan(0);
  });

  it('is the same with the same chance, and another with another', async () => {
    const { keys } = await draw({});

    expect((await draw({})).keys).toEqual(keys);
    expect((await draw({ random: seededRandom(2) })).keys).not.toEqual(keys);
  });

  it('ends at some time where nearly all segments are empty', async () => {
    const { keys, positions } = await draw({ facts: { items: 1_000_000, sizeBytes: 2 ** 30 } });

    expect(positions).toHaveLength(80);
    expect(keys.length).toBeLessThan(20);
  });

  it.each([
    ['a small table', { items: ITEMS, sizeBytes: 1_000 }],
    ['a table that DynamoDB has no figures of yet', { items: 0, sizeBytes: 0 }],
  ])('is drawn from all items of %s', async (_, facts) => {
    const some = await draw({ facts });
    const all = await draw({ facts, wanted: ITEMS });

    expect(new Set(some.keys).size).toBe(20);
    expect(some.isWhole).toBe(false);
    expect(new Set(all.keys).size).toBe(ITEMS);
    expect(all.isWhole).toBe(true);
    expect(all.positions).toMatchObject([{ segment: 0, totalSegments: 1 }]);
  });

  it('reads no more than some pages where DynamoDB does not know that a table is large', async () => {
    let pages = 0;
    const scan = async () => {
      pages += 1;
      const pk = { S: `page-${pages}` };
      return { items: [{ pk }], unreadable: [], next: { pk }, readUnits: 128 };
    };
    const facts = { items: 0, sizeBytes: 0 };
    const { items, isWhole } = await drawItems(
      { scan },
      { wanted: 20, facts, random: seededRandom(1) },
    );

    expect({ pages, items: items.length, isWhole }).toEqual({ pages: 8, items: 8, isWhole: false });
  });
});
