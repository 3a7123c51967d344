// Puts back what was put aside, only where nothing newer has been applied. A message or object is removed
// only after all its records are final and their deletes are announced.

import { ON_FAILURE_OBJECT_PREFIX } from '../config/names.ts';
import type { ObjectStore } from '../ports.ts';
import { objectLoads, type ObjectPart } from './bucket-objects.ts';
import type { RedriveContext, RedriveOptions } from './context.ts';
import { HeldMessages } from './held-messages.ts';
import { messageLoads } from './queue-messages.ts';
import type { RedriveReport } from './report.ts';
import { isOver, newRun, type Run } from './run.ts';
import { redriveLoads } from './window.ts';

export type { RedriveContext, RedriveOptions } from './context.ts';

/** Goes through the whole queue and the whole bucket once. Safe to stop, to repeat and to run twice. */
export async function redrive(
  context: RedriveContext,
  options: RedriveOptions,
  { onlyQueue = false } = {},
): Promise<RedriveReport> {
  const run = newRun(context, options);
  const held = new HeldMessages(run);
  try {
    for await (const loads of prefetched(messageLoads(run, held))) {
      await redriveLoads(loads, run);
      options.onProgress(run.report, run.taken);
    }
    if (!isOver(run) && !onlyQueue) await redriveBucket(run, {});
  } finally {
    await held.release();
  }
  if (!isOver(run) && !held.isFull) return run.report;
  const { objects: remainingObjects } = await measureBucket(context.bucket);
  const remaining = (await context.queue.size()) + remainingObjects;
  return { ...run.report, remaining, remainingObjects };
}

/**
 * The objects of a range alone, for as long as there is time.
 * @returns also the key behind which to go on; undefined where all have had their turn, or the run has ended
 *   early.
 */
export async function redriveObjects(
  context: RedriveContext,
  options: RedriveOptions,
  range: ObjectPart,
): Promise<RedrivenObjects> {
  const run = newRun(context, options);
  const next = await redriveBucket(run, range);
  return { report: run.report, next, isEarly: isOver(run) };
}

export interface RedrivenObjects {
  readonly report: RedriveReport;
  readonly next: string | undefined;
  /** Whether objects may have been passed over. */
  readonly isEarly: boolean;
}

async function redriveBucket(run: Run, range: ObjectPart): Promise<string | undefined> {
  let next: string | undefined;
  for await (const found of prefetched(objectLoads(run, range))) {
    await redriveLoads(found.loads, run);
    run.taken.bytes += found.bytes;
    run.options.onProgress(run.report, run.taken);
    next = found.next;
  }
  return next;
}

/** What Lambda has put into the bucket. */
export async function measureBucket(
  bucket: ObjectStore,
): Promise<{ readonly objects: number; readonly bytes: number }> {
  let [objects, bytes] = [0, 0];
  for await (const page of bucket.list(ON_FAILURE_OBJECT_PREFIX)) {
    objects += page.length;
    bytes = page.reduce((sum, { sizeBytes }) => sum + sizeBytes, bytes);
  }
  return { objects, bytes };
}

/** Gets the next value while the caller works on the one before. */
async function* prefetched<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  const begin = () => {
    const next = source.next();
    // `await next` rethrows it, unless the work fails before.
    next.catch(() => undefined);
    return next;
  };
  let next = begin();
  try {
    for (;;) {
      const { done, value } = await next;
      if (done === true) return;
      next = begin();
      yield value;
    }
  } finally {
    await next.catch(() => undefined);
  }
}
