// One item's records: writes the newest of each run and lets it stand for the older ones. A record
// that can never be applied is dead-lettered, and the newest one before it takes its place.

import type { Lane, Run } from '../core/item-lanes.ts';
import type { Outcome } from '../core/outcome.ts';
import type { DeadLetterReason, FailedAttempt } from '../core/dead-letter.ts';
import type { MalformedRecord, StreamRecord } from '../core/stream-record.ts';

/** The record can never be applied as things are. */
export interface Rejection {
  readonly kind: 'rejected';
  readonly reason: DeadLetterReason;
  readonly attempts: readonly FailedAttempt[];
}

export type WriteOutcome = Outcome | Rejection;

/** How a record is written or put aside. Neither ever rejects. */
export interface RecordWriter {
  write(record: StreamRecord): Promise<WriteOutcome>;
  putAside(record: StreamRecord | MalformedRecord, why: Rejection): Promise<Outcome>;
}

/** Settles the records of `lane` in `outcomes`, by position; what it does not reach stays as it was. */
export async function applyLane(
  lane: Lane,
  writer: RecordWriter,
  outcomes: Outcome[],
): Promise<void> {
  for (const record of lane.skipped) outcomes[record.position] = { kind: 'skipped' };
  for (const run of lane.runs) {
    const finished = await applyRun(run, writer, outcomes);
    // What comes later for this item must not overtake what is unfinished.
    if (!finished) return;
  }
}

async function applyRun(run: Run, writer: RecordWriter, outcomes: Outcome[]): Promise<boolean> {
  for (let index = run.length - 1; index >= 0; index -= 1) {
    const record = run[index] as StreamRecord;
    const written = await writer.write(record);
    const outcome = written.kind === 'rejected' ? await writer.putAside(record, written) : written;
    outcomes[record.position] = outcome;
    if (outcome.kind === 'unfinished') return false;
    if (outcome.kind === 'dead-lettered') continue;
    for (const { position } of run.slice(0, index)) outcomes[position] = { kind: 'coalesced' };
    return true;
  }
  return true;
}
