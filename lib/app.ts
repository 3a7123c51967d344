// A checked configuration in, Ferry's own app out: a pair of stacks per replication, destination first, because
// the source's function needs its tables from its first record on.

import { type App, CfnOutput, Stack, Validations } from 'aws-cdk-lib';
import { StreamViewType } from 'aws-cdk-lib/aws-dynamodb';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { Config, ReplicationConfig } from '../src/config/schema.ts';
import { placeOf } from '../src/config/tables.ts';
import { createConfiguredTable } from './dynamodb-table.ts';
import { fit, STACK_DESCRIPTION_MAX } from './fit.ts';
import { Replication } from './replication.ts';
import { ReplicationDestination } from './replication-destination.ts';

/**
 * Adds the stacks of `config` to `app`, and the AwsSolutions checks, which stop a synthesis at the
 * first finding that is not acknowledged.
 * @throws UsageError when a replication cannot be deployed as configured.
 */
export function buildApp(app: App, config: Config): void {
  const built = config.replications.map((replication) => {
    const { stateTable } = addDestination(app, replication);
    const source = Stack.of(addReplication(app, replication));
    source.addStackDependency(stateTable.stack);
    return { replication, source };
  });
  deployTwinsFirst(built);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
}

// As `Default`, a construct adds nothing to the logical ids of what is in it.

function addDestination(app: App, config: ReplicationConfig): ReplicationDestination {
  const { name, source, destination } = config;
  const description = `Ferry ${name}: the twin of ${source.table} (${source.region}), and its state`;
  const stack = new Stack(app, `ferry-${name}-destination`, {
    env: { region: destination.region },
    description: fit(description, STACK_DESCRIPTION_MAX),
  });
  return new ReplicationDestination(stack, 'Default', { config });
}

function addReplication(app: App, config: ReplicationConfig): Replication {
  const { name, source, destination } = config;
  const description = `Ferry ${name}: replicates ${source.table} to ${destination.table} (${destination.region})`;
  const stack = new Stack(app, `ferry-${name}-source`, {
    env: { region: source.region },
    description: fit(description, STACK_DESCRIPTION_MAX),
  });
  // Ferry writes whole items, so it needs the new image and would only pay for an old one.
  const stream = { dynamoStream: StreamViewType.NEW_IMAGE };
  const { tableStreamArn } = source.create
    ? createConfiguredTable(stack, 'SourceTable', source, stream)
    : {};
  const replication = new Replication(stack, 'Default', { config, streamArn: tableStreamArn });
  addOutputs(stack, replication);
  return replication;
}

/** Tells operators where to look. */
function addOutputs(stack: Stack, replication: Replication): void {
  const output = (id: string, description: string, value = '') =>
    new CfnOutput(stack, id, { description, value });
  const { alarms, eventSourceMapping: mapping, deadLetterQueue, onFailureBucket } = replication;
  const toSubscribe = 'Topic of the alarms: subscribe the operators on call';
  const toPause = 'Its event source mapping, to pause or resume';
  output('AlarmTopicArn', toSubscribe, alarms?.topic.topicArn);
  output('FunctionName', 'The replicate function', replication.function.functionName);
  output('EventSourceMappingId', toPause, mapping.eventSourceMappingId);
  output('DeadLetterQueueUrl', 'Records that cannot be applied', deadLetterQueue.queueUrl);
  output('OnFailureBucketName', 'Batches that Lambda gave up', onFailureBucket.bucketName);
}

interface Built {
  readonly replication: ReplicationConfig;
  readonly source: Stack;
}

/** In a chain, the twin of one replication may be a table that another creates, as its source. */
function deployTwinsFirst(built: readonly Built[]): void {
  const creators = new Map(
    built
      .filter(({ replication }) => replication.source.create)
      .map(({ replication, source }) => [placeOf(replication.source), source] as const),
  );
  for (const { replication, source } of built) {
    const creator = creators.get(placeOf(replication.destination));
    if (creator !== undefined) source.addStackDependency(creator);
  }
}
