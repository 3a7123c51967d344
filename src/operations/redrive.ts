// Puts back what was put aside, only where nothing newer has been applied. A message or object is removed
// only after all its records are final and their deletes are announced.

import { ON_FAILURE_OBJECT_PREFIX } from '../contract.ts';
import { HeldLetters, letterLoads } from './redrive-letters.ts';
import { objectLoads, type ObjectRange } from './redrive-objects.ts';
import type { RedriveReport } from './redrive-report.ts';
import {
  isOver,
  newRun,
  type RedriveContext,
  redriveLoads,
  type RedriveOptions,
  type Run,
} from './redrive-run.ts';

export type { RedriveContext, RedriveOptions } from './redrive-run.ts';

/** Goes through the whole queue and the whole bucket once. Safe to stop, to repeat and to run twice. */
export async function redrive(
  context: RedriveContext,
  options: RedriveOptions,
): Promise<RedriveReport> {
  const run = newRun(context, options);
  const held = new HeldLetters(run);
  try {
    for await (const loads of ahead(letterLoads(run, held))) {
      await redriveLoads(loads, run);
      options.onProgress(run.report);
    }
    if (!isOver(run)) await redriveBucket(run, {});
  } finally {
    await held.release();
  }
  if (isOver(run) || held.isFull) run.report.remaining = await remaining(context);
  return run.report;
}

/**
 * The objects of a range alone, for as long as there is time.
 * @returns also the key behind which to go on; undefined where all have had their turn.
 */
export async function redriveObjects(
  context: RedriveContext,
  options: RedriveOptions,
  range: ObjectRange,
): Promise<{ readonly report: RedriveReport; readonly next: string | undefined }> {
  const run = newRun(context, options);
  return { next: await redriveBucket(run, range), report: run.report };
}

async function redriveBucket(run: Run, range: ObjectRange): Promise<string | undefined> {
  let next: string | undefined;
  for await (const found of ahead(objectLoads(run, range))) {
    await redriveLoads(found.loads, run);
    run.options.onProgress(run.report);
    next = found.next;
  }
  return next;
}

async function remaining({ queue, bucket }: RedriveContext): Promise<number> {
  let count = await queue.size();
  for await (const objects of bucket.list(ON_FAILURE_OBJECT_PREFIX)) count += objects.length;
  return count;
}

/** What comes next is got while what came before is worked on. */
async function* ahead<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  const begin = () => {
    const next = source.next();
    // Whoever asks for it is told; if the work fails, nobody does.
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
