// A run -> its figures at this moment, from what the function has published and the consumer has counted.

import type { Clock } from '../../ports.ts';
import type { LocalWorld } from '../run/local-world.ts';
import type { Snapshot } from './page-state.ts';
import { COUNTED, type Counts } from './page-vitals.ts';

export interface Shown {
  readonly world: Pick<LocalWorld, 'mapping' | 'tally'>;
  /** Writes that the workload has made so far. */
  readonly writes: () => number;
}

/** Returns a function that takes the next snapshot. */
export function snapshots({ world, writes }: Shown, clock: Clock): () => Snapshot {
  const { tally, mapping } = world;
  const latencies = tally.latencyReader();
  return () => {
    const { received, done, givenUp } = mapping.counts;
    return {
      atMs: clock.now(),
      writes: writes(),
      sums: Object.fromEntries(COUNTED.map((name) => [name, tally.sum(name)])) as Counts,
      pending: received - done - givenUp,
      oldestUnappliedMs: tally.latest('OldestUnappliedAge') ?? 0,
      latencyMs: latencies(),
    };
  };
}
