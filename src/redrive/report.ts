// What a redrive found and did: counts, names and a few keys, never an item's values. Everything that is counted
// is added up here.

import type { Item } from '../ports.ts';
import type { DeadLetter, Selection } from './dead-letter.ts';
import type { Redriven } from './outcome.ts';

/** Fields are added, never renamed: `ferry redrive --json` prints it, and workers of a bulk run store it. */
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
  /** Of a Region that was lost: kept until an operator decides. */
  stranded: number;
  /** Where both tables are written: records of Ferry's own writes, and of writes that are not replicated. */
  own?: number;
  stray?: number;
  /** Failed again, or could not be tried; they stay where they are. */
  failing: number;
  /** Why, by name. */
  readonly failures: Record<string, number>;
  /** Batches whose records the stream no longer has: only their sequence numbers are known. */
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

const DONE = [
  'applied',
  'superseded',
  'coalesced',
  'skipped',
  'resynchronized',
  'stranded',
] as const;
/** Absent where there are none: in one direction, there never are. */
const TWO_WAY = ['own', 'stray'] as const;
const REST = ['trimmed', 'unreadable', 'foreign', 'left', 'remaining', 'remainingObjects'] as const;
type Count = (typeof DONE)[number] | (typeof REST)[number] | 'found' | 'matched' | 'failing';

/** Records by what became of them. */
export type Outcomes = Pick<
  RedriveReport,
  (typeof DONE)[number] | (typeof TWO_WAY)[number] | 'failing' | 'failures'
>;

const SAMPLE_KEYS_MAX = 5;

export function newReport(): RedriveReport {
  const names = { reasons: byName(), foundReasons: byName(), sampleKeys: [] };
  return { found: 0, matched: 0, ...names, ...newOutcomes(), ...zeros(REST) };
}

export function newOutcomes(): Outcomes {
  return { ...zeros(DONE), failing: 0, failures: byName() };
}

function zeros<Name extends Count>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}

/** Without the names that every object has: a reason may be called "constructor". */
function byName(): Record<string, number> {
  return Object.create(null) as Record<string, number>;
}

/** Adds what a message or an object holds. */
export function addSelection({ found, selected, foreign }: Selection, report: RedriveReport): void {
  report.foreign += foreign;
  report.found += found.length;
  for (const { reason } of found) addName(reason, 1, report.foundReasons);
  for (const letter of selected) addSelected(letter, report);
}

function addSelected({ reason, failedAtMs, parsed }: DeadLetter, report: RedriveReport): void {
  report.matched += 1;
  addName(reason, 1, report.reasons);
  addTimes({ oldestMs: failedAtMs, newestMs: failedAtMs }, report);
  const { key } = parsed.record;
  if (key !== undefined && report.sampleKeys.length < SAMPLE_KEYS_MAX) report.sampleKeys.push(key);
}

/** Adds what became of a record, or would. */
export function addOutcome(outcome: Redriven, report: Outcomes): void {
  if (!('why' in outcome)) {
    report[outcome.kind] = (report[outcome.kind] ?? 0) + 1;
    return;
  }
  report.failing += 1;
  addName(outcome.why, 1, report.failures);
}

/** Of a call that has ended. */
export function addReport(part: RedriveReport, sum: RedriveReport): void {
  for (const name of [...DONE, ...REST, 'found', 'matched', 'failing'] as const)
    sum[name] += part[name];
  for (const name of TWO_WAY)
    if (part[name] !== undefined) sum[name] = (sum[name] ?? 0) + part[name];
  for (const names of ['reasons', 'foundReasons', 'failures'] as const)
    for (const [name, count] of Object.entries(part[names])) addName(name, count, sum[names]);
  addTimes(part, sum);
}

/** Of a call that goes on, or will never end: another call meets again what it has left. */
export function addDone(part: RedriveReport, sum: RedriveReport): void {
  for (const name of DONE) {
    for (const also of [name, 'found', 'matched'] as const) sum[also] += part[name];
  }
}

/** Several redrives as one. */
export function joinedReport(...reports: readonly RedriveReport[]): RedriveReport {
  const sampleKeys = reports.flatMap((report) => report.sampleKeys);
  const sum = { ...newReport(), sampleKeys };
  for (const report of reports) addReport(report, sum);
  return sum;
}

function addName(name: string, count: number, sum: Record<string, number>): void {
  sum[name] = (sum[name] ?? 0) + count;
}

function addTimes(
  { oldestMs, newestMs }: Pick<RedriveReport, 'oldestMs' | 'newestMs'>,
  sum: RedriveReport,
): void {
  if (oldestMs !== undefined) sum.oldestMs = Math.min(sum.oldestMs ?? oldestMs, oldestMs);
  if (newestMs !== undefined) sum.newestMs = Math.max(sum.newestMs ?? newestMs, newestMs);
}

/** Everything that a redrive has left behind, read or not. */
export function stayed({ left, remaining, trimmed, unreadable }: RedriveReport): number {
  return Math.max(left + trimmed + unreadable, remaining);
}
