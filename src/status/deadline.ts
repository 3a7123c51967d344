// Where Lambda does not store the records that it gives up: when that happens to the oldest one that waits, and until
// when a redrive can still read it from the stream.

import { isGivenUp, retentionMs } from '../config/record-age.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { storesBatches } from '../config/stored-batches.ts';
import { horizonOf, utcTime } from './pause.ts';

export interface Deadline {
  readonly givenUpAfterMs: number;
  readonly redriveUntilMs: number;
}

type Given = Pick<ReplicationConfig, 'source' | 'deadLetters' | 'eventSource'>;

/** @param oldestMs when the oldest waiting record was written; undefined where none waits. */
export function deadlineOf(replication: Given, oldestMs: number | undefined): Deadline | undefined {
  if (oldestMs === undefined || !isOnlyNoted(replication)) return undefined;
  const { givenUpAfterMs, lostAfterMs } = horizonOf({ oldestMs }, replication);
  return { givenUpAfterMs, redriveUntilMs: lostAfterMs };
}

/** "at 2026-01-31T12:00:00Z; redrive until 2026-02-01T00:00:00Z" */
export function deadlineText({ givenUpAfterMs, redriveUntilMs }: Deadline, nowMs: number): string {
  const preposition = nowMs < givenUpAfterMs ? 'at' : 'since';
  const redrive =
    nowMs < redriveUntilMs
      ? `redrive until ${utcTime(redriveUntilMs)}`
      : `lost since ${utcTime(redriveUntilMs)}`;
  return `${preposition} ${utcTime(givenUpAfterMs)}; ${redrive}`;
}

/**
 * Until when the records of a batch that is only noted in the dead-letter queue are in the stream: they were given up
 * at their highest age, and the message was sent then.
 */
export function notedUntilMs(replication: Given, sentMs: number): number | undefined {
  if (!isOnlyNoted(replication)) return undefined;
  const { source, eventSource } = replication;
  return sentMs + retentionMs(source) - eventSource.maxRecordAgeSeconds * 1000;
}

/** Of what is given up for its age. */
function isOnlyNoted(replication: Given): boolean {
  return isGivenUp(replication) && !storesBatches(replication);
}
