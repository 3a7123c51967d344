// What happens to a record that waits in the stream too long, by how long the stream keeps it, and by whether Lambda
// stores what it gives up.

import type { ReplicationConfig } from './schema.ts';
import { storesBatches } from './stored-batches.ts';

type Waiting = Pick<ReplicationConfig, 'source' | 'deadLetters' | 'eventSource'>;
/** How long the stream of a source keeps a record. */
export interface Retention {
  readonly kinesisRetentionHours?: number | undefined;
}

/** The stream of a table keeps a record for so long, */
export const STREAM_HOURS = 24;

/** and a Kinesis stream as long as it is configured. */
export function retentionHours({ kinesisRetentionHours = STREAM_HOURS }: Retention): number {
  return kinesisRetentionHours;
}

export function retentionMs(source: Retention): number {
  return retentionHours(source) * 3_600_000;
}

/** Of a deployment that waits for as long as the stream has the record, `maxRecordAgeSeconds` is -1. */
export function isGivenUp({ eventSource }: Pick<Waiting, 'eventSource'>): boolean {
  return eventSource.maxRecordAgeSeconds !== -1;
}

/** "24 hours", "365 days" */
export function retentionText(source: Retention): string {
  const hours = retentionHours(source);
  return hours > 48 && hours % 24 === 0 ? `${hours / 24} days` : `${hours} hours`;
}

/** After the first hour, an operator looks, */
export const WAITING_HOURS = 1;

/** and after half of them, an operator must act. Without the bucket, a record is only safe until Lambda gives it up. */
export function expiringHours({ eventSource, ...replication }: Waiting): number {
  const half = Math.floor(retentionHours(replication.source) / 2);
  if (storesBatches(replication) || !isGivenUp({ eventSource })) return half;
  const halfOfAge = Math.round(eventSource.maxRecordAgeSeconds / 7_200);
  return Math.max(WAITING_HOURS, Math.min(half, halfOfAge));
}

/** What Lambda does with records that are older than `maxRecordAgeSeconds`, after "Lambda". */
export function givesUp(replication: Omit<Waiting, 'eventSource'>, records: string): string {
  return storesBatches(replication)
    ? `sends ${records} to the on-failure bucket`
    : `gives up ${records}, and only notes in the dead-letter queue where the stream has them`;
}
