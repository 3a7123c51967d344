// Which ranges a segment of a sampled run compares. A sample can have a million: the run's input has the seed from which
// each call of the function draws them all again.

import { createHash } from 'node:crypto';

export interface SampledRanges {
  /** Drawn by chance once for a run. */
  readonly seed: string;
  /** Of `totalSegments`. */
  readonly count: number;
  /** Among so many segments of the run they are divided. */
  readonly parts: number;
}

/** Each range is as likely as any other, and comes once. */
export function sampledRanges(
  { seed, count, parts }: SampledRanges,
  { segment, totalSegments }: { readonly segment: number; readonly totalSegments: number },
): number[] {
  const drawn = new Set<number>();
  for (let index = 0; drawn.size < count; index += 1) {
    const digest = createHash('sha256').update(`${seed}:${index}`).digest();
    drawn.add(digest.readUIntBE(0, 6) % totalSegments);
  }
  const from = (part: number) => Math.floor((part * count) / parts);
  return [...drawn].slice(from(segment), from(segment + 1));
}
