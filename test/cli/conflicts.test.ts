// `ferry conflicts`, `conflicts show` and `conflicts restore`, against two real engines and the stand-in for S3.

import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clockVersion } from '../../src/model/clock-version.ts';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { type Loser, loserObject } from '../../src/model/loser.ts';
import type { Origin } from '../../src/model/rules.ts';
import type { Item } from '../../src/ports.ts';
import { openMonitoringCloud } from '../fixtures/monitoring-cloud.ts';
import {
  A,
  B,
  inBoth,
  openSwitchedRegions,
  type Side,
  type SwitchedRegions,
} from '../fixtures/switched-regions.ts';

let regions: SwitchedRegions;
const open = async (twoWay: object) => {
  regions = await openSwitchedRegions(undefined, inBoth(twoWay));
  regions.lambda.settings = { onFailureBucket: regions.failures.bucketName };
};
const v = (ms: number, origin: Origin) =>
  clockVersion({ epoch: 1, ms: 1_769_860_800_000 + ms, counter: 0, origin, unique: '9' });
const item = (pk: string, text: string, version?: string): Item => ({
  pk: { S: pk },
  text: { S: text },
  ...(version !== undefined && { _ferry: { M: { v: { S: version } } } }),
});
const put = ({ engine }: Side, Item: Item) =>
  engine.client.send(new PutItemCommand({ TableName: 'Orders', Item: { ...Item } }));
const textAt = async ({ engine }: Side, pk: string) =>
  (await engine.get('Orders', { pk: { S: pk } }))?.['text']?.S;
const json = (out: string) => JSON.parse(out) as Record<string, unknown>;
const HOUR_MS = 3_600_000;

/** @returns its ID. */
async function keep(pk: string, more: Partial<Loser>): Promise<string> {
  const key = { pk: { S: pk } };
  const object = loserObject({
    replication: 'orders',
    kind: 'replaced',
    key,
    keyText: canonicalKey(key),
    sequenceNumber: '100',
    createdAtSeconds: 1_769_860_800,
    ...more,
  });
  await regions.failures.bucket.put(object.key, object.body);
  return object.key.slice('losers/'.length, -'.json'.length);
}

const REPLACED = (pk: string): Partial<Loser> => ({
  lost: item(pk, 'lost', v(1, 1)),
  lostVersion: v(1, 1),
  won: item(pk, 'won', v(2, 2)),
  wonVersion: v(2, 2),
});
const conflicts = (...args: string[]) => regions.ferry('conflicts', ...args);

describe('kept writes that have lost', () => {
  let ids: string[];
  afterAll(() => regions.close());
  beforeAll(async () => {
    await open({ mode: 'stamped', losers: 'keep' });
    ids = [
      await keep('a', REPLACED('a')),
      await keep('b', {
        replication: 'orders-back',
        kind: 'removed',
        lost: item('b', 'lost', v(1, 2)),
        createdAtSeconds: 1_769_860_900,
      }),
      await keep('c', {
        kind: 'stray',
        lost: item('c', 'secret'),
        createdAtSeconds: 1_769_700_000,
      }),
    ];
    await keep('other', { ...REPLACED('other'), replication: 'books' });
    await regions.failures.bucket.put('losers/2026-01-31/00/broken.json', '{');
  });

  it('are listed, the newest first, of both Regions, and without their contents', async () => {
    const { exitCode, out } = await conflicts();

    expect(exitCode).toBe(0);
    const rows = out.split('\n').filter((line) => line.startsWith('  2026'));
    expect(rows.map((line) => line.trim().split(/\s{2,}/))).toEqual([
      ['2026-01-31T12:01:40.000Z', 'removed', B, '{"pk":{"S":"b"}}', ids[1]],
      ['2026-01-31T12:00:00.000Z', 'replaced', A, '{"pk":{"S":"a"}}', ids[0]],
      ['2026-01-29T15:20:00.000Z', 'stray', A, '{"pk":{"S":"c"}}', ids[2]],
    ]);
    expect(out).toContain('unreadable 2026-01-31/00/broken: it is not JSON');
    expect(out).not.toContain('secret');
  });

  it.each([
    ['a key', ['--key', '{"pk":"a"}'], { replaced: 1, removed: 0, stray: 0 }, 1],
    ['a time', ['--since', '2026-01-31T12:00:30Z'], { replaced: 0, removed: 1, stray: 0 }, 1],
    ['a date', ['--since', '2026-01-30'], { replaced: 1, removed: 1, stray: 0 }, 2],
    ['a number', ['--limit', '1'], { replaced: 1, removed: 1, stray: 1 }, 1],
  ])('are listed by %s', async (_, args, counts, shown) => {
    const { out } = await conflicts(...args, '--json');

    expect(json(out)).toMatchObject({ replication: 'orders', ...counts });
    expect(json(out)['conflicts']).toHaveLength(shown);
  });

  it('are shown with both images, under either name', async () => {
    const { exitCode, out } = await regions.ferry(
      'conflicts',
      'show',
      ids[0] ?? '',
      '--replication',
      'orders-back',
    );

    expect(exitCode).toBe(0);
    expect(out).toContain('replaced: a write of the other Region has replaced it');
    expect(out).toMatch(/lost +\{"pk":\{"S":"a"\},"text":\{"S":"lost"\}/);
    expect(out).toMatch(/won +\{"pk":\{"S":"a"\},"text":\{"S":"won"\}/);
  });

  it('are not found by another ID, and what is unreadable is said', async () => {
    const missing = await conflicts('show', '2026-01-31/00/1');
    const broken = await conflicts('show', '2026-01-31/00/broken');

    expect([missing.exitCode, broken.exitCode]).toEqual([1, 1]);
    expect(missing.err).toContain('orders has kept no write with the ID 2026-01-31/00/1.');
    expect(broken.err).toContain('cannot be read: it is not JSON.');
  });

  it('are restored above the winner, once, if that is still there', async () => {
    const { a } = regions;
    await put(a, item('a', 'won', v(2, 2)));

    const dry = await conflicts('restore', ids[0] ?? '');
    expect([dry.exitCode, await textAt(a, 'a')]).toEqual([3, 'won']);
    const done = await conflicts('restore', ids[0] ?? '', '--apply');
    const again = await conflicts('restore', ids[0] ?? '', '--apply', '--json');

    expect([done.exitCode, await textAt(a, 'a')]).toEqual([0, 'lost']);
    expect((await a.engine.get('Orders', { pk: { S: 'a' } }))?.['_ferry']?.M?.['v']?.S).toMatch(
      new RegExp(`^${v(2, 2).slice(0, 19)}000011`),
    );
    expect([again.exitCode, json(again.out)['outcome']]).toEqual([0, 'equal']);
  });

  it('are restored where a delete has removed them', async () => {
    const { exitCode } = await conflicts('restore', ids[1] ?? '', '--apply');

    expect([exitCode, await textAt(regions.b, 'b')]).toEqual([0, 'lost']);
  });

  it('are not restored in an epoch that the function would hold', async () => {
    const { a, b, epoch } = regions;
    await put(a, item('held', 'won', v(2, 2)));
    const id = await keep('held', REPLACED('held'));
    await regions.write({ epochs: [epoch(2, a)] }, [b]);

    const { exitCode, err } = await conflicts('restore', id, '--apply');
    await regions.write({ epochs: [epoch(1, a)] }, [b]);

    expect([exitCode, await textAt(a, 'held')]).toEqual([1, 'won']);
    expect(err).toContain('orders has epoch 2, and the configuration has "twoWay.epoch": 1');
  });

  it('are not restored over anything newer, and what is there is said', async () => {
    await put(regions.a, item('d', 'newer', v(5, 1)));
    const id = await keep('d', REPLACED('d'));

    const { exitCode, out } = await conflicts('restore', id, '--apply');

    expect([exitCode, await textAt(regions.a, 'd')]).toEqual([3, 'newer']);
    expect(out).toContain(`cannot be restored: the item there now has version ${v(5, 1)}.`);
    expect(out).toContain('write it with the plug-in, as an application does.');
  });
});

describe('where each item has a home', () => {
  it('strays are listed, and not restored', async () => {
    await open({
      mode: 'home',
      home: { rules: [{ attribute: 'pk', prefix: 'eu#', region: B }], otherwise: A },
      losers: 'keep',
    });
    const id = await keep('eu#1', { kind: 'stray', lost: item('eu#1', 'stray') });

    const { exitCode, out } = await conflicts('restore', id, '--apply');

    expect(exitCode).toBe(3);
    expect(out).toContain('it was never replicated');
    expect(out).toContain('write it at its home.');
    expect(await textAt(regions.a, 'eu#1')).toBeUndefined();
    await regions.close();
  });
});

describe('writes that are only counted', () => {
  it('come with the sums of both Regions', async () => {
    await open({ mode: 'stamped' });
    const cloud = await openMonitoringCloud({
      figures: { Conflicts: () => 2, StrayWrites: () => 0 },
      mapping: undefined,
      deadLetters: 0,
      isDeployed: true,
      settings: { onFailureBucket: regions.failures.bucketName },
    });

    const since = new Date(Date.now() - 2 * HOUR_MS).toISOString();
    const { exitCode, out } = await conflicts('--since', since);

    expect(exitCode).toBe(0);
    expect(out).toContain('No write that has lost is kept.');
    expect(out).toContain('Writes that have lost are only counted: set "losers": "keep"');
    expect(out).toMatch(/Counted in us-east-1: \d+ conflicts, 0 stray writes\./);
    await cloud.close();
    await regions.close();
  });
});

it('is for both directions', async () => {
  regions = await openSwitchedRegions();

  const { exitCode, err } = await conflicts();

  expect(exitCode).toBe(2);
  expect(err).toContain('ferry conflicts is for replications with "direction": "both"');
  await regions.close();
});
