// A checked configuration in, Ferry's own app out: a pair of stacks per replication, destination first, because
// the source's function needs its tables from its first record on. Another direction is another pair. A fleet, and what
// can be switched, has a stack more for each Region.

import { type App, CfnOutput, Stack, Validations } from 'aws-cdk-lib';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { AwsSolutionsChecks } from 'cdk-nag';
import { isOtherPartition } from '../src/config/accounts.ts';
import { topicArnOf } from '../src/config/alarm-topic.ts';
import { directionsOf, hasOtherDirection, otherDirection } from '../src/config/directions.ts';
import { destinationStack, isBackName, sourceStack } from '../src/config/names.ts';
import type { Config, ReplicationConfig, TableConfig } from '../src/config/schema.ts';
import { mayLeaveOut } from '../src/config/projection-settings.ts';
import { placeOf } from '../src/config/tables.ts';
import { createConfiguredTable, sourceStream } from './dynamodb-table.ts';
import { fit, STACK_DESCRIPTION_MAX } from './fit.ts';
import { addFleets, fleetTopic } from './fleet.ts';
import { Replication } from './replication.ts';
import { ReplicationDestination } from './replication-destination.ts';
import { addSwitches } from './switches.ts';

/**
 * Adds the stacks of `config` to `app`, and the AwsSolutions checks, which stop a synthesis at the
 * first finding that is not acknowledged.
 * @throws UsageError when a replication cannot be deployed as configured.
 */
export function buildApp(app: App, { replications, fleet }: Config): void {
  const directions = replications.flatMap(directionsOf);
  const sources = new Set(directions.map(({ source }) => placeOf(source)));
  const filtered = new Set(
    directions
      .filter((one) => mayLeaveOut(one) || hasOtherDirection(one))
      .map(({ source }) => placeOf(source)),
  );
  /** By place: also where another replication names the table. */
  const created = new Map<string, TableV2>();
  const ledgers = new Map<string, Stack>();
  const pairs = directions.map((replication) => {
    const { name, source, destination } = replication;
    const there = addDestination(app, replication, {
      isSource: sources.has(placeOf(destination)),
      isFiltered: filtered.has(placeOf(destination)),
    });
    if (there.twin !== undefined) created.set(placeOf(destination), there.twin);
    ledgers.set(name, there.stateTable.stack);
    const stack = addSourceStack(app, replication);
    if (source.create && !isBackName(name)) {
      const dynamoStream = sourceStream(filtered.has(placeOf(source)));
      const table = createConfiguredTable(stack, 'SourceTable', source, { dynamoStream });
      created.set(placeOf(source), table);
    }
    // Each partition is deployed by a command of its own.
    if (!isOtherPartition(replication)) stack.addStackDependency(there.stateTable.stack);
    return { replication, stack };
  });
  for (const { replication, stack } of pairs) {
    const { source, destination } = replication;
    const replicated = new Replication(stack, 'Default', {
      config: replication,
      streamArn: source.streamArn ?? streamIn(stack, created.get(placeOf(source))),
      alarmTopic: fleet && topicArnOf(replication) === undefined ? fleetTopic(stack) : undefined,
    });
    addOutputs(stack, replicated);
    // In a chain, the twin may be a table that another replication creates, as its source.
    const twin = created.get(placeOf(destination));
    if (twin !== undefined && !isOtherPartition(replication)) stack.addStackDependency(twin.stack);
    // Its functions also use the state table beside the source.
    const beside = hasOtherDirection(replication)
      ? ledgers.get(otherDirection(replication).name)
      : undefined;
    if (beside !== undefined) stack.addStackDependency(beside);
  }
  addSwitches(app, directions);
  if (fleet !== undefined) addFleets(app, fleet, pairs);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
}

// As `Default`, a construct adds nothing to the logical ids of what is in it.

function addDestination(
  app: App,
  config: ReplicationConfig,
  stream: { readonly isSource: boolean; readonly isFiltered: boolean },
): ReplicationDestination {
  const { name, source, destination } = config;
  const description = `Ferry ${name}: the twin of ${source.table} (${source.region}), and its state`;
  const stack = addStack(app, destinationStack(name), destination, description);
  return new ReplicationDestination(stack, 'Default', { config, ...stream });
}

function addSourceStack(app: App, { name, source, destination }: ReplicationConfig): Stack {
  const description = `Ferry ${name}: replicates ${source.table} to ${destination.table} (${destination.region})`;
  return addStack(app, sourceStack(name), source, description);
}

/** From another stack as an export, which every partition knows. */
function streamIn(stack: Stack, table: TableV2 | undefined): string | undefined {
  if (table?.tableStreamArn === undefined || table.stack === stack) return table?.tableStreamArn;
  stack.addStackDependency(table.stack);
  return table.stack.exportValue(table.tableStreamArn);
}

function addStack(
  app: App,
  id: string,
  { account, region }: Pick<TableConfig, 'account' | 'region'>,
  description: string,
): Stack {
  return new Stack(app, id, {
    env: { region, ...(account && { account }) },
    description: fit(description, STACK_DESCRIPTION_MAX),
  });
}

/** Tells operators where to look. */
function addOutputs(stack: Stack, replication: Replication): void {
  const output = (id: string, description: string, value = '') =>
    new CfnOutput(stack, id, { description, value });
  const { alarms, eventSourceMapping: mapping, deadLetterQueue, onFailureBucket } = replication;
  const toSubscribe = 'Topic of the alarms: subscribe the operators on call';
  const toPause = 'Its event source mapping, to pause or resume';
  if (alarms !== undefined) output('AlarmTopicArn', toSubscribe, alarms.topic.topicArn);
  output('FunctionName', 'The replicate function', replication.function.functionName);
  output('EventSourceMappingId', toPause, mapping.eventSourceMappingId);
  output('DeadLetterQueueUrl', 'Records that cannot be applied', deadLetterQueue.queueUrl);
  output('OnFailureBucketName', 'Batches that Lambda gave up', onFailureBucket.bucketName);
}
