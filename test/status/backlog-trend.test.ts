import { expect, it } from 'vitest';
import { backlogOf } from '../../src/status/backlog-trend.ts';
import type { Series, Vitals } from '../../src/model/vitals.ts';

const MINUTE = 60_000;
const NOW_MS = 100 * MINUTE;
/** An age per minute, the last one a minute ago. */
const ages = (...values: number[]): Series =>
  values.map((value, index) => [NOW_MS - (values.length - index) * MINUTE, value * MINUTE]);
const look = (own: Series, iteratorAge: Series = [], leastUnapplied: Series = []) => {
  const vitals: Vitals = {
    nowMs: NOW_MS,
    own: { OldestUnappliedAge: own },
    services: { IteratorAge: iteratorAge },
    leastUnapplied,
    latency: { p50: [], p90: [], p99: [] },
    mapping: { state: 'Enabled', lastResult: 'OK', streamArn: '' },
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
  ['it has shrunk to nothing', ages(10, 8, 6, 0, 0), [], [10, 'catching-up', undefined]],
  [
    'it shrinks from window to window',
    ages(30, 29, 28, 27, 26, 20, 18, 16, 14, 12),
    [],
    [12, 'catching-up', 6],
  ],
  [
    'Lambda sees more than the function',
    ages(0, 0, 0),
    ages(3, 4, 5),
    [5, 'standing-still', undefined],
  ],
  ['a first figure says nothing of the trend', ages(7), [], [7, 'falling-behind', undefined]],
  [
    'a stuck shard tells its age every fourth minute only',
    ages(170, 0, 0, 0, 174, 0, 0, 0, 178, 0),
    [],
    [178, 'standing-still', undefined],
  ],
])('tells the trend when %s', (_, own, iteratorAge, expected) => {
  expect(look(own, iteratorAge)).toEqual(expected);
});

it.each<[string, Series, Series, unknown[]]>([
  [
    'what waited has come to its end, after a time without waits',
    ages(0, 0, 0, 0, 0, 0, 1.5, 0, 0, 0),
    [],
    [1.5, 'catching-up', undefined],
  ],
  [
    'a shard may still wait that tells its age seldom',
    ages(0, 0, 0, 0, 0, 0, 0, 4, 0, 0),
    [],
    [4, 'standing-still', undefined],
  ],
])('knows the end of a backlog: %s', (_, own, iteratorAge, expected) => {
  expect(look(own, iteratorAge)).toEqual(expected);
});

const ago = (minutes: number, age: number): Series => [[NOW_MS - minutes * MINUTE, age * MINUTE]];

it.each<[string, Series, Series, unknown[]]>([
  ['what was left waits on', ago(30, 2), [], [32, 'standing-still', undefined]],
  ['nothing was left', ago(30, 0), [], [0, 'none', undefined]],
  ['what was read has been applied', ago(10, 0), ago(10, 0.7), [0, 'none', undefined]],
  [
    'what was read went down with the function',
    ago(30, 0),
    ago(10, 3),
    [13, 'standing-still', undefined],
  ],
  ['what was read went down at once', [], ago(10, 3), [13, 'standing-still', undefined]],
])('knows when nothing is invoked any more: %s', (_, own, iteratorAge, expected) => {
  expect(look(own, iteratorAge)).toEqual(expected);
});

it.each<[string, Series, Series, unknown[]]>([
  ['a batch in its minute left nothing', ago(4, 1.5), ago(4, 0), [1.5, 'catching-up', undefined]],
  ['too short a time ago', ago(3, 1.5), ago(3, 0), [1.5, 'falling-behind', undefined]],
  [
    'every batch in its minute left something',
    ago(4, 1.5),
    ago(4, 1.2),
    [1.5, 'falling-behind', undefined],
  ],
  ['the same, and nothing is invoked any more', ago(10, 1.5), ago(10, 0), [0, 'none', undefined]],
  ['something was left', ago(10, 1.5), ago(10, 1.2), [11.5, 'standing-still', undefined]],
  ['long invocations may still go on', ago(10, 8), ago(10, 0), [18, 'standing-still', undefined]],
  ['the longest would have ended', ago(21, 8), ago(21, 0), [0, 'none', undefined]],
])('takes the lowest age of the last minute into account: %s', (_, own, least, expected) => {
  expect(look(own, [], least)).toEqual(expected);
});
