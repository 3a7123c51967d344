// Where a replication's writes go and under which rules, from its configuration.

import type { ReplicationConfig } from '../config/config.ts';
import type { WriteTarget } from '../model/write-request.ts';

export function writeTarget(replication: ReplicationConfig): WriteTarget {
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
