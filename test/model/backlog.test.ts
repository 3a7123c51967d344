import { expect, it } from 'vitest';
import { pendingRecords } from '../../src/model/backlog.ts';

const NOW_S = 10_000;
const times = (count: number, from: number, to: number) =>
  Array.from({ length: count }, (_, index) =>
    Math.floor(from + ((to - from) * index) / Math.max(1, count - 1)),
  );

it.each([
  ['an empty batch', [], 0, 0],
  ['a batch that is up to date', times(1_000, 9_990, 9_999), 0, 0],
  ['a batch up to date, partly handed back', times(100, 9_990, 9_999), 40, 40],
  ['a lone record, however old', [400], 0, 0],
  ['a lone record handed back', [400], 1, 1],
  ['100 records a second, and ten seconds behind', times(1_001, 9_979, 9_989), 0, 1_000],
  ['the same in any order', times(1_001, 9_979, 9_989).toReversed(), 0, 1_000],
  ['many records of one second, an hour behind', times(11, 6_399, 6_399), 0, 36_000],
])('estimates what waits behind %s', (_, createdAtSeconds, retried, pending) => {
  expect(pendingRecords(createdAtSeconds, { retried, nowMs: NOW_S * 1000 })).toBe(pending);
});
