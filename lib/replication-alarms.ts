// Alarms for what an operator must act on. Each description ends with its entry in the runbook; all go
// to one topic, to which whoever is on call subscribes.

import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  Metric,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { StreamReplicator } from './stream-replicator.ts';

export interface ReplicationAlarmsProps {
  /** Name of the replication. */
  readonly name: string;
  readonly replicator: StreamReplicator;
}

interface AlarmSpec {
  /** Last part of the alarm's name, and the anchor of its runbook entry. */
  readonly anchor: string;
  readonly meaning: string;
  readonly metric: IMetric;
  readonly threshold: number;
  /** Minutes of the last five that must reach the threshold. */
  readonly minutes: number;
}

const PERIOD = Duration.minutes(1);
/** A quarter of what the stream keeps: enough to notice at leisure, and to catch up. */
const RECORDS_WAITING_MS = 6 * 60 * 60 * 1000;

export class ReplicationAlarms extends Construct {
  readonly topic: Topic;

  constructor(scope: Construct, id: string, { name, replicator }: ReplicationAlarmsProps) {
    super(scope, id);
    // Not encrypted by AWS's own key for SNS: CloudWatch may not use that one, and alarms carry no items.
    this.topic = new Topic(this, 'Topic', { topicName: `ferry-${name}-alarms`, enforceSSL: true });
    for (const spec of alarmSpecs(replicator)) this.#createAlarm(name, spec);
  }

  #createAlarm(name: string, { anchor, meaning, metric, threshold, minutes }: AlarmSpec): void {
    const alarm = new Alarm(this, anchor, {
      alarmName: `ferry-${name}-${anchor}`,
      alarmDescription: `${meaning} Runbook: docs/runbook.md#${anchor}`,
      metric,
      threshold,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: 5,
      datapointsToAlarm: minutes,
      // A source without writes has no figures, and nothing wrong with it.
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
  }
}

function alarmSpecs(replicator: StreamReplicator): AlarmSpec[] {
  const { function: handler, deadLetterQueue, eventSourceMapping } = replicator;
  const sum = { statistic: Stats.SUM, period: PERIOD };
  const mapping = (metricName: string) =>
    new Metric({
      namespace: 'AWS/Lambda',
      metricName,
      dimensionsMap: { EventSourceMappingUUID: eventSourceMapping.eventSourceMappingId },
      ...sum,
    });
  return [
    {
      anchor: 'dead-letters',
      meaning: 'Records that can never be applied as things are wait in the dead-letter queue.',
      metric: deadLetterQueue.metricApproximateNumberOfMessagesVisible({
        statistic: Stats.MAXIMUM,
        period: PERIOD,
      }),
      threshold: 1,
      minutes: 1,
    },
    {
      anchor: 'destination-denied',
      meaning:
        'The destination refuses the function for want of permission; records wait in the stream.',
      metric: replicator.metric('DestinationDenied', sum),
      threshold: 1,
      minutes: 2,
    },
    {
      anchor: 'destination-unreachable',
      meaning:
        'The destination does not answer, or its table is missing; records wait in the stream.',
      metric: replicator.metric('DestinationUnreachable', sum),
      threshold: 1,
      minutes: 3,
    },
    {
      anchor: 'batches-given-up',
      meaning: 'Lambda has given batches up to the on-failure bucket, with all their records.',
      metric: mapping('OnFailureDestinationDeliveredEventCount'),
      threshold: 1,
      minutes: 1,
    },
    {
      anchor: 'batches-lost',
      meaning:
        'Lambda has dropped records that it could deliver neither to the function nor to the bucket.',
      metric: mapping('DroppedEventCount'),
      threshold: 1,
      minutes: 1,
    },
    {
      anchor: 'records-waiting',
      meaning: 'Records have waited in the stream for six hours; it keeps them for 24.',
      metric: handler.metric('IteratorAge', { statistic: Stats.MAXIMUM, period: PERIOD }),
      threshold: RECORDS_WAITING_MS,
      minutes: 5,
    },
  ];
}
