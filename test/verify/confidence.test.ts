// What a sample proves: the exact bound, the sentence, and how often the stated figure holds, wherever differences are.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { below, seededRandom } from '../../src/local/seeded-random.ts';
import type { Random } from '../../src/ports.ts';
import {
  differingBelow,
  percentBelow,
  type Sample,
  sampleBounds,
  sampleSentence,
} from '../../src/verify/confidence.ts';
import { chosenSegments } from '../../src/verify/sample.ts';

describe('the bound of independent units', () => {
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
  ])('has two digits, rounded up: %d', (share, expected) => {
    expect(percentBelow(share)).toBe(expected);
  });
});

const sample = (parts: Partial<Sample> = {}): Sample => ({
  ranges: 12_400,
  items: 12_400,
  largestRange: 1,
  differing: 0,
  undecided: 0,
  ...parts,
});

describe('the sentence of a sample', () => {
  it.each([
    [
      'ranges of one item each',
      {},
      '0 of 12,400 sampled items differ: with 95 % confidence fewer than 0.025 % do',
    ],
    [
      'fewer ranges, of unequal size',
      { ranges: 3_100, largestRange: 10 },
      '0 of 12,400 sampled items differ: with 95 % confidence fewer than 0.25 % do',
    ],
    [
      'items that kept changing',
      { differing: 3, undecided: 2 },
      '3 of 12,400 sampled items differ or are undecided: with 95 % confidence fewer than 0.063 % do',
    ],
    [
      'one range',
      { ranges: 1, largestRange: 12_400 },
      '0 of 12,400 sampled items differ: with 95 % confidence fewer than 95 % do',
    ],
    [
      'a range that an earlier release has not counted',
      { largestRange: 0 },
      '0 of 12,400 sampled items differ: with 95 % confidence fewer than 95 % do',
    ],
    [
      'differences everywhere',
      { differing: 12_400 },
      '12,400 of 12,400 sampled items differ: the sample is too small to say how many do',
    ],
  ])('of %s', (_, parts, sentence) => {
    expect(sampleSentence(sample(parts))).toBe(sentence);
  });
});

interface Range {
  readonly items: number;
  readonly differing: number;
}

/** How many items the ranges of a table have. */
const SIZES = {
  'all the same': (mean: number) => mean,
  'any up to a limit': (mean: number, random: Random) => below(random, 2 * mean + 1),
  'some with twenty times as many': (mean: number, random: Random) =>
    random.next() < 0.1 ? 20 * mean : mean,
  'few with very many': (mean: number, random: Random) =>
    Math.min(200, Math.ceil(mean * (1 - random.next()) ** -0.7)),
} as const;

/** Where the differences are, as the order in which ranges lose all their items. */
const LOSSES = {
  'the largest ranges': (sizes: readonly number[]) =>
    sizes.map((_, range) => range).toSorted((a, b) => (sizes[b] ?? 0) - (sizes[a] ?? 0)),
  neighbours: (sizes: readonly number[]) => sizes.map((_, range) => range),
  'single ranges': (sizes: readonly number[], random: Random) =>
    chosenSegments(sizes.length, sizes.length, random),
} as const;

const RANGES = 1_000;

function tableOf(population: Population, random: Random): Range[] {
  const { sizes, losses, mean, share } = population;
  const all = Array.from({ length: RANGES }, () => SIZES[sizes](mean, random));
  const lost = new Set<number>();
  let left = share * sum(all);
  for (const range of LOSSES[losses](all, random)) {
    if (left <= 0) break;
    left -= all[range] ?? 0;
    lost.add(range);
  }
  return all.map((items, range) => ({ items, differing: lost.has(range) ? items : 0 }));
}

const sum = (all: readonly number[]) => all.reduce((total, one) => total + one, 0);

interface Population {
  readonly sizes: keyof typeof SIZES;
  readonly losses: keyof typeof LOSSES;
  readonly mean: number;
  /** Of the items, lost. */
  readonly share: number;
  readonly drawn: number;
  readonly seed: number;
}

/** The share that is lost is about the smallest that a sample can still miss: there a bound fails most often. */
const populations = (): fc.Arbitrary<Population> =>
  fc
    .record({
      sizes: fc.constantFrom(...(Object.keys(SIZES) as Array<keyof typeof SIZES>)),
      losses: fc.constantFrom(...(Object.keys(LOSSES) as Array<keyof typeof LOSSES>)),
      mean: fc.integer({ min: 1, max: 12 }),
      times: fc.double({ min: 0.3, max: 6, noNaN: true }),
      drawn: fc.integer({ min: 20, max: 200 }),
      seed: fc.nat(),
    })
    .map(({ times, ...rest }) => ({ ...rest, share: (3 * times) / rest.drawn }));

const TRIES = 400;
/** Five standard deviations above the twenty that may. */
const MISSES_MAX = 42;

/** How many of the samples state a figure that is too low, where their condition holds. */
function misses(population: Population, boundOf: (sample: Sample) => number): number {
  const random = seededRandom(population.seed);
  const table = tableOf(population, random);
  const truth = sum(table.map(({ differing }) => differing)) / sum(table.map(({ items }) => items));
  const largest = Math.max(...table.map(({ items }) => items));
  let missed = 0;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const drawn = chosenSegments(RANGES, population.drawn, random).map((range) => table[range]!);
    const sizes = drawn.map(({ items }) => items);
    const largestRange = Math.max(...sizes);
    const differing = sum(drawn.map((range) => range.differing));
    const items = sum(sizes);
    const found = { ranges: drawn.length, items, largestRange, differing, undecided: 0 };
    if (largestRange === largest && boundOf(found) < truth) missed += 1;
  }
  return missed;
}

describe('the figure of a sample', () => {
  const figure = (found: Sample) => sampleBounds(found).itemsBelow;

  it('holds 95 times of a hundred, wherever the differences are and however large the ranges', () => {
    fc.assert(
      fc.property(populations(), (population) => {
        expect(misses(population, figure)).toBeLessThanOrEqual(MISSES_MAX);
      }),
      { numRuns: 100 },
    );
  }, 60_000);

  it.each([
    ['an item', ({ items, differing }: Sample) => differingBelow({ sampled: items, differing })],
    ['a range, whatever is in it', (found: Sample) => sampleBounds(found).segmentsBelow],
  ])('would not hold with %s as the unit', (_, boundOf) => {
    const population: Population = {
      sizes: 'some with twenty times as many',
      losses: 'the largest ranges',
      mean: 5,
      share: 0.1,
      drawn: 60,
      seed: 1,
    };

    expect(misses(population, boundOf)).toBeGreaterThan(2 * MISSES_MAX);
    expect(misses(population, figure)).toBeLessThanOrEqual(MISSES_MAX);
  });
});
