// What a redrive found and did: counts, names and a few keys, never an item's values.

import type { FailedRecord } from '../model/failure-message.ts';
import { recordKey } from '../model/stream-record.ts';
import type { Item } from '../ports.ts';

/** Fields are added, never renamed: `ferry redrive --json` prints it. */
export interface RedriveReport {
  /** Records found, whether or not they match. */
  found: number;
  matched: number;
  /** Matching records by the reason for which they were put aside. */
  readonly reasons: Record<string, number>;
  /** Records found, whether or not they match, by their reason. */
  readonly foundReasons: Record<string, number>;
  /** Epoch milliseconds; absent where nothing matches. */
  oldestMs?: number;
  newestMs?: number;
  /** Keys of a few matching records. */
  readonly sampleKeys: Item[];
  applied: number;
  superseded: number;
  coalesced: number;
  skipped: number;
  /** Older than the tombstones: the item was read from the source instead. */
  resynchronized: number;
  /** Failed again, or could not be tried; they stay where they are. */
  failing: number;
  /** Why, by name. */
  readonly failures: Record<string, number>;
  /** Batches of which only the sequence numbers are known, and which the stream no longer has. */
  trimmed: number;
  /** Messages and objects that are not dead letters. */
  unreadable: number;
  /** Letters and records of another replication or table; they stay where they are. */
  foreign: number;
  /** Records that were met and stay: not chosen, failing, or beyond the limit. */
  left: number;
  /** Messages and objects that a run which ended early leaves behind; an estimate. */
  remaining: number;
  /** Objects among `remaining`; the others are messages. */
  remainingObjects: number;
  /** What would become of the matching records, of a run that only looked at it. */
  would?: Outcomes;
}

/** Records by what became of them. */
export type Outcomes = Pick<
  RedriveReport,
  'applied' | 'superseded' | 'coalesced' | 'skipped' | 'resynchronized' | 'failing' | 'failures'
>;

const SAMPLE_KEYS_MAX = 5;

export function newReport(): RedriveReport {
  const left = { trimmed: 0, unreadable: 0, foreign: 0, left: 0, remaining: 0 };
  const names = { reasons: byName(), foundReasons: byName(), sampleKeys: [] };
  return { found: 0, matched: 0, ...names, ...newOutcomes(), ...left, remainingObjects: 0 };
}

export function newOutcomes(): Outcomes {
  const counts = { applied: 0, superseded: 0, coalesced: 0, skipped: 0, resynchronized: 0 };
  return { ...counts, failing: 0, failures: byName() };
}

/** Without the names that every object has: a reason may be called "constructor". */
function byName(): Record<string, number> {
  return Object.create(null) as Record<string, number>;
}

/** Notes records of this replication, whether or not they match. */
export function noteFound(records: readonly FailedRecord[], report: RedriveReport): void {
  report.found += records.length;
  for (const { reason } of records)
    report.foundReasons[reason] = (report.foundReasons[reason] ?? 0) + 1;
}

/** Notes a record that matches. */
export function describeRecord(
  { reason, failedAtMs, record }: FailedRecord,
  report: RedriveReport,
): void {
  report.matched += 1;
  report.reasons[reason] = (report.reasons[reason] ?? 0) + 1;
  report.oldestMs = Math.min(report.oldestMs ?? failedAtMs, failedAtMs);
  report.newestMs = Math.max(report.newestMs ?? failedAtMs, failedAtMs);
  if (report.sampleKeys.length === SAMPLE_KEYS_MAX) return;
  const key = recordKey(record)?.key;
  if (key !== undefined) report.sampleKeys.push(key);
}

/** Notes that a record stays, and why. */
export function noteFailure(name: string, report: Outcomes): void {
  report.failing += 1;
  report.failures[name] = (report.failures[name] ?? 0) + 1;
}
