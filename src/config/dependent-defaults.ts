// The defaults that a schema cannot say: they depend on other settings.

import { stateTableName } from './names.ts';
import type { ReplicationConfig } from './schema.ts';
import { storesBatches } from './stored-batches.ts';

/** A replication that the schema has filled, which may lack these settings. */
export type FilledReplication = Omit<ReplicationConfig, 'stateTable' | 'eventSource'> &
  Partial<Pick<ReplicationConfig, 'stateTable'>> & {
    readonly eventSource: Omit<ReplicationConfig['eventSource'], 'maxRecordAgeSeconds'> &
      Partial<ReplicationConfig['eventSource']>;
  };

const HOUR_SECONDS = 3_600;

/** Of a stream's 24 hours, the rest is for the batches before it. */
const STORED_HOURS = 20;
/** Where Lambda does not store the records, the rest is for a redrive, which must find them in the stream. */
const NOTED_HOURS = 12;

export function withDependentDefaults(replication: FilledReplication): ReplicationConfig {
  const { name, eventSource } = replication;
  const hours = storesBatches(replication) ? STORED_HOURS : NOTED_HOURS;
  return {
    stateTable: stateTableName(name),
    ...replication,
    eventSource: { maxRecordAgeSeconds: hours * HOUR_SECONDS, ...eventSource },
  };
}
