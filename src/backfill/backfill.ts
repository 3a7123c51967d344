// Copies a table that already holds data to its twin: all segments of a run, or one of them for a worker whose time is
// limited.

import { inParallel, mapInParallel } from '../pacing/in-parallel.ts';
import { retry } from '../pacing/retry.ts';
import {
  addCounts,
  type BackfillRun,
  type CopyCounts,
  noCounts,
  parseSegment,
  segmentKey,
  type SegmentProgress,
} from './checkpoint.ts';
import type { BackfillContext } from './context.ts';
import { requireSameProjection, segmentsOf } from './projection.ts';
import { finishBackfill, requireCurrent } from './run.ts';
import { backfillSegment } from './segment.ts';

export interface BackfillProgress extends Readonly<CopyCounts> {
  readonly segmentsDone: number;
  readonly totalSegments: number;
}

export interface BackfillOptions {
  /** Segments in progress at the same time. */
  readonly workers: number;
  /** Called after each page. */
  readonly onProgress: (progress: BackfillProgress) => void;
}

/** @throws the reason of `context.stop` when it is stopped; every page that is done is remembered. */
export async function backfill(
  run: BackfillRun,
  context: BackfillContext,
  { workers, onProgress }: BackfillOptions,
): Promise<BackfillProgress> {
  requireSameProjection(run, context.rules.projection?.digest);
  const failure = new AbortController();
  const stop = AbortSignal.any([context.stop, failure.signal]);
  const segments = await loadSegments(run, context);
  const progress = () => total(segments);
  onProgress(progress());
  const tasks = [...segments.entries()].map(([segment, done]) => async () => {
    try {
      const after = (now: SegmentProgress) => {
        segments[segment] = now;
        onProgress(progress());
      };
      await backfillSegment({ run, segment, from: done }, { ...context, stop }, after);
    } catch (error) {
      // What one segment cannot do, the others cannot either.
      failure.abort(error);
      throw error;
    }
  });
  await inParallel(tasks, workers);
  await finishBackfill(run, progress(), context);
  return progress();
}

/** How far a run has come that others work on. */
export async function backfillProgress(
  run: BackfillRun,
  context: BackfillContext,
): Promise<{ progress: BackfillProgress; open: number[] }> {
  const segments = await loadSegments(run, context);
  const open = [...segments.keys()].filter((segment) => segments[segment]?.done === false);
  return { progress: total(segments), open };
}

/**
 * Goes on with one segment, for as long as there is time, for a worker whose time is limited.
 * @returns whether it is done.
 * @throws FerryError `backfill.superseded` where another run has taken its place.
 */
export async function continueSegment(
  run: BackfillRun,
  segment: number,
  context: BackfillContext,
): Promise<boolean> {
  requireSameProjection(run, context.rules.projection?.digest);
  await requireCurrent(run, context);
  const from = await storedSegment(run, segment, context);
  return (await backfillSegment({ run, segment, from }, context, () => undefined)).done;
}

async function storedSegment(
  { run }: BackfillRun,
  segment: number,
  { rules, ledger, ...retries }: BackfillContext,
): Promise<SegmentProgress> {
  const key = segmentKey(rules, { run, segment });
  return parseSegment(await retry(() => ledger.get(key), retries));
}

const LOADS_AT_ONCE = 16;

/** Where each segment of a run was left. */
function loadSegments(run: BackfillRun, context: BackfillContext): Promise<SegmentProgress[]> {
  const length = segmentsOf(run);
  const segments = Array.from({ length }, (_, segment) => segment);
  return mapInParallel(segments, LOADS_AT_ONCE, (segment) => storedSegment(run, segment, context));
}

function total(segments: readonly SegmentProgress[]): BackfillProgress {
  const counts = noCounts();
  for (const segment of segments) addCounts(counts, segment.counts);
  const segmentsDone = segments.filter(({ done }) => done).length;
  return { ...counts, segmentsDone, totalSegments: segments.length };
}
