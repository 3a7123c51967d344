// One item's records: writes the newest of each run and lets it stand for the older ones. Where a record
// can never be applied, the newest one before it takes its place; what becomes of it is decided later.

import type { Lane, Run } from '../model/lanes.ts';
import type { Outcome } from '../model/outcome.ts';
import type { DeadLetterReason, FailedAttempt } from '../model/dead-letter.ts';
import type { StreamRecord } from '../model/stream-record.ts';

/** The record can never be applied as things are. */
export interface Rejection {
  readonly kind: 'rejected';
  readonly reason: DeadLetterReason;
  readonly attempts: readonly FailedAttempt[];
}

export type WriteOutcome = Outcome | Rejection;

/**
 * How a record is written. Never rejects.
 * @param mayBeNew whether an INSERT is among the records that it stands for.
 */
export type WriteOne = (record: StreamRecord, mayBeNew: boolean) => Promise<WriteOutcome>;

/** Settles the records of `lane` in `outcomes`, by position; what it does not reach stays as it was. */
export async function applyLane(
  lane: Lane,
  write: WriteOne,
  outcomes: WriteOutcome[],
): Promise<void> {
  for (const record of lane.skipped) outcomes[record.position] = { kind: 'skipped' };
  for (const run of lane.runs) {
    const finished = await applyRun(run, write, outcomes);
    // What comes later for this item must not overtake what is unfinished.
    if (!finished) return;
  }
}

async function applyRun(run: Run, write: WriteOne, outcomes: WriteOutcome[]): Promise<boolean> {
  for (let index = run.length - 1; index >= 0; index -= 1) {
    const record = run[index] as StreamRecord;
    const outcome = await write(record, hasInsert(run, index));
    outcomes[record.position] = outcome;
    if (outcome.kind === 'unfinished') return false;
    if (outcome.kind === 'rejected') continue;
    for (const { position } of run.slice(0, index)) outcomes[position] = { kind: 'coalesced' };
    return true;
  }
  return true;
}

function hasInsert(run: Run, index: number): boolean {
  for (let one = index; one >= 0; one -= 1) if (run[one]?.eventName === 'INSERT') return true;
  return false;
}
