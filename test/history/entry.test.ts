// The line of the history: what it takes of a result, and what it never has.

import { describe, expect, it } from 'vitest';
import {
  countsOf,
  type HistoryEntry,
  historyLine,
  historyWindows,
  optionsOf,
  parseHistoryLine,
} from '../../src/history/entry.ts';

const ENTRY: HistoryEntry = {
  startedAt: '2026-01-31T12:00:00.000Z',
  endedAt: '2026-01-31T12:00:09.000Z',
  by: 'arn:aws:sts::111122223333:assumed-role/operators/jane',
  command: 'redrive',
  replication: 'orders',
  options: { limit: '10' },
  counts: { applied: 7, reasons: { ValidationException: 7 } },
  outcome: 'done',
  version: '0.3.0',
};

it('is read as it was written', () => {
  expect(parseHistoryLine(historyLine(ENTRY))).toEqual({ kind: 'entry', entry: ENTRY });
});

it.each([
  ['{"format":2,"startedAt":"x"}', 'its format is 2; this release reads 1'],
  ['{"format":1,"startedAt":"x"}', 'it has no "endedAt"'],
  ['{"startedAt":"x"}', 'it is not a line of Ferry'],
  ['a line of another program', 'it is not a line of Ferry'],
  ['null', 'it is not a line of Ferry'],
])('says why it does not read %s', (line, problem) => {
  expect(parseHistoryLine(line)).toEqual({ kind: 'unreadable', problem });
});

describe('the counts of a result', () => {
  it('are its numbers, groups of numbers and the lengths of some lists', () => {
    const facts = {
      apply: true,
      applied: 7,
      lagMs: null,
      rate: NaN,
      reasons: { ValidationException: 7 },
      failures: {},
      deleted: ['us-east-1/ferry-orders-dead-letters'],
      result: 'switched',
    };

    expect(countsOf(facts)).toEqual({
      applied: 7,
      reasons: { ValidationException: 7 },
      deleted: 1,
    });
  });

  it('have no key of an item, whatever the result has', () => {
    const facts = {
      key: { pk: 4711 },
      sampleKeys: [{ pk: 'user-4711' }],
      items: [{ key: { pk: 'user-4711' }, action: 'write' }],
      why: 'user-4711',
    };

    expect(JSON.stringify(countsOf(facts))).toBe('{}');
  });
});

it('keeps the options of a call, but neither where it worked nor the key of an item', () => {
  const given = [
    ['config', ['prod.json']],
    ['apply', [true]],
    ['json', [true]],
    ['key', ['{"pk":"user-4711"}']],
    ['limit', ['10']],
    ['without-source', [true]],
    ['match', ['a-*', 'b-*']],
    ['delete', ['x'.repeat(5_000)]],
  ] as const;

  expect(optionsOf(given)).toEqual({
    key: true,
    limit: '10',
    'without-source': true,
    match: 'a-*,b-*',
    delete: 'x'.repeat(1_000),
  });
});

describe('the windows in which it is read', () => {
  const hourMs = 60 * 60 * 1000;
  const nowMs = 1_000_000 * hourMs;

  it.each([1, 24, 25, 24 * 400])('cover the last %i h once, the newest first', (hours) => {
    const sinceMs = nowMs - hours * hourMs;

    const windows = [...historyWindows(sinceMs, nowMs)];

    expect(windows.at(-1)?.[0]).toBe(sinceMs);
    expect(windows[0]?.[1]).toBeGreaterThan(nowMs);
    expect(windows.every(([fromMs, toMs]) => fromMs < toMs)).toBe(true);
    expect(windows.slice(1).map(([, toMs]) => toMs)).toEqual(
      windows.slice(0, -1).map(([fromMs]) => fromMs),
    );
  });

  it('are none for a time that has not begun', () => {
    expect([...historyWindows(nowMs + 3 * hourMs, nowMs)]).toEqual([]);
  });
});
