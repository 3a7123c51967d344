// One slice of a bucket's objects, as a worker of a bulk run redrives it: for as long as it has time, storing its
// report on the way.

import type { BulkTask, RedriveTask } from '../bulk/task.ts';
import { rangeOf } from '../bulk/object-slices.ts';
import { redriveObjects, type RedriveContext } from './redrive.ts';
import type { RedriveReport } from './report.ts';

export interface SliceWork {
  readonly context: RedriveContext;
  /** Asked before more objects are taken in hand. */
  readonly isTimeUp: () => boolean;
  /** @default only Lambda ends it */
  readonly stop?: AbortSignal | undefined;
  /** Stores what has been done so far, for the command that follows the run. Replaces what it stored before. */
  readonly store: (report: RedriveReport) => Promise<void>;
}

const STORE_INTERVAL_MS = 15_000;

/**
 * @returns also the key behind which to go on; undefined where the slice is done.
 * @throws Error where the destination is down, or `stop` has ended it: the slice is to be tried again.
 */
export async function redriveSlice(
  { segment, cursor }: BulkTask,
  { boundaries, filter, recordsPerSecond = Infinity }: RedriveTask,
  { context, isTimeUp, stop = NEVER, store }: SliceWork,
): Promise<{ readonly report: RedriveReport; readonly next: string | undefined }> {
  const { after, upTo } = rangeOf(boundaries, segment);
  const { clock } = context;
  let storedAtMs = clock.now();
  let storing = Promise.resolve();
  const onProgress = (report: RedriveReport) => {
    if (clock.now() - storedAtMs < STORE_INTERVAL_MS) return;
    storedAtMs = clock.now();
    const before = storing;
    storing = (async () => {
      await before;
      await store(report);
    })();
    // Waited for in the end.
    storing.catch(() => undefined);
  };
  const options = { apply: true, filter, limit: Infinity, recordsPerSecond, hiddenSeconds: 0 };
  const result = await redriveObjects(
    context,
    { ...options, stop, onProgress },
    { after: cursor ?? after, upTo, isTimeUp },
  );
  await storing;
  if (!result.isEarly) return result;
  // What was done counts; what was left is met again.
  await store(result.report);
  throw new Error('the destination is down');
}

const NEVER = new AbortController().signal;
