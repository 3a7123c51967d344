// Copies a table that already holds data to its twin, beside the stream: segment by segment, page by
// page, each page remembered once all its items have a result, so that a run killed anywhere goes on
// from there.

import {
  addCounts,
  type BackfillRun,
  type CopyCounts,
  noCounts,
  parseRun,
  parseSegment,
  runKey,
  runRow,
  segmentKey,
  type SegmentProgress,
  segmentRow,
} from './checkpoint.ts';
import { FerryError } from '../errors.ts';
import type { Item, ScanPage, ScanPosition } from '../ports.ts';
import { type CopyContext, copyPage } from './copy-page.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import { retry } from '../pacing/retry.ts';
import type { Pace } from '../pacing/pace.ts';

export interface BackfillContext extends CopyContext {
  readonly readPace: Pace;
  /** Items of a page at most. */
  readonly pageItems: number;
  /** Asked before each page. @default there is always time */
  readonly isTimeUp?: () => boolean;
}

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

/**
 * The unfinished run, if there is one, or the new one: what a dry run tells, and a run opens. Changes nothing.
 * @throws FerryError `backfill.stream-changed`, `backfill.destination-changed`, `backfill.mode-changed`,
 *   `backfill.too-late` or `backfill.unreadable`.
 */
export async function planBackfill(
  fresh: BackfillRun,
  restart: boolean,
  context: BackfillContext,
): Promise<{ run: BackfillRun; resumed: boolean }> {
  const stored = await retry(() => context.ledger.get(runKey(context.rules)), context);
  const known = parseRun(stored);
  if (stored !== undefined && known === undefined && !restart) throw unreadableRun();
  if (known === undefined || known.finishedAt !== undefined || restart)
    return { run: fresh, resumed: false };
  requireSameTables(known, fresh);
  requireSameMode(known, fresh, context.clock.now());
  return { run: known, resumed: true };
}

/**
 * The run that `planBackfill` finds, begun.
 * @throws as it does, and FerryError `backfill.started-twice`.
 */
export async function openBackfill(
  fresh: BackfillRun,
  restart: boolean,
  context: BackfillContext,
): Promise<{ run: BackfillRun; resumed: boolean }> {
  const planned = await planBackfill(fresh, restart, context);
  if (planned.resumed) return planned;
  const overwrite = restart ? 'always' : 'unless-under-way';
  const row = runRow(fresh, context.rules, { nowMs: context.clock.now(), overwrite });
  const { kind } = await retry(() => context.twinWriter.write(row), context);
  if (kind === 'written') return planned;
  throw new FerryError('Another backfill of this replication has just been started.', {
    code: 'backfill.started-twice',
    hint: 'Wait for its end, or stop it and run the command again: it goes on from there.',
  });
}

function unreadableRun(): FerryError {
  return new FerryError('The state table has a row of a backfill that Ferry cannot read.', {
    code: 'backfill.unreadable',
    hint: 'Run it with the release that wrote it, or begin anew with --restart.',
  });
}

function requireSameTables(known: BackfillRun, fresh: BackfillRun): void {
  const hint = 'Begin anew with --restart.';
  if (known.streamArn !== fresh.streamArn) {
    throw new FerryError(
      `The unfinished backfill of ${known.startedAt} began with the stream ${known.streamArn}; the table's stream is now ${fresh.streamArn}.`,
      { code: 'backfill.stream-changed', hint },
    );
  }
  if (known.destination === fresh.destination) return;
  throw new FerryError(
    `The unfinished backfill of ${known.startedAt} copied to another table: ${known.destination}; the destination is now ${fresh.destination}.`,
    { code: 'backfill.destination-changed', hint },
  );
}

/** Once the stream is applied, puts that ask no ledger row could bring back what has been deleted. */
function requireSameMode(known: BackfillRun, fresh: BackfillRun, nowMs: number): void {
  const { beforeStream = false, startedAt } = known;
  if (beforeStream !== (fresh.beforeStream ?? false)) {
    const began = beforeStream ? 'before the stream' : 'beside the stream';
    throw new FerryError(`The unfinished backfill of ${startedAt} began ${began}.`, {
      code: 'backfill.mode-changed',
      hint: beforeStream
        ? 'Go on with --before-stream, or begin anew with --restart.'
        : 'Go on without --before-stream, or begin anew with --restart.',
    });
  }
  if (!beforeStream || nowMs - Date.parse(startedAt) <= STREAM_LIFE_MS) return;
  throw new FerryError(
    `The unfinished backfill before the stream of ${startedAt} began more than 24 hours ago; the stream no longer has the changes since.`,
    { code: 'backfill.too-late', hint: 'Begin anew with --restart.' },
  );
}

/** Retention of a DynamoDB stream. */
const STREAM_LIFE_MS = 24 * 60 * 60 * 1000;

/** Remembers who works on the run, so that the next command follows instead of beginning twice. */
export async function noteExecution(
  run: BackfillRun,
  execution: string,
  context: BackfillContext,
): Promise<void> {
  const nowMs = context.clock.now();
  const row = runRow({ ...run, execution }, context.rules, { nowMs, overwrite: 'if-own' });
  await retry(() => context.twinWriter.write(row), context);
}

/** @throws the reason of `context.stop` when it is stopped; every page that is done is remembered. */
export async function backfill(
  run: BackfillRun,
  context: BackfillContext,
  { workers, onProgress }: BackfillOptions,
): Promise<BackfillProgress> {
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
  await finishBackfill(run, context);
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
 * To be told when all segments are done: the next run begins anew then. Where a later run has been started
 * meanwhile, the row is its own, and is left alone.
 */
export async function finishBackfill(run: BackfillRun, context: BackfillContext): Promise<void> {
  const nowMs = context.clock.now();
  const finishedAt = new Date(nowMs).toISOString();
  const row = runRow({ ...run, finishedAt }, context.rules, { nowMs, overwrite: 'if-own' });
  await retry(() => context.twinWriter.write(row), context);
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
  await requireCurrent(run, context);
  const key = segmentKey(context.rules, { run: run.run, segment });
  const from = parseSegment(await retry(() => context.ledger.get(key), context));
  return (await backfillSegment({ run, segment, from }, context, () => undefined)).done;
}

async function requireCurrent(run: BackfillRun, context: BackfillContext): Promise<void> {
  const row = await retry(() => context.ledger.get(runKey(context.rules)), context);
  const current = parseRun(row);
  if (current?.run === run.run && current.finishedAt === undefined) return;
  throw new FerryError(`The backfill ${run.run} is not the current one any more.`, {
    code: 'backfill.superseded',
    hint: 'Another has been started since, or this one has been finished: nothing has to be done.',
  });
}

interface BackfillSegment {
  readonly run: BackfillRun;
  readonly segment: number;
  readonly from: SegmentProgress;
}

/** So that a page is written long before its life ends. */
const PLAIN_PAGE_ITEMS_MAX = 500;

/** Copies one segment from where it was left, to its end or until time is up. */
async function backfillSegment(
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
    // Somebody else may have finished the copy, and the stream is applied soon.
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

/** The time is that of the try which succeeded: a page's life does not begin while its turn is awaited. */
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
  for (const key of unreadable) context.onRejected({ key, reason: UNREADABLE });
  const sum = { ...before.counts };
  addCounts(sum, {
    ...counts,
    items: items.length + unreadable.length,
    rejected: counts.rejected + unreadable.length,
    readUnits,
  });
  return { counts: sum, done: next === undefined, next };
}

/** It is read again; what it took is counted all the same. */
function pageWasted(
  before: SegmentProgress,
  { readUnits, writeUnits }: Pick<CopyCounts, 'readUnits' | 'writeUnits'>,
): SegmentProgress {
  const counts = { ...before.counts };
  addCounts(counts, { ...noCounts(), readUnits, writeUnits });
  return { ...before, counts };
}

const UNREADABLE = 'Unreadable: the AWS SDK cannot read an attribute of it, called __proto__';

/** Where each segment of a run was left. */
async function loadSegments(
  { run, totalSegments }: BackfillRun,
  context: BackfillContext,
): Promise<SegmentProgress[]> {
  const segments: SegmentProgress[] = [];
  const tasks = Array.from({ length: totalSegments }, (_, segment) => async () => {
    const key: Item = segmentKey(context.rules, { run, segment });
    segments[segment] = parseSegment(await retry(() => context.ledger.get(key), context));
  });
  await inParallel(tasks, LOADS_AT_ONCE);
  return segments;
}

const LOADS_AT_ONCE = 16;

function total(segments: readonly SegmentProgress[]): BackfillProgress {
  const counts = noCounts();
  for (const segment of segments) addCounts(counts, segment.counts);
  const segmentsDone = segments.filter(({ done }) => done).length;
  return { ...counts, segmentsDone, totalSegments: segments.length };
}
