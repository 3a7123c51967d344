// The summary of a run -> its result: one sentence, and whether all is well. Pure.

import { counted, grouped } from '../../text/number-text.ts';
import type { LocalRunSummary } from './run-summary.ts';

export interface RunResult {
  readonly text: string;
  /** Equal tables, and an outcome for every record. */
  readonly clean: boolean;
}

/** Of a run that is switched, also what was acknowledged as Ferry's own, as strays, or kept as stranded. */
type Summary = LocalRunSummary & {
  readonly own?: number;
  readonly strays?: number;
  readonly strandedRecords?: number;
};

export function resultOf(summary: Summary): RunResult {
  const { differences, unconfirmed, givenUp, redriven } = summary;
  const undone = redriven === undefined ? givenUp : redriven.left;
  const clean = differences + unconfirmed + undone === 0 && unaccounted(summary) === 0;
  return { text: textOf(summary), clean };
}

function textOf(summary: Summary): string {
  const { differences, unconfirmed, givenUp, redriven } = summary;
  const left = redriven?.left ?? 0;
  if (differences > 0) {
    const waiting =
      left > 0 ? ` ${counted(left, 'record')} ${left === 1 ? 'waits' : 'wait'} for a redrive.` : '';
    return `The tables differ in ${counted(differences, 'item')}.${waiting}`;
  }
  const missing = unaccounted(summary);
  if (missing !== 0) return `Without a counted outcome: ${counted(missing, 'record')}.`;
  // Such as items for which the projection fails.
  if (unconfirmed > 0)
    return `${counted(unconfirmed, 'item')} kept changing or cannot be read, so the comparison is undecided.`;
  if (left > 0) return `The tables are equal, but ${records(left)} not redriven.`;
  if (givenUp > 0 && redriven === undefined)
    return `The tables are equal, but ${records(givenUp)} given up.`;
  const { items, leftOut } = summary;
  const rest = leftOut > 0 ? `, and ${grouped(leftOut)} left out` : '';
  return `The tables are equal: ${counted(items, 'item')}${rest}.`;
}

function records(count: number): string {
  return `${counted(count, 'record')} ${count === 1 ? 'was' : 'were'}`;
}

/** Every record must have ended in exactly one outcome. */
function unaccounted(summary: Summary): number {
  const { records, applied, superseded, coalesced, skipped, deadLettered, givenUp } = summary;
  const { own = 0, strays = 0, strandedRecords = 0 } = summary;
  const ended = applied + superseded + coalesced + skipped + deadLettered + givenUp;
  return records - ended - own - strays - strandedRecords;
}
