// Stamped records of a batch -> one lane per item, and its runs: a run is what lies between two deletes. Of the puts of
// a run that an application of this side has made, only the one with the largest version is pushed.

import type { Version } from './guard.ts';
import type { StampedRecord } from './stamped-record.ts';

export interface StampedRun {
  /** Position of its first record, of whatever kind: without it, what the run had seen is not known. */
  readonly first: number | undefined;
  /** Ferry's own inserts: each may have come late. */
  readonly checks: readonly StampedRecord[];
  /** To be pushed, the largest version first: if one is rejected, the next takes its place. */
  readonly pushes: readonly StampedRecord[];
  /** Whether a push may be of an item that was deleted before. */
  readonly isNew: boolean;
  /** What the writes of the run had seen. */
  readonly seen: Version | undefined;
  /** By which the run ends. */
  readonly end: StampedRecord | undefined;
}

export interface StampedLane {
  readonly keyText: string;
  readonly runs: readonly StampedRun[];
}

/** Records that need no request are not among them. */
export function stampedLanes(records: readonly StampedRecord[]): StampedLane[] {
  const byItem = new Map<string, StampedRecord[]>();
  for (const one of records) {
    const { keyText } = one.record;
    const lane = byItem.get(keyText);
    if (lane === undefined) byItem.set(keyText, [one]);
    else lane.push(one);
  }
  return [...byItem].flatMap(([keyText, lane]) => {
    const runs = runsOf(lane);
    return runs.length === 0 ? [] : [{ keyText, runs }];
  });
}

function runsOf(lane: StampedRecord[]): StampedRun[] {
  // Lambda delivers in order; the order is made sure of.
  if (lane.length > 1)
    lane.sort((a, b) => (a.sequence < b.sequence ? -1 : Number(a.sequence > b.sequence)));
  const runs: StampedRun[] = [];
  let begun: StampedRecord[] = [];
  for (const one of lane) {
    if (one.verdict === 'delete') {
      runs.push(runOf(begun, one));
      begun = [];
    } else if (one.verdict === 'skip') {
      runs.push(runOf(begun, undefined));
      begun = [];
    } else begun.push(one);
  }
  if (begun.length > 0) runs.push(runOf(begun, undefined));
  return runs.filter(
    ({ checks, pushes, end }) => end !== undefined || checks.length + pushes.length > 0,
  );
}

function runOf(puts: readonly StampedRecord[], end: StampedRecord | undefined): StampedRun {
  const pushes = puts.filter(({ verdict }) => verdict === 'push');
  const own = puts.filter(({ verdict }) => verdict === 'own');
  const checks = own.filter(({ isNew, record }) => isNew && record.eventName !== 'REMOVE');
  const isNew = pushes.some((one) => one.isNew);
  const seen = largest([pushes[0]?.before, ...own.map(({ held }) => held)]);
  if (pushes.length > 1) pushes.sort((a, b) => (a.record.version < b.record.version ? 1 : -1));
  return { first: puts[0]?.record.position, checks, pushes, isNew, seen, end };
}

function largest(versions: ReadonlyArray<Version | undefined>): Version | undefined {
  return versions.reduce(
    (high, one) => (one !== undefined && one > (high ?? '') ? one : high),
    undefined,
  );
}
