// Stamped records of a batch -> one lane per item, and its runs: a run is what lies between two deletes. Of the puts of
// a run that an application of this side has made, only the one with the largest version is pushed.

import type { Version } from './guard.ts';
import { mayBeLate, type StampedRecord } from './stamped-record.ts';

export interface StampedRun {
  /** Position of its first record, of whatever kind: without it, what the run had seen is not known. */
  readonly first: number;
  /** Ferry's own that may have come late. */
  readonly checks: readonly StampedRecord[];
  /** To be pushed, the largest version first: if one is rejected, the next takes its place. */
  readonly pushes: readonly StampedRecord[];
  /** Whether one of them may be of an item that was deleted before. */
  readonly isNew: boolean;
  /** What the writes of the run had seen. */
  readonly seen: Version | undefined;
  /** The delete by which it ends, unless that is skipped. */
  readonly end: StampedRecord | undefined;
}

export interface StampedLane {
  readonly keyText: string;
  /** In which there is something to do. */
  readonly runs: readonly StampedRun[];
}

/** @returns those in which there is something to do. */
export function stampedLanes(records: readonly StampedRecord[]): StampedLane[] {
  const byItem = new Map<string, StampedRecord[]>();
  for (const one of records) {
    const { keyText } = one.record;
    const lane = byItem.get(keyText);
    if (lane === undefined) byItem.set(keyText, [one]);
    else lane.push(one);
  }
  const lanes: StampedLane[] = [];
  for (const [keyText, lane] of byItem) {
    const runs = runsOf(lane);
    if (runs.length > 0) lanes.push({ keyText, runs });
  }
  return lanes;
}

function runsOf(lane: StampedRecord[]): StampedRun[] {
  // Lambda delivers in order; the order is made sure of.
  if (lane.length > 1)
    lane.sort((a, b) => (a.sequence < b.sequence ? -1 : Number(a.sequence > b.sequence)));
  const runs: StampedRun[] = [];
  let puts: StampedRecord[] = [];
  const close = (end: StampedRecord | undefined) => {
    const first = puts[0] ?? end;
    if (first !== undefined && (end !== undefined || puts.some(isWork)))
      runs.push(runOf(puts, first, end));
    puts = [];
  };
  for (const one of lane)
    if (one.verdict === 'delete') close(one);
    else if (one.verdict === 'skip') close(undefined);
    else puts.push(one);
  close(undefined);
  return runs;
}

function isWork(one: StampedRecord): boolean {
  return one.verdict === 'push' || mayBeLate(one);
}

function runOf(
  puts: readonly StampedRecord[],
  { record: { position: first } }: StampedRecord,
  end: StampedRecord | undefined,
): StampedRun {
  const pushes = puts.filter(({ verdict }) => verdict === 'push');
  const checks = puts.filter(mayBeLate);
  const isNew = pushes.some((one) => one.isNew);
  let seen = pushes[0]?.before;
  for (const { verdict, held } of puts)
    if (verdict === 'own' && held !== undefined && held > (seen ?? '')) seen = held;
  if (pushes.length > 1) pushes.sort((a, b) => (a.record.version < b.record.version ? 1 : -1));
  return { first, checks, pushes, isNew, seen, end };
}
