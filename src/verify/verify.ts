// Compares two tables, in memory that does not grow with them: scans both segment by segment, joins equal items, and
// reads the others by their keys until each difference is proved or gone.

import { type Discrepancy, itemDigest } from '../model/discrepancy.ts';
import type { SegmentCursor, Side } from './segment-join.ts';
import type { Item } from '../ports.ts';
import {
  type Comparison,
  compareSegment,
  type ScanContext,
  type ScanCounts,
  type SegmentPlace,
} from './compare-segment.ts';
import {
  confirmDifferences,
  type ConfirmContext,
  type Difference,
  startConfirmation,
} from './confirm-differences.ts';
import { type Judged, judged, type JudgingRules } from './judge-both.ts';
import { inParallel } from '../pacing/in-parallel.ts';

export interface VerifyContext extends Omit<ConfirmContext, Side | 'onDifference'>, ScanContext {
  /** Attribute in which the items of a side say when DynamoDB is to remove them, where it does. */
  readonly timeToLive?: Readonly<Partial<Record<Side, string | undefined>>>;
  /** Where both tables are written. */
  readonly judging?: JudgingRules | undefined;
  /** Called with differences that are real, and waited for; those of expired items are only counted. */
  readonly onDifference: (difference: Difference & Partial<Judged>) => unknown;
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

export interface VerifyReport extends ScanCounts, Record<Discrepancy, number> {
  /** On one side only, and past the time at which they expire: DynamoDB will remove them. */
  expired: number;
  /** Changed at every look, so that nothing can be said of them. */
  inFlight: number;
  /** Cannot be read whole with the SDK, on either side, or the projection makes nothing of it. */
  unreadable: number;
  /** Of the differences: an application has written the item where its writes are not replicated. Absent in one direction. */
  strays?: number;
  segmentsDone: number;
}

const SUSPECTS_AT_ONCE = 5_000;

export async function verify(
  context: VerifyContext,
  { segments, totalSegments, workers, onProgress }: VerifyOptions,
): Promise<VerifyReport> {
  const report = reportFor(context);
  const comparison = begin(context, report, () => onProgress(report));
  const tasks = segments.map((segment) => async () => {
    await compareSegment({ segment, totalSegments }, { comparison });
    report.segmentsDone += 1;
  });
  await inParallel(tasks, workers);
  await comparison.confirmation.finish();
  return report;
}

function begin(context: VerifyContext, report: VerifyReport, onPage: () => void): Comparison {
  const confirmation = startConfirmation(counting(context, report), SUSPECTS_AT_ONCE);
  return { context, report, confirmation, onPage };
}

/** The differences of a single item, after the same two looks. Counts it on each side that has it. */
export async function verifyKey(key: Item, context: VerifyContext): Promise<VerifyReport> {
  const report = reportFor(context);
  const has = { source: false, destination: false };
  const recording = (side: Side) => ({
    async get(asked: Item) {
      const item = await context[side].get(asked);
      has[side] = item !== undefined;
      return item;
    },
  });
  await confirmDifferences([{ key, side: 'source' }], {
    ...counting(context, report),
    source: recording('source'),
    destination: recording('destination'),
  });
  const isAbsent = !has.source && report.unreadable === 0;
  const leftOut = Number(isAbsent && (await context.source.leavesOut?.(key)) === true);
  const [items, destinationItems] = [Number(has.source), Number(has.destination)];
  return { ...report, items, destinationItems, leftOut };
}

/** A part of a segment, for a worker whose time is limited. */
export async function verifySegment(
  place: SegmentPlace,
  context: VerifyContext,
  isTimeUp: () => boolean,
): Promise<{ report: VerifyReport; next: SegmentCursor | undefined }> {
  const report = newReport();
  const comparison = begin(context, report, () => undefined);
  const next = await compareSegment(place, { comparison, isTimeUp });
  await comparison.confirmation.finish();
  if (next === undefined) report.segmentsDone += 1;
  return { report, next };
}

/** Counts what is confirmed, each item once, and reports what an operator has to know. */
function counting(context: VerifyContext, report: VerifyReport): ConfirmContext {
  const isNew = onceEach();
  return {
    ...context,
    async onDifference(difference) {
      if (!isNew(difference.key)) return;
      if (isExpired(difference, context)) {
        report.expired += 1;
        return;
      }
      const found = judge(difference, context);
      report[found.kind] += 1;
      if (report.strays !== undefined && found.strays?.length !== 0) report.strays += 1;
      // The twin may still have what the projection drops.
      await context.onDifference(
        context.rules.projection === undefined ? found : { ...found, destination: undefined },
      );
    },
    onInFlight(key) {
      if (!isNew(key)) return;
      report.inFlight += 1;
      context.onInFlight(key);
    },
    onUnreadable(key, why) {
      if (!isNew(key)) return;
      report.unreadable += 1;
      context.onUnreadable(key, why);
    },
  };
}

function judge(difference: Difference, { judging }: VerifyContext): Difference & Partial<Judged> {
  return judging === undefined ? difference : judged(difference, judging);
}

/** Keys that are remembered, twice over. Both suspects of an item are handed out within less. */
const REMEMBERED_MAX = 25_000;

/**
 * Whether a key is asked about for the first time. An item that did not meet its twin in time is a suspect
 * on either side, and may be deleted at the source in between: then both would find it extraneous.
 */
function onceEach(): (key: Item) => boolean {
  let latest = new Set<string>();
  let earlier = latest;
  return (key) => {
    const digest = itemDigest(key);
    if (latest.has(digest) || earlier.has(digest)) return false;
    if (latest.size >= REMEMBERED_MAX) [earlier, latest] = [latest, new Set()];
    latest.add(digest);
    return true;
  };
}

/** Of items that are older, DynamoDB takes the time for a mistake, and keeps them. */
const EXPIRY_AGE_MS_MAX = 5 * 365 * 24 * 60 * 60 * 1000;

/** The side that still has it is going to remove it by itself, as the other has done. */
function isExpired(difference: Difference, { timeToLive = {}, clock }: VerifyContext): boolean {
  const expiresAt = expiryOf(difference, timeToLive)?.N;
  if (expiresAt === undefined) return false;
  const ageMs = clock.now() - Number(expiresAt) * 1000;
  return ageMs > 0 && ageMs < EXPIRY_AGE_MS_MAX;
}

function expiryOf(
  { kind, source, destination }: Difference,
  timeToLive: NonNullable<VerifyContext['timeToLive']>,
) {
  const valueOf = (item: Item | undefined, side: Side) => item?.[timeToLive[side] ?? ''];
  if (kind === 'extraneous') return valueOf(destination, 'destination');
  if (kind === 'different' || timeToLive.source === undefined) return undefined;
  // The projection may have given it the name that it has on the twin.
  return valueOf(source, 'source') ?? valueOf(source, 'destination');
}

export function differences({ missing, different, extraneous }: VerifyReport): number {
  return missing + different + extraneous;
}

/** The sum of two parts. Functions of earlier releases do not count everything. */
export function addReport(sum: VerifyReport, part: Partial<VerifyReport>): void {
  const largest = Math.max(sum.largestSegmentItems, part.largestSegmentItems ?? 0);
  for (const name of Object.keys(sum) as Array<keyof VerifyReport>)
    sum[name] = (sum[name] ?? 0) + (part[name] ?? 0);
  sum.largestSegmentItems = largest;
}

function reportFor({ judging }: VerifyContext): VerifyReport {
  return judging === undefined ? newReport() : { ...newReport(), strays: 0 };
}

export function newReport(): VerifyReport {
  const items = { items: 0, destinationItems: 0, leftOut: 0 };
  const differences = { missing: 0, different: 0, extraneous: 0 };
  const others = { expired: 0, inFlight: 0, unreadable: 0 };
  const units = { sourceReadUnits: 0, destinationReadUnits: 0 };
  const segments = { segmentsDone: 0, largestSegmentItems: 0 };
  return { ...items, ...differences, ...others, ...segments, ...units };
}
