// The props of a Replication -> the same checked configuration that a file becomes.

import { resolve } from 'node:path';
import { Annotations, ArnFormat, Stack, Token } from 'aws-cdk-lib';
import { CfnGlobalTable, CfnTable } from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { parseConfig } from '../src/config/config.ts';
import { projectionProblems } from '../src/config/projection-rules.ts';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { UsageError } from '../src/errors.ts';
import {
  type DestinationTable,
  type ReplicationProps,
  SHARED_SETTINGS,
} from './replication-props.ts';
import { type Settings, StandIns } from './stand-ins.ts';

/** A replication of the same app, and the path of its construct. */
export interface OtherReplication {
  readonly path: string;
  readonly config: ReplicationConfig;
}

/**
 * The configuration of a construct, with every default.
 * @throws UsageError `config.invalid`, with each problem by the name of its prop.
 */
export function configurationOf(
  scope: Construct,
  props: ReplicationProps,
  others: readonly OtherReplication[],
): ReplicationConfig {
  const standIns = new StandIns();
  const all = [...others.map(({ config }) => config), settingsOf(scope, props)];
  const replications = all.map((settings) => standIns.of(settings));
  const paths = others.map(({ path }) => path);
  const config = parsed(replications, [...paths, scope.node.path]).at(-1);
  if (config === undefined) throw new Error('Each replication is parsed to one.');
  const [problem] = projectionProblems('projection', config, keyNames(props.source));
  if (problem !== undefined) throw refusal(scope, problem);
  return standIns.undo(config);
}

/** The name of a replication without one: `OrdersTable` is `orders-table`. */
export function nameOf(id: string): string {
  return id.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '-').toLowerCase();
}

function settingsOf(scope: Construct, props: ReplicationProps): Settings {
  const { destination, encryption, heartbeatKey, projection } = props;
  const { key, ...keys }: Partial<Record<string, IKey>> = { ...encryption };
  const { latency, email, runbook, topic } = props.alarms || {};
  refuseElsewhere(scope, destination);
  refuseOtherDirections(scope, props);
  refuseUnknown(scope, projection);
  return {
    name: props.name ?? nameOf(scope.node.id),
    source: sourceSettings(scope, props),
    destination: {
      region: destination.region,
      table: destination.tableName,
      kmsKeyArn: destination.encryptionKey?.keyArn,
      endpoint: destination.endpoint,
    },
    stateTable: destination.stateTableName,
    encryption: {
      ...Object.fromEntries(Object.entries(keys).map(([name, one]) => [name, one?.keyArn])),
      kmsKeyArn: key?.keyArn,
      ...(topic && { alarmTopic: 'none' }),
      stateTable: destination.stateTableKey?.keyArn ?? 'none',
    },
    ...Object.fromEntries(SHARED_SETTINGS.map((name) => [name, props[name]])),
    projection: projection && {
      ...projection,
      module: projection.module && resolve(projection.module),
    },
    heartbeat: heartbeatKey && { key: heartbeatKey },
    reconcile: props.reconcile,
    alarms: {
      email,
      runbook,
      latencySeconds: latency?.toSeconds(),
      ...(props.alarms === false && { enabled: false }),
    },
    eventSource: {
      batchSize: props.batchSize,
      maxBatchingWindowSeconds: props.maxBatchingWindow?.toSeconds(),
      parallelizationFactor: props.parallelizationFactor,
      retryAttempts: props.retryAttempts,
      maxRecordAgeSeconds: props.maxRecordAge?.toSeconds(),
      enabled: props.enabled,
    },
    function: {
      memoryMiB: props.memorySize,
      timeoutSeconds: props.timeout?.toSeconds(),
      concurrency: props.concurrency,
      httpClient: props.httpClient,
      architecture: props.architecture?.name,
      runtime: props.runtime?.name,
      logRetentionDays: props.logRetention,
    },
  };
}

/** Both directions are deployed together, in four stacks or more. */
function refuseOtherDirections(scope: Construct, props: object): void {
  const given = ['switching', 'twoWay', 'direction'].find((name) => name in props);
  if (given !== undefined)
    throw refusal(
      scope,
      `${given} needs the stacks of a configuration file, which has both directions. Describe the replication in ferry.json.`,
    );
}

/** Its digest is part of the deployment. */
function refuseUnknown(scope: Construct, projection: ReplicationProps['projection']): void {
  if (Token.isUnresolved(JSON.stringify(projection) ?? ''))
    throw refusal(
      scope,
      'projection has a value that only the deployment will know, such as an attribute of another construct. Write the value out.',
    );
}

/** What the ARNs do not hold, because only a deployment knows it, comes from the table and the stack. */
function sourceSettings(scope: Construct, props: ReplicationProps): Settings['source'] {
  const { source } = props;
  const changes = changeSettings(scope, props);
  const ofTable = [source.tableArn, changes.streamArn].filter((arn) => arn !== undefined);
  const arns = ofTable.map((arn) => arn.split(/[:/]/));
  const known = (index: number, given?: string) =>
    [...arns.map((parts) => parts[index]), given].find((it) => it && !Token.isUnresolved(it));
  const { region } = 'env' in source ? source.env : Stack.of(scope);
  return {
    region: known(3) ?? (Token.isUnresolved(region) ? Stack.of(scope).region : region),
    table:
      known(6, createdTable(source)?.tableName) ??
      ('tableName' in source ? source.tableName : nameIn(scope, source.tableArn)),
    ...changes,
    kmsKeyArn: source.encryptionKey?.keyArn,
  };
}

/** Where the changes of the source are read. */
function changeSettings(
  scope: Construct,
  { source, projection, kinesisStream, kinesisRetention }: ReplicationProps,
) {
  if (kinesisStream !== undefined) {
    refuseWrongStreaming(scope, source);
    return {
      kinesisStreamArn: kinesisStream.streamArn,
      kinesisRetentionHours: kinesisRetention?.toHours(),
      kinesisKmsKeyArn: kinesisStream.encryptionKey?.keyArn,
    };
  }
  if (kinesisRetention !== undefined)
    throw refusal(scope, 'kinesisRetention is for a kinesisStream, which is missing.');
  const streamArn = 'tableName' in source ? source.tableStreamArn : source.streamArn;
  if (streamArn === undefined) {
    throw refusal(
      scope,
      'source has no stream. Give the table one with new images; for an imported table, tableStreamArn.',
    );
  }
  refuseWrongStream(scope, source, projection);
  return { streamArn };
}

/** As far as the app creates the table. DynamoDB sends microseconds unless the table says otherwise. */
function refuseWrongStreaming(scope: Construct, source: ReplicationProps['source']): void {
  const table = createdTable(source);
  if (table === undefined) return;
  const { kinesisStreamSpecification, replicas } = table as Partial<CfnTable & CfnGlobalTable>;
  const sent = JSON.stringify(Stack.of(table).resolve({ kinesisStreamSpecification, replicas }));
  if (!sent.includes('"kinesisStreamSpecification"'))
    throw refusal(
      scope,
      'source does not send its changes to a Kinesis stream. Give the table one.',
    );
  if (sent.includes('"MILLISECOND"'))
    throw refusal(
      scope,
      'source sends its changes with milliseconds, and Ferry needs microseconds.',
    );
}

/** Where the app creates the table, its stream is known, and its name if the app gives one. */
function createdTable(source: ReplicationProps['source']): CfnTable | CfnGlobalTable | undefined {
  const table = 'node' in source ? source.node.defaultChild : undefined;
  return table instanceof CfnTable || table instanceof CfnGlobalTable ? table : undefined;
}

/** As far as the app creates the table. */
function keyNames(source: ReplicationProps['source']): string[] {
  const table = createdTable(source);
  const keys: unknown = table && Stack.of(table).resolve(table.keySchema);
  return ((keys ?? []) as Array<{ attributeName: string }>).map((key) => key.attributeName);
}

function refuseWrongStream(
  scope: Construct,
  source: ReplicationProps['source'],
  projection: ReplicationProps['projection'],
): void {
  const table = createdTable(source);
  if (table === undefined) return;
  const stream: unknown = Stack.of(table).resolve(table.streamSpecification);
  const { streamViewType: view = 'NEW_IMAGE' } = (stream ?? {}) as { streamViewType?: string };
  if (!view.startsWith('NEW')) {
    throw refusal(
      scope,
      `source has a stream of ${view}, which lacks new images. NEW_IMAGE has them.`,
    );
  }
  if (view === 'NEW_AND_OLD_IMAGES') return;
  const lack = `source has a stream of ${view}, which lacks old images. NEW_AND_OLD_IMAGES has them.`;
  if (projection?.keepItems !== undefined)
    throw refusal(scope, `projection.keepItems needs old images. ${lack}`);
  if (projection?.module !== undefined) {
    Annotations.of(scope).addWarningV2(
      'ferry:old-images',
      `A module that leaves items out needs old images. ${lack}`,
    );
  }
}

function nameIn(scope: Construct, tableArn: string): string {
  return Stack.of(scope).splitArn(tableArn, ArnFormat.SLASH_RESOURCE_NAME).resourceName ?? '';
}

/** In the source's stack, the Region of another stack without one would be the source's, as its account is. */
function refuseElsewhere(scope: Construct, destination: DestinationTable): void {
  if (!Construct.isConstruct(destination)) return;
  const [here, there] = [Stack.of(scope), Stack.of(destination)];
  if (![here.account, there.account].some(Token.isUnresolved) && here.account !== there.account) {
    throw refusal(
      scope,
      `destination is in account ${there.account}, and source in ${here.account}. Two accounts need a configuration file: ferry.json can name both.`,
    );
  }
  if (here === there || !Token.isUnresolved(destination.region)) return;
  throw refusal(
    scope,
    "destination has no Region. Give its stack one: `env: { region: 'eu-west-1' }`.",
  );
}

export function refusal(scope: Construct, problem: string): UsageError {
  return new UsageError(`${scope.node.path}: ${problem}`, { code: 'config.invalid' });
}

/** As parseConfig, with problems that name constructs and props. */
function parsed(replications: readonly object[], paths: readonly string[]) {
  try {
    return parseConfig({ replications }, paths.at(-1)).replications;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const message = error.message.replaceAll(
      /\breplications\.(\d+)\.?([a-zA-Z.]*)/g,
      (_, index: string, setting: string) =>
        Number(index) === paths.length - 1
          ? propOf(setting)
          : `${propOf(setting)} of ${paths[Number(index)]}`,
    );
    throw new UsageError(message, { code: 'config.invalid' });
  }
}

/** `eventSource.maxRecordAgeSeconds` is the prop `maxRecordAge`, in seconds. */
function propOf(setting: string): string {
  return setting
    .replace(/^(eventSource|function)\./, '')
    .replace(/^stateTable$/, 'destination.stateTableName')
    .replace(/\.table$/, '.tableName')
    .replace('memoryMiB', 'memorySize')
    .replace(/^source\.kinesis/, 'kinesis')
    .replace(/(Seconds|Hours|Days)$/, (unit) => ` (in ${unit.toLowerCase()})`);
}
