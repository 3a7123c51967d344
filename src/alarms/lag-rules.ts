// Alarms for a twin that falls behind.

import { expiringHours, retentionText, WAITING_HOURS } from '../config/record-age.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { storesBatches } from '../config/stored-batches.ts';
import { type AlarmDraft, MAXIMUM, metric, own } from './rule.ts';

const MINUTE_MS = 60_000;
/** Heartbeats are written every minute, and a new mapping takes a minute or two to read the first. */
const HEARTBEAT_LATE_MS = 5 * MINUTE_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** Each of these is an estimate of one thing: how long the twin would be behind if the source fell silent. */
export function lagAlarms(replication: ReplicationConfig): AlarmDraft[] {
  const { alarms, heartbeat } = replication;
  const silence: AlarmDraft = {
    anchor: 'heartbeat-missing',
    firstStep:
      'Run ferry status. If it names no cause, check that the heartbeat rule and the event source mapping are enabled.',
    meaning: `No heartbeat has reached the twin for ${HEARTBEAT_LATE_MS / MINUTE_MS} minutes, or no heartbeat is written any more.`,
    // Not the arrivals, which a new deployment lacks in its first minutes. This age counts from the first
    // heartbeat that was written.
    metric: own('HeartbeatAge', MAXIMUM),
    threshold: HEARTBEAT_LATE_MS,
    periods: 5,
    silence: true,
  };
  const failing: AlarmDraft = {
    anchor: 'heartbeat-failing',
    firstStep:
      'Read the log of the heartbeat function. Check that it has permission to write to the source, and that heartbeat.key fits the table.',
    meaning:
      'The heartbeat function fails: it cannot write to the source, or it cannot read the twin.',
    metric: metric('heartbeat function', 'Errors'),
    minutes: 3,
    periods: 5,
    runbook: 'heartbeat-missing',
  };
  return [
    {
      anchor: 'latency-high',
      firstStep:
        'Wait if this is a peak of writes. If it stays, check the dashboard for throttling of the destination.',
      meaning: `p99 replication latency is ${alarms.latencySeconds} seconds or more.`,
      metric: own('ReplicationLatency', { statistic: 'p99' }),
      threshold: alarms.latencySeconds * 1000,
      minutes: 3,
    },
    ...ageAlarms(replication),
    ...(heartbeat === undefined ? [] : [silence, failing]),
  ];
}

/**
 * The age of the oldest record, as Lambda publishes it, and as the function and the heartbeat publish it. Each has its
 * own alarm: metric math returns no datapoint if one of its metrics has none.
 */
function ageAlarms(replication: ReplicationConfig): AlarmDraft[] {
  const expiringAfter = expiringHours(replication);
  const kept = retentionText(replication.source);
  const unapplied = own('OldestUnappliedAge', MAXIMUM);
  const read = metric('function', 'IteratorAge', MAXIMUM);
  const waiting = {
    meaning: `Records have waited in the stream for ${hours(WAITING_HOURS)}. The stream keeps them for ${kept}.`,
    firstStep: 'Run ferry status, and check that the event source mapping is enabled.',
    // No short peak is that old, and a long invocation leaves minutes without a datapoint.
    threshold: WAITING_HOURS * HOUR_MS,
    runbook: 'records-waiting',
  };
  const expiring = {
    meaning: `Records have waited in the stream for ${hours(expiringAfter)}. Act now: the stream keeps them for ${kept}.`,
    firstStep: storesBatches(replication)
      ? 'Run ferry status, and check that the event source mapping is enabled. Lambda then moves records that get too old to the on-failure bucket, and ferry redrive applies them later.'
      : 'Run ferry status, and check that the event source mapping is enabled. For records that get too old, Lambda only sends a pointer to the dead-letter queue, and ferry redrive must read them from the stream before it deletes them.',
    threshold: expiringAfter * HOUR_MS,
    runbook: 'records-expiring',
  };
  return [
    { anchor: 'records-waiting', metric: unapplied, ...waiting },
    { anchor: 'records-expiring', metric: unapplied, ...expiring },
    { anchor: 'iterator-waiting', metric: read, ...waiting },
    { anchor: 'iterator-expiring', metric: read, ...expiring },
  ];
}

function hours(count: number): string {
  return count === 1 ? 'an hour' : `${count} hours`;
}
