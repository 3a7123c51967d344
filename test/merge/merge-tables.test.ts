// Whole tables merged: nothing is changed before it is agreed, where many items differ.

import { expect, it } from 'vitest';
import { changedItems, mergeTables, type TablesContext } from '../../src/merge/merge-tables.ts';
import { bothSides } from '../../src/merge/sides.ts';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { paceOf } from '../../src/pacing/pace.ts';
import type { Item, ReadableTable } from '../../src/ports.ts';
import { destinationHealth } from '../../src/replicate/destination-health.ts';
import { SETTINGS } from '../fixtures/records.ts';
import { invocation, scripted } from '../fixtures/replication.ts';

/** A table in memory, in one segment. */
function table(items: readonly Item[]): ReadableTable {
  const keyOf = ({ pk }: Item): Item => (pk === undefined ? {} : { pk });
  const byKey = new Map(items.map((item) => [canonicalKey(keyOf(item)), item]));
  return {
    keyOf,
    get: async (key) => byKey.get(canonicalKey(key)),
    scan: async () => ({ items, unreadable: [], readUnits: 1 }),
  };
}

/** So many items that only the source has, none of them with a version. */
async function merge(items: number, onMore: () => Promise<void>, apply = true) {
  const { clock, random, remainingMs } = invocation();
  const all = Array.from({ length: items }, (_, index) => ({ pk: { S: `item-${index}` } }));
  const tables = { 1: table(all), 2: table([]) };
  const writer = scripted(() => ({ kind: 'written' }));
  const sides = bothSides((side) => ({
    rules: SETTINGS,
    table: tables[side],
    ledger: { get: async () => undefined },
    twinWriter: writer,
    health: destinationHealth(),
  }));
  const stop = new AbortController().signal;
  const context: TablesContext = {
    merge: {
      sides,
      mode: { mode: 'stamped', epoch: 1 },
      heartbeats: new Set(),
      clock,
      random,
      remainingMs,
    },
    compare: {
      source: tables[1],
      destination: tables[2],
      rules: SETTINGS,
      settleMs: 0,
      clock,
      stop,
    },
    pace: paceOf(Infinity, clock),
  };
  const found: string[] = [];
  const report = await mergeTables(context, {
    apply,
    choice: {},
    segments: [0],
    totalSegments: 1,
    workers: 1,
    agreed: { itemsMax: 5, onMore },
    onItem: ({ kind }) => found.push(kind),
    onProgress: () => undefined,
  }).catch((error: unknown) => error);
  return { report, found, writes: writer.requests.length };
}

it('does not ask about a few items', async () => {
  const { found, writes } = await merge(5, () => Promise.reject(new Error('asked')));

  expect([found, writes]).toEqual([Array.from({ length: 5 }, () => 'stamped'), 5]);
});

it('asks once about many, and then changes all of them', async () => {
  let asked = 0;
  const { report, writes } = await merge(40, async () => void (asked += 1));

  expect([asked, writes]).toEqual([1, 40]);
  expect(changedItems(report as Parameters<typeof changedItems>[0])).toBe(40);
});

it('changes nothing where it is not agreed', async () => {
  const { report, writes } = await merge(40, () => Promise.reject(new Error('no')));

  expect([report, writes]).toEqual([new Error('no'), 0]);
});

it('does not ask where nothing is to be changed', async () => {
  const { found, writes } = await merge(40, () => Promise.reject(new Error('asked')), false);

  expect([found.length, writes]).toEqual([40, 0]);
});
