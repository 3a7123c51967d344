// A stream of changes in, a twin kept: the replicate function and the event source mapping that feeds it, and two places
// for what does not get through.

import { Duration, Stack, Token } from 'aws-cdk-lib';
import {
  EventSourceMapping,
  type Function as LambdaFunction,
  type IEventSourceDlq,
  MetricType,
  StartingPosition,
} from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { functionName } from '../src/config/names.ts';
import { servicesAt } from '../src/config/partition-services.ts';
import { isGivenUp } from '../src/config/record-age.ts';
import { storesBatches } from '../src/config/stored-batches.ts';
import { UsageError } from '../src/errors.ts';
import { createDeadLetterQueue, createOnFailureBucket } from './failure-destinations.ts';
import { createFerryFunction, type DeployedReplication } from './ferry-function.ts';
import { projectionOf } from './function-code.ts';
import { fit, FUNCTION_DESCRIPTION_MAX } from './fit.ts';
import { createLookAgainQueue } from './look-again.ts';

export type StreamReplicatorProps = Pick<DeployedReplication, 'replication' | 'streamArn'>;

/** Keeps a table in another Region equal to the table whose changes it reads. */
export class StreamReplicator extends Construct {
  /** With the queues and the bucket of this construct. */
  readonly deployed: DeployedReplication;
  readonly function: LambdaFunction;
  readonly eventSourceMapping: EventSourceMapping;

  constructor(scope: Construct, id: string, { replication, streamArn }: StreamReplicatorProps) {
    super(scope, id);
    refuseWrongRegion(Stack.of(this).region, replication);
    this.deployed = {
      replication,
      streamArn,
      deadLetterQueue: createDeadLetterQueue(this, replication),
      onFailureBucket: createOnFailureBucket(this, replication),
      lookAgainQueue:
        replication.tombstones === 'checked' ? createLookAgainQueue(this, replication) : undefined,
      projection: projectionOf(replication),
    };
    this.function = this.#createFunction();
    this.eventSourceMapping = this.#createEventSourceMapping();
  }

  #createFunction(): LambdaFunction {
    const { name, source, destination, function: settings } = this.deployed.replication;
    return createFerryFunction(this, {
      deployed: this.deployed,
      code: 'replicate',
      functionName: functionName(name),
      description: fit(
        `Ferry ${name}: writes changes of ${source.table} to ${destination.table} (${destination.region})`,
        FUNCTION_DESCRIPTION_MAX,
      ),
      memorySize: settings.memoryMiB,
      timeout: Duration.seconds(settings.timeoutSeconds),
    });
  }

  #createEventSourceMapping(): EventSourceMapping {
    const { replication, streamArn, onFailureBucket, deadLetterQueue } = this.deployed;
    const { eventSource, source } = replication;
    const destination = storesBatches(replication)
      ? onFailureBucket.bucketArn
      : deadLetterQueue.queueArn;
    // CDK's own destinations would give the function more permissions than it needs.
    const onFailure: IEventSourceDlq = { bind: () => ({ destination }) };
    // Not CDK's DynamoEventSource, which refuses batches over 1,000 records. The mapping waits for
    // the function, the function for its role, and the role holds its policies.
    return new EventSourceMapping(this, 'EventSourceMapping', {
      target: this.function,
      eventSourceArn: streamArn,
      enabled: eventSource.enabled,
      // LATEST could miss records written while the mapping is being made.
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: eventSource.batchSize,
      maxBatchingWindow: Duration.seconds(eventSource.maxBatchingWindowSeconds),
      parallelizationFactor: eventSource.parallelizationFactor,
      retryAttempts: eventSource.retryAttempts,
      ...(isGivenUp(replication) && {
        maxRecordAge: Duration.seconds(eventSource.maxRecordAgeSeconds),
      }),
      bisectBatchOnError: true,
      reportBatchItemFailures: true,
      ...(servicesAt(source.region).mappingMetrics && {
        metricsConfig: { metrics: [MetricType.EVENT_COUNT] },
      }),
      onFailure,
    });
  }
}

function refuseWrongRegion(stackRegion: string, replication: ReplicationConfig): void {
  const { name, source } = replication;
  // Of a stack without a Region, only its deployment shows where it is.
  if (![stackRegion, source.region].some(Token.isUnresolved) && stackRegion !== source.region) {
    throw new UsageError(
      `The replicator of ${name} must be in ${source.region}, beside its stream; its stack is in ${stackRegion}.`,
      { code: 'config.invalid', hint: "Give the stack the source's Region in env." },
    );
  }
}
