// Letters of stamped writes -> rounds, each with what is known to follow each other of every item. What lay between two
// letters was not put aside: the later one may have seen it, and the earlier one has not. So these are no run.

import type { Version } from '../model/guard.ts';
import type { StampedRecord } from '../model/stamped-record.ts';

/** @returns rounds to be written one after the other. */
export function stampedRounds(letters: readonly StampedRecord[]): StampedRecord[][] {
  const rounds: StampedRecord[][] = [];
  const last = new Map<string, { readonly record: StampedRecord; readonly round: number }>();
  for (const record of letters.toSorted(bySequence)) {
    const { keyText } = record.record;
    const before = last.get(keyText);
    const isNext = before === undefined || follows(record, before.record);
    const round = (before?.round ?? 0) + (isNext ? 0 : 1);
    (rounds[round] ??= []).push(record);
    last.set(keyText, { record, round });
  }
  return rounds;
}

function bySequence(a: StampedRecord, b: StampedRecord): number {
  return a.sequence < b.sequence ? -1 : Number(a.sequence > b.sequence);
}

/** A record may have several letters. */
function follows(record: StampedRecord, before: StampedRecord): boolean {
  return record.sequence === before.sequence || record.before === leftBy(before);
}

/** The version that is there after a change. */
function leftBy({ record, held }: StampedRecord): Version | undefined {
  return record.eventName === 'REMOVE' ? undefined : held;
}
