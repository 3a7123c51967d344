// Which part of a table a sample reads. What is drawn by chance are segments of a scan: ranges of partition key hashes,
// in which an item's neighbours come along. What they prove is in confidence.ts.

import type { Random } from '../ports.ts';

const READ_UNIT_BYTES = 4_096;
/** One page of a scan. */
export const SMALL_BYTES = 1_024 * 1_024;
/** If none of so many differs, at most 1 % do. */
const RANGES_WANTED = 300;
/** DynamoDB's own limit of TotalSegments. */
export const SEGMENTS_MAX = 1_000_000;

export interface SampleWish {
  /** Above 0, up to 100. */
  readonly percent: number;
  /** Of the table, as DynamoDB knows it. */
  readonly sizeBytes: number;
  /** Segments in which the whole table would be read. */
  readonly wholeSegments: number;
  /** Fewer and larger segments make fewer requests, but prove less. @default 300 */
  readonly rangesWanted?: number;
}

export type SamplePlan =
  /** `why` the whole table is read instead. */
  | { readonly kind: 'everything'; readonly why: 'small' | 'as-cheap' }
  /** `count` segments of `totalSegments`, to be drawn by chance. */
  | { readonly kind: 'sample'; readonly count: number; readonly totalSegments: number };

/** Segments as small as is worth a request each, so that there are many: a few large ones prove little. */
export function planSample(wish: SampleWish): SamplePlan {
  const { percent, sizeBytes, wholeSegments, rangesWanted = RANGES_WANTED } = wish;
  if (sizeBytes <= SMALL_BYTES) return { kind: 'everything', why: 'small' };
  const wantedBytes = (sizeBytes * percent) / 100 / rangesWanted;
  const segmentBytes = Math.max(READ_UNIT_BYTES, wantedBytes);
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
