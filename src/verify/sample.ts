// Which part of a table a sample reads, and what it proves. What is drawn by chance are segments of a scan:
// ranges of partition key hashes, in which an item's neighbours come along.

import type { Random } from '../ports.ts';

/** Confidence of every statement. */
export const CONFIDENCE = 0.95;

const READ_UNIT_BYTES = 4_096;
/** One page of a scan. */
export const SMALL_BYTES = 1_024 * 1_024;
/** If none of so many differs, at most 1 % do. */
const SEGMENTS_WANTED = 300;
/** DynamoDB's own limit of TotalSegments. */
export const SEGMENTS_MAX = 1_000_000;

export interface SampleWish {
  /** Above 0, up to 100. */
  readonly percent: number;
  /** Of the table, as DynamoDB knows it. */
  readonly sizeBytes: number;
  /** Segments in which the whole table would be read. */
  readonly wholeSegments: number;
  /** Larger segments are as good, and make fewer requests, but prove less. @default no limit */
  readonly segmentBytesMax?: number;
}

export type SamplePlan =
  /** `why` the whole table is read instead. */
  | { readonly kind: 'everything'; readonly why: 'small' | 'as-cheap' }
  /** `count` segments of `totalSegments`, to be drawn by chance. */
  | { readonly kind: 'sample'; readonly count: number; readonly totalSegments: number };

/** Segments as small as is worth a request each, so that there are many: a few large ones prove little. */
export function planSample(wish: SampleWish): SamplePlan {
  const { percent, sizeBytes, wholeSegments, segmentBytesMax = Infinity } = wish;
  if (sizeBytes <= SMALL_BYTES) return { kind: 'everything', why: 'small' };
  const wantedBytes = (sizeBytes * percent) / 100 / SEGMENTS_WANTED;
  const segmentBytes = Math.max(READ_UNIT_BYTES, Math.min(wantedBytes, segmentBytesMax));
  const totalSegments = Math.min(SEGMENTS_MAX, Math.floor(sizeBytes / segmentBytes));
  const count = Math.ceil((totalSegments * percent) / 100);
  // Each request is rounded up to a whole unit.
  const units = count * (sizeBytes / totalSegments / READ_UNIT_BYTES + 1);
  return units >= sizeBytes / READ_UNIT_BYTES + wholeSegments
    ? { kind: 'everything', why: 'as-cheap' }
    : { kind: 'sample', count, totalSegments };
}

/** `count` of all segments, each as likely as any other. */
export function chosenSegments(total: number, count: number, random: Random): number[] {
  const all = Array.from({ length: total }, (_, segment) => segment);
  for (let index = 0; index < count; index += 1) {
    const other = index + Math.floor(random.next() * (total - index));
    [all[index], all[other]] = [all[other] as number, all[index] as number];
  }
  return all.slice(0, count);
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
