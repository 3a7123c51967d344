// Everything that a local run needs, started in order: two Regions with their tables, a dead-letter queue
// and a bucket, the Lambda bundle that ships, and the event source mapping that feeds it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Credentials } from '../adapters/client-settings.ts';
import { dynamoDbStreamReader } from '../adapters/dynamodb-streams.ts';
import { streamsClient } from '../adapters/stream-ranges.ts';
import { handlerSettings, type ReplicationConfig } from '../config.ts';
import { STATE_ATTRIBUTES } from '../contract.ts';
import { toEnvironment } from '../handler-settings.ts';
import { buildLambdaBundle } from '../lambda-bundle.ts';
import type { Clock, Random } from '../ports.ts';
import { type EventSourceMapping, startEventSourceMapping } from './event-source-mapping.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { type LambdaFunction, startLambdaProcess } from './lambda-process.ts';
import { type LocalFailures, openLocalFailures } from './local-failures.ts';
import { type LocalRegion, openLocalRegion } from './local-region.ts';
import { createMetricsTally, type MetricsTally } from './metrics-tally.ts';
import type { KeySchema } from './workload.ts';

export interface LocalWorldOptions {
  readonly replication: ReplicationConfig;
  readonly sourceEndpoint?: string | undefined;
  readonly destinationEndpoint?: string | undefined;
  readonly sourcePort?: number | undefined;
  readonly destinationPort?: number | undefined;
  readonly credentials: Credentials;
  /** Distinguishes the tables of this run from those of others at the same endpoint. */
  readonly runId: string;
  readonly clock: Clock;
  /** Decides whom a fault strikes. */
  readonly random: Random;
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
  /** As it runs here: with the tables of this run, at their endpoints. */
  readonly replication: ReplicationConfig;
  readonly schema: KeySchema;
  readonly mapping: EventSourceMapping;
  readonly lambda: LambdaFunction;
  readonly failures: LocalFailures;
  /** Between the function and the destination. */
  readonly faults: FaultProxy;
  readonly tally: MetricsTally;
}

/** Pushes to `cleanups` what ends each thing it starts, so that nothing is left if a later one fails. */
export async function startLocalWorld(
  options: LocalWorldOptions,
  cleanups: Cleanup[],
): Promise<LocalWorld> {
  const { source, destination } = await openRegions(options, cleanups);
  const replication = atTables(options, { source, destination });
  const schema = keySchemaOf(options.replication);
  const streamArn = await source.createTable(replication.source.table, schema, { stream: true });
  await destination.createTable(replication.destination.table, schema);
  await destination.createTable(replication.stateTable, STATE_SCHEMA);

  const { credentials, onProblem, random } = options;
  const failures = await openLocalFailures(replication, credentials);
  cleanups.push(() => failures.close());
  const faults = await startFaultProxy({ upstream: destination.endpoint, random, onProblem });
  cleanups.push(() => faults.stop());
  const tally = createMetricsTally();
  const parts = { replication, failures, faults, tally };
  const lambda = startLambda(parts, options, cleanups);
  const mapping = startMapping(streamArn ?? '', { ...parts, lambda, source }, options, cleanups);
  return { source, destination, schema, mapping, lambda, ...parts };
}

async function openRegions(options: LocalWorldOptions, cleanups: Cleanup[]) {
  const { replication, credentials } = options;
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
  return { source, destination };
}

type Parts = Pick<LocalWorld, 'replication' | 'failures' | 'faults' | 'tally'>;

function startLambda(
  { replication, failures, faults, tally }: Parts,
  { credentials, onProblem }: LocalWorldOptions,
  cleanups: Cleanup[],
): LambdaFunction {
  const bundleDirectory = mkdtempSync(join(tmpdir(), 'ferry-local-'));
  cleanups.push(() => rmSync(bundleDirectory, { recursive: true, force: true }));
  const settings = handlerSettings(replication, {
    deadLetterQueueUrl: failures.queueUrl,
    onFailureBucket: failures.bucketName,
  });
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const lambda = startLambdaProcess({
    bundlePath: buildLambdaBundle(bundleDirectory),
    environment: {
      ...toEnvironment({ ...settings, destinationEndpoint: faults.endpoint }),
      AWS_REGION: replication.source.region,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      ...(sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: sessionToken }),
      AWS_ENDPOINT_URL_S3: failures.objectEndpoint,
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

function startMapping(
  streamArn: string,
  { replication, failures, lambda, source }: Parts & Pick<LocalWorld, 'lambda' | 'source'>,
  { credentials, clock, onProblem }: LocalWorldOptions,
  cleanups: Cleanup[],
): EventSourceMapping {
  const { region, endpoint } = source;
  const streams = streamsClient({ region, endpoint, credentials });
  cleanups.push(() => streams.destroy());
  const mapping = startEventSourceMapping({
    reader: dynamoDbStreamReader(streams, streamArn),
    streamArn,
    invoke: (event) => lambda.invoke(event),
    // As lib/stream-replicator.ts deploys it.
    settings: { ...replication.eventSource, bisectBatchOnFunctionError: true },
    clock,
    onFailure: async (document) => {
      await failures.keep(document);
      onProblem(`gave a batch up to the bucket: ${document.requestContext.condition}`);
    },
    onProblem,
  });
  cleanups.push(() => mapping.stop());
  return mapping;
}

/** The same replication between tables that belong to this run alone. */
function atTables(
  { replication, runId }: LocalWorldOptions,
  { source, destination }: Pick<LocalWorld, 'source' | 'destination'>,
): ReplicationConfig {
  return {
    ...replication,
    source: {
      ...replication.source,
      table: `ferry-local-${runId}-source`,
      endpoint: source.endpoint,
    },
    destination: {
      ...replication.destination,
      table: `ferry-local-${runId}-destination`,
      endpoint: destination.endpoint,
    },
    stateTable: `ferry-local-${runId}-state`,
    // The workload stamps its writes, so that latency is exact.
    timestampAttribute: replication.timestampAttribute ?? 'writtenAt',
  };
}

function keySchemaOf({ source }: ReplicationConfig): KeySchema {
  const { partitionKey, sortKey } = source;
  return partitionKey === undefined ? DEFAULT_SCHEMA : { partitionKey, sortKey };
}
