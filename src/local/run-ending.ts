// The summary of a run -> what it comes to: one plain sentence, and whether all is well. Pure.

import type { LocalRunSummary } from './local-run.ts';
import { type Ending, grouped } from './page/verdict.ts';

export function endingOf(summary: LocalRunSummary): Ending {
  const { differences, unconfirmed, givenUp, redriven } = summary;
  const undone = redriven === undefined ? givenUp : redriven.left;
  const clean = differences + unconfirmed + undone === 0 && unaccounted(summary) === 0;
  return { text: textOf(summary), clean };
}

function textOf(summary: LocalRunSummary): string {
  const { differences, givenUp, redriven } = summary;
  const left = redriven?.left ?? 0;
  if (differences > 0) {
    const waiting = left > 0 ? ` ${grouped(left)} record(s) wait for a redrive.` : '';
    return `The tables differ in ${grouped(differences)} item(s).${waiting}`;
  }
  const missing = unaccounted(summary);
  if (missing !== 0) return `${grouped(missing)} record(s) ended in no counted outcome.`;
  if (left > 0) return `The tables are equal, but ${grouped(left)} record(s) were not redriven.`;
  if (givenUp > 0 && redriven === undefined)
    return `The tables are equal, but ${grouped(givenUp)} record(s) were given up.`;
  return `The tables are equal: ${grouped(summary.items)} items.`;
}

/** Every record must have ended in exactly one outcome. */
function unaccounted(summary: LocalRunSummary): number {
  const { records, applied, superseded, coalesced, skipped, deadLettered, givenUp } = summary;
  return records - applied - superseded - coalesced - skipped - deadLettered - givenUp;
}
