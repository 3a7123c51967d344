// Writes that have lost a conflict, and strays -> objects of the function's own bucket. No record is final before what
// it has lost is kept.

import { TAIL_TIME_MS } from '../config/names.ts';
import { type Loser, loserObject } from '../model/loser.ts';
import type { Outcome } from '../model/outcome.ts';
import { classifyFailure } from '../model/write-failure.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import type { KeepContext } from './keep-stranded.ts';

const OBJECTS_AT_ONCE = 16;

/**
 * @param losers by the positions of their records. Those of records that come again are kept then.
 * @returns the outcomes, unfinished where something could not be kept. Never rejects.
 */
export async function keepLosers<O extends { readonly kind: string }>(
  losers: ReadonlyMap<number, Loser>,
  outcomes: readonly O[],
  { bucket, health, remainingMs }: KeepContext,
): Promise<Array<O | Outcome>> {
  const kept: Array<O | Outcome> = [...outcomes];
  const due = [...losers].filter(([position]) => outcomes[position]?.kind !== 'unfinished');
  const tasks = due.map(([position, loser]) => async () => {
    const { key, body } = loserObject(loser);
    if (remainingMs() < TAIL_TIME_MS) kept[position] = { kind: 'unfinished', why: 'deadline' };
    else
      try {
        await bucket.put(key, body);
      } catch (error) {
        const { kind, name } = classifyFailure(error);
        health.noteError(`bucket: ${name}`);
        kept[position] = { kind: 'unfinished', why: kind };
      }
  });
  await inParallel(tasks, OBJECTS_AT_ONCE);
  return kept;
}
