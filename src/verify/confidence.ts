// What a sample proves: the largest share of the items that may differ, with a confidence of 95 %.

import { grouped } from '../text/number-text.ts';

/** Of every statement. */
export const CONFIDENCE = 0.95;

/** What was read of randomly chosen ranges of the key space, which are segments of a scan. */
export interface Sample {
  readonly ranges: number;
  readonly items: number;
  /** Items of the range that has the most. */
  readonly largestRange: number;
  /** Items that differ, the undecided ones among them. */
  readonly differing: number;
  /** Items that kept changing, or cannot be read. */
  readonly undecided: number;
}

/** "0 of 12,400 sampled items differ: with 95 % confidence fewer than 0.03 % do" */
export function sampleSentence(sample: Sample): string {
  const { items, differing, undecided } = sample;
  const { itemsBelow } = sampleBounds(sample);
  const differ = undecided === 0 ? 'differ' : 'differ or are undecided';
  const bound =
    itemsBelow < 1
      ? `with ${CONFIDENCE * 100} % confidence fewer than ${percentBelow(itemsBelow)} % do`
      : 'the sample is too small to say how many do';
  return `${grouped(differing)} of ${grouped(items)} sampled items ${differ}: ${bound}`;
}

/**
 * The share of the ranges, and of the items. Neighbours are lost together, so that only ranges are independent. And
 * differences may be in the ranges with the most items: a sample is worth only as many independent items as it would
 * have ranges, if all were as large as its largest. Where a range that was not drawn is larger still, it may have more.
 */
export function sampleBounds({ ranges, items, largestRange, differing }: Sample) {
  // A function of an earlier release does not count them.
  const independent = Math.floor(items / Math.max(1, largestRange || items));
  // Each may be in a range of its own.
  const inRanges = Math.min(ranges, differing);
  return {
    segmentsBelow: differingBelow({ sampled: ranges, differing: inRanges }),
    itemsBelow: differingBelow({ sampled: independent, differing: inRanges }),
  };
}

/**
 * The largest share of all units that may differ, with the confidence above: the one-sided bound of
 * Clopper and Pearson, exact for units that are drawn independently. Where none of n differs, it is about
 * 3 / n. Drawn without replacement, as segments are, the true share is even lower.
 */
export function differingBelow({ sampled, differing }: SampleResult): number {
  if (sampled === 0 || differing >= sampled) return 1;
  const ways = logOfWays(sampled, differing);
  let [low, high] = [differing / sampled, 1];
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (shareUpTo({ sampled, differing, ways }, middle) > 1 - CONFIDENCE) low = middle;
    else high = middle;
  }
  return high;
}

export interface SampleResult {
  readonly sampled: number;
  readonly differing: number;
}

interface Drawn extends SampleResult {
  /** Logarithm of the ways to choose the differing ones. */
  readonly ways: number;
}

/** Probability of at most so many differing ones, each unit differing with `probability`. */
function shareUpTo({ sampled, differing, ways }: Drawn, probability: number): number {
  const odds = (1 - probability) / probability;
  let term = Math.exp(
    ways + differing * Math.log(probability) + (sampled - differing) * Math.log1p(-probability),
  );
  let sum = term;
  // Downwards the terms shrink, because the expected number is higher.
  for (let count = differing; count > 0 && term > sum * Number.EPSILON; count -= 1) {
    term *= (count / (sampled - count + 1)) * odds;
    sum += term;
  }
  return sum;
}

function logOfWays(from: number, chosen: number): number {
  const fewer = Math.min(chosen, from - chosen);
  let log = 0;
  for (let index = 1; index <= fewer; index += 1) log += Math.log((from - fewer + index) / index);
  return log;
}

/** Rounded up to two digits: 0.000242 -> "0.025". */
export function percentBelow(share: number): string {
  const percent = share * 100;
  if (percent === 0) return '0';
  const step = 10 ** (Math.floor(Math.log10(percent)) - 1);
  // Without what floating point has added in the division.
  return String(
    Number((Math.ceil(Number((percent / step).toPrecision(12))) * step).toPrecision(3)),
  );
}
