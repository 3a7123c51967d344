// What `ferry repair` lists: the items, and what becomes of each, as many as --limit says.

import { join } from 'node:path';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeEach, beforeAll, describe, expect, it } from 'vitest';
import { openTwoRegions, type TwoRegions } from '../fixtures/two-regions.ts';

let regions: TwoRegions;
let report: string;
beforeAll(async () => {
  regions = await openTwoRegions();
  await regions.adopt();
  report = join(regions.directory, 'report.jsonl');
}, 60_000);
afterAll(() => regions.close());

const put = (side: 'source' | 'destination', pk: string, total: string) =>
  regions[side].client.send(
    new PutItemCommand({ TableName: 'Orders', Item: { pk: { S: pk }, total: { N: total } } }),
  );

/** Three that are missing, one that is different and one that is extraneous. */
beforeEach(async () => {
  for (const pk of ['a', 'b', 'c', 'different']) await put('source', pk, '1');
  await put('destination', 'different', '2');
  await put('destination', 'extraneous', '1');
  await regions.ferry('verify', '--settle', '0', '--report', report);
});

const repair = (...args: string[]) =>
  regions.ferry('repair', '--settle', '0', '--report', report, ...args);
/** The lines that name items, in order of the alphabet: the looks have none. */
const itemsIn = (out: string) =>
  out
    .split('\n')
    .filter((line) => line.includes('{"pk"'))
    .toSorted();

describe('ferry repair --limit', () => {
  it('lists so many, says how many more there are, and counts them all', async () => {
    const { out } = await repair('--limit', '2');
    const { out: none } = await repair('--limit', '0');

    expect(itemsIn(out)).toHaveLength(2);
    expect(out).toMatch(/to write +4/);
    expect(out).toContain('and 3 more: --limit lists more of them.');
    expect(itemsIn(none)).toEqual([]);
  });

  it('tells machines the same', async () => {
    const { out } = await repair('--limit', '2', '--json');
    const { items, put: written } = JSON.parse(out) as { items: object[]; put: number };

    expect(written).toBe(4);
    expect(items).toHaveLength(2);
    for (const item of items)
      expect(item).toMatchObject({
        kind: expect.stringMatching(/^(put|deleted)$/),
        key: { pk: { S: expect.any(String) } },
        difference: { kind: expect.any(String) },
      });
  });
});

it('says what would keep the run from beginning', async () => {
  regions.lambda.isDeployed = false;
  try {
    const dry = await repair();
    const real = await repair('--apply');

    expect(dry.err).toContain('With --apply, the command would fail before it changes anything');
    expect(itemsIn(dry.out)).toHaveLength(5);
    expect(real.exitCode).toBe(1);
  } finally {
    regions.lambda.isDeployed = true;
  }
});

describe('ferry repair', () => {
  it('lists every item with what it would do, and then with what it has done', async () => {
    const dry = await repair();
    const done = await repair('--apply');

    expect(dry.exitCode).toBe(3);
    expect(itemsIn(dry.out)).toEqual([
      'delete {"pk":{"S":"extraneous"}}: extraneous',
      'write {"pk":{"S":"a"}}: missing',
      'write {"pk":{"S":"b"}}: missing',
      'write {"pk":{"S":"c"}}: missing',
      'write {"pk":{"S":"different"}}: different in total',
    ]);
    expect(done.exitCode).toBe(0);
    expect(itemsIn(done.out)).toEqual([
      'deleted {"pk":{"S":"extraneous"}}: extraneous',
      'written {"pk":{"S":"a"}}: missing',
      'written {"pk":{"S":"b"}}: missing',
      'written {"pk":{"S":"c"}}: missing',
      'written {"pk":{"S":"different"}}: different in total',
    ]);
  });
});
