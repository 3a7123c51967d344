import { expect, it } from 'vitest';
import { backlogOf } from '../../src/core/backlog-trend.ts';
import type { Series, Vitals } from '../../src/core/vitals.ts';

const MINUTE = 60_000;
const NOW_MS = 100 * MINUTE;
/** An age per minute, the last one a minute ago. */
const ages = (...values: number[]): Series =>
  values.map((value, index) => [NOW_MS - (values.length - index) * MINUTE, value * MINUTE]);
const look = (own: Series, iteratorAge: Series = []) => {
  const vitals: Vitals = {
    nowMs: NOW_MS,
    own: { OldestUnappliedAge: own },
    services: { IteratorAge: iteratorAge },
    latency: { p50: [], p90: [], p99: [] },
    mapping: undefined,
    deadLetters: 0,
    streamArn: undefined,
  };
  const { ageMs, trend, leftMs } = backlogOf(vitals, MINUTE);
  return [ageMs / MINUTE, trend, leftMs === undefined ? undefined : Math.round(leftMs / MINUTE)];
};

it.each<[string, Series, Series, unknown[]]>([
  ['nothing is known', [], [], [0, 'none', undefined]],
  ['nothing waits', ages(0, 0, 0), ages(0.1), [0.1, 'none', undefined]],
  ['what waits is young', ages(0, 1), [], [1, 'none', undefined]],
  ['the oldest gets older with the clock', ages(5, 6, 7, 8), [], [8, 'standing-still', undefined]],
  ['the oldest gets older more slowly', ages(5, 5.3, 5.6), [], [5.6, 'falling-behind', undefined]],
  ['the age stays', ages(9, 9, 9, 9), [], [9, 'falling-behind', undefined]],
  ['the age shrinks', ages(10, 8, 6, 4), [], [4, 'catching-up', 2]],
  [
    'only the last ten minutes count',
    ages(...Array.from({ length: 20 }, (_, n) => (n < 9 ? n * 5 : 40 - n))),
    [],
    [21, 'catching-up', 21],
  ],
  [
    'Lambda sees more than the function',
    ages(0, 0, 0),
    ages(3, 4, 5),
    [5, 'standing-still', undefined],
  ],
  ['a first figure says nothing of the trend', ages(7), [], [7, 'falling-behind', undefined]],
])('tells the trend when %s', (_, own, iteratorAge, expected) => {
  expect(look(own, iteratorAge)).toEqual(expected);
});

it('lets an age grow on where nobody looks any more', () => {
  expect(look([[NOW_MS - 30 * MINUTE, 2 * MINUTE]])).toEqual([32, 'standing-still', undefined]);
  expect(look([[NOW_MS - 30 * MINUTE, 0]])).toEqual([0, 'none', undefined]);
});
