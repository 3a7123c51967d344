// Compares two tables, in memory that does not grow with them: scans both segment by segment, joins what
// meets, and looks up what does not, until each difference is proved or gone.

import type { Discrepancy } from '../core/discrepancy.ts';
import { canonicalKey } from '../core/attribute-value.ts';
import { itemDigest } from '../core/discrepancy.ts';
import { segmentJoin, type SegmentJoin, type Side } from '../core/segment-join.ts';
import type { Item, ReadableTable, ScanPage } from '../ports.ts';
import {
  type Confirmation,
  type ConfirmContext,
  type Difference,
  startConfirmation,
  type Suspect,
} from './confirm-differences.ts';
import { inParallel } from './in-parallel.ts';

export interface VerifyContext extends Omit<ConfirmContext, 'onInFlight'> {
  readonly source: ReadableTable;
  readonly destination: ReadableTable;
  /** Attribute in which the source's items say when they expire, if they do. */
  readonly timeToLiveAttribute?: string | undefined;
  /** Told of differences that are real; those of expired items are only counted. */
  readonly onDifference: (difference: Difference) => void;
  readonly onInFlight: (key: Item) => void;
  readonly onUnreadable: (key: Item, side: Side) => void;
}

export interface VerifyOptions {
  /** Which segments to compare, of how many. */
  readonly segments: readonly number[];
  readonly totalSegments: number;
  /** Segments in progress at the same time. */
  readonly workers: number;
  /** Called after each page. */
  readonly onProgress: (report: VerifyReport) => void;
}

export interface VerifyReport extends Record<Discrepancy, number> {
  /** Items of the source that were compared, and of the destination. */
  items: number;
  destinationItems: number;
  /** On one side only, and past the time at which they expire: DynamoDB will remove them. */
  expired: number;
  /** Changed at every look, so that nothing can be said of them. */
  inFlight: number;
  /** Cannot be read whole with the SDK, on either side. */
  unreadable: number;
  segmentsDone: number;
  /** Capacity consumed on each side by scans; looks at single items come on top. */
  sourceReadUnits: number;
  destinationReadUnits: number;
}

/** Items of a page: bounds the memory where items are tiny. */
export const PAGE_ITEMS_MAX = 4_000;
/** Items of a segment that wait for their twins. */
const WAITING_MAX = 20_000;
const SUSPECTS_AT_ONCE = 5_000;

export async function verify(
  context: VerifyContext,
  { segments, totalSegments, workers, onProgress }: VerifyOptions,
): Promise<VerifyReport> {
  const report = newReport();
  const confirmation = startConfirmation(counting(context, report), SUSPECTS_AT_ONCE);
  const comparison = { context, report, confirmation, onPage: () => onProgress(report) };
  const tasks = segments.map((segment) => async () => {
    await compareSegment({ segment, totalSegments }, { comparison });
    report.segmentsDone += 1;
  });
  await inParallel(tasks, workers);
  await confirmation.finish();
  return report;
}

/** The differences of a single item, after the same two looks. */
export async function verifyKey(key: Item, context: VerifyContext): Promise<VerifyReport> {
  const report = newReport();
  const confirmation = startConfirmation(counting(context, report), 1);
  await confirmation.submit([{ key, side: 'source' }]);
  await confirmation.finish();
  return { ...report, items: 1 };
}

export interface SegmentPlace {
  readonly segment: number;
  readonly totalSegments: number;
  /** Where an earlier call has ended. @default the segment's beginning */
  readonly from?: SegmentCursor | undefined;
}

/** A part of a segment, for a worker whose time is limited. */
export async function verifySegment(
  place: SegmentPlace,
  context: VerifyContext,
  isTimeUp: () => boolean,
): Promise<{ report: VerifyReport; next: SegmentCursor | undefined }> {
  const report = newReport();
  const confirmation = startConfirmation(counting(context, report), SUSPECTS_AT_ONCE);
  const comparison = { context, report, confirmation, onPage: () => undefined };
  const next = await compareSegment(place, { comparison, isTimeUp });
  await confirmation.finish();
  if (next === undefined) report.segmentsDone += 1;
  return { report, next };
}

interface Comparison {
  readonly context: VerifyContext;
  readonly report: VerifyReport;
  readonly confirmation: Confirmation;
  readonly onPage: () => void;
}

/** How far a segment has been read on one side. */
interface ScanCursor {
  readonly items: number;
  readonly after?: Item | undefined;
  readonly ended: boolean;
}

/** How far a segment has been compared. */
export type SegmentCursor = Readonly<Record<Side, ScanCursor>>;

const UNREAD: ScanCursor = { items: 0, ended: false };

/**
 * Compares one segment, for as long as there is time.
 * @returns where to go on, or undefined at the end. What had not met by then has been looked up.
 */
async function compareSegment(
  place: SegmentPlace,
  { comparison, isTimeUp = () => false }: { comparison: Comparison; isTimeUp?: () => boolean },
): Promise<SegmentCursor | undefined> {
  const { context, confirmation } = comparison;
  const { segment, totalSegments } = place;
  const join = segmentJoin(WAITING_MAX);
  let cursor = place.from ?? { source: UNREAD, destination: UNREAD };
  for (let side = nextSide(cursor); side !== undefined && !isTimeUp(); side = nextSide(cursor)) {
    context.stop.throwIfAborted();
    const { after, items } = cursor[side];
    const position = { segment, totalSegments, after, limit: PAGE_ITEMS_MAX };
    const page = await context[side].scan(position);
    const { next } = page;
    const read = { items: items + page.items.length, after: next, ended: next === undefined };
    cursor = { ...cursor, [side]: read };
    await confirmation.submit(takeIn(page, { side, join, comparison }));
    comparison.onPage();
  }
  await confirmation.submit(join.rest());
  return nextSide(cursor) === undefined ? undefined : cursor;
}

/** Where fewer items have been read, so that equal keys meet soon; undefined when both are at their end. */
function nextSide({ source, destination }: SegmentCursor): Side | undefined {
  if (source.ended) return destination.ended ? undefined : 'destination';
  return destination.ended || source.items <= destination.items ? 'source' : 'destination';
}

function takeIn(
  page: ScanPage,
  { side, join, comparison }: { side: Side; join: SegmentJoin; comparison: Comparison },
): Suspect[] {
  const { context, report } = comparison;
  const table = context[side];
  report[side === 'source' ? 'items' : 'destinationItems'] += page.items.length;
  report[`${side}ReadUnits`] += page.readUnits;
  report.unreadable += page.unreadable.length;
  for (const key of page.unreadable) context.onUnreadable(key, side);
  return page.items.flatMap((item) => {
    const key = table.keyOf(item);
    const digest = itemDigest(item, context.reservedAttribute);
    return join.add(side, { key, keyText: canonicalKey(key), digest });
  });
}

/** Counts what is confirmed, and hands on what an operator has to know. */
function counting(context: VerifyContext, report: VerifyReport): ConfirmContext {
  return {
    ...context,
    onDifference(difference) {
      if (isExpired(difference, context)) {
        report.expired += 1;
        return;
      }
      report[difference.kind] += 1;
      context.onDifference(difference);
    },
    onInFlight(key) {
      report.inFlight += 1;
      context.onInFlight(key);
    },
  };
}

/** One side's TTL may have removed it days before the other's. */
function isExpired(
  { kind, source, destination }: Difference,
  { timeToLiveAttribute, clock }: VerifyContext,
): boolean {
  if (kind === 'different' || timeToLiveAttribute === undefined) return false;
  const expiresAt = (source ?? destination)?.[timeToLiveAttribute]?.N;
  return expiresAt !== undefined && Number(expiresAt) * 1000 < clock.now();
}

function newReport(): VerifyReport {
  return {
    items: 0,
    destinationItems: 0,
    missing: 0,
    different: 0,
    extraneous: 0,
    expired: 0,
    inFlight: 0,
    unreadable: 0,
    segmentsDone: 0,
    sourceReadUnits: 0,
    destinationReadUnits: 0,
  };
}
