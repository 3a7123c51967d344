// When the alarms of a replication fire, what that means and what to do first: the list that operators know from
// the runbook, whose numbers come from here.

import { type IMetric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { ReplicationConfig } from '../src/config/config.ts';
import { lookAgainSeconds } from '../src/config/names.ts';
import type { ReplicationMetrics } from './replication-metrics.ts';

export interface AlarmSpec {
  /** Last part of the alarm's name. */
  readonly anchor: string;
  /** Anchor of its entry in the runbook. @default `anchor` */
  readonly runbook?: string;
  readonly meaning: string;
  /** For somebody who has nothing but the alarm's text. */
  readonly firstStep: string;
  readonly metric: IMetric;
  readonly threshold: number;
  /** Minutes of the last `periods` that must reach the threshold. */
  readonly minutes: number;
  readonly periods: number;
  /**
   * Notifies also when there is no datapoint any more. Before the first datapoint it does not: the alarm of
   * a new deployment has none yet. @default false
   */
  readonly silence?: boolean;
}

const MINUTE_MS = 60_000;
/** Heartbeats are written every minute, and a new mapping takes a minute or two to read the first. */
const HEARTBEAT_LATE_MS = 5 * MINUTE_MS;
const HOUR_MS = 60 * MINUTE_MS;
/** Of the 24 hours that the stream keeps a record: time to look, */
export const WAITING_MS = HOUR_MS;
/** and the last quarter but one, in which somebody must act. */
export const EXPIRING_MS = 12 * HOUR_MS;

/** One that may leave `periods` to the timeout of the function. */
type AlarmDraft = Omit<AlarmSpec, 'periods'> & Partial<Pick<AlarmSpec, 'periods'>>;

export function alarmSpecs(
  replication: ReplicationConfig,
  metrics: ReplicationMetrics,
): AlarmSpec[] {
  const drafts = [
    ...lagAlarms(replication, metrics),
    ...heldAlarms(metrics),
    ...lossAlarms(metrics),
    ...lookAgainAlarms(replication, metrics),
    ...destinationAlarms(metrics),
    ...functionAlarms(metrics),
  ];
  return drafts.map((draft) => ({ periods: invocationMinutes(replication), ...draft }));
}

/**
 * If every invocation runs to its timeout, a shard publishes once per timeout. This window then holds at least
 * five datapoints, also with the pauses between retries.
 */
function invocationMinutes({ function: { timeoutSeconds } }: ReplicationConfig): number {
  return Math.max(5, Math.ceil((5 * (timeoutSeconds + 60)) / 60));
}

/** Each of these is an estimate of one thing: how long the twin would be behind if the source fell silent. */
function lagAlarms(
  { alarms, heartbeat }: ReplicationConfig,
  metrics: ReplicationMetrics,
): AlarmDraft[] {
  const silence: AlarmDraft = {
    anchor: 'heartbeat-missing',
    firstStep:
      'Run ferry status. If it names no cause, see whether the heartbeat function and the event source mapping are enabled.',
    meaning: `A heartbeat has not arrived on the twin for ${HEARTBEAT_LATE_MS / MINUTE_MS} minutes, or no heartbeat is written any more.`,
    // Not the arrivals: a new deployment has none for its first minutes. This one counts from the first
    // heartbeat that was written.
    metric: metrics.own('HeartbeatAge', { statistic: Stats.MAXIMUM }),
    threshold: HEARTBEAT_LATE_MS,
    minutes: 1,
    periods: 5,
    silence: true,
  };
  const failing: AlarmDraft = {
    anchor: 'heartbeat-failing',
    firstStep:
      'Read the log of the heartbeat function. See that it may write to the source, and that heartbeat.key fits the table.',
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
      firstStep:
        'Wait if this is a peak of writes. If it stays, look at the dashboard for throttling of the destination.',
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
function ageAlarms(metrics: ReplicationMetrics): AlarmDraft[] {
  const statistic = Stats.MAXIMUM;
  const unapplied = metrics.own('OldestUnappliedAge', { statistic });
  const read = metrics.handler('IteratorAge', { statistic });
  const waiting = {
    meaning: `Records have waited in the stream for ${hours(WAITING_MS)}. It keeps them for 24.`,
    firstStep: 'Run ferry status, and see whether the event source mapping is enabled.',
    threshold: WAITING_MS,
    // No passing peak is that old, and a long invocation leaves minutes without a value.
    minutes: 1,
    runbook: 'records-waiting',
  };
  const expiring = {
    meaning: `Records have waited in the stream for ${hours(EXPIRING_MS)}. Act now: it keeps them for 24.`,
    firstStep:
      'Run ferry status, and see that the event source mapping is enabled: Lambda then moves what gets too old to the on-failure bucket, and ferry redrive puts it back.',
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
function heldAlarms(metrics: ReplicationMetrics): AlarmDraft[] {
  return [
    {
      anchor: 'records-held',
      firstStep:
        'Read the log of the replicate function: batch.held names the reason. Nothing goes on until you act.',
      meaning:
        'Records are held back: the control row does not allow their stream, or the destination rejects nearly all of them.',
      metric: metrics.own('HeldRecords'),
      threshold: 1,
      minutes: 1,
    },
  ];
}

const HOUR_SECONDS = HOUR_MS / 1000;

function hours(ms: number): string {
  return ms === HOUR_MS ? 'an hour' : `${ms / HOUR_MS} hours`;
}

/** With "checked" tombstones. */
function lookAgainAlarms(
  { function: { timeoutSeconds } }: ReplicationConfig,
  metrics: ReplicationMetrics,
): AlarmDraft[] {
  const [age, failures] = [metrics.lookAgainAge(), metrics.lookAgainFailures()];
  if (age === undefined || failures === undefined) return [];
  return [
    {
      anchor: 'revenants',
      firstStep:
        'Nothing has to be done at once. If it comes again, look for crashes, timeouts and throttling of the function.',
      meaning: 'Deleted items had come back to the twin, and have been deleted again.',
      metric: metrics.own('Revenants'),
      threshold: 1,
      minutes: 1,
    },
    {
      anchor: 'look-again-age',
      firstStep:
        'See that the event source mapping of the look-again function is enabled. Do not purge its queue.',
      meaning: 'Deletes have not been looked at again for an hour; deleted items may show.',
      metric: age,
      threshold: lookAgainSeconds(timeoutSeconds) + HOUR_SECONDS,
      minutes: 1,
    },
    {
      // SQS leaves a message out of the age above once it has been received three times.
      anchor: 'look-again-failing',
      firstStep:
        'Read the log of the look-again function: look-again.failed names the reason. Do not purge its queue.',
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

function lossAlarms(metrics: ReplicationMetrics): AlarmDraft[] {
  return [
    {
      anchor: 'dead-letters',
      firstStep:
        'Run ferry redrive without --apply. It shows the reasons and changes nothing. Do not move the messages by hand.',
      meaning: 'Records that can never be applied as things are wait in the dead-letter queue.',
      metric: metrics.deadLetters(),
      threshold: 1,
      minutes: 1,
    },
    {
      anchor: 'batches-given-up',
      firstStep:
        'See that the function works again. Then run ferry redrive without --apply. It changes nothing.',
      meaning: 'Lambda has given batches up to the on-failure bucket, with all their records.',
      metric: metrics.mapping('OnFailureDestinationDeliveredEventCount'),
      threshold: 1,
      minutes: 1,
    },
    {
      anchor: 'batches-lost',
      firstStep:
        'Give the function back its access to the bucket. Then find what the twin lacks with ferry verify.',
      meaning: 'Lambda has dropped records, and keeps them nowhere.',
      metric: metrics.mapping('DroppedEventCount'),
      threshold: 1,
      minutes: 1,
    },
    {
      anchor: 'deliveries-failed',
      firstStep:
        'Give the function back its access to the bucket. Then find what the twin lacks with ferry verify.',
      meaning: 'Lambda could not put a batch that it gave up into the bucket.',
      metric: metrics.handler('DestinationDeliveryFailures'),
      threshold: 1,
      minutes: 1,
      runbook: 'batches-lost',
    },
  ];
}

function destinationAlarms(metrics: ReplicationMetrics): AlarmDraft[] {
  return [
    {
      anchor: 'destination-denied',
      firstStep:
        'Compare the role of the function with the policies of the twin, its key and the organization. Do not redrive.',
      meaning:
        'The destination refuses the function for want of permission; records wait in the stream.',
      metric: metrics.own('DestinationDenied'),
      threshold: 1,
      minutes: 2,
    },
    {
      anchor: 'destination-unreachable',
      firstStep:
        'See whether the table is there and the Region is well. If so, wait. Do not disable the event source mapping.',
      meaning:
        'The destination does not answer, or its table is missing; records wait in the stream.',
      metric: metrics.own('DestinationUnreachable'),
      threshold: 1,
      minutes: 3,
    },
    {
      anchor: 'destination-throttled',
      firstStep:
        'Stop backfills and repairs. Raise the write capacity of the twin and of its indexes.',
      meaning: 'The destination throttles writes without a pause; records wait in the stream.',
      metric: metrics.own('DestinationThrottles'),
      threshold: 1,
      minutes: 3,
    },
  ];
}

function functionAlarms(metrics: ReplicationMetrics): AlarmDraft[] {
  return [
    {
      anchor: 'function-errors',
      firstStep:
        'Read the log of the replicate function. A timeout needs a smaller batchSize, a lack of memory more memoryMiB.',
      meaning: 'The function crashes or runs out of time; its batches are delivered again.',
      metric: metrics.handler('Errors'),
      threshold: 1,
      minutes: 3,
    },
    {
      anchor: 'function-throttled',
      firstStep:
        'See how much concurrency the account has left in this Region, and which function uses it.',
      meaning: 'Lambda has no concurrency left for the function; records wait in the stream.',
      metric: metrics.handler('Throttles'),
      threshold: 1,
      minutes: 3,
    },
  ];
}
