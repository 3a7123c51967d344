// `ferry merge` on two full tables, against two real engines.

import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clockVersion } from '../../src/model/clock-version.ts';
import { raisedVersion } from '../../src/model/ledger-row.ts';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { writeRules } from '../../src/composition/write-rules.ts';
import type { Origin } from '../../src/model/rules.ts';
import type { Item } from '../../src/ports.ts';
import {
  A,
  B,
  inBoth,
  openSwitchedRegions,
  type Side,
  type SwitchedRegions,
} from '../fixtures/switched-regions.ts';
import { contents } from '../fixtures/two-regions.ts';

let regions: SwitchedRegions;

const open = async (twoWay: object) => {
  regions = await openSwitchedRegions(undefined, inBoth(twoWay));
  const { a, b, epoch, lambda, failures } = regions;
  await regions.write({ epochs: [epoch(1, a)] }, [b]);
  await regions.write({ epochs: [epoch(1, b)] }, [a]);
  lambda.settings = { onFailureBucket: failures.bucketName };
  lambda.mappings = [a, b].map(({ streamArn, region }) => ({
    id: region,
    state: 'Enabled',
    streamArn,
  }));
};

const v = (ms: number, origin: Origin) =>
  clockVersion({ epoch: 1, ms: 1_769_860_800_000 + ms, counter: 0, origin, unique: '9' });
const put = (side: Side, pk: string, text: string, more: Item = {}) => {
  const Item = { pk: { S: pk }, text: { S: text }, ...more };
  return side.engine.client.send(new PutItemCommand({ TableName: 'Orders', Item }));
};
const stamp = (version: string): Item => ({ _ferry: { M: { v: { S: version } } } });
const deletedAt = async ({ engine, inbound }: Side, pk: string, version: string) => {
  const key = { pk: { S: pk } };
  const raise = { key, keyText: canonicalKey(key), attribute: 'd', version };
  await engine.twinWriter.write(raisedVersion(raise, writeRules(inbound), 1_769_860_800_000));
};
const textsAt = async ({ engine }: Side) =>
  Object.fromEntries(
    [...(await contents(engine, 'Orders'))]
      .map(([pk, item]) => [pk, item['text']?.S] as const)
      .toSorted(([one], [two]) => (one < two ? -1 : 1)),
  );
const mergeAs = (name: string, ...more: string[]) =>
  regions.ferry('merge', '--replication', name, '--settle', '0', ...more);
const merge = (...more: string[]) => mergeAs('orders', ...more);
const json = (out: string) => JSON.parse(out) as Record<string, unknown>;
const keptNow = async () => {
  const found: string[] = [];
  for await (const page of regions.failures.bucket.list('losers/'))
    found.push(...page.map(({ key }) => key));
  return found.length;
};

describe('two full tables with stamped writes', () => {
  afterAll(() => regions.close());
  beforeAll(async () => {
    await open({ mode: 'stamped', losers: 'keep' });
    const { a, b } = regions;
    await put(a, 'equal', 'same');
    await put(b, 'equal', 'same');
    await put(a, 'only-a', 'a');
    await put(b, 'only-b', 'b', stamp(v(1, 2)));
    await put(a, 'newer', 'a', stamp(v(2, 1)));
    await put(b, 'newer', 'b', stamp(v(1, 2)));
    await put(a, 'unknown', 'a', { at: { S: '2026-01-31T10:00:00Z' } });
    await put(b, 'unknown', 'b', { at: { N: '1769900000' } });
    await put(a, 'stray', 'a', stamp(v(1, 1)));
    await put(b, 'stray', 'b');
    await put(b, 'deleted', 'b', stamp(v(1, 2)));
    await deletedAt(a, 'deleted', v(2, 1));
  });

  const BEFORE = {
    a: { equal: 'same', newer: 'a', 'only-a': 'a', stray: 'a', unknown: 'a' },
    b: { deleted: 'b', equal: 'same', newer: 'b', 'only-b': 'b', stray: 'b', unknown: 'b' },
  };

  it('are not touched while a direction is off', async () => {
    const { mappings } = regions.lambda;
    regions.lambda.mappings = mappings.map((one) => ({ ...one, state: 'Disabled' }));

    const { exitCode, err } = await merge('--apply');
    const dry = await merge();
    regions.lambda.mappings = mappings;

    expect([exitCode, dry.exitCode]).toEqual([1, 3]);
    expect(err).toContain('The event source mapping of ferry-orders-back-replicate in eu-west-1');
    expect(dry.err).toContain('With --apply, the command would fail before it changes anything');
    expect(await textsAt(regions.b)).toEqual(BEFORE.b);
  });

  it('are only counted without --apply, and nothing is kept', async () => {
    const { exitCode, out } = await merge('--json');

    expect(exitCode).toBe(3);
    expect(json(out)).toMatchObject({
      replication: 'orders',
      apply: false,
      copiedToSource: 1,
      copiedToDestination: 2,
      removedAtDestination: 1,
      stampedAtSource: 1,
      losses: 2,
      undecided: 1,
      left: 0,
    });
    expect(json(out)['items']).toContainEqual({
      kind: 'removed',
      key: { pk: { S: 'deleted' } },
      at: ['destination'],
      losses: 0,
    });
    const { a, b } = regions;
    expect([await textsAt(a), await textsAt(b), await keptNow()]).toEqual([BEFORE.a, BEFORE.b, 0]);
  });

  it('are merged under either name, and what is undecided is left', async () => {
    const { exitCode, out } = await mergeAs('orders-back', '--apply');

    expect(exitCode).toBe(3);
    expect(out).toContain('orders, us-east-1/Orders to eu-west-1/Orders');
    expect(out).toContain('undecided {"pk":{"S":"unknown"}}: both sides differ');
    expect(out).toContain('copied to eu-west-1/Orders {"pk":{"S":"newer"}}: a write has lost');
    expect(out).toContain('2 writes of applications lost and are kept for 30 days.');
    const { a, b } = regions;
    const both = { equal: 'same', newer: 'a', 'only-b': 'b', stray: 'a' };
    expect(await textsAt(a)).toEqual({ ...both, 'only-a': 'a', unknown: 'a' });
    // The stream carries only-a.
    expect(await textsAt(b)).toEqual({ ...both, unknown: 'b' });
    expect(await keptNow()).toBe(2);
  });

  it('are merged further: what got a version, what an attribute decides, and then nothing', async () => {
    const { a, b } = regions;

    const second = await merge('--apply', '--json', '--newer-by', 'at');
    const third = await merge('--apply', '--json');
    const last = await merge('--apply', '--json');

    expect(json(second.out)).toMatchObject({ copiedToDestination: 1, stampedAtDestination: 1 });
    expect(json(third.out)).toMatchObject({ copiedToSource: 1, undecided: 0 });
    expect([last.exitCode, json(last.out)]).toMatchObject([0, { copiedToSource: 0, losses: 0 }]);
    expect(await textsAt(a)).toEqual(await textsAt(b));
    expect((await textsAt(a))['unknown']).toBe('b');
  });

  it('take the preferred side where nothing tells, and strays if they are kept', async () => {
    const { a, b } = regions;
    await put(a, 'either', 'a');
    await put(b, 'either', 'b');
    await put(a, 'later', 'a', stamp(v(1, 1)));
    await put(b, 'later', 'b');

    await merge('--apply', '--prefer', 'source', '--keep-strays');
    const { exitCode } = await merge('--apply');

    expect(exitCode).toBe(0);
    expect(await textsAt(b)).toMatchObject({ either: 'a', later: 'b' });
    expect(await textsAt(a)).toEqual(await textsAt(b));
  });
});

describe('two full tables where each item has a home', () => {
  afterAll(() => regions.close());
  beforeAll(async () => {
    const rules = [{ attribute: 'pk', prefix: 'eu#', region: B }];
    await open({ mode: 'home', home: { rules, otherwise: A } });
    const { a, b } = regions;
    await put(a, 'us#1', 'home');
    await put(b, 'us#1', 'stray');
    await put(b, 'eu#1', 'home');
    await put(a, 'eu#2', 'stray');
  });

  it('become equal to the homes, and what is lost is counted', async () => {
    const { exitCode, out } = await merge('--apply');

    expect(exitCode).toBe(0);
    expect(out).toContain(
      '2 writes of applications lost. They are not kept ("losers": "count"): only point-in-time recovery has them.',
    );
    expect(await textsAt(regions.a)).toEqual({ 'us#1': 'home', 'eu#1': 'home' });
    expect(await textsAt(regions.b)).toEqual({ 'us#1': 'home', 'eu#1': 'home' });
  });

  it('do not ask for what homes decide', async () => {
    const { exitCode, err } = await merge('--prefer', 'source');

    expect(exitCode).toBe(2);
    expect(err).toContain('--prefer is for "mode": "stamped". In orders, each item has a home');
  });
});
