// What the functions of both directions have written, counted by the proxies in front of both engines.

import type { BothDirections } from '../run/local-world.ts';

/** Requests to write that have reached an engine: to both tables and both ledgers, refused ones too. */
export function ferryWrites({ outward, back }: BothDirections): number {
  const proxies = [outward, back].flatMap(({ faults, nearFaults }) => [faults, nearFaults]);
  return proxies.reduce((sum, proxy) => sum + (proxy?.counts.writes ?? 0), 0);
}

/** Resolves once both streams have been read to their ends, and nothing that came of it is left. */
export async function bothSettled({ outward, back, whole }: BothDirections): Promise<void> {
  // What one direction delivers is a record for the other one: only a look during which nothing moved is proof.
  for (let before = -1; before !== moved(whole); ) {
    before = moved(whole);
    await Promise.all([outward.settled(), back.settled()]);
  }
}

function moved({ mapping: { counts } }: BothDirections['whole']): number {
  return counts.received + counts.done + counts.givenUp;
}
