// Where a replication's writes go and under which rules, from its configuration.

import { arrivalRules } from '../config/change-source.ts';
import { heartbeatItemKey } from '../config/heartbeat-key.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { canonicalKey, decodeItem } from '../model/attribute-value.ts';
import type { WriteRules } from '../model/rules.ts';

export function writeRules(replication: ReplicationConfig): WriteRules {
  const { source, destination, stateTable, reservedAttribute, unversionedItems, tombstones } =
    replication;
  return {
    replication: replication.name,
    sourceRegion: source.region,
    destinationTable: destination.table,
    stateTable,
    reservedAttribute,
    unversionedItems,
    tombstones,
    ...arrivalRules(source),
  };
}

/** Records are known by the text of their key. */
export function heartbeatKeyText({ heartbeat }: ReplicationConfig): string | undefined {
  return heartbeat && canonicalKey(decodeItem(heartbeatItemKey(heartbeat), 'key'));
}
