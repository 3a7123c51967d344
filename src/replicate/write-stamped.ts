// A batch of a table with stamped writes: what needs no request is settled at once, and the rest lane by lane.

import { isConflict } from '../model/conflict.ts';
import { versionIn } from '../model/guard.ts';
import type { Loser, LoserKind } from '../model/loser.ts';
import { HELD, type Outcome } from '../model/outcome.ts';
import { oldImageOf } from '../model/projected-record.ts';
import type { StreamRules } from '../model/rules.ts';
import { type StampedLane, stampedLanes } from '../model/stamped-lanes.ts';
import { type StampedRecord, stampedRecord } from '../model/stamped-record.ts';
import type { ParsedRecord } from '../model/stream-record.ts';
import type { StampedModeRules } from '../model/rules.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import type { WriteOutcome } from './apply-lane.ts';
import type { BatchRecord } from './control-keeper.ts';
import { keepLosers } from './keep-losers.ts';
import { loserFacts, type NearContext, strayLoser } from './near.ts';
import { nearRows } from './near-rows.ts';
import { applyStampedLane } from './stamped-lane.ts';
import type { WriteContext } from './write-change.ts';

export interface SettledStamps {
  readonly records: readonly BatchRecord[];
  /** What is known of each record; absent where it makes no sense, or is held. */
  readonly stamped: ReadonlyMap<number, StampedRecord>;
  /** From a record of a later epoch on. */
  readonly isHeld: boolean;
}

type Rules = StreamRules & { readonly twoWay: StampedModeRules };

/** Without a request. @param raw the records as Lambda delivered them. */
export function settleStamped(
  parsed: readonly ParsedRecord[],
  raw: readonly unknown[],
  rules: Rules,
): SettledStamps {
  const records: BatchRecord[] = [];
  const stamped = new Map<number, StampedRecord>();
  let isHeld = false;
  for (const [position, one] of parsed.entries()) {
    if (one.kind === 'malformed') {
      records.push(isHeld ? { kind: 'settled', record: one.record, outcome: HELD } : one);
      continue;
    }
    const facts = stampedRecord(one.record, raw[position], rules);
    isHeld ||= facts.verdict === 'later-epoch';
    if (!isHeld) stamped.set(position, facts);
    const { record } = facts;
    const outcome = isHeld ? HELD : endOf(facts, rules.twoWay);
    records.push(
      outcome === undefined ? { kind: 'record', record } : { kind: 'settled', record, outcome },
    );
  }
  return { records, stamped, isHeld };
}

/** @returns undefined where it takes a request. */
function endOf(
  { verdict, isNew, before, seen, record }: StampedRecord,
  { origin }: StampedModeRules,
): Outcome | undefined {
  switch (verdict) {
    case 'stray':
      return { kind: 'stray' };
    case 'skip':
      return { kind: 'skipped' };
    case 'own':
      if (isNew && record.eventName !== 'REMOVE') return undefined;
      return { kind: 'own', isConflict: isConflict(before, seen, origin) };
    case 'push':
    case 'delete':
    case 'later-epoch':
      return undefined;
  }
}

export interface StampedBatch {
  readonly settled: SettledStamps;
  readonly raw: readonly unknown[];
  /** By position, as they are before anything is written. */
  readonly outcomes: WriteOutcome[];
}

/** Never rejects. */
export async function writeStamped(
  { settled, raw, outcomes }: StampedBatch,
  { near, far, twoWay, atOnce }: StampedWriting,
): Promise<WriteOutcome[]> {
  const moving = [...settled.stamped.values()].filter(({ verdict }) => verdict !== 'stray');
  const lanes = stampedLanes(moving);
  const rows = nearRows(new Set(lanes.flatMap(askedAtOnce)), near);
  const context = { near, far, twoWay, rows };
  const tasks = lanes.map((lane) => () => applyStampedLane(lane, context, outcomes));
  await inParallel(tasks, atOnce);
  if (twoWay.losers === 'count') return outcomes;
  return keepLosers(losersIn(settled, raw, { outcomes, rules: far.rules }), outcomes, near);
}

export interface StampedWriting {
  readonly near: NearContext;
  readonly far: WriteContext;
  readonly twoWay: StampedModeRules;
  /** How many lanes are worked on at the same time. */
  readonly atOnce: () => number;
}

/** Lanes whose first run asks for what the ledger remembers. */
function askedAtOnce({ keyText, runs: [first] }: StampedLane): string[] {
  if (first === undefined) return [];
  const isAsked = first.isNew || first.checks.length > 0 || first.end !== undefined;
  return isAsked ? [keyText] : [];
}

function losersIn(
  { stamped }: SettledStamps,
  raw: readonly unknown[],
  { outcomes, rules }: { outcomes: readonly WriteOutcome[]; rules: StreamRules },
): Map<number, Loser> {
  const losers = new Map<number, Loser>();
  for (const [position, { record, before, held }] of stamped) {
    const outcome = outcomes[position];
    if (outcome === undefined) continue;
    const kind = loserKind(outcome, record.eventName);
    if (kind === undefined) continue;
    const oldImage = oldImageOf(raw[position]);
    if (kind === 'stray') {
      losers.set(position, strayLoser(record, oldImage, rules));
      continue;
    }
    const newImage = record.eventName === 'REMOVE' ? undefined : record.newImage;
    const versions = { lostVersion: before, wonVersion: held };
    losers.set(position, {
      ...loserFacts(record, rules),
      kind,
      ...(kind === 'refused'
        ? { lost: newImage, lostVersion: versionIn(newImage?.[rules.reservedAttribute]) }
        : { lost: oldImage, won: newImage, ...versions }),
    });
  }
  return losers;
}

function loserKind(
  outcome: WriteOutcome,
  eventName: 'INSERT' | 'MODIFY' | 'REMOVE',
): LoserKind | undefined {
  if (outcome.kind === 'stray') return 'stray';
  if (!('isConflict' in outcome) || outcome.isConflict !== true) return undefined;
  if (outcome.kind === 'superseded') return 'refused';
  return eventName === 'REMOVE' ? 'removed' : 'replaced';
}
