// What a call of the function compares of a segment: the rest of a range of the key space, or as many sampled ranges as
// there is time for.

import { inParallel } from '../pacing/in-parallel.ts';
import {
  addReport,
  newReport,
  type VerifyContext,
  type VerifyReport,
  verifySegment,
} from '../verify/verify.ts';
import { sampledRanges } from './sampled-ranges.ts';
import { type BulkTask, cursorJson, parseCursor, type VerifyTask } from './task.ts';

export interface Comparing {
  readonly context: VerifyContext;
  readonly isTimeUp: () => boolean;
}

interface Compared {
  readonly report: VerifyReport;
  readonly next: BulkTask;
}

/** @returns the same call, further on, and what it has found. */
export function compareTask(
  task: VerifyTask,
  call: BulkTask,
  comparing: Comparing,
): Promise<Compared> {
  const compare = task.sample === undefined ? compareSegment : compareSample;
  return compare(task, call, comparing);
}

async function compareSegment(
  { totalSegments }: VerifyTask,
  call: BulkTask,
  { context, isTimeUp }: Comparing,
): Promise<Compared> {
  const from = call.cursor === undefined ? undefined : parseCursor(call.cursor);
  const place = { segment: call.segment, totalSegments, from };
  const { report, next } = await verifySegment(place, context, isTimeUp);
  const cursor = next === undefined ? undefined : cursorJson(next);
  return { report, next: { ...call, cursor, done: next === undefined } };
}

/** Each waits for its own looks. */
const RANGES_AT_ONCE = 4;

/** Sampled ranges are small, so that each is compared to its end. */
async function compareSample(
  { totalSegments, sample }: VerifyTask,
  call: BulkTask,
  { context, isTimeUp }: Comparing,
): Promise<Compared> {
  const report = newReport();
  const all = sample === undefined ? [] : sampledRanges(sample, { ...call, totalSegments });
  let { ranges = 0 } = call;
  for (; ranges < all.length && !isTimeUp(); ranges += RANGES_AT_ONCE) {
    const tasks = all.slice(ranges, ranges + RANGES_AT_ONCE).map((segment) => async () => {
      const part = await verifySegment({ segment, totalSegments }, context, () => false);
      addReport(report, part.report);
    });
    await inParallel(tasks, RANGES_AT_ONCE);
  }
  return { report, next: { ...call, ranges, done: ranges >= all.length } };
}
