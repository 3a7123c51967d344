// What a run in both directions has come to, and whether it is well. Pure.

import type { TwoWayConfig } from '../../config/schema.ts';
import { counted, grouped } from '../../text/number-text.ts';
import { resultOf, type RunResult } from '../run/run-result.ts';
import type { LocalRunSummary } from '../run/run-summary.ts';

/** What is counted when the writing is over. */
export interface BothCounts {
  /** Conflicts by the log of the applications, which knows nothing of Ferry. */
  readonly expectedConflicts: number;
  /** Requests by which the functions have written tables and ledgers, those that were refused too. */
  readonly ferryWrites: number;
  /** Of these, after everything had arrived: a loop would show here. */
  readonly writesAtRest: number;
  /** Items in which the tables differed because of strays, before an operator has merged them. */
  readonly strayDifferences: number;
  /** Items without their last write, though that one had found all those before. */
  readonly lostWrites: number;
  /** Writes that lost and strays, as `ferry conflicts` lists them. */
  readonly losersKept: number;
}

/** The last line of `ferry local --both --json`. Fields are added, never renamed. */
export interface BothSummary extends LocalRunSummary, BothCounts {
  readonly mode: TwoWayConfig['mode'];
  /** Records of Ferry's own writes, which the other direction has acknowledged. */
  readonly own: number;
  /** As the functions have counted them. */
  readonly strays: number;
  readonly conflicts: number;
  readonly applicationWrites: number;
  /** Writes of applications that do not stamp, or do not write at home. */
  readonly strayWritesMade: number;
}

export function bothResult(summary: BothSummary): RunResult {
  const { text, clean } = resultOf(summary);
  const { conflicts, expectedConflicts, writesAtRest, lostWrites } = summary;
  if (!clean) return { text, clean };
  if (conflicts !== expectedConflicts)
    return {
      text: `${text} Ferry has counted ${counted(conflicts, 'conflict')}, and the log of the applications has ${expectedConflicts}.`,
      clean: false,
    };
  if (lostWrites > 0)
    return { text: `${text} Writes were lost: ${grouped(lostWrites)}.`, clean: false };
  if (writesAtRest > 0)
    return { text: `${text} Ferry wrote on after all had arrived.`, clean: false };
  if (summary.mode === 'home') return { text, clean };
  return {
    text: `${text} ${counted(conflicts, 'conflict')}, as the log of the applications has them.`,
    clean,
  };
}
