// Everything that a local run needs, started in order: two Regions with their tables, the dead-letter
// queue, the Lambda bundle that ships, and the event source mapping between them.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { dynamoDbStreamReader } from '../adapters/dynamodb-streams.ts';
import { handlerSettings, type ReplicationConfig } from '../config.ts';
import {
  DEAD_LETTER_RETENTION_SECONDS,
  DEAD_LETTER_SIZE_BYTES_MAX,
  STATE_ATTRIBUTES,
} from '../contract.ts';
import { toEnvironment } from '../handler-settings.ts';
import { buildLambdaBundle } from '../lambda-bundle.ts';
import type { Clock } from '../ports.ts';
import { type EventSourceMapping, startEventSourceMapping } from './event-source-mapping.ts';
import { type LambdaFunction, startLambdaProcess } from './lambda-process.ts';
import { type LocalCredentials, type LocalRegion, openLocalRegion } from './local-region.ts';
import { createMetricsTally, type MetricsTally } from './metrics-tally.ts';
import { startSqsServer } from './sqs/server.ts';
import type { KeySchema } from './workload.ts';

export interface LocalWorldOptions {
  readonly replication: ReplicationConfig;
  readonly sourceEndpoint?: string | undefined;
  readonly destinationEndpoint?: string | undefined;
  readonly sourcePort?: number | undefined;
  readonly destinationPort?: number | undefined;
  readonly credentials: LocalCredentials;
  /** Distinguishes the tables of this run from those of others at the same endpoint. */
  readonly runId: string;
  readonly clock: Clock;
  /** Something went wrong and is being dealt with; for people. */
  readonly onProblem: (problem: string) => void;
}

const STATE_SCHEMA: KeySchema = { partitionKey: { name: STATE_ATTRIBUTES.id, type: 'S' } };
const DEFAULT_SCHEMA: KeySchema = {
  partitionKey: { name: 'pk', type: 'S' },
  sortKey: { name: 'sk', type: 'S' },
};

export type Cleanup = () => Promise<void> | void;

export interface LocalWorld {
  readonly source: LocalRegion;
  readonly destination: LocalRegion;
  readonly sourceTable: string;
  readonly destinationTable: string;
  readonly schema: KeySchema;
  readonly timestampAttribute: string;
  readonly mapping: EventSourceMapping;
  readonly tally: MetricsTally;
}

/** Pushes to `cleanups` what ends each thing it starts, so that nothing is left if a later one fails. */
export async function startLocalWorld(
  options: LocalWorldOptions,
  cleanups: Cleanup[],
): Promise<LocalWorld> {
  const { clock, credentials, runId, onProblem } = options;
  const replication = atTables(options.replication, runId);
  const source = await openLocalRegion({
    region: replication.source.region,
    endpoint: options.sourceEndpoint,
    port: options.sourcePort,
    credentials,
  });
  cleanups.push(() => source.close());
  const destination = await openLocalRegion({
    region: replication.destination.region,
    endpoint: options.destinationEndpoint,
    port: options.destinationPort,
    credentials,
  });
  cleanups.push(() => destination.close());

  const schema = keySchemaOf(options.replication);
  const streamArn = await source.createTable(replication.source.table, schema, { stream: true });
  await destination.createTable(replication.destination.table, schema);
  await destination.createTable(replication.stateTable, STATE_SCHEMA);

  const tally = createMetricsTally();
  const lambda = await startLambda(
    { replication, destination, credentials, tally, onProblem },
    cleanups,
  );
  const streams = new DynamoDBStreamsClient({
    region: source.region,
    endpoint: source.endpoint,
    credentials,
  });
  cleanups.push(() => streams.destroy());
  const mapping = startEventSourceMapping({
    reader: dynamoDbStreamReader(streams, streamArn ?? ''),
    streamArn: streamArn ?? '',
    invoke: (event) => lambda.invoke(event),
    settings: replication.eventSource,
    clock,
    onFailure: ({ requestContext }) => onProblem(`gave up a batch: ${requestContext.condition}`),
    onProblem,
  });
  cleanups.push(() => mapping.stop());
  return {
    source,
    destination,
    sourceTable: replication.source.table,
    destinationTable: replication.destination.table,
    schema,
    timestampAttribute: replication.timestampAttribute ?? '',
    mapping,
    tally,
  };
}

async function startLambda(
  {
    replication,
    destination,
    credentials,
    tally,
    onProblem,
  }: Pick<LocalWorldOptions, 'replication' | 'credentials' | 'onProblem'> & {
    destination: LocalRegion;
    tally: MetricsTally;
  },
  cleanups: Cleanup[],
): Promise<LambdaFunction> {
  const bundleDirectory = mkdtempSync(join(tmpdir(), 'ferry-local-'));
  cleanups.push(() => rmSync(bundleDirectory, { recursive: true, force: true }));
  const sqs = await startSqsServer();
  cleanups.push(() => sqs.stop());
  const settings = handlerSettings(replication, {
    deadLetterQueueUrl: await createDeadLetterQueue(sqs.endpoint, replication, credentials),
  });
  const lambda = startLambdaProcess({
    bundlePath: buildLambdaBundle(bundleDirectory),
    environment: {
      ...toEnvironment({ ...settings, destinationEndpoint: destination.endpoint }),
      AWS_REGION: replication.source.region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      ...(credentials.sessionToken === undefined
        ? {}
        : { AWS_SESSION_TOKEN: credentials.sessionToken }),
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    },
    timeoutSeconds: replication.function.timeoutSeconds,
    onLogLine: (line) => {
      tally.addLine(line);
      if (!line.startsWith('{"_aws"')) onProblem(line);
    },
  });
  cleanups.push(() => lambda.stop());
  return lambda;
}

/** The same replication between tables that belong to this run alone. */
function atTables(replication: ReplicationConfig, runId: string): ReplicationConfig {
  const { source, destination } = replication;
  return {
    ...replication,
    source: { ...source, table: `ferry-local-${runId}-source` },
    destination: { ...destination, table: `ferry-local-${runId}-destination` },
    stateTable: `ferry-local-${runId}-state`,
    // The workload stamps its writes, so that latency is exact.
    timestampAttribute: replication.timestampAttribute ?? 'writtenAt',
  };
}

function keySchemaOf({ source }: ReplicationConfig): KeySchema {
  const { partitionKey, sortKey } = source;
  return partitionKey === undefined ? DEFAULT_SCHEMA : { partitionKey, sortKey };
}

async function createDeadLetterQueue(
  endpoint: string,
  { name, source }: ReplicationConfig,
  credentials: LocalCredentials,
): Promise<string> {
  const client = new SQSClient({ region: source.region, endpoint, credentials });
  const { QueueUrl } = await client.send(
    new CreateQueueCommand({
      QueueName: `ferry-${name}-dead-letters`,
      Attributes: {
        MessageRetentionPeriod: String(DEAD_LETTER_RETENTION_SECONDS),
        MaximumMessageSize: String(DEAD_LETTER_SIZE_BYTES_MAX),
      },
    }),
  );
  client.destroy();
  return QueueUrl ?? '';
}
