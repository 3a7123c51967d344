// One segment of a backfill, page by page. Each page is stored as done once all its items have a result, so that a
// run killed anywhere goes on from there.

import { retry } from '../pacing/retry.ts';
import type { ScanPage, ScanPosition } from '../ports.ts';
import {
  addCounts,
  type BackfillRun,
  type CopyCounts,
  noCounts,
  type SegmentProgress,
  segmentRow,
} from './checkpoint.ts';
import type { BackfillContext } from './context.ts';
import { copyPage } from './copy-page.ts';
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
  const pageItems = beforeStream
    ? Math.min(context.pageItems, PLAIN_PAGE_ITEMS_MAX)
    : context.pageItems;
  let limit = pageItems;
  while (!progress.done && context.isTimeUp?.() !== true) {
    const position = { segment, totalSegments, after: progress.next, limit };
    const page = await readPage(position, context);
    const { items, readAtMs } = page;
    // Another process may have finished the copy: the stream is applied soon.
    if (beforeStream) await requireCurrent(run, context);
    const { counts, expired } = await copyPage({ items, readAtMs, beforeStream }, context);
    if (expired) {
      progress = pageWasted(progress, { ...page, writeUnits: counts.writeUnits });
      limit = Math.max(1, Math.floor(limit / 4));
    } else {
      limit = Math.min(pageItems, limit * 2);
      progress = pageDone(progress, page, { counts, context });
      const row = segmentRow(progress, place, context.rules, context.clock.now());
      await retry(() => context.twinWriter.write(row), context);
      onPage(progress);
    }
  }
  return progress;
}

/** The time is that of the try that succeeded: a page's life does not include the wait for its turn. */
async function readPage(
  position: ScanPosition,
  context: BackfillContext,
): Promise<ScanPage & { readAtMs: number }> {
  const { source, readPace, clock } = context;
  const read = async () => {
    await readPace.ready(context.stop);
    const readAtMs = clock.now();
    return { readAtMs, ...(await source.scan(position)) };
  };
  const page = await retry(read, context);
  readPace.spend(page.readUnits);
  return page;
}

function pageDone(
  before: SegmentProgress,
  { items, unreadable, next, readUnits }: ScanPage,
  { counts, context }: { counts: Readonly<CopyCounts>; context: BackfillContext },
): SegmentProgress {
  for (const one of unreadable) context.onRejected(one);
  const sum = { ...before.counts };
  addCounts(sum, {
    ...counts,
    items: items.length + unreadable.length,
    rejected: counts.rejected + unreadable.length,
    readUnits,
  });
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
