// The source Region of one replication: the table where the app creates it, the replicator on its
// stream, and outputs that tell operators where to look.

import { CfnOutput, Stack } from 'aws-cdk-lib';
import { StreamViewType } from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';
import type { ReplicationConfig, SourceConfig } from '../src/config/config.ts';
import { UsageError } from '../src/errors.ts';
import { BulkRuns } from './bulk-runs.ts';
import { createConfiguredTable } from './dynamodb-table.ts';
import { fit, STACK_DESCRIPTION_MAX } from './fit.ts';
import { Heartbeat } from './heartbeat.ts';
import { LookAgain } from './look-again.ts';
import { ReplicationAlarms } from './replication-alarms.ts';
import { ReplicationDashboard } from './replication-dashboard.ts';
import { ReplicationMetrics } from './replication-metrics.ts';
import { bundledCode, StreamReplicator } from './stream-replicator.ts';

export interface SourceStackProps {
  readonly replication: ReplicationConfig;
  /** @default - as in StreamReplicator */
  readonly codeDirectory?: string;
  /** @default - the handler for bulk runs of this repository, bundled to dist/lambda/bulk-segment */
  readonly bulkCodeDirectory?: string;
  /** @default - the heartbeat handler of this repository, bundled to dist/lambda/heartbeat */
  readonly heartbeatCodeDirectory?: string;
  /** @default - the look-again handler of this repository, bundled to dist/lambda/look-again */
  readonly lookAgainCodeDirectory?: string;
}

export class SourceStack extends Stack {
  readonly replicator: StreamReplicator;
  readonly dashboard: ReplicationDashboard;
  /** Where the configuration says `"bulk": true`. */
  readonly bulkRuns: BulkRuns | undefined;
  /** With "checked" tombstones. */
  readonly lookAgain: LookAgain | undefined;
  /** Where the configuration has a `heartbeat`. */
  readonly heartbeat: Heartbeat | undefined;
  readonly #streamArn: string;

  constructor(scope: Construct, id: string, props: SourceStackProps) {
    const { name, source, destination } = props.replication;
    super(scope, id, {
      env: { region: source.region },
      description: fit(
        `Ferry ${name}: replicates ${source.table} to ${destination.table} (${destination.region})`,
        STACK_DESCRIPTION_MAX,
      ),
    });
    this.#streamArn = this.streamArn(source);
    this.replicator = new StreamReplicator(this, 'Replicator', {
      ...props,
      streamArn: this.#streamArn,
    });
    this.lookAgain = this.#createLookAgain(props);
    this.bulkRuns = props.replication.bulk ? this.#createBulkRuns(props) : undefined;
    this.heartbeat =
      props.replication.heartbeat === undefined ? undefined : this.#createHeartbeat(props);
    const metrics = new ReplicationMetrics(props.replication, this.replicator, this.lookAgain);
    const monitored = { replication: props.replication, metrics };
    const alarms = new ReplicationAlarms(this, 'Alarms', monitored);
    this.dashboard = new ReplicationDashboard(this, 'Monitoring', monitored);
    this.addOutputs(this.replicator, alarms);
  }

  #createLookAgain({ replication, lookAgainCodeDirectory }: SourceStackProps) {
    const { lookAgainQueue: queue } = this.replicator;
    if (queue === undefined) return undefined;
    const codeDirectory = lookAgainCodeDirectory ?? bundledCode('look-again');
    return new LookAgain(this, 'LookAgain', {
      replication,
      streamArn: this.#streamArn,
      queue,
      codeDirectory,
    });
  }

  #createHeartbeat({ replication, heartbeatCodeDirectory }: SourceStackProps): Heartbeat {
    const heartbeat = new Heartbeat(this, 'Heartbeat', {
      replication,
      streamArn: this.#streamArn,
      codeDirectory: heartbeatCodeDirectory ?? bundledCode('heartbeat'),
    });
    // The first heartbeat is late from the start if nothing reads the stream yet.
    heartbeat.node.addDependency(this.replicator.eventSourceMapping);
    return heartbeat;
  }

  #createBulkRuns({ replication, bulkCodeDirectory }: SourceStackProps): BulkRuns {
    return new BulkRuns(this, 'BulkRuns', {
      replication,
      streamArn: this.#streamArn,
      bucket: this.replicator.onFailureBucket,
      lookAgainQueue: this.replicator.lookAgainQueue,
      codeDirectory: bulkCodeDirectory ?? bundledCode('bulk-segment'),
    });
  }

  private streamArn(source: SourceConfig): string {
    // Ferry writes whole items, so it needs the new image and would only pay for an old one.
    const stream = { dynamoStream: StreamViewType.NEW_IMAGE };
    const streamArn = source.create
      ? createConfiguredTable(this, 'SourceTable', source, stream).tableStreamArn
      : source.streamArn;
    if (streamArn === undefined) {
      throw new UsageError(`Table ${source.table} in ${source.region} has no stream to read.`, {
        code: 'config.invalid',
        hint: 'Give the table\'s "streamArn", or set "create" to true to make a new table.',
      });
    }
    return streamArn;
  }

  private addOutputs(replicator: StreamReplicator, alarms: ReplicationAlarms): void {
    const output = (id: string, description: string, value: string) =>
      new CfnOutput(this, id, { description, value });
    output('AlarmTopicArn', 'Where alarms go: subscribe whoever is on call', alarms.topic.topicArn);
    output('FunctionName', 'The replicate function', replicator.function.functionName);
    output(
      'EventSourceMappingId',
      'Its event source mapping, to pause or resume',
      replicator.eventSourceMapping.eventSourceMappingId,
    );
    output(
      'DeadLetterQueueUrl',
      'Records that cannot be applied',
      replicator.deadLetterQueue.queueUrl,
    );
    output(
      'OnFailureBucketName',
      'Batches that Lambda gave up',
      replicator.onFailureBucket.bucketName,
    );
  }
}
