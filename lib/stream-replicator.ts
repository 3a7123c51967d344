// A stream in, a twin kept: the replicate function and the event source mapping that feeds it,
// with a role that can do just that, and two places for what does not get through.

import { Duration, Stack, Token } from 'aws-cdk-lib';
import { Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import {
  Architecture,
  Code,
  EventSourceMapping,
  type IEventSourceDlq,
  Function as LambdaFunction,
  LoggingFormat,
  MetricType,
  Runtime,
  StartingPosition,
} from 'aws-cdk-lib/aws-lambda';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { handlerSettings, type ReplicationConfig } from '../src/config/config.ts';
import {
  functionName,
  METRIC_NAMESPACE,
  type METRIC_DIMENSIONS,
  type MetricName,
} from '../src/config/names.ts';
import { UsageError } from '../src/errors.ts';
import { toEnvironment } from '../src/config/handler-settings.ts';
import { type FunctionName, functionDirectory } from '../src/package-files.ts';
import { LAMBDA_HANDLER } from './function-code.ts';
import { partitionOf } from '../src/config/partition.ts';
import { environmentKey } from './customer-key.ts';
import { createDeadLetterQueue, createOnFailureBucket } from './failure-destinations.ts';
import { fit, FUNCTION_DESCRIPTION_MAX } from './fit.ts';
import { functionEnvironment } from './function-environment.ts';
import { createLogGroup } from './log-group.ts';
import { createLookAgainQueue } from './look-again.ts';
import { createReplicatorRole } from './replicator-role.ts';

export interface StreamReplicatorProps {
  /** What to replicate, and how. */
  readonly replication: ReplicationConfig;
  /** The source table's stream, with new images. */
  readonly streamArn: string;
  /** @default - the replicate handler of this repository, bundled to dist/lambda/replicate */
  readonly codeDirectory?: string;
}

/** Keeps a table in another Region equal to the table whose stream it reads. */
export class StreamReplicator extends Construct {
  readonly function: LambdaFunction;
  readonly eventSourceMapping: EventSourceMapping;
  /** Records that cannot be applied, each with its full content. */
  readonly deadLetterQueue: Queue;
  /** Batches that Lambda gave up after their last retry or at their highest age. */
  readonly onFailureBucket: Bucket;
  /** Deletes that wait to be looked at again; with "checked" tombstones. */
  readonly lookAgainQueue: Queue | undefined;
  readonly #replication: ReplicationConfig;

  constructor(scope: Construct, id: string, props: StreamReplicatorProps) {
    super(scope, id);
    this.#replication = props.replication;
    refuseWrongRegions(Stack.of(this).region, props.replication);
    this.deadLetterQueue = createDeadLetterQueue(this, props.replication);
    this.onFailureBucket = createOnFailureBucket(this, props.replication);
    this.lookAgainQueue =
      props.replication.tombstones === 'checked'
        ? createLookAgainQueue(this, props.replication)
        : undefined;
    this.function = this.#createFunction(props);
    this.eventSourceMapping = this.#createEventSourceMapping(props.streamArn);
  }

  /** One of the handler's own metrics, for graphs and alarms. */
  metric(metricName: MetricName, options: MetricOptions = {}): Metric {
    const { name, source, destination } = this.#replication;
    const dimensionsMap: Record<(typeof METRIC_DIMENSIONS)[number], string> = {
      Replication: name,
      SourceRegion: source.region,
      ReceivingRegion: destination.region,
    };
    return new Metric({ namespace: METRIC_NAMESPACE, metricName, dimensionsMap, ...options });
  }

  #createFunction({ codeDirectory, ...props }: StreamReplicatorProps): LambdaFunction {
    const { name, source, destination, function: settings } = props.replication;
    const logGroup = createLogGroup(this, 'LogGroup', {
      logGroupName: `/aws/lambda/${functionName(name)}`,
      replication: props.replication,
    });
    const { deadLetterQueue, onFailureBucket, lookAgainQueue } = this;
    const places = { deadLetterQueue, onFailureBucket, lookAgainQueue };
    return new LambdaFunction(this, 'Function', {
      functionName: functionName(name),
      description: fit(
        `Ferry ${name}: writes changes of ${source.table} to ${destination.table} (${destination.region})`,
        FUNCTION_DESCRIPTION_MAX,
      ),
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      // The bundle alone: whatever else lies in the directory stays there.
      code: Code.fromAsset(codeDirectory ?? bundledCode(), { exclude: ['*', '!*.mjs'] }),
      handler: LAMBDA_HANDLER,
      memorySize: settings.memoryMiB,
      timeout: Duration.seconds(settings.timeoutSeconds),
      loggingFormat: LoggingFormat.JSON,
      logGroup,
      environment: functionEnvironment(functionName(name), this.#variables(props), props),
      ...environmentKey(this, props.replication),
      role: createReplicatorRole(this, { ...props, ...places, logGroup }),
    });
  }

  #variables({ replication, streamArn }: StreamReplicatorProps): Record<string, string> {
    return toEnvironment(
      handlerSettings(replication, {
        deadLetterQueueUrl: this.deadLetterQueue.queueUrl,
        onFailureBucket: this.onFailureBucket.bucketName,
        lookAgainQueueUrl: this.lookAgainQueue?.queueUrl,
        streamArn,
      }),
    );
  }

  #createEventSourceMapping(streamArn: string): EventSourceMapping {
    const { eventSource } = this.#replication;
    // CDK's own S3 destination would let the function read and delete what is stored there.
    const onFailure: IEventSourceDlq = {
      bind: () => ({ destination: this.onFailureBucket.bucketArn }),
    };
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
      maxRecordAge: Duration.seconds(eventSource.maxRecordAgeSeconds),
      bisectBatchOnError: true,
      reportBatchItemFailures: true,
      metricsConfig: { metrics: [MetricType.EVENT_COUNT] },
      onFailure,
    });
  }
}

/** @returns the directory of a built function. */
export function bundledCode(name: FunctionName = 'replicate'): string {
  return functionDirectory(name);
}

function refuseWrongRegions(stackRegion: string, replication: ReplicationConfig): void {
  const { name, source, destination } = replication;
  if (stackRegion !== source.region) {
    const actual = Token.isUnresolved(stackRegion) ? 'no particular Region' : stackRegion;
    throw new UsageError(
      `The replicator of ${name} must be in ${source.region}, beside its stream; its stack is in ${actual}.`,
      { code: 'config.invalid', hint: "Give the stack the source's Region in env." },
    );
  }
  const [from, to] = [source, destination].map(({ region }) => partitionOf(region).name);
  if (from !== to) {
    throw new UsageError(
      `${name} cannot be deployed from ${source.region} to ${destination.region}: a role in the partition ${from} has no rights in ${to}.`,
      { code: 'config.invalid', hint: 'Choose two Regions of one partition.' },
    );
  }
}
