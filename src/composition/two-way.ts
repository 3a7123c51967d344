// What the function of a direction knows of the other one, where both tables are written.

import { otherDirection } from '../config/directions.ts';
import { isBackName } from '../config/names.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { Origin, TwoWayRules } from '../model/rules.ts';
import { heartbeatKeyText, writeRules } from './write-rules.ts';

/** @returns undefined of a replication in one direction. */
export function twoWayRules(replication: ReplicationConfig): TwoWayRules | undefined {
  const { twoWay, source } = replication;
  if (twoWay === undefined) return undefined;
  const { mode, home, epoch, losers } = twoWay;
  const other = otherDirection(replication);
  const common = {
    epoch,
    losers,
    region: source.region,
    otherHeartbeatKeyText: heartbeatKeyText(other),
    near: writeRules(other),
  };
  if (mode === 'stamped') return { ...common, mode, origin: originOfSource(replication) };
  if (home === undefined) throw new Error(`${replication.name} has no homes`);
  const sinceMs = home.since === undefined ? undefined : Date.parse(home.since);
  return { ...common, mode, home, sinceMs };
}

/** The side of the configuration file that the direction's source is. */
function originOfSource({ name }: Pick<ReplicationConfig, 'name'>): Origin {
  return isBackName(name) ? 2 : 1;
}
