// How long a record took from the source's write to its place on the twin.

import type { PutRecord, StreamRecord } from './stream-record.ts';
import { timestampMs } from './timestamp.ts';

export interface LatencyRules {
  /** Attribute in which the application stamps its writes; its forms are those of `timestampMs`. */
  readonly timestampAttribute?: string | undefined;
  /** Canonical text of the heartbeat item's key. */
  readonly heartbeatKeyText?: string | undefined;
}

/** Attribute of the heartbeat item: when it was written, N, epoch milliseconds. */
export const BEAT_ATTRIBUTE = 'writtenAt';

/** A stamp that is far older than the write is not of it. */
const STAMP_AGE_MS_MAX = 48 * 60 * 60 * 1000;
/**
 * AWS rejects requests whose clock is off by this much. A stamp that is further ahead is not the time of the
 * write: an expiry, or local time without its offset.
 */
const STAMP_AHEAD_MS_MAX = 15 * 60 * 1000;

export interface Latencies {
  /** Below zero where the clocks of writer and function disagree; undefined where the time is not known. */
  readonly latencyMs?: number | undefined;
  /** Of a heartbeat. */
  readonly heartbeatMs?: number | undefined;
  /** True where the item lacks a usable stamp, though the configuration names its attribute. */
  readonly isTimestampFallback?: boolean | undefined;
}

/**
 * By the application's stamp where one is configured and usable, else by the stream's time. That is rounded
 * down to the second, so that the latency is up to a second too high.
 */
export function latenciesOf(record: StreamRecord, rules: LatencyRules, nowMs: number): Latencies {
  const heartbeatMs = heartbeatLatencyMs(record, rules, nowMs);
  const { timestampAttribute } = rules;
  if (timestampAttribute === undefined)
    return { latencyMs: sinceStreamTime(record, nowMs), heartbeatMs };
  // A heartbeat has a stamp of its own.
  if (heartbeatMs !== undefined) return { latencyMs: heartbeatMs, heartbeatMs };
  // A delete has no stamp. Among exact latencies, a rounded one would mislead.
  if (record.eventName === 'REMOVE') return {};
  const latencyMs = sinceStamp(record, timestampAttribute, nowMs);
  if (latencyMs !== undefined) return { latencyMs };
  return { latencyMs: sinceStreamTime(record, nowMs), isTimestampFallback: true };
}

/** Milliseconds since a heartbeat was written; undefined for every other record. */
function heartbeatLatencyMs(
  record: StreamRecord,
  { heartbeatKeyText }: LatencyRules,
  nowMs: number,
): number | undefined {
  if (record.keyText !== heartbeatKeyText || record.eventName === 'REMOVE') return undefined;
  return sinceStamp(record, BEAT_ATTRIBUTE, nowMs);
}

/** A Kinesis stream keeps a change for up to a year: what a stamp may be is asked of the time of the write. */
function sinceStamp(record: PutRecord, attribute: string, nowMs: number): number | undefined {
  const { sourceImage, newImage, createdAtSeconds = nowMs / 1000 } = record;
  const stampMs = timestampMs((sourceImage ?? newImage)[attribute]);
  if (stampMs === undefined) return undefined;
  const ageMs = createdAtSeconds * 1000 - stampMs;
  return ageMs <= STAMP_AGE_MS_MAX && ageMs >= -STAMP_AHEAD_MS_MAX ? nowMs - stampMs : undefined;
}

function sinceStreamTime({ createdAtSeconds }: StreamRecord, nowMs: number): number | undefined {
  return createdAtSeconds === undefined ? undefined : nowMs - createdAtSeconds * 1000;
}
