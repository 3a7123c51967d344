// Alarms for what an operator must act on. Each description ends with the place of its entry in the runbook. All
// alarms notify one topic. A composite alarm sums them up, for other dashboards.

import {
  Alarm,
  AlarmRule as CompositeRule,
  ComparisonOperator,
  CompositeAlarm,
  type IMetric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import { alarmRules } from '../src/alarms/alarm-rules.ts';
import type { AlarmRule } from '../src/alarms/rule.ts';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { topicArnOf } from '../src/config/alarm-topic.ts';
import { alarmTopicName } from '../src/config/names.ts';
import { alarmDescription } from './alarm-text.ts';
import { createAlarmTopic } from './alarm-topic.ts';
import { customerKey } from './customer-keys.ts';
import type { ReplicationMetrics } from './replication-metrics.ts';

export interface ReplicationAlarmsProps {
  readonly replication: ReplicationConfig;
  readonly metrics: ReplicationMetrics;
  /** @default - that of the configuration, or else a topic of its own */
  readonly topic?: ITopic | undefined;
}

export class ReplicationAlarms extends Construct {
  readonly topic: ITopic;
  readonly alarms: readonly Alarm[];
  /** Fires while one of them fires. */
  readonly summary: CompositeAlarm;

  constructor(
    scope: Construct,
    id: string,
    { replication, metrics, topic }: ReplicationAlarmsProps,
  ) {
    super(scope, id);
    const { email } = replication.alarms;
    this.topic = topic ?? this.#topicOf(replication);
    if (email !== undefined) this.topic.addSubscription(new EmailSubscription(email));
    this.alarms = alarmRules(replication).map((rule) =>
      this.#createAlarm(replication, rule, metrics.of(rule.metric)),
    );
    this.summary = this.#createSummary(replication);
  }

  #topicOf(replication: ReplicationConfig): ITopic {
    const topicArn = topicArnOf(replication);
    if (topicArn !== undefined) return Topic.fromTopicArn(this, 'Topic', topicArn);
    return createAlarmTopic(this, {
      topicName: alarmTopicName(replication.name),
      alarmNames: alarmName(replication.name, '*'),
      sid: 'AlarmsOfThisReplication',
      masterKey: customerKey(this, replication, 'alarmTopic'),
    });
  }

  #createAlarm(replication: ReplicationConfig, rule: AlarmRule, metric: IMetric): Alarm {
    const { anchor, threshold, minutes } = rule;
    const isSilence = rule.silence === true;
    const alarm = new Alarm(this, anchor, {
      alarmName: alarmName(replication.name, anchor),
      alarmDescription: alarmDescription(replication, rule),
      metric,
      threshold,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: rule.periods,
      datapointsToAlarm: minutes,
      // A source without writes has no datapoints, and nothing is wrong with it. Where datapoints must come,
      // their end is INSUFFICIENT_DATA. A new alarm starts in that state, and CloudWatch notifies only of
      // changes. As breaching, missing data would fire in the first minutes of every new deployment.
      treatMissingData: isSilence ? TreatMissingData.MISSING : TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    alarm.addOkAction(new SnsAction(this.topic));
    if (isSilence) alarm.addInsufficientDataAction(new SnsAction(this.topic));
    return alarm;
  }

  /** Without an action: each of its parts notifies already. */
  #createSummary(replication: ReplicationConfig): CompositeAlarm {
    const { anchor } = DEGRADED;
    return new CompositeAlarm(this, anchor, {
      compositeAlarmName: alarmName(replication.name, anchor),
      alarmDescription: alarmDescription(replication, DEGRADED),
      alarmRule: CompositeRule.anyOf(...this.alarms),
    });
  }
}

/** Sums up the alarms of a replication. */
export const DEGRADED = {
  anchor: 'degraded',
  meaning: 'Replication degraded: one of its alarms fires.',
  firstStep: 'Look at the other alarms of this replication.',
};

export function alarmName(replication: string, anchor: string): string {
  return `ferry-${replication}-${anchor}`;
}
