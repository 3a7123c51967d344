// How long a record took from the source's write to its place on the twin.

import type { Item } from './attribute-value.ts';
import type { StreamRecord } from './stream-record.ts';

export interface LatencyRules {
  /** Number attribute in which the application stamps its writes, epoch milliseconds. */
  readonly timestampAttribute?: string | undefined;
  /** Canonical text of the heartbeat item's key. */
  readonly heartbeatKey?: string | undefined;
}

/** Attribute of the heartbeat item: when it was written, N, epoch milliseconds. */
export const BEAT_ATTRIBUTE = 'writtenAt';

/** A stream keeps its records for a day: a stamp that is older by far is none of this write. */
const STAMP_AGE_MS_MAX = 48 * 60 * 60 * 1000;

/**
 * Milliseconds, below zero where the clocks of writer and function disagree. By the application's stamp
 * where there is one; else by the stream's time, which is rounded down to the second, so that the figure
 * is up to a second too high.
 * @returns undefined where the record does not tell its time.
 */
export function latencyMs(
  record: StreamRecord,
  { timestampAttribute }: LatencyRules,
  nowMs: number,
): number | undefined {
  const { createdAtSeconds } = record;
  const byStream = createdAtSeconds === undefined ? undefined : nowMs - createdAtSeconds * 1000;
  if (timestampAttribute === undefined) return byStream;
  // A delete has no stamp; among exact figures, a rounded one would only mislead.
  if (record.eventName === 'REMOVE') return undefined;
  const byStamp = sinceStamp(record.newImage, timestampAttribute, nowMs);
  return byStamp !== undefined && byStamp > STAMP_AGE_MS_MAX ? byStream : byStamp;
}

/** Milliseconds since a heartbeat was written; undefined for every other record. */
export function heartbeatLatencyMs(
  record: StreamRecord,
  { heartbeatKey }: LatencyRules,
  nowMs: number,
): number | undefined {
  if (record.keyText !== heartbeatKey || record.eventName === 'REMOVE') return undefined;
  const beatMs = sinceStamp(record.newImage, BEAT_ATTRIBUTE, nowMs);
  return beatMs !== undefined && beatMs > STAMP_AGE_MS_MAX ? undefined : beatMs;
}

function sinceStamp(item: Item, attribute: string, nowMs: number): number | undefined {
  const stamp = item[attribute]?.N;
  const sinceMs = nowMs - Number(stamp ?? Number.NaN);
  return Number.isFinite(sinceMs) ? sinceMs : undefined;
}
