// Looks at everything that stays of a replication, and deletes what is empty or was named. Each is looked at
// again right before it is deleted.

import { decide, type Decision, type Leftover } from './leftovers.ts';
import type { LeftoverStore, Remains } from '../ports.ts';

export interface Found {
  readonly leftover: Leftover;
  readonly remains: Remains;
  readonly decision: Decision;
}

export interface TeardownContext {
  readonly leftovers: readonly Leftover[];
  readonly store: LeftoverStore;
  /** Full names of what is deleted although it is not empty. */
  readonly named: ReadonlySet<string>;
  readonly stop: AbortSignal;
}

/** @returns what is there. Nothing is changed. */
export async function lookAround(context: TeardownContext): Promise<Found[]> {
  const { leftovers, store, named } = context;
  const found: Found[] = [];
  for (const leftover of leftovers) {
    const remains = await store.find(leftover);
    if (remains === undefined) continue;
    found.push({ leftover, remains, decision: decide(leftover, remains.holds, named) });
  }
  return found;
}

/**
 * @param onRemoved called with each once it is gone.
 * @returns what is left.
 * @throws what the store throws, or the reason of `context.stop`; what was removed until then is gone.
 */
export async function tearDown(
  context: TeardownContext,
  onRemoved: (leftover: Leftover) => void,
): Promise<Found[]> {
  const left: Found[] = [];
  for (const leftover of context.leftovers) {
    context.stop.throwIfAborted();
    const [found] = await lookAround({ ...context, leftovers: [leftover] });
    if (found === undefined) continue;
    if (found.decision === 'keep') left.push(found);
    else {
      await context.store.remove(leftover, found.remains);
      onRemoved(leftover);
    }
  }
  return left;
}
