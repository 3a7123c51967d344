// One item's stamped records, run by run: Ferry's own that may have come late are looked at, the largest of this side's puts is pushed,
// and then the delete that ends the run.

import type { Outcome } from '../model/outcome.ts';
import type { StampedLane, StampedRun } from '../model/stamped-lanes.ts';
import { classifyFailure } from '../model/write-failure.ts';
import type { WriteOutcome } from './apply-lane.ts';
import { removeStamped } from './stamped-delete.ts';
import type { StampedItem } from './stamped-item.ts';
import { checkLate, pushPut } from './stamped-put.ts';

/** Settles the records of `lane` in `outcomes`, by position; what it does not reach stays as it was. Never rejects. */
export async function applyStampedLane(
  lane: StampedLane,
  item: StampedItem,
  outcomes: WriteOutcome[],
): Promise<void> {
  for (const run of lane.runs) {
    const isFinished =
      (await applyPuts(run, item, outcomes)) && (await applyEnd(run, item, outcomes));
    // What comes later for this item must not overtake what is unfinished.
    if (!isFinished) return;
  }
}

async function applyPuts(
  run: StampedRun,
  item: StampedItem,
  outcomes: WriteOutcome[],
): Promise<boolean> {
  const obstacle = (await checkOwn(run, item, outcomes)) ?? (await push(run, item, outcomes));
  if (obstacle === undefined) return true;
  // All of it comes again, also where its first record needed no request: that one tells what the run had seen.
  outcomes[run.first] = obstacle;
  return false;
}

/** @returns why a record is unfinished. */
async function checkOwn(
  { checks }: StampedRun,
  item: StampedItem,
  outcomes: WriteOutcome[],
): Promise<Outcome | undefined> {
  for (const check of checks) {
    const end = await orUnfinished(item, () => checkLate(check, item));
    outcomes[check.record.position] = end;
    if (end.kind === 'unfinished') return end;
  }
  return undefined;
}

/** The same. Where a put can never be applied, the next one takes its place. */
async function push(
  run: StampedRun,
  item: StampedItem,
  outcomes: WriteOutcome[],
): Promise<Outcome | undefined> {
  for (const [index, put] of run.pushes.entries()) {
    const end = await orUnfinished(item, () => pushPut(put, run, item));
    outcomes[put.record.position] = end;
    if (end.kind === 'unfinished') return end;
    if (end.kind === 'rejected') continue;
    for (const { record } of run.pushes.slice(index + 1))
      outcomes[record.position] = { kind: 'coalesced' };
    return undefined;
  }
  return undefined;
}

async function applyEnd(
  { end: remove }: StampedRun,
  item: StampedItem,
  outcomes: WriteOutcome[],
): Promise<boolean> {
  if (remove === undefined) return true;
  const end = await orUnfinished(item, () => removeStamped(remove, item));
  outcomes[remove.record.position] = end;
  return end.kind !== 'unfinished';
}

/** A read of the near side that fails leaves the record in the stream. */
async function orUnfinished(
  { near }: StampedItem,
  work: () => Promise<WriteOutcome>,
): Promise<WriteOutcome> {
  try {
    return await work();
  } catch (error) {
    const { kind, name } = classifyFailure(error);
    near.health.noteError(name);
    return { kind: 'unfinished', why: kind };
  }
}
