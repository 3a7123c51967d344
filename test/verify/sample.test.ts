import { describe, expect, it } from 'vitest';
import { differingBelow, percentBelow, planSample } from '../../src/verify/sample.ts';

const MIB = 1_024 * 1_024;
const GIB = 1_024 * MIB;
const plan = (percent: number, sizeBytes: number, segmentBytesMax = 65_536) =>
  planSample({ percent, sizeBytes, segmentBytesMax, wholeSegments: 16 });

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
    ['1 % of 1 GiB', 1, GIB, 300, 30_000],
    ['1 % of 100 GiB', 1, 100 * GIB, 10_000, 1_000_000],
    ['half of 1 GiB', 50, GIB, 8_192, 16_384],
  ])('takes many small segments: %s', (_, percent, sizeBytes, count, totalSegments) => {
    expect(plan(percent, sizeBytes)).toEqual({ kind: 'sample', count, totalSegments });
  });

  it('takes a few hundred segments in a bulk run, however large the table is', () => {
    for (const sizeBytes of [GIB, 1_024 * GIB, 50_000 * GIB]) {
      const { count } = plan(1, sizeBytes, Infinity) as { count: number };
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

describe('what a sample proves', () => {
  // Exact values of the one-sided bound of Clopper and Pearson at 95 %: for none of n, 1 - 0.05^(1/n).
  it.each([
    [1, 0, 0.95],
    [10, 0, 0.2588656],
    [300, 0, 0.00993612],
    [12_400, 0, 0.000241562],
    [1_000_000, 0, 0.00000299573],
    [10, 1, 0.3941633],
    [10, 5, 0.7775589],
    [100, 3, 0.0757113],
    [10, 9, 0.9948838],
  ])('of %d units, %d differ', (sampled, differing, expected) => {
    expect(differingBelow({ sampled, differing }) / expected).toBeCloseTo(1, 4);
  });

  it('is nothing, where nothing was read or everything differs', () => {
    expect(differingBelow({ sampled: 0, differing: 0 })).toBe(1);
    expect(differingBelow({ sampled: 7, differing: 7 })).toBe(1);
    expect(differingBelow({ sampled: 7, differing: 9 })).toBe(1);
  });

  it('is close to the share that was found, where much was read', () => {
    const bound = differingBelow({ sampled: 10_000_000, differing: 1_000_000 });

    expect(bound).toBeGreaterThan(0.1);
    expect(bound).toBeLessThan(0.1002);
  });

  it('is a bound that holds 95 times of a hundred', () => {
    // Exactly, over every outcome of 40 draws: how likely it is that the bound lies above the true share.
    for (const share of [0.01, 0.05, 0.2, 0.5, 0.9]) {
      let likely = 0;
      let ways = 1;
      for (let differing = 0; differing <= 40; differing += 1) {
        const probability = ways * share ** differing * (1 - share) ** (40 - differing);
        if (differingBelow({ sampled: 40, differing }) >= share) likely += probability;
        ways = (ways * (40 - differing)) / (differing + 1);
      }
      expect(likely).toBeGreaterThanOrEqual(0.95 - 1e-9);
    }
  });

  it.each([
    [0.000241562, '0.025'],
    [0.00993612, '1'],
    [0.01, '1'],
    [0.95, '95'],
    [1, '100'],
    [0.2588656, '26'],
    [0.00000299573, '0.0003'],
    [0, '0'],
  ])('is told in two digits, rounded up: %d', (share, expected) => {
    expect(percentBelow(share)).toBe(expected);
  });
});
