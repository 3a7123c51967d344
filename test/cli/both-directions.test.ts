// What commands do with a replication in both directions, against two real engines: which items each direction is about,
// what an application has written elsewhere, and which epoch is opened.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, describe, expect, it } from 'vitest';
import { clockVersion } from '../../src/model/clock-version.ts';
import { type ControlRow, newestEpoch } from '../../src/model/control-row.ts';
import { versionOf } from '../../src/model/guard.ts';
import type { Item } from '../../src/ports.ts';
import {
  A,
  B,
  inBoth,
  openSwitchedRegions,
  type Side,
  type SwitchedRegions,
} from '../fixtures/switched-regions.ts';

let regions: SwitchedRegions;
afterEach(() => regions.close());

const HOMES = {
  mode: 'home',
  home: { rules: [{ attribute: 'pk', prefix: 'eu#', region: B }], otherwise: A },
};
const byHome = async (more: object = {}) => {
  regions = await openSwitchedRegions(undefined, inBoth({ ...HOMES, ...more }));
};
const byStamp = async (more: object = {}) => {
  regions = await openSwitchedRegions(undefined, inBoth({ mode: 'stamped', ...more }));
};

const put = (side: Side, pk: string, text: string, version?: string) => {
  const stamp: Item = version === undefined ? {} : { _ferry: { M: { v: { S: version } } } };
  const Item = { pk: { S: pk }, text: { S: text }, ...stamp };
  return side.engine.client.send(new PutItemCommand({ TableName: 'Orders', Item }));
};
const textAt = async (side: Side, pk: string) =>
  (await side.engine.get('Orders', { pk: { S: pk } }))?.['text']?.S;
const json = (out: string) => JSON.parse(out) as Record<string, unknown>;
const copied = (epoch = 1) => versionOf({ epoch, labelMs: 1 }, '7');
const stamped = (epoch: number, origin: 1 | 2, ms = 1_769_860_800_000) =>
  clockVersion({ epoch, ms, counter: 0, origin, unique: '9' });
const of = (name: string) => ['--replication', name] as const;
const verified = (name: string, ...more: string[]) =>
  regions.ferry('verify', ...of(name), '--settle', '0', '--json', '--report', report(), ...more);
const report = () => join(regions.directory, 'differences.jsonl');
const reported = () =>
  readFileSync(report(), 'utf8')
    .trim()
    .split('\n')
    .slice(1, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
/** Of the file, from now on. */
const setEpoch = (epoch: number) => {
  const file = json(readFileSync(regions.config, 'utf8')) as {
    replications: Array<{ twoWay: Record<string, unknown> }>;
  };
  for (const { twoWay } of file.replications) twoWay['epoch'] = epoch;
  writeFileSync(regions.config, JSON.stringify(file));
};
const epochAt = async (side: Side) => newestEpoch((await regions.copy(side)) as ControlRow).n;

describe('where each item has a home', () => {
  /** One item at home on each side, both lost on the way, and a stray beside each. */
  const withDifferences = async () => {
    await byHome();
    await regions.write();
    const { a, b } = regions;
    await put(a, 'us#1', 'of A');
    await put(b, 'eu#1', 'of B');
    await put(a, 'us#2', 'of A');
    await put(b, 'us#2', 'stray');
    await put(a, 'eu#2', 'stray');
    await put(a, 'us#3', 'same');
    await put(b, 'us#3', 'same', copied());
  };

  it('a comparison judges every item from its home, and lists strays', async () => {
    await withDifferences();

    const { exitCode, out } = await verified('orders');

    expect(exitCode).toBe(3);
    expect(json(out)).toMatchObject({
      replication: 'orders',
      equal: false,
      missing: 2,
      different: 1,
      extraneous: 1,
      strays: 2,
    });
    const byKey = new Map(reported().map((one) => [JSON.stringify(one['key']), one]));
    const lineOf = (pk: string) => byKey.get(JSON.stringify({ pk: { S: pk } }));
    expect(lineOf('us#1')).toMatchObject({ kind: 'missing', home: 'source' });
    expect(lineOf('eu#1')).toMatchObject({ kind: 'missing', home: 'destination' });
    expect(lineOf('us#2')).toMatchObject({ kind: 'different', strays: ['destination'] });
    expect(lineOf('eu#2')).toMatchObject({ kind: 'extraneous', strays: ['source'] });
  });

  it('the other direction compares the same, from its own side', async () => {
    await withDifferences();

    const { out } = await verified('orders-back');

    expect(json(out)).toMatchObject({ replication: 'orders-back', missing: 2, strays: 2 });
  });

  it('a comparison names the home and the Region of a stray, and both repairs', async () => {
    await withDifferences();

    const args = ['verify', ...of('orders'), '--settle', '0', '--report', report()];

    const { out } = await regions.ferry(...args);

    expect(out).toContain(
      'extraneous {"pk":{"S":"eu#2"}} (at home in eu-west-1; stray in us-east-1)',
    );
    expect(out).toContain(
      '2 of them are strays: an application has written the item in the Region',
    );
    expect(out).toContain(`ferry repair --replication orders-back --report ${report()}`);
  });

  it('a backfill copies the items at home in its source, and counts the others', async () => {
    await withDifferences();
    const { a, b } = regions;

    const { exitCode, out } = await regions.ferry('backfill', ...of('orders'), '--apply', '--json');

    expect(exitCode).toBe(0);
    expect(json(out)).toMatchObject({ items: 4, copied: 1, present: 2, leftOut: 1 });
    expect(await textAt(b, 'us#1')).toBe('of A');
    expect(await textAt(b, 'eu#2')).toBeUndefined();
    expect(await textAt(a, 'eu#1')).toBeUndefined();
  });

  it('a repair makes the items of its side equal, and leaves the others to the other direction', async () => {
    await withDifferences();
    const { a, b } = regions;
    await verified('orders');
    const repair = (name: string, ...more: string[]) =>
      regions.ferry('repair', ...of(name), '--report', report(), '--settle', '0', ...more);

    const planned = await repair('orders');
    const out = await repair('orders', '--apply', '--json');
    const back = await repair('orders-back', '--apply', '--json');

    expect(planned.out).toContain('2 listed items are at home in eu-west-1: `ferry repair');
    expect(planned.out).toContain('--replication orders-back');
    expect(json(out.out)).toMatchObject({ looked: 2, put: 2, elsewhere: 2 });
    expect(json(back.out)).toMatchObject({ looked: 2, put: 1, deleted: 1, elsewhere: 2 });
    expect(await textAt(b, 'us#2')).toBe('of A');
    expect(await textAt(a, 'eu#1')).toBe('of B');
    expect(await textAt(a, 'eu#2')).toBeUndefined();
    expect((await verified('orders-back')).exitCode).toBe(0);
  });

  it('a pause says that the other direction is not checked meanwhile', async () => {
    await byHome();
    regions.lambda.mappings = [{ id: 'a1b2', state: 'Enabled', streamArn: regions.a.streamArn }];

    const { out } = await regions.ferry('pause', ...of('orders'));

    expect(out).toContain('orders-back goes on. What it inserts in us-east-1 is not checked');
  });

  it.each([
    ['backfill', '--before-stream', 'both tables of orders are written'],
    ['repair', '--keep-strays', 'is for "mode": "stamped"'],
    ['adopt', '--again', 'is for replications in one direction'],
    ['redrive', '--direction=out', 'one of two directions that both replicate'],
  ])('%s refuses %s', async (command, option, problem) => {
    await byHome();

    const more = command === 'repair' ? ['--report', report()] : [];

    const { exitCode, err } = await regions.ferry(command, ...of('orders'), option, ...more);

    expect(exitCode).toBe(2);
    expect(err).toContain(problem);
  });
});

describe('with stamped writes', () => {
  it('a comparison takes neither side for right, and lists what has no stamp', async () => {
    await byStamp();
    const { a, b } = regions;
    await put(a, 'one', 'stamped', stamped(1, 1));
    await put(b, 'two', 'not stamped');
    await put(a, 'three', 'same', stamped(1, 1));
    await put(b, 'three', 'same', stamped(1, 2));

    const { out } = await verified('orders');

    expect(json(out)).toMatchObject({ missing: 1, extraneous: 1, different: 0, strays: 1 });
    expect(reported().map(({ home }) => home)).toEqual([undefined, undefined]);
  });

  it('a repair joins both sides, and asks which one wins where no version tells', async () => {
    await byStamp();
    await regions.write();
    const { a, b } = regions;
    await put(a, 'one', 'stamped', stamped(1, 1));
    await put(a, 'two', 'older', stamped(1, 1));
    await put(b, 'two', 'newer', stamped(1, 2, 1_769_860_800_001));
    await put(a, 'three', 'of A');
    await put(b, 'three', 'of B');
    regions.lambda.mappings = [{ id: 'a1b2', state: 'Enabled', streamArn: a.streamArn }];
    await verified('orders-back');
    const args = ['repair', ...of('orders'), '--report', report(), '--settle', '0', '--json'];
    const repair = (...more: string[]) => regions.ferry(...args, ...more);

    const planned = await repair();
    const done = await repair('--apply');
    const chosen = await repair('--apply', '--prefer', 'destination');

    const expected = { copiedToSource: 1, copiedToDestination: 1, undecided: 1 };
    expect(json(planned.out)).toMatchObject({ apply: false, ...expected });
    expect(json(done.out)).toMatchObject(expected);
    expect([done.exitCode, chosen.exitCode]).toEqual([3, 0]);
    expect(json(chosen.out)).toMatchObject({ stampedAtDestination: 1, undecided: 0 });
    expect([await textAt(b, 'one'), await textAt(a, 'two')]).toEqual(['stamped', 'newer']);
  });

  it('a backfill is refused, and names the merge', async () => {
    await byStamp();

    const { exitCode, err } = await regions.ferry('backfill', ...of('orders'), '--apply');

    expect(exitCode).toBe(2);
    expect(err).toContain('Hint: Use `ferry merge');
  });
});

describe('the epoch', () => {
  it('of a home is opened by the first command that writes', async () => {
    await byHome({ epoch: 3 });

    await regions.ferry('backfill', ...of('orders-back'), '--apply');

    expect(await epochAt(regions.a)).toBe(3);
    expect(await regions.copy(regions.b)).toBeUndefined();
  });

  it('is raised by adopt to the one of the configuration, in both directions', async () => {
    await byHome();
    await regions.ferry('backfill', ...of('orders'), '--apply');
    await regions.ferry('backfill', ...of('orders-back'), '--apply');
    setEpoch(4);
    // No mapping has to be disabled, and waited for.
    regions.lambda.isDeployed = false;

    const refused = await regions.ferry('backfill', ...of('orders'), '--apply');
    const out = await regions.ferry('adopt', ...of('orders'), '--apply');
    await regions.ferry('adopt', ...of('orders-back'), '--apply');

    expect(refused.err).toContain('has epoch 1, and the configuration has "twoWay.epoch": 4');
    expect(out.out).toContain('`ferry adopt --replication orders-back');
    expect([await epochAt(regions.a), await epochAt(regions.b)]).toEqual([4, 4]);
    expect(await regions.ferry('backfill', ...of('orders'), '--apply')).toMatchObject({
      exitCode: 0,
    });
  });
});
