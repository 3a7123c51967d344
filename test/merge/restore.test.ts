// A write that has lost, and what is there now -> whether it is written again, and with which version.

import { describe, expect, it } from 'vitest';
import { decideRestore } from '../../src/merge/restore.ts';
import { canonicalKey, type Item } from '../../src/model/attribute-value.ts';
import { clockVersion, originOf } from '../../src/model/clock-version.ts';
import { versionOf } from '../../src/model/guard.ts';
import type { Loser } from '../../src/model/loser.ts';
import type { Origin } from '../../src/model/rules.ts';
import { SETTINGS } from '../fixtures/records.ts';

const KEY = { pk: { S: 'a' } };
const v = (ms: number, origin: Origin, epoch = 2) =>
  clockVersion({ epoch, ms: 1_800_000_000_000 + ms, counter: 0, origin, unique: '9' });
const OLD = versionOf({ epoch: 1, labelMs: 5 }, '77');
const item = (x: string, version?: string): Item => ({
  ...KEY,
  x: { S: x },
  ...(version !== undefined && { _ferry: { M: { v: { S: version } } } }),
});
const row = (deleted: string, seen?: string): Item => ({
  d: { S: deleted },
  ...(seen !== undefined && { b: { S: seen } }),
});

/** At side 1: what the other side has won. */
const REPLACED: Partial<Loser> = {
  kind: 'replaced',
  lost: item('lost', v(1, 1)),
  lostVersion: v(1, 1),
  wonVersion: v(2, 2),
};
const REMOVED: Partial<Loser> = { kind: 'removed', lost: item('lost', v(1, 1)) };

interface Now {
  readonly item?: Item;
  readonly row?: Item;
}

function decide(loser: Partial<Loser>, now: Now) {
  const facts = { replication: 'orders', key: KEY, keyText: canonicalKey(KEY) };
  const record = { sequenceNumber: '1', createdAtSeconds: 1_800_000_000 };
  return decideRestore({
    loser: { kind: 'replaced', ...facts, ...record, ...loser },
    state: { item: now.item, row: now.row },
    side: 1,
    rules: SETTINGS,
    epoch: 2,
    unique: `8${'5'.repeat(33)}`,
  });
}

type Row = [what: string, loser: Partial<Loser>, now: Now, expected: string];

describe('a write that has lost', () => {
  it.each<Row>([
    ['while the winner is there', REPLACED, { item: item('won', v(2, 2)) }, v(2, 2)],
    ['above a delete, where one removed it', REMOVED, { row: row(v(3, 2), '0') }, v(3, 2)],
    [
      'above what it was, once that is forgotten',
      { ...REMOVED, lostVersion: v(1, 1) },
      {},
      v(1, 1),
    ],
    [
      'that a merge has removed',
      { ...REMOVED, wonVersion: v(3, 1) },
      { row: row(v(3, 1)) },
      v(3, 1),
    ],
    [
      'of an earlier epoch',
      { ...REPLACED, wonVersion: OLD, lostVersion: undefined },
      { item: item('won', OLD) },
      OLD,
    ],
  ])('is restored %s', (_, loser, now, below) => {
    const decision = decide(loser, now);

    expect(decision.kind).toBe('restore');
    const version = 'version' in decision ? decision.version : '';
    expect([version > below, version < v(4, 1), originOf(version)]).toEqual([true, true, 1]);
    expect(JSON.stringify(decision)).toContain(`"_ferry":{"M":{"v":{"S":"${version}"}}}`);
  });

  it.each<Row>([
    ['something newer is there', REPLACED, { item: item('new', v(3, 2)) }, v(3, 2)],
    ['something without a version is there', REPLACED, { item: item('new') }, 'no version'],
    ['the winner is gone', REPLACED, { row: row(v(3, 2)) }, 'no item is there now'],
    ['the item is back', REMOVED, { item: item('new', v(4, 1)) }, v(4, 1)],
    [
      'it was deleted again',
      REMOVED,
      { row: row(v(4, 1)) },
      `a later delete of it is known: ${v(4, 1)}`,
    ],
    [
      'the other side deleted it again, having seen a later one',
      { ...REMOVED, lostVersion: v(1, 1) },
      { row: row(v(4, 2), v(3, 1)) },
      `a later delete of it is known: ${v(4, 2)}`,
    ],
    [
      'a merge’s delete was not the last',
      { ...REMOVED, wonVersion: v(3, 1) },
      { row: row(v(4, 2)) },
      'a later delete',
    ],
    ['it was not replicated', { kind: 'stray', lost: item('lost') }, {}, 'never replicated'],
    ['it was a delete', { kind: 'removed' }, {}, 'it was a delete'],
    [
      'another epoch has begun',
      { ...REPLACED, wonVersion: v(1, 2, 3) },
      { item: item('won', v(1, 2, 3)) },
      'later epoch',
    ],
  ])('is refused if %s', (_, loser, now, why) => {
    const decision = decide(loser, now);

    expect(decision.kind).toBe('refused');
    expect('why' in decision && decision.why).toContain(why);
  });

  it('is not written twice', () => {
    expect(decide(REPLACED, { item: item('lost', v(9, 1)) })).toEqual({ kind: 'equal' });
  });
});
