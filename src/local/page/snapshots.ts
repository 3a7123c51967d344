// A run -> its figures at this moment, from what the function has said and the mapping has counted.

import type { Clock } from '../../ports.ts';
import type { ShownRun } from './live-page.ts';
import type { Snapshot } from './page-state.ts';

/** Returns a function that takes the next snapshot. */
export function snapshots({ world, writes }: ShownRun, clock: Clock): () => Snapshot {
  const { mapping, tally } = world;
  const latencies = tally.latencyReader();
  return () => ({
    atMs: clock.now(),
    totals: {
      writes: writes(),
      applied: tally.sum('AppliedRecords'),
      coalesced: tally.sum('CoalescedRecords'),
      superseded: tally.sum('SupersededRecords'),
      retried: tally.sum('RetriedRecords'),
      deadLettered: tally.sum('DeadLetteredRecords'),
    },
    pending: mapping.counts.received - mapping.counts.done - mapping.counts.givenUp,
    oldestUnappliedMs: tally.latest('OldestUnappliedAge') ?? 0,
    troubles: {
      unreachable: tally.sum('DestinationUnreachable'),
      throttled: tally.sum('DestinationThrottles'),
      denied: tally.sum('DestinationDenied'),
    },
    latencyMs: latencies(),
  });
}
