// The times of a pause: when the oldest waiting change expires from the stream, and what happens before that.

import type { Paused } from '../model/control-row.ts';
import { isGivenUp, retentionMs } from '../config/record-age.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { MINUTE_MS } from '../model/vitals.ts';

export interface Horizon {
  /** At a resume after this, Lambda gives up the oldest batches. */
  readonly givenUpAfterMs: number;
  /** After this, the stream no longer has the oldest changes. */
  readonly lostAfterMs: number;
}

export function horizonOf(
  { oldestMs }: Pick<Paused, 'oldestMs'>,
  { source, eventSource }: Pick<ReplicationConfig, 'source' | 'eventSource'>,
): Horizon {
  const lostAfterMs = oldestMs + retentionMs(source);
  const ageMs = isGivenUp({ eventSource }) ? eventSource.maxRecordAgeSeconds * 1000 : Infinity;
  return { givenUpAfterMs: Math.min(oldestMs + ageMs, lostAfterMs), lostAfterMs };
}

/**
 * The pause that begins at `sinceMs`.
 * @param lagMs the replication latency then; CloudWatch has it by the minute.
 */
export function pauseFrom(sinceMs: number, lagMs: number): Paused {
  return { sinceMs, oldestMs: sinceMs - Math.max(Math.ceil(lagMs), MINUTE_MS) };
}

/** 2026-01-31T12:00:00Z */
export function utcTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
