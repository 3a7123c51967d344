// A chain: the twin of one replication is the source of another. Ferry's own attributes and items in that twin must be
// known to both.

import { show } from './problems.ts';
import type { HeartbeatConfig, Replications } from './schema.ts';
import { placeOf } from './tables.ts';

/** One line for each setting that must be the same along a chain, and is not. */
export function* chainProblems(replications: Replications): Generator<string> {
  for (const [path, { source, reservedAttribute, heartbeat }] of replications) {
    const all = [...replications];
    const before = all.find(([other, { destination, twoWay, ...one }]) =>
      [destination, ...(twoWay && other !== path ? [one.source] : [])]
        .map(placeOf)
        .includes(placeOf(source)),
    );
    if (before === undefined) continue;
    const [named, first] = before;
    if (reservedAttribute !== first.reservedAttribute)
      yield `${path}.reservedAttribute must be that of ${named}, which writes its source, got ${show(reservedAttribute)} and ${show(first.reservedAttribute)}; otherwise the versions of ${named} are copied like data`;
    if (heartbeat !== undefined && keyText(heartbeat) !== keyText(first.heartbeat))
      yield `${path}.heartbeat.key must be that of ${named}, which writes its source, got ${show(heartbeat.key)} and ${show(first.heartbeat?.key)}; one item then goes through both`;
  }
}

function keyText(heartbeat: HeartbeatConfig | undefined): string {
  const attributes = Object.entries(heartbeat?.key ?? {});
  return JSON.stringify(attributes.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
