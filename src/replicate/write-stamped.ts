// The stamped records of a batch, item by item, many items at a time. What the ledger beside the stream's table
// remembers of them is read for a hundred at once.

import { type StampedLane, stampedLanes } from '../model/stamped-lanes.ts';
import type { StampedRecord } from '../model/stamped-record.ts';
import type { StampedModeRules } from '../model/rules.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import type { WriteOutcome } from './apply-lane.ts';
import type { NearContext } from './near.ts';
import { nearRows } from './near-rows.ts';
import { applyStampedLane } from './stamped-lane.ts';
import type { WriteContext } from './write-change.ts';

interface StampedWriting {
  readonly near: NearContext;
  readonly far: WriteContext;
  readonly twoWay: StampedModeRules;
  /** How many items are worked on at the same time. */
  readonly atOnce: () => number;
}

/** Changes `outcomes` by position. Never rejects. */
export async function writeStamped(
  moving: readonly StampedRecord[],
  outcomes: WriteOutcome[],
  { far, twoWay, atOnce, ...writing }: StampedWriting,
): Promise<void> {
  // Time that is kept for what follows the writes is none for writes to the near side either.
  const near = { ...writing.near, remainingMs: far.remainingMs };
  const lanes = stampedLanes(moving);
  const rowOf = nearRows(
    lanes.filter(isAsked).map(({ keyText }) => keyText),
    near,
  );
  const tasks = lanes.map((lane) => () => {
    const item = { twoWay, near, far, row: rowOf(lane.keyText) };
    return applyStampedLane(lane, item, outcomes);
  });
  await inParallel(tasks, atOnce);
}

/** Whether what the ledger remembers is of interest. */
function isAsked({ runs }: StampedLane): boolean {
  return runs.some(
    ({ isNew, checks, end }) => isNew || checks.length > 0 || end?.isHeartbeat === false,
  );
}
