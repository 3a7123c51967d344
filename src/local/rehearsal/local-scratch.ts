// The replication of a rehearsal on this machine: the settings of the chosen one, between tables of its own.

import { isGivenUp, STREAM_HOURS } from '../../config/record-age.ts';
import type { ReplicationConfig, TableConfig } from '../../config/schema.ts';

const KEY = { name: 'pk', type: 'S' } as const;
/** A p99 latency that is high on AWS is usual on a busy machine, whose own delays do not shrink. */
const LATENCY_SECONDS_MIN = 300;
/** Lambda gives up what is older, an hour before the stream of a table does. */
const RECORD_AGE_SECONDS_MAX = (STREAM_HOURS - 1) * 3_600;

/** The items of a rehearsal are its own, in new tables, and no projection is made for them. */
export function rehearsed(chosen: ReplicationConfig): ReplicationConfig {
  const { projection: _, heartbeat, alarms, eventSource, source, destination, ...rest } = chosen;
  const { maxRecordAgeSeconds } = eventSource;
  const side = ({ region, table }: TableConfig) => {
    return { region, table, create: true, partitionKey: KEY };
  };
  return {
    ...rest,
    source: side(source),
    destination: side(destination),
    eventSource: {
      ...eventSource,
      // -1 of a Kinesis stream, too, stands for more than that.
      maxRecordAgeSeconds: isGivenUp(chosen)
        ? Math.min(maxRecordAgeSeconds, RECORD_AGE_SECONDS_MAX)
        : RECORD_AGE_SECONDS_MAX,
    },
    ...(heartbeat && { heartbeat: { key: { [KEY.name]: 'ferry-heartbeat' } } }),
    alarms: { ...alarms, latencySeconds: Math.max(alarms.latencySeconds, LATENCY_SECONDS_MIN) },
  };
}
