// One segment of two tables, scanned on both sides in step and joined. Items without an equal are submitted as
// suspects. Can stop in between, and go on from there.

import { canonicalKey } from '../model/attribute-value.ts';
import { contentDigest } from '../model/discrepancy.ts';
import {
  type ScanCursor,
  type SegmentCursor,
  segmentJoin,
  type SegmentJoin,
  type Side,
  type Suspect,
} from './segment-join.ts';
import type { ReadableTable, ScanPage } from '../ports.ts';
import type { TwinRules } from '../model/rules.ts';
import type { Confirmation } from './confirm-differences.ts';

export interface SegmentPlace {
  readonly segment: number;
  readonly totalSegments: number;
  /** Where an earlier call has ended. @default the segment's beginning */
  readonly from?: SegmentCursor | undefined;
}

/** Items of a page: bounds the memory where items are tiny. */
const PAGE_ITEMS_MAX = 2_000;
const WAITING_MAX = 20_000;

export interface ScanContext extends Readonly<Record<Side, ReadableTable>> {
  readonly rules: TwinRules;
  readonly stop: AbortSignal;
  /** Items of a segment that wait for their equals, at most. @default 20,000 */
  readonly waitingMax?: number;
}

export interface ScanCounts {
  /** Items of the source that were compared, and of the destination: those that can be read. */
  items: number;
  destinationItems: number;
  /** Items of the source that the projection leaves out. */
  leftOut: number;
  /** Capacity consumed on each side by scans; reads of single items come on top. */
  sourceReadUnits: number;
  destinationReadUnits: number;
  /** Of the segment that has the most, on the side that has more. */
  largestSegmentItems: number;
}

export interface Comparison {
  readonly context: ScanContext;
  readonly report: ScanCounts;
  readonly confirmation: Confirmation;
  readonly onPage: () => void;
}

const UNREAD: ScanCursor = { ended: false };

/**
 * Compares one segment, for as long as there is time.
 * @returns where to go on, or undefined at the end. Items without an equal by then have been submitted.
 */
export async function compareSegment(
  place: SegmentPlace,
  { comparison, isTimeUp = () => false }: { comparison: Comparison; isTimeUp?: () => boolean },
): Promise<SegmentCursor | undefined> {
  const { context, confirmation, report } = comparison;
  const { segment, totalSegments } = place;
  const join = segmentJoin(context.waitingMax ?? WAITING_MAX);
  let cursor = place.from ?? { source: UNREAD, destination: UNREAD };
  const next = () => nextSide(cursor, join);
  for (let side = next(); side !== undefined && !isTimeUp(); side = next()) {
    context.stop.throwIfAborted();
    const { after } = cursor[side];
    const position = { segment, totalSegments, after, limit: PAGE_ITEMS_MAX };
    const page = await context[side].scan(position);
    cursor = readOn(cursor, side, page);
    await confirmation.submit(takeIn(page, { side, join, comparison }));
    const most = Math.max(report.largestSegmentItems, cursor[side].items ?? 0);
    report.largestSegmentItems = most;
    comparison.onPage();
  }
  await confirmation.submit(join.rest());
  return next() === undefined ? undefined : cursor;
}

function readOn(cursor: SegmentCursor, side: Side, page: ScanPage): SegmentCursor {
  const { next: after, items, unreadable } = page;
  const read = (cursor[side].items ?? 0) + items.length + unreadable.length;
  return { ...cursor, [side]: { after, ended: after === undefined, items: read } };
}

/** The side with fewer waiting items, which is behind. Undefined when both are at their end. */
function nextSide({ source, destination }: SegmentCursor, join: SegmentJoin): Side | undefined {
  if (source.ended) return destination.ended ? undefined : 'destination';
  const isBehind = join.waiting('source') <= join.waiting('destination');
  return destination.ended || isBehind ? 'source' : 'destination';
}

function takeIn(
  page: ScanPage,
  { side, join, comparison }: { side: Side; join: SegmentJoin; comparison: Comparison },
): Suspect[] {
  const { context, report } = comparison;
  const table = context[side];
  report[side === 'source' ? 'items' : 'destinationItems'] += page.items.length;
  report[`${side}ReadUnits`] += page.readUnits;
  report.leftOut += page.leftOut?.length ?? 0;
  // Equal to nothing, so that each becomes one suspect, and is counted once whichever side cannot be read.
  const unreadable = page.unreadable.map(({ key }) => ({ key, digest: `unreadable ${side}` }));
  const readable = page.items.map((item) => ({
    key: table.keyOf(item),
    digest: contentDigest(item, context.rules),
  }));
  return [...unreadable, ...readable].flatMap(({ key, digest }) =>
    join.add(side, { key, keyText: canonicalKey(key), digest }),
  );
}
