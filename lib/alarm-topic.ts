// The topic of alarms: only CloudWatch publishes to it, and only for these alarms.

import type { IKey } from 'aws-cdk-lib/aws-kms';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { arnHere } from './policies.ts';

interface AlarmTopicProps {
  readonly topicName: string;
  /** A pattern. */
  readonly alarmNames: string;
  /** Of the statement. */
  readonly sid: string;
  /**
   * @default - it is not encrypted: CloudWatch may not use AWS's own key for SNS, and alarms carry no items
   */
  readonly masterKey: IKey | undefined;
}

export function createAlarmTopic(
  scope: Construct,
  { topicName, alarmNames, sid, masterKey }: AlarmTopicProps,
): Topic {
  const topic = new Topic(scope, 'Topic', {
    topicName,
    enforceSSL: true,
    ...(masterKey && { masterKey }),
  });
  // The rule about TLS replaces the policy of a new topic, which would let the account's alarms in.
  topic.addToResourcePolicy(
    new PolicyStatement({
      sid,
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: {
        ArnLike: { 'aws:SourceArn': arnHere(scope, 'cloudwatch', `alarm:${alarmNames}`) },
      },
    }),
  );
  return topic;
}
