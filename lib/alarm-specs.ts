// When the alarms of a replication fire, what that means and what to do first. The runbook takes its numbers from
// here.

import { type IMetric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { lookAgainSeconds } from '../src/config/names.ts';
import { expiringHours, retentionText, WAITING_HOURS } from '../src/config/record-age.ts';
import { MAXIMUM, type ReplicationMetrics } from './replication-metrics.ts';

export interface AlarmSpec {
  /** Last part of the alarm's name. */
  readonly anchor: string;
  /** Anchor of its entry in the runbook. @default `anchor` */
  readonly runbook?: string;
  readonly meaning: string;
  /** For an operator who sees only the text of the alarm. */
  readonly firstStep: string;
  readonly metric: IMetric;
  readonly threshold: number;
  /** Datapoints to alarm: minutes of the last `periods` that must reach the threshold. */
  readonly minutes: number;
  readonly periods: number;
  /** Whether the alarm also notifies when datapoints stop. Before the first datapoint it does not. @default false */
  readonly silence?: boolean;
}

const MINUTE_MS = 60_000;
/** Heartbeats are written every minute, and a new mapping takes a minute or two to read the first. */
const HEARTBEAT_LATE_MS = 5 * MINUTE_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** Without numbers, one datapoint of 1 or more alarms, in periods that follow from the timeout of the function. */
type Numbers = 'threshold' | 'minutes' | 'periods';
type AlarmDraft = Omit<AlarmSpec, Numbers> & Partial<Pick<AlarmSpec, Numbers>>;

export function alarmSpecs(
  replication: ReplicationConfig,
  metrics: ReplicationMetrics,
): AlarmSpec[] {
  const drafts = [
    ...lagAlarms(replication, metrics),
    ...lossAlarms(replication, metrics),
    ...switchingAlarms(replication, metrics),
    ...kinesisAlarms(replication, metrics),
    ...lookAgainAlarms(replication, metrics),
    ...failureAlarms(metrics),
  ];
  const periods = invocationMinutes(replication);
  return drafts.map((draft) => ({ threshold: 1, minutes: 1, periods, ...draft }));
}

/**
 * If every invocation runs to its timeout, a shard publishes once per timeout. This window then holds at least
 * five datapoints, also with the pauses between retries.
 */
function invocationMinutes({ function: { timeoutSeconds } }: ReplicationConfig): number {
  return Math.max(5, Math.ceil((5 * (timeoutSeconds + 60)) / 60));
}

/** Each of these is an estimate of one thing: how long the twin would be behind if the source fell silent. */
function lagAlarms(replication: ReplicationConfig, metrics: ReplicationMetrics): AlarmDraft[] {
  const { alarms, heartbeat } = replication;
  const silence: AlarmDraft = {
    anchor: 'heartbeat-missing',
    firstStep:
      'Run ferry status. If it names no cause, check that the heartbeat rule and the event source mapping are enabled.',
    meaning: `No heartbeat has reached the twin for ${HEARTBEAT_LATE_MS / MINUTE_MS} minutes, or no heartbeat is written any more.`,
    // Not the arrivals, which a new deployment lacks in its first minutes. This age counts from the first
    // heartbeat that was written.
    metric: metrics.own('HeartbeatAge', MAXIMUM),
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
    metric: metrics.heartbeat('Errors'),
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
      metric: metrics.own('ReplicationLatency', { statistic: Stats.percentile(99) }),
      threshold: alarms.latencySeconds * 1000,
      minutes: 3,
    },
    ...ageAlarms(replication, metrics),
    ...(heartbeat === undefined ? [] : [silence, failing]),
  ];
}

/**
 * The age of the oldest record, as Lambda publishes it, and as the function and the heartbeat publish it. Each has its
 * own alarm: metric math returns no datapoint if one of its metrics has none.
 */
function ageAlarms(replication: ReplicationConfig, metrics: ReplicationMetrics): AlarmDraft[] {
  const expiringAfter = expiringHours(replication);
  const kept = retentionText(replication.source);
  const unapplied = metrics.own('OldestUnappliedAge', MAXIMUM);
  const read = metrics.handler('IteratorAge', MAXIMUM);
  const waiting = {
    meaning: `Records have waited in the stream for ${hours(WAITING_HOURS)}. The stream keeps them for ${kept}.`,
    firstStep: 'Run ferry status, and check that the event source mapping is enabled.',
    // No short peak is that old, and a long invocation leaves minutes without a datapoint.
    threshold: WAITING_HOURS * HOUR_MS,
    runbook: 'records-waiting',
  };
  const expiring = {
    meaning: `Records have waited in the stream for ${hours(expiringAfter)}. Act now: the stream keeps them for ${kept}.`,
    firstStep: metrics.storesBatches
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
        'Do nothing if it happens once. If it happens again, look for crashes, timeouts and throttling of the function.',
      meaning: 'Deleted items came back to the twin, and Ferry deleted them again.',
      metric: metrics.own('Revenants'),
    },
    {
      anchor: 'look-again-age',
      firstStep:
        'Check that the event source mapping of the look-again function is enabled. Do not purge its queue.',
      meaning: 'Deletes have not been looked at again for an hour. Readers may see deleted items.',
      metric: age,
      threshold: lookAgainSeconds(timeoutSeconds) + HOUR_MS / 1000,
    },
    {
      // SQS leaves a message out of the age above once it has been received three times.
      anchor: 'look-again-failing',
      firstStep:
        'Read the log of the look-again function: look-again.failed names the reason. Do not purge its queue.',
      meaning:
        'Deletes could not be looked at again for most of an hour. Readers may see deleted items.',
      metric: failures,
      // A message that fails comes back every six minutes.
      minutes: 8,
      periods: 60,
      runbook: 'look-again-age',
    },
  ];
}

/** Changes of a Kinesis stream are ordered by their time alone. */
function kinesisAlarms(
  { source: { kinesisStreamArn } }: ReplicationConfig,
  metrics: ReplicationMetrics,
): AlarmDraft[] {
  if (kinesisStreamArn === undefined) return [];
  return [
    {
      anchor: 'tied-records',
      firstStep:
        'Run ferry verify, then ferry repair. If it happens again, check with ferry adopt that DynamoDB sends its changes with microseconds.',
      meaning:
        'Two changes of one item have the same time. Ferry kept the first one, and does not know which is later.',
      metric: metrics.own('TiedRecords'),
    },
  ];
}

/** In each direction. */
function switchingAlarms(
  { switching, source, destination }: ReplicationConfig,
  metrics: ReplicationMetrics,
): AlarmDraft[] {
  if (switching === undefined) return [];
  return [
    {
      anchor: 'stray-writes',
      firstStep: `Find out which application writes to ${source.table} in ${source.region}, and stop it. Then run ferry verify.`,
      meaning: `An application writes to ${source.table} in ${source.region} while the table is the twin. Ferry does not replicate these writes.`,
      metric: metrics.own('StrayWrites'),
    },
    {
      anchor: 'control-unreadable',
      firstStep: `Check the health of ${source.region} and ${destination.region}. If one of them is lost, see The source is lost in docs/switching.md.`,
      meaning:
        'A copy of the control row cannot be read, so the function does not know which table is active. Records wait in the stream.',
      metric: metrics.own('ControlUnreadable'),
      // The event source mapping pauses longer and longer between its attempts.
      minutes: 5,
      periods: 8,
      runbook: 'control-row-unreadable',
    },
  ];
}

function lossAlarms(
  { switching, source }: ReplicationConfig,
  metrics: ReplicationMetrics,
): AlarmDraft[] {
  const kept = retentionText(source);
  const { storesBatches } = metrics;
  const place = storesBatches ? 'bucket' : 'dead-letter queue';
  const ofMapping: AlarmDraft[] = [
    {
      anchor: 'batches-given-up',
      firstStep:
        'Check that the function works again. Then run ferry redrive without --apply. It changes nothing.',
      meaning: storesBatches
        ? 'Lambda gave up batches, and put them into the on-failure bucket with all their records.'
        : `Lambda gave up batches, and sent pointers to them to the dead-letter queue. Redrive at once: the stream keeps their records for ${kept}.`,
      metric: metrics.mapping('OnFailureDestinationDeliveredEventCount'),
    },
    {
      anchor: 'batches-lost',
      firstStep: `Restore the permission of the function to write to the ${place}. Then find what the twin lacks with ferry verify.`,
      meaning: 'Lambda dropped records without storing them. Only the source has these changes.',
      metric: metrics.mapping('DroppedEventCount'),
    },
  ];
  return [
    {
      anchor: 'records-held',
      firstStep:
        'Read the log of the replicate function: batch.held names the reason. Replication does not continue until you act.',
      meaning:
        'Records are held: the control row does not list their stream, or the destination rejects nearly all of them.',
      metric: metrics.own('HeldRecords'),
      // A switch holds them for a minute.
      ...(switching && { minutes: 3 }),
    },
    {
      anchor: 'dead-letters',
      firstStep:
        'Run ferry redrive without --apply. It lists the reasons and changes nothing. Do not move the messages by hand.',
      meaning: storesBatches
        ? 'Records that the destination rejects in every attempt wait in the dead-letter queue.'
        : `Records that the destination rejects, or pointers to batches that Lambda gave up, wait in the dead-letter queue. Redrive at once: the stream keeps the records of such a batch for ${kept}.`,
      metric: metrics.deadLetters(),
    },
    ...(metrics.services.mappingMetrics ? ofMapping : []),
    {
      anchor: 'deliveries-failed',
      firstStep: `Restore the permission of the function to write to the ${place}. Then find what the twin lacks with ferry verify.`,
      meaning: storesBatches
        ? 'Lambda could not put a batch that it gave up into the on-failure bucket.'
        : 'Lambda could not send the pointer to a batch that it gave up to the dead-letter queue.',
      metric: metrics.handler('DestinationDeliveryFailures'),
      runbook: 'batches-lost',
    },
  ];
}

function failureAlarms(metrics: ReplicationMetrics): AlarmDraft[] {
  return [
    {
      anchor: 'destination-denied',
      firstStep:
        'Compare the role of the function with the policies of the twin, its key and the organization. Do not redrive.',
      meaning:
        'The function has no permission to write to the destination. Records wait in the stream.',
      metric: metrics.own('DestinationDenied'),
      minutes: 2,
    },
    {
      anchor: 'destination-unreachable',
      firstStep:
        'Check that the table exists, and the health of the Region. If the table exists, wait. Do not disable the event source mapping.',
      meaning:
        'The destination does not respond, or its table does not exist. Records wait in the stream.',
      metric: metrics.own('DestinationUnreachable'),
      minutes: 3,
    },
    {
      anchor: 'destination-throttled',
      firstStep:
        'Stop backfills and repairs. Raise the write capacity of the twin and of its indexes.',
      meaning: 'The destination throttles writes. Records wait in the stream.',
      metric: metrics.own('DestinationThrottles'),
      minutes: 3,
    },
    {
      anchor: 'function-errors',
      firstStep:
        'Read the log of the replicate function. After a timeout, lower batchSize. If it is out of memory, raise memoryMiB.',
      meaning: 'The function crashes or times out. Its batches are delivered again.',
      metric: metrics.handler('Errors'),
      minutes: 3,
    },
    {
      anchor: 'function-throttled',
      firstStep:
        'Check how much concurrency the account has left in this Region, and which function uses it.',
      meaning: 'Lambda has no concurrency left for the function. Records wait in the stream.',
      metric: metrics.handler('Throttles'),
      minutes: 3,
    },
  ];
}
