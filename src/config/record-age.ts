// What happens to a record that waits in the stream too long, by whether Lambda stores what it gives up.

import type { ReplicationConfig } from './schema.ts';
import { storesBatches } from './stored-batches.ts';

type Waiting = Pick<ReplicationConfig, 'source' | 'deadLetters' | 'eventSource'>;

const HALF_OF_STREAM_HOURS = 12;

/** The stream keeps a record for 24 hours: after the first one, an operator looks, */
export const WAITING_HOURS = 1;

/** and after half of them, an operator must act. Without the bucket, a record is only safe until Lambda gives it up. */
export function expiringHours({ eventSource, ...replication }: Waiting): number {
  if (storesBatches(replication)) return HALF_OF_STREAM_HOURS;
  const half = Math.round(eventSource.maxRecordAgeSeconds / 7_200);
  return Math.max(WAITING_HOURS, Math.min(HALF_OF_STREAM_HOURS, half));
}

/** What Lambda does with records that are older than `maxRecordAgeSeconds`, after "Lambda". */
export function givesUp(replication: Omit<Waiting, 'eventSource'>, records: string): string {
  return storesBatches(replication)
    ? `sends ${records} to the on-failure bucket`
    : `gives up ${records}, and only notes in the dead-letter queue where the stream has them`;
}
