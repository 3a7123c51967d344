// A replication as its functions are told of it, in one variable: after a deployment and in local mode alike.

import type { ReplicationConfig } from './config.ts';

/** A replication, and the stream that is read: for a table that the app creates, known at deployment. */
export interface ReplicationAndStream {
  readonly replication: ReplicationConfig;
  readonly streamArn: string;
}

/**
 * The value of a variable that holds the replication, as in ferry.json: both tables exist, and settings that
 * only the deployment and the replicate function use are left out.
 */
export function replicationVariable(
  { replication, streamArn }: ReplicationAndStream,
  { heartbeat = false }: { readonly heartbeat?: boolean } = {},
): string {
  const { name, source, destination, stateTable, reservedAttribute } = replication;
  const { tombstones, ttlDeletes, unversionedItems } = replication;
  const place = ({ region, table, endpoint }: ReplicationConfig['destination']) => ({
    region,
    table,
    endpoint,
  });
  return JSON.stringify({
    name,
    source: { ...place(source), streamArn },
    destination: place(destination),
    stateTable,
    reservedAttribute,
    tombstones,
    ttlDeletes,
    unversionedItems,
    ...(heartbeat && { heartbeat: replication.heartbeat }),
  });
}
