// Deletes messages from the queue and objects from the bucket once all their records are final and the records'
// deletes are announced.

import { inParallel } from '../pacing/in-parallel.ts';
import type { Load } from './load.ts';
import { isFinal, type Redriven } from './outcome.ts';
import type { RedriveReport } from './report.ts';

const REMOVALS_AT_ONCE = 16;

/** @param outcomes of the letters of all loads, in their order. */
export async function deleteFinal(
  loads: readonly Load[],
  outcomes: readonly Redriven[],
  report: Pick<RedriveReport, 'left'>,
): Promise<void> {
  let first = 0;
  const removals = loads.flatMap(({ letters, found, all, remove }) => {
    const final = outcomes.slice(first, first + letters.length).filter(isFinal).length;
    first += letters.length;
    report.left += found - final;
    return final === all ? [remove] : [];
  });
  await inParallel(removals, REMOVALS_AT_ONCE);
}
