// What the functions of both directions have written, counted by the proxies in front of both engines.

import type { BothDirections } from '../run/local-world.ts';

/** Requests to write that have reached an engine: to both tables and both ledgers, refused ones too. */
export function ferryWrites({ outward, back }: BothDirections): number {
  const proxies = [outward, back].flatMap(({ faults, nearFaults }) => [faults, nearFaults]);
  return proxies.reduce((sum, proxy) => sum + (proxy?.counts.writes ?? 0), 0);
}

/** Resolves once both streams have been read to their ends, and nothing that came of it is left. */
export async function bothSettled({ outward, back, whole }: BothDirections): Promise<void> {
  // What one direction writes is a record for the other one.
  for (let before = -1; before !== whole.mapping.counts.received; ) {
    before = whole.mapping.counts.received;
    await outward.settled();
    await back.settled();
  }
}
