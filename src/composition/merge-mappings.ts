// Whether both directions of a replication are read: only then does a version that was given on one side reach the
// other, and only then are deletes of the meantime known.

import { functionName } from '../config/names.ts';
import type { BySide } from '../merge/sides.ts';
import { isRead } from '../model/vitals.ts';
import { openEventSources } from './event-sources.ts';
import type { MergeDirection } from './merge.ts';

/** @returns what is wrong, a sentence each; nothing where both are on. */
export async function mappingsOff(directions: BySide<MergeDirection>): Promise<string[]> {
  const problems = [await problemOf(directions[1]), await problemOf(directions[2])];
  return problems.flatMap((problem) => problem ?? []);
}

async function problemOf({ replication, sides }: MergeDirection): Promise<string | undefined> {
  const name = functionName(replication.name);
  const { region } = replication.source;
  const sources = await openEventSources(replication, sides);
  if (sources === undefined) return `There is no function ${name} in ${region}.`;
  try {
    const found = await sources.mappings.list();
    if (found.some((mapping) => isRead({ mapping }))) return undefined;
    const states = found.map(({ state }) => state).join(', ') || 'missing';
    return `The event source mapping of ${name} in ${region} is ${states}.`;
  } finally {
    sources.close();
  }
}
