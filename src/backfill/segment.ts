// One segment of a backfill, page by page. Each page is stored as done once all its items have a result, so that a
// run killed anywhere goes on from there.

import { retry } from '../pacing/retry.ts';
import type { ReadableTable, ScanPage, ScanPosition } from '../ports.ts';
import {
  addCounts,
  type BackfillRun,
  type CopyCounts,
  noCounts,
  type SegmentProgress,
  segmentRow,
} from './checkpoint.ts';
import type { BackfillContext } from './context.ts';
import { type CopiedPage, copyPage } from './copy-page.ts';
import { isReprojecting } from './projection.ts';
import { removePage, reprojectPage } from './reproject-page.ts';
import { requireCurrent } from './run.ts';

export interface BackfillSegment {
  readonly run: BackfillRun;
  readonly segment: number;
  readonly from: SegmentProgress;
}

/** So that a page is written long before its life ends. */
const PLAIN_PAGE_ITEMS_MAX = 500;

/** Copies the segment from where it was left, to its end or until time is up. */
export async function backfillSegment(
  { run, segment, from }: BackfillSegment,
  context: BackfillContext,
  onPage: (progress: SegmentProgress) => void,
): Promise<SegmentProgress> {
  const { totalSegments } = run;
  const place = { run: run.run, segment };
  let progress = from;
  const beforeStream = run.beforeStream === true;
  const isOfTwin = segment >= totalSegments;
  const pageItems = beforeStream
    ? Math.min(context.pageItems, PLAIN_PAGE_ITEMS_MAX)
    : context.pageItems;
  let limit = pageItems;
  while (!progress.done && context.isTimeUp?.() !== true) {
    const position = {
      segment: segment % totalSegments,
      totalSegments,
      after: progress.next,
      limit,
    };
    const page = await readPage(isOfTwin ? context.twin : context.source, position, context);
    // Another process may have finished a copy before the stream, or may work by another projection.
    await requireCurrent(run, context);
    const { counts: done, expired } = isOfTwin
      ? await removePage(page, context)
      : await copyOrReproject(page, run, context);
    const counts = { ...done, readUnits: done.readUnits + page.readUnits };
    if (expired) {
      progress = pageWasted(progress, counts);
      limit = Math.max(1, Math.floor(limit / 4));
    } else {
      limit = Math.min(pageItems, limit * 2);
      progress = pageDone(progress, page, isOfTwin ? counts : withLeftOut(counts, page, context));
      const row = segmentRow(progress, place, context.rules, context.clock.now());
      await retry(() => context.twinWriter.write(row), context);
      onPage(progress);
    }
  }
  return progress;
}

function copyOrReproject(
  page: ReadPage,
  run: BackfillRun,
  context: BackfillContext,
): Promise<CopiedPage> {
  if (isReprojecting(run)) return reprojectPage(page, context);
  return copyPage({ ...page, beforeStream: run.beforeStream === true }, context);
}

type ReadPage = ScanPage & { readonly readAtMs: number };

/** The time is that of the try that succeeded: a page's life does not include the wait for its turn. */
async function readPage(
  table: ReadableTable,
  position: ScanPosition,
  context: BackfillContext,
): Promise<ReadPage> {
  const { readPace, clock } = context;
  const read = async () => {
    await readPace.ready(context.stop);
    const readAtMs = clock.now();
    return { readAtMs, ...(await table.scan(position)) };
  };
  const page = await retry(read, context);
  readPace.spend(page.readUnits);
  return page;
}

/** With the items of the source's page that are not copied. */
function withLeftOut(
  counts: Readonly<CopyCounts>,
  { items, unreadable, leftOut = [] }: ScanPage,
  { onRejected }: BackfillContext,
): CopyCounts {
  for (const one of unreadable) onRejected(one);
  return {
    ...counts,
    items: items.length + unreadable.length + leftOut.length,
    rejected: counts.rejected + unreadable.length,
    leftOut: leftOut.length,
  };
}

function pageDone(
  before: SegmentProgress,
  { next }: ScanPage,
  counts: Readonly<CopyCounts>,
): SegmentProgress {
  const sum = { ...before.counts };
  addCounts(sum, counts);
  return { counts: sum, done: next === undefined, next };
}

/** The page is read again, but its units were consumed. */
function pageWasted(
  before: SegmentProgress,
  { readUnits, writeUnits }: Pick<CopyCounts, 'readUnits' | 'writeUnits'>,
): SegmentProgress {
  const counts = { ...before.counts };
  addCounts(counts, { ...noCounts(), readUnits, writeUnits });
  return { ...before, counts };
}
