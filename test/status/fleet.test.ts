// Several replications at a glance, from rows that are made up.

import { describe, expect, it } from 'vitest';
import { type FleetRow, fleetTotal, worstFirst } from '../../src/status/fleet.ts';
import { row, unread } from '../fixtures/fleet-rows.ts';

const namesOf = (rows: readonly FleetRow[]) => rows.map(({ name }) => name);

describe('worst first', () => {
  it('puts those first where nothing is applied, and those that are well last', () => {
    const rows = [
      row('well'),
      row('starting', { level: 'starting' }),
      row('paused', { level: 'paused' }),
      row('unknown', { level: 'unknown' }),
      row('outdated', { level: 'outdated' }),
      row('behind', { level: 'behind' }),
      row('unread', unread),
      row('stuck', { level: 'stuck' }),
      row('held', { level: 'held' }),
    ];

    expect(namesOf(worstFirst(rows))).toEqual(namesOf(rows).toReversed());
  });

  it('orders one level by the oldest waiting change, then by dead letters, then as in the file', () => {
    const rows = [
      row('c', { level: 'behind', oldestMs: 5 }),
      row('d', { level: 'behind', oldestMs: 5 }),
      row('b', { level: 'behind', oldestMs: 5, deadLetters: 1 }),
      row('a', { level: 'behind', oldestMs: 6 }),
      row('e', { level: 'behind', oldestMs: null }),
    ];

    expect(namesOf(worstFirst(rows))).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});

it('counts the levels that there are, and all dead letters that are known', () => {
  const rows = [row('a', { deadLetters: 2 }), row('b', unread), row('c', { deadLetters: 40 })];

  expect(fleetTotal(rows)).toEqual({
    replications: 3,
    levels: { unreadable: 1, healthy: 2 },
    deadLetters: 42,
  });
});
