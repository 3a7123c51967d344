// Where a replication's writes go and under which rules, from its configuration.

import type { ReplicationConfig } from '../config/schema.ts';
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
  };
}
