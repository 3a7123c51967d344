// What the alarms of a replication ring for: the list that operators know from the runbook.

import { type IMetric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { ReplicationConfig } from '../src/config.ts';
import { lookAgainSeconds } from '../src/contract.ts';
import type { ReplicationMetrics } from './replication-metrics.ts';

export interface AlarmSpec {
  /** Last part of the alarm's name. */
  readonly anchor: string;
  /** Anchor of its entry in the runbook. @default `anchor` */
  readonly runbook?: string;
  readonly meaning: string;
  readonly metric: IMetric;
  readonly threshold: number;
  /** Minutes of the last `periods` that must reach the threshold. */
  readonly minutes: number;
  /** @default five, or as long as five invocations may take */
  readonly periods?: number;
  /**
   * Notifies also when there is no datapoint any more. Before the first datapoint it does not: the alarm of
   * a new deployment has none yet. @default false
   */
  readonly silence?: boolean;
}

/** Heartbeats are written every minute, and a new mapping takes a minute or two to read the first. */
const HEARTBEAT_LATE_MS = 5 * 60 * 1000;
const HOUR_MS = 60 * 60 * 1000;
/** Of the 24 hours that the stream keeps a record: time to look, */
export const WAITING_MS = HOUR_MS;
/** and the last quarter but one, in which somebody must act. */
export const EXPIRING_MS = 12 * HOUR_MS;

export function alarmSpecs(
  replication: ReplicationConfig,
  metrics: ReplicationMetrics,
): AlarmSpec[] {
  return [
    ...lagAlarms(replication, metrics),
    ...heldAlarms(metrics),
    ...lossAlarms(metrics),
    ...lookAgainAlarms(replication, metrics),
    ...destinationAlarms(metrics),
    ...functionAlarms(metrics),
  ];
}

/** Each of these is an estimate of one thing: how long the twin would be behind if the source fell silent. */
function lagAlarms(
  { alarms, heartbeat }: ReplicationConfig,
  metrics: ReplicationMetrics,
): AlarmSpec[] {
  const silence: AlarmSpec = {
    anchor: 'heartbeat-missing',
    meaning:
      'A heartbeat has not arrived on the twin for five minutes, or no heartbeat is written any more.',
    // Not the arrivals: a new deployment has none for its first minutes. This one counts from the first
    // heartbeat that was written.
    metric: metrics.own('HeartbeatAge', { statistic: Stats.MAXIMUM }),
    threshold: HEARTBEAT_LATE_MS,
    minutes: 1,
    periods: 5,
    silence: true,
  };
  const failing: AlarmSpec = {
    anchor: 'heartbeat-failing',
    meaning:
      'The heartbeat function fails: it cannot write to the source, or cannot read the twin.',
    metric: metrics.heartbeat('Errors'),
    threshold: 1,
    minutes: 3,
    periods: 5,
    runbook: 'heartbeat-missing',
  };
  return [
    {
      anchor: 'latency-high',
      meaning: `p99 replication latency is ${alarms.latencySeconds} seconds or more.`,
      metric: metrics.own('ReplicationLatency', { statistic: Stats.percentile(99) }),
      threshold: alarms.latencySeconds * 1000,
      minutes: 3,
    },
    ...ageAlarms(metrics),
    ...(heartbeat === undefined ? [] : [silence, failing]),
  ];
}

/**
 * The same ages as Lambda reads them off the stream, and as the function and the heartbeat see them: each
 * alone, because metric maths says nothing where one of its metrics has never had a value.
 */
function ageAlarms(metrics: ReplicationMetrics): AlarmSpec[] {
  const statistic = Stats.MAXIMUM;
  const unapplied = metrics.own('OldestUnappliedAge', { statistic });
  const read = metrics.handler('IteratorAge', { statistic });
  const waiting = {
    meaning: 'Records have waited in the stream for an hour; it keeps them for 24.',
    threshold: WAITING_MS,
    // No passing peak is that old, and a long invocation leaves minutes without a value.
    minutes: 1,
    runbook: 'records-waiting',
  };
  const expiring = {
    meaning: 'Records have waited in the stream for 12 hours: act now, it keeps them for 24.',
    threshold: EXPIRING_MS,
    minutes: 1,
    runbook: 'records-expiring',
  };
  return [
    { anchor: 'records-waiting', metric: unapplied, ...waiting },
    { anchor: 'records-expiring', metric: unapplied, ...expiring },
    { anchor: 'iterator-waiting', metric: read, ...waiting },
    { anchor: 'iterator-expiring', metric: read, ...expiring },
  ];
}

/** Nothing of the batch is written until somebody acts. */
function heldAlarms(metrics: ReplicationMetrics): AlarmSpec[] {
  return [
    {
      anchor: 'records-held',
      meaning:
        'Records are held back: the control row does not allow their stream, or the destination rejects nearly all of them.',
      metric: metrics.own('HeldRecords'),
      threshold: 1,
      minutes: 1,
    },
  ];
}

const HOUR_SECONDS = HOUR_MS / 1000;

/** With "checked" tombstones. */
function lookAgainAlarms(
  { function: { timeoutSeconds } }: ReplicationConfig,
  metrics: ReplicationMetrics,
): AlarmSpec[] {
  const [age, failures] = [metrics.lookAgainAge(), metrics.lookAgainFailures()];
  if (age === undefined || failures === undefined) return [];
  return [
    {
      anchor: 'revenants',
      meaning: 'Deleted items had come back to the twin, and have been deleted again.',
      metric: metrics.own('Revenants'),
      threshold: 1,
      minutes: 1,
    },
    {
      anchor: 'look-again-age',
      meaning: 'Deletes have not been looked at again for an hour; deleted items may show.',
      metric: age,
      threshold: lookAgainSeconds(timeoutSeconds) + HOUR_SECONDS,
      minutes: 1,
    },
    {
      // SQS leaves a message out of the age above once it has been received three times.
      anchor: 'look-again-failing',
      meaning: 'Deletes could not be looked at again for most of an hour; deleted items may show.',
      metric: failures,
      threshold: 1,
      // A message that fails comes back every six minutes.
      minutes: 8,
      periods: 60,
      runbook: 'look-again-age',
    },
  ];
}

function lossAlarms(metrics: ReplicationMetrics): AlarmSpec[] {
  return [
    {
      anchor: 'dead-letters',
      meaning: 'Records that can never be applied as things are wait in the dead-letter queue.',
      metric: metrics.deadLetters(),
      threshold: 1,
      minutes: 1,
    },
    {
      anchor: 'batches-given-up',
      meaning: 'Lambda has given batches up to the on-failure bucket, with all their records.',
      metric: metrics.mapping('OnFailureDestinationDeliveredEventCount'),
      threshold: 1,
      minutes: 1,
    },
    {
      anchor: 'batches-lost',
      meaning: 'Lambda has dropped records, and keeps them nowhere.',
      metric: metrics.mapping('DroppedEventCount'),
      threshold: 1,
      minutes: 1,
    },
    {
      anchor: 'deliveries-failed',
      meaning: 'Lambda could not put a batch that it gave up into the bucket.',
      metric: metrics.handler('DestinationDeliveryFailures'),
      threshold: 1,
      minutes: 1,
      runbook: 'batches-lost',
    },
  ];
}

function destinationAlarms(metrics: ReplicationMetrics): AlarmSpec[] {
  return [
    {
      anchor: 'destination-denied',
      meaning:
        'The destination refuses the function for want of permission; records wait in the stream.',
      metric: metrics.own('DestinationDenied'),
      threshold: 1,
      minutes: 2,
    },
    {
      anchor: 'destination-unreachable',
      meaning:
        'The destination does not answer, or its table is missing; records wait in the stream.',
      metric: metrics.own('DestinationUnreachable'),
      threshold: 1,
      minutes: 3,
    },
    {
      anchor: 'destination-throttled',
      meaning: 'The destination throttles writes without a pause; records wait in the stream.',
      metric: metrics.own('DestinationThrottles'),
      threshold: 1,
      minutes: 3,
    },
  ];
}

function functionAlarms(metrics: ReplicationMetrics): AlarmSpec[] {
  return [
    {
      anchor: 'function-errors',
      meaning: 'The function crashes or runs out of time; its batches are delivered again.',
      metric: metrics.handler('Errors'),
      threshold: 1,
      minutes: 3,
    },
    {
      anchor: 'function-throttled',
      meaning: 'Lambda has no concurrency left for the function; records wait in the stream.',
      metric: metrics.handler('Throttles'),
      threshold: 1,
      minutes: 3,
    },
  ];
}
