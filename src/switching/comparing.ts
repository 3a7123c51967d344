// Compares both tables behind the fence, a bounded piece at a time: for tables without markers, and where it is asked
// for.

import { canonicalKey } from '../model/attribute-value.ts';
import { isMarker } from '../model/marker.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import type { Item } from '../ports.ts';
import type { SegmentCursor } from '../verify/segment-join.ts';
import { verifySegment } from '../verify/verify.ts';
import type { SwitchPorts } from './ports.ts';
import type { LeftItem } from './step.ts';

const SEGMENTS = 8;
const PIECE_MS = 10_000;
/** Between two looks at an item: nothing changes at the source any more. */
const SETTLE_MS = 500;
/** If there are more, they are found at the next comparison. */
const DIFFERENCES_MAX = 10_000;

export interface TableComparison {
  /** Those that are not at their end. */
  readonly open: Map<number, SegmentCursor | undefined>;
  readonly counts: { items: number; destinationItems: number };
  /** By canonical key. */
  readonly differences: Map<string, Item>;
  readonly unreadable: LeftItem[];
}

export function newComparison(): TableComparison {
  const segments = Array.from({ length: SEGMENTS }, (_, segment) => [segment, undefined] as const);
  const counts = { items: 0, destinationItems: 0 };
  return { open: new Map(segments), counts, differences: new Map(), unreadable: [] };
}

/** @returns whether both tables have been read to their ends. */
export async function compareOn(
  comparison: TableComparison,
  { old, target, clock, stop }: SwitchPorts,
): Promise<boolean> {
  const { open, counts, differences, unreadable } = comparison;
  const until = clock.now() + PIECE_MS;
  const differs = (key: Item) => {
    if (!isMarker(key) && differences.size < DIFFERENCES_MAX)
      differences.set(canonicalKey(key), key);
  };
  const context = {
    source: old.table,
    destination: target.table,
    rules: target.rules,
    clock,
    stop,
    settleMs: SETTLE_MS,
    onDifference: ({ key }: { readonly key: Item }) => differs(key),
    onInFlight: differs,
    onUnreadable: (key: Item, { reason: why }: { readonly reason: string }) => {
      unreadable.push({ key, why });
    },
  };
  const tasks = [...open].map(([segment, from]) => async () => {
    const place = { segment, totalSegments: SEGMENTS, from };
    const { report, next } = await verifySegment(place, context, () => clock.now() >= until);
    counts.items += report.items;
    counts.destinationItems += report.destinationItems;
    if (next === undefined) open.delete(segment);
    else open.set(segment, next);
  });
  await inParallel(tasks, SEGMENTS);
  return open.size === 0;
}
