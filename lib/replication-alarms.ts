// Alarms for what an operator must act on. Each description ends with its entry in the runbook; all go
// to one topic, to which whoever is on call subscribes.

import { ArnFormat, Aws, Duration, Stack } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  Metric,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
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
    this.#letAlarmsPublish(name);
    for (const spec of alarmSpecs(replicator)) this.#createAlarm(name, spec);
  }

  /** The rule about TLS replaces the policy of a new topic, which would let the account's alarms in. */
  #letAlarmsPublish(name: string): void {
    const alarms = Stack.of(this).formatArn({
      partition: Aws.PARTITION,
      service: 'cloudwatch',
      resource: 'alarm',
      resourceName: alarmName(name, '*'),
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    this.topic.addToResourcePolicy(
      new PolicyStatement({
        sid: 'AlarmsOfThisReplication',
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.topic.topicArn],
        conditions: { ArnLike: { 'aws:SourceArn': alarms } },
      }),
    );
  }

  #createAlarm(name: string, { anchor, meaning, metric, threshold, minutes }: AlarmSpec): void {
    const alarm = new Alarm(this, anchor, {
      alarmName: alarmName(name, anchor),
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

function alarmName(replication: string, anchor: string): string {
  return `ferry-${replication}-${anchor}`;
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
      metric: new MathExpression({
        // Each has values only when it happens, and a sum with a gap would be a gap.
        expression: 'FILL(dropped, 0) + FILL(undelivered, 0)',
        usingMetrics: {
          dropped: mapping('DroppedEventCount'),
          undelivered: handler.metric('DestinationDeliveryFailures', sum),
        },
        label: 'Dropped records and failed deliveries',
        period: PERIOD,
      }),
      threshold: 1,
      minutes: 1,
    },
    {
      anchor: 'records-waiting',
      meaning: 'Records have waited in the stream for six hours; it keeps them for 24.',
      metric: handler.metric('IteratorAge', { statistic: Stats.MAXIMUM, period: PERIOD }),
      threshold: RECORDS_WAITING_MS,
      // No passing peak is that old, and a long invocation leaves minutes without a value.
      minutes: 1,
    },
  ];
}
