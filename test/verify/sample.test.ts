import { describe, expect, it } from 'vitest';
import { planSample } from '../../src/verify/sample.ts';

const MIB = 1_024 * 1_024;
const GIB = 1_024 * MIB;
const plan = (percent: number, sizeBytes: number, rangesWanted = 10_000) =>
  planSample({ percent, sizeBytes, rangesWanted, wholeSegments: 16 });

describe('a sample', () => {
  it.each([
    ['an empty table', 1, 0, 'small'],
    ['a table of three items', 1, 300, 'small'],
    ['a table of one page', 50, MIB, 'small'],
    ['most of a table', 99, 100 * MIB, 'as-cheap'],
    ['nearly all of a large table', 99.9, GIB, 'as-cheap'],
  ])('is everything, where that costs no more: %s', (_, percent, sizeBytes, why) => {
    expect(plan(percent, sizeBytes)).toEqual({ kind: 'everything', why });
  });

  it.each([
    ['a small share of a small table', 1, 2 * MIB, 6, 512],
    ['1 % of 1 GiB', 1, GIB, 2_622, 262_144],
    ['1 % of 100 GiB', 1, 100 * GIB, 10_000, 1_000_000],
    ['half of 1 GiB', 50, GIB, 10_000, 20_000],
  ])('takes many small segments: %s', (_, percent, sizeBytes, count, totalSegments) => {
    expect(plan(percent, sizeBytes)).toEqual({ kind: 'sample', count, totalSegments });
  });

  it('takes a few hundred segments in a bulk run, however large the table is', () => {
    for (const sizeBytes of [GIB, 1_024 * GIB, 50_000 * GIB]) {
      const { count } = planSample({ percent: 1, sizeBytes, wholeSegments: 16 }) as {
        count: number;
      };
      expect(count).toBeGreaterThanOrEqual(300);
      expect(count).toBeLessThanOrEqual(301);
    }
  });

  it('never costs more than the whole table', () => {
    for (let percent = 1; percent <= 100; percent += 1) {
      for (const sizeBytes of [2 * MIB, 10 * MIB, GIB, 500 * GIB]) {
        const planned = plan(percent, sizeBytes);
        if (planned.kind === 'everything') continue;
        const { count, totalSegments } = planned;
        expect(count).toBeLessThanOrEqual(totalSegments);
        const units = count * Math.ceil(sizeBytes / totalSegments / 4_096);
        expect(units).toBeLessThan(sizeBytes / 4_096 + 16);
      }
    }
  });
});
