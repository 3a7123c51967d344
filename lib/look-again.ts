// Deletes that are looked at again: the queue in which they wait, and the function that then looks at their
// keys on the twin.

import { Duration } from 'aws-cdk-lib';
import type { PolicyDocument } from 'aws-cdk-lib/aws-iam';
import {
  EventSourceMapping,
  type Function as LambdaFunction,
  MetricType,
} from 'aws-cdk-lib/aws-lambda';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { LOOK_AGAIN_RETENTION_SECONDS, lookAgainName } from '../src/config/names.ts';
import { createQueue } from './failure-destinations.ts';
import { createFerryFunction, type DeployedReplication } from './ferry-function.ts';
import { customerKey, useOfDestinationKeys, useOfKey } from './customer-keys.ts';
import { allow, policy, tableArn } from './policies.ts';

const TIMEOUT = Duration.minutes(1);
/** So many invocations at once; each reads a hundred keys a request. */
const CONCURRENCY_MAX = 2;
const MESSAGES_PER_INVOCATION = 10;

/** In the source Region, beside the function that announces deletes. */
export function createLookAgainQueue(scope: Construct, replication: ReplicationConfig): Queue {
  return createQueue(scope, 'LookAgainQueue', {
    queueName: lookAgainName(replication.name),
    retentionPeriod: Duration.seconds(LOOK_AGAIN_RETENTION_SECONDS),
    // As Lambda asks for: six times the time of an invocation.
    visibilityTimeout: Duration.seconds(6 * TIMEOUT.toSeconds()),
    key: customerKey(scope, replication, 'lookAgainQueue'),
    whyNoDeadLetters:
      'A delete that could not be looked at must come back until it can; an alarm tells its age.',
  });
}

/** One of these per replication with "checked" tombstones. */
export class LookAgain extends Construct {
  readonly function: LambdaFunction;
  readonly eventSourceMapping: EventSourceMapping;

  constructor(scope: Construct, id: string, deployed: DeployedReplication, queue: Queue) {
    super(scope, id);
    const { replication } = deployed;
    this.function = createFerryFunction(this, {
      deployed,
      code: 'look-again',
      functionName: lookAgainName(replication.name),
      description: `Ferry ${replication.name}: looks at deletes again`,
      roleDescription: 'the function that looks at deletes again',
      policies: policies(this, replication, queue),
      memorySize: 256,
      timeout: TIMEOUT,
    });
    // Not CDK's SqsEventSource, which would add permissions to the role.
    this.eventSourceMapping = new EventSourceMapping(this, 'EventSourceMapping', {
      target: this.function,
      eventSourceArn: queue.queueArn,
      batchSize: MESSAGES_PER_INVOCATION,
      maxConcurrency: CONCURRENCY_MAX,
      reportBatchItemFailures: true,
      metricsConfig: { metrics: [MetricType.EVENT_COUNT] },
    });
  }
}

/** Reads versions, deletes items, and can write none. */
function policies(
  scope: Construct,
  replication: ReplicationConfig,
  queue: Queue,
): Record<string, PolicyDocument> {
  const { region, table } = replication.destination;
  return {
    ReceiveAnnouncements: policy(
      allow(['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'], queue.queueArn),
      ...useOfKey(replication, 'lookAgainQueue', 'sqs:ReceiveMessage'),
    ),
    LookAtTwin: policy(
      allow(['dynamodb:BatchGetItem', 'dynamodb:DeleteItem'], tableArn(scope, region, table)),
      // A revenant goes in a transaction that asks whether its delete is remembered.
      allow(
        ['dynamodb:GetItem', 'dynamodb:ConditionCheckItem'],
        tableArn(scope, region, replication.stateTable),
      ),
      ...useOfDestinationKeys(replication),
    ),
  };
}
