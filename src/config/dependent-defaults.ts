// The defaults that a schema cannot say: they depend on other settings.

import { KINESIS_AGE_SECONDS_MAX } from './kinesis-rules.ts';
import { backName, stateTableName } from './names.ts';
import { retentionHours, STREAM_HOURS } from './record-age.ts';
import type { ReplicationConfig, SwitchingConfig, TwoWayConfig } from './schema.ts';
import { storesBatches } from './stored-batches.ts';

/** A replication that the schema has filled, which may lack these settings. */
export type FilledReplication = Omit<
  ReplicationConfig,
  'stateTable' | 'tombstones' | 'eventSource' | 'switching' | 'twoWay'
> &
  Partial<Pick<ReplicationConfig, 'stateTable' | 'tombstones'>> & {
    readonly switching?:
      | (Omit<SwitchingConfig, 'stateTable'> & Partial<SwitchingConfig>)
      | undefined;
    readonly twoWay?: (Omit<TwoWayConfig, 'stateTable'> & Partial<TwoWayConfig>) | undefined;
    readonly eventSource: Omit<ReplicationConfig['eventSource'], 'maxRecordAgeSeconds'> &
      Partial<ReplicationConfig['eventSource']>;
  };

const HOUR_SECONDS = 3_600;

/** Of a day in the stream, the rest is for the batches before it. */
const STORED_HOURS = 20;
/** Where Lambda does not store the records, the rest is for a redrive, which must find them in the stream. */
const NOTED_HOURS = 12;

export function withDependentDefaults(replication: FilledReplication): ReplicationConfig {
  const { name, eventSource, switching, twoWay, ...rest } = replication;
  const back = { stateTable: stateTableName(backName(name)) };
  return {
    stateTable: stateTableName(name),
    tombstones: rest.direction === 'both' ? 'insert-check' : 'checked',
    ...rest,
    name,
    ...(switching && { switching: { ...back, ...switching } }),
    ...(twoWay && { twoWay: { ...back, ...twoWay } }),
    eventSource: { maxRecordAgeSeconds: recordAgeSeconds(replication), ...eventSource },
  };
}

/** -1 where Lambda could not wait for as long as the Kinesis stream keeps a record. */
function recordAgeSeconds(replication: FilledReplication): number {
  const share = (storesBatches(replication) ? STORED_HOURS : NOTED_HOURS) / STREAM_HOURS;
  const seconds = Math.floor(retentionHours(replication.source) * share * HOUR_SECONDS);
  return seconds > KINESIS_AGE_SECONDS_MAX ? -1 : seconds;
}
