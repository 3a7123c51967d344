// One item on both sides, in every combination that counts -> who wins, where it is written, and what is lost by it.

import { describe, expect, it } from 'vitest';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { clockVersion, originOf } from '../../src/model/clock-version.ts';
import type { Item } from '../../src/model/attribute-value.ts';
import { versionOf } from '../../src/model/guard.ts';
import type { Origin } from '../../src/model/rules.ts';
import { decideMerge } from '../../src/merge/decide-merge.ts';
import type { MergeChoice, MergeDecision } from '../../src/merge/decision.ts';
import { SETTINGS } from '../fixtures/records.ts';

const EPOCH = 3;
const KEY = { pk: { S: 'a' } };
const RULES = { 1: { ...SETTINGS, replication: 'orders-back' }, 2: SETTINGS };

/** A version by an application of a side, so many milliseconds after some time. */
const v = (ms: number, origin: Origin, epoch = EPOCH) =>
  clockVersion({ epoch, ms: 1_800_000_000_000 + ms, counter: 0, origin, unique: '9' });
/** Of a mode that is over. */
const OLD = versionOf({ epoch: 1, labelMs: 5 }, '77');

const item = (version?: string, x = 'same', more: Item = {}): Item => ({
  ...KEY,
  x: { S: x },
  ...more,
  ...(version !== undefined && { _ferry: { M: { v: { S: version } } } }),
});
const copied = (version: string): Item => ({
  ...item(),
  _ferry: { M: { v: { S: version }, o: { S: 'us-east-1' } } },
});
const d = (deleted: string, seen?: string): Item => ({
  d: { S: deleted },
  ...(seen !== undefined && { b: { S: seen } }),
});

interface Side {
  readonly item?: Item;
  readonly row?: Item;
}

function decide(one: Side, two: Side, choice: MergeChoice = {}): MergeDecision {
  const state = ({ item, row }: Side) => ({ item, row });
  return decideMerge(
    { 1: state(one), 2: state(two) },
    {
      key: KEY,
      keyText: canonicalKey(KEY),
      rules: RULES,
      nowMs: 1_800_000_000_000,
      choice,
      epoch: EPOCH,
      unique: `8${'5'.repeat(33)}`,
    },
  );
}

/** "copied 2", "stamped 1 lost 2": what becomes of it, at which side, and where something is lost. */
function told(decision: MergeDecision): string {
  if (!('steps' in decision)) return decision.kind;
  const losses = decision.steps.flatMap(({ loss }) => (loss ? [`lost ${loss.at}`] : []));
  return [decision.kind, ...decision.steps.map(({ at }) => at), ...losses].join(' ');
}

type Row = [what: string, one: Side, two: Side, expected: string, choice?: MergeChoice];

const older: Item = { t: { S: '2026-01-01T00:00:00Z' } };
const newer: Item = { t: { N: '1790000000' } };

describe('an item on both sides', () => {
  it.each<Row>([
    ['equal', { item: item(v(1, 1)) }, { item: item(v(1, 1)) }, 'equal'],
    ['equal, without versions', { item: item() }, { item: item() }, 'equal'],
    ['equal, one from before', { item: item() }, { item: item(OLD) }, 'equal'],
    ['equal, but for the version', { item: item(v(1, 1)) }, { item: item(v(2, 1)) }, 'copied 1'],
    ['equal, one without a version', { item: item(v(1, 1)) }, { item: item() }, 'copied 2'],
    ['older there', { item: item(v(2, 1), 'n') }, { item: item(v(1, 1)) }, 'copied 2'],
    [
      'a concurrent write there',
      { item: item(v(2, 1), 'n') },
      { item: item(v(1, 2)) },
      'copied 2 lost 2',
    ],
    ['newer there', { item: item(v(1, 1)) }, { item: item(v(2, 2), 'n') }, 'copied 1 lost 1'],
    ['their own older one', { item: item(v(3, 2), 'n') }, { item: item(v(1, 2)) }, 'copied 2'],
    ['the time of both', { item: item(v(1, 1)) }, { item: item(v(1, 2), 'n') }, 'copied 1 lost 1'],
    ['without a version there', { item: item(v(1, 1), 'n') }, { item: item() }, 'copied 2 lost 2'],
    ['from before there', { item: item(v(1, 1), 'n') }, { item: item(OLD) }, 'copied 2 lost 2'],
    ['without versions', { item: item() }, { item: item(undefined, 'n') }, 'undecided'],
    [
      'without versions, preferred',
      { item: item() },
      { item: item(undefined, 'n') },
      'stamped 1 lost 2',
      { prefer: 1 },
    ],
    [
      'from before, preferred',
      { item: item() },
      { item: item(OLD, 'n') },
      'stamped 2 lost 1',
      { prefer: 2 },
    ],
    [
      'stamped in the epoch before, preferred where it is older',
      { item: item(v(1, 1, 2)) },
      { item: item(v(2, 2, 2), 'n') },
      'stamped 2 lost 1',
      { prefer: 1 },
    ],
    [
      'equal, and stamped in the epoch before',
      { item: item(v(1, 1, 2)) },
      { item: item(v(2, 2, 2)) },
      'equal',
    ],
    [
      'stamped in different epochs, preferred',
      { item: item(v(1, 1, 2)) },
      { item: item(v(2, 2, 1), 'n') },
      'stamped 1 lost 2',
      { prefer: 1 },
    ],
    [
      'newer by an attribute',
      { item: item(undefined, 'a', older) },
      { item: item(undefined, 'b', newer) },
      'stamped 2 lost 1',
      { newerBy: 't', prefer: 1 },
    ],
    [
      'newer by none',
      { item: item(undefined, 'a', older) },
      { item: item(undefined, 'b') },
      'undecided',
      { newerBy: 't' },
    ],
    [
      'newer by none, preferred',
      { item: item(undefined, 'a', older) },
      { item: item() },
      'stamped 1 lost 2',
      { newerBy: 't', prefer: 1 },
    ],
    [
      'newer by the same time',
      { item: item(undefined, 'a', older) },
      { item: item(undefined, 'b', older) },
      'stamped 2 lost 1',
      { newerBy: 't', prefer: 2 },
    ],
    [
      'one version, two contents',
      { item: item(v(1, 1)) },
      { item: item(v(1, 1), 'n') },
      'undecided',
    ],
    [
      'one version, preferred',
      { item: item(v(1, 1)) },
      { item: item(v(1, 1), 'n') },
      'stamped 2 lost 1',
      { prefer: 2 },
    ],
    [
      'a stray that is kept',
      { item: item(v(1, 1)) },
      { item: item(undefined, 'n') },
      'stamped 2',
      { keepStrays: true },
    ],
    [
      'a stray from before is none',
      { item: item(v(1, 1)) },
      { item: item(OLD, 'n') },
      'copied 2 lost 2',
      { keepStrays: true },
    ],
    [
      'two strays',
      { item: item() },
      { item: item(undefined, 'n') },
      'undecided',
      { keepStrays: true },
    ],
    ['a later epoch', { item: item(v(1, 1)) }, { item: item(v(1, 1, 4), 'n') }, 'later-epoch'],
  ])('%s', (_, one, two, expected, choice) => {
    expect(told(decide(one, two, choice))).toBe(expected);
  });
});

describe('an item on one side', () => {
  it.each<Row>([
    ['is copied', { item: item(v(1, 1)) }, {}, 'copied 2'],
    ['is copied back', {}, { item: item(v(1, 1)) }, 'copied 1'],
    ['gets a version if it has none', { item: item() }, {}, 'stamped 1'],
    ['gets a version if it is from before', {}, { item: item(OLD) }, 'stamped 2'],
    ['is copied above a delete', { item: item(v(2, 1)) }, { row: d(v(1, 2)) }, 'copied 2'],
    [
      'goes below a delete of the other side',
      { item: item(v(1, 1)) },
      { row: d(v(2, 2)) },
      'removed 1',
    ],
    [
      'goes below a delete of the other side that has arrived',
      { item: item(v(1, 1)), row: d(v(2, 2)) },
      { row: d(v(2, 2)) },
      'removed 1',
    ],
    ['goes without a version, too', { item: item() }, { row: d(v(2, 2)) }, 'removed 1 lost 1'],
    [
      'goes where it has come late',
      { item: item(v(1, 2)), row: d(v(2, 1)) },
      { row: d(v(2, 1)) },
      'removed 1',
    ],
    [
      'makes the other side remember the delete',
      { item: item(v(1, 1)), row: d(v(2, 2)) },
      {},
      'removed 1 2',
    ],
    [
      'is above its own delete if it was written again',
      { item: item(v(1, 1)), row: d(v(2, 1)) },
      {},
      'stamped 1',
    ],
    ['is so without a version, too', { item: item(), row: d(v(2, 1)) }, {}, 'stamped 1'],
    [
      'goes where an earlier merge has copied it back',
      { item: copied(v(1, 1)), row: d(v(2, 1)) },
      { item: item(v(1, 1)), row: d(v(2, 1)) },
      'removed 1 2',
    ],
    [
      'is kept as a stray below their delete',
      { item: item() },
      { row: d(v(2, 2)) },
      'stamped 1',
      { keepStrays: true },
    ],
    ['does not mind a delete from before', { item: item() }, { row: d(OLD) }, 'stamped 1'],
    [
      'is not judged under a later epoch',
      { item: item(v(1, 1)) },
      { row: d(v(1, 2, 4)) },
      'later-epoch',
    ],
  ])('%s', (_, one, two, expected, choice) => {
    expect(told(decide(one, two, choice))).toBe(expected);
  });
});

describe('an item on neither side', () => {
  it.each<Row>([
    ['was never there', {}, {}, 'equal'],
    ['has its delete on both', { row: d(v(1, 1)) }, { row: d(v(1, 1)) }, 'equal'],
    [
      'has the newer delete on both afterwards',
      { row: d(v(1, 1)) },
      { row: d(v(2, 2)) },
      'equal 1',
    ],
    ['had it in an earlier epoch', { row: d(OLD) }, {}, 'equal'],
  ])('%s', (_, one, two, expected) => {
    expect(told(decide(one, two))).toBe(expected);
  });
});

describe('items on both sides below a delete', () => {
  it.each<Row>([
    [
      'go on both',
      { item: item(v(1, 2), 'x'), row: d(v(3, 1)) },
      { item: item(v(2, 2)), row: d(v(3, 1)) },
      'removed 1 2',
    ],
    [
      'are written again at its side',
      { item: item(v(1, 1)), row: d(v(3, 1)) },
      { item: item(v(2, 2), 'n') },
      'stamped 1',
    ],
    [
      'lose against what is above',
      { item: item(v(1, 1)), row: d(v(3, 1)) },
      { item: item(v(4, 2), 'n') },
      'copied 1 lost 1',
    ],
  ])('%s', (_, one, two, expected) => {
    expect(told(decide(one, two))).toBe(expected);
  });
});

/** The version that is written to an item, or to the row of a delete. */
function versionWritten(decision: MergeDecision): string {
  const request = 'steps' in decision ? decision.steps[0]?.request : undefined;
  if (request?.operation === 'UpdateItem')
    return request.input.ExpressionAttributeValues?.[':stamp']?.M?.['v']?.S ?? '';
  if (request?.operation !== 'TransactWriteItems') return '';
  const [put, row] = request.input.TransactItems ?? [];
  return (
    put?.Put?.Item?.['_ferry']?.M?.['v']?.S ??
    row?.Update?.ExpressionAttributeValues?.[':new']?.S ??
    ''
  );
}

describe('the version that is written', () => {
  it('is that of the winner, with what it replaces as seen', () => {
    const decision = decide({ item: item(v(2, 1), 'n') }, { item: item(v(1, 2)) });

    expect(versionWritten(decision)).toBe(v(2, 1));
    expect(JSON.stringify(decision)).toContain(`"b":{"S":"${v(1, 2)}"}`);
  });

  it('is below every stamp of an application, and above earlier epochs, where there was none', () => {
    const version = versionWritten(decide({ item: item() }, {}));

    expect(version > OLD).toBe(true);
    expect(version < v(-1_000_000_000_000, 1)).toBe(true);
    expect(originOf(version)).toBe(1);
  });

  it.each<[string, Side, Side, MergeChoice, string]>([
    ['a delete of its side', { item: item(v(1, 1)), row: d(v(2, 1)) }, {}, {}, v(2, 1)],
    [
      'the version of both',
      { item: item(v(1, 2)) },
      { item: item(v(1, 2), 'n') },
      { prefer: 1 },
      v(1, 2),
    ],
    [
      'what a stray replaces',
      { item: item() },
      { item: item(v(1, 2), 'n') },
      { keepStrays: true },
      v(1, 2),
    ],
  ])('is just above %s', (_, one, two, choice, below) => {
    const version = versionWritten(decide(one, two, choice));

    expect(version > below).toBe(true);
    expect(version < v(3, 1)).toBe(true);
    expect(originOf(version)).toBe(1);
  });

  it('is that of the delete, with what the delete had seen', () => {
    const decision = decide({ item: item(v(1, 1)) }, { row: d(v(2, 2), v(0, 1)) });

    expect(versionWritten(decision)).toBe(v(2, 2));
    expect(JSON.stringify(decision)).toContain(`":b":{"S":"${v(0, 1)}"}`);
  });
});

it('decides the same whichever side is named first', () => {
  const sides: Side[] = [
    {},
    ...[undefined, OLD, v(1, 1), v(2, 2)].flatMap((version) =>
      ['same', 'other'].map((x) => ({ item: item(version, x) })),
    ),
    { row: d(v(3, 1)) },
    { row: d(v(4, 2)), item: item(v(1, 1)) },
  ];
  const mirrored = (side: Side): Side =>
    JSON.parse(
      JSON.stringify(side).replaceAll(
        /(\.\d{13}\.\d{5})([12])/g,
        (_, before: string, origin: string) => `${before}${3 - Number(origin)}`,
      ),
    ) as Side;
  const swapped = (text: string) => text.replaceAll(/[12]/g, (one) => `${3 - Number(one)}`);
  const sorted = (text: string) => text.split(' ').toSorted().join(' ');

  for (const one of sides)
    for (const two of sides) {
      const there = told(decide(one, two));
      const back = told(decide(mirrored(two), mirrored(one)));
      expect([one, two, sorted(swapped(back))]).toEqual([one, two, sorted(there)]);
    }
});
