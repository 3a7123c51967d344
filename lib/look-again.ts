// Deletes that are looked at again: the queue in which they wait, and the function that then looks at their
// keys on the twin.

import { Duration } from 'aws-cdk-lib';
import {
  EventSourceMapping,
  type Function as LambdaFunction,
  MetricType,
} from 'aws-cdk-lib/aws-lambda';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { LOOK_AGAIN_RETENTION_SECONDS, lookAgainName } from '../src/config/names.ts';
import { servicesAt } from '../src/config/partition-services.ts';
import { createQueue } from './failure-destinations.ts';
import { createFerryFunction, type DeployedReplication } from './ferry-function.ts';
import { customerKey } from './customer-keys.ts';

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
      ...(servicesAt(replication.source.region).mappingMetrics && {
        metricsConfig: { metrics: [MetricType.EVENT_COUNT] },
      }),
    });
  }
}
