// Everything that a local run needs, started in order: two Regions with their tables, queues and a bucket,
// the Lambda bundles that ship, and the event source mappings that feed them.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Credentials } from '../adapters/client-settings.ts';
import { dynamoDbStreamReader } from '../adapters/dynamodb-streams.ts';
import { streamsClient } from '../adapters/stream-ranges.ts';
import { handlerSettings, type ReplicationConfig, type ServiceEndpoints } from '../config.ts';
import { LOOK_AGAIN_ENVIRONMENT, STATE_ATTRIBUTES } from '../contract.ts';
import { toEnvironment } from '../handler-settings.ts';
import { buildLambdaBundle, type HandlerName } from '../lambda-bundle.ts';
import type { Clock, Random, StreamReader } from '../ports.ts';
import { type EventSourceMapping, startEventSourceMapping } from './event-source-mapping.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { type LambdaFunction, startLambdaProcess } from './lambda-process.ts';
import { type LocalApis, localApis } from './local-apis.ts';
import { type LocalFailures, openLocalFailures } from './local-failures.ts';
import { type LocalRegion, openLocalRegion } from './local-region.ts';
import { createMetricsTally, type MetricsTally } from './metrics-tally.ts';
import { startQueueMapping } from './queue-mapping.ts';
import { type OwnTable, ownTable, requireReadable, streamOfNew } from './source-stream.ts';
import type { KeySchema } from './workload.ts';

export interface LocalWorldOptions {
  readonly replication: ReplicationConfig;
  readonly sourceEndpoint?: string | undefined;
  /** A table that is there already, at `sourceEndpoint`: it is only read. @default one of its own */
  readonly sourceTable?: string | undefined;
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
  readonly streamArn: string;
  /** Of the source Region's services other than DynamoDB. */
  readonly endpoints: ServiceEndpoints;
  readonly mapping: EventSourceMapping;
  readonly lambda: LambdaFunction;
  readonly failures: LocalFailures;
  /** Between the function and the destination. */
  readonly faults: FaultProxy;
  readonly tally: MetricsTally;
  /**
   * Resolves once everything that is in the stream now has been handed over or given up, no invocation is
   * open any more, and every delete has been looked at again. Nothing may be written meanwhile.
   * @throws FerryError `local.mapping.stopped`.
   */
  settled(): Promise<void>;
  /** The last part of it: for deletes that were announced by somebody else since. */
  lookedAgain(): Promise<void>;
}

/** Pushes to `cleanups` what ends each thing it starts, so that nothing is left if a later one fails. */
export async function startLocalWorld(
  options: LocalWorldOptions,
  cleanups: Cleanup[],
): Promise<LocalWorld> {
  const { source, destination } = await openRegions(options, cleanups);
  const replication = atTables(options, { source, destination });
  const { credentials, onProblem, random, clock } = options;
  const { schema, streamArn } = await sourceOf({ source, replication }, options);
  const reader = await openStream({ source, streamArn }, options, cleanups);
  await destination.createTable(replication.destination.table, schema);
  await destination.createTable(replication.stateTable, STATE_SCHEMA);

  const failures = await openLocalFailures(replication, credentials);
  cleanups.push(() => failures.close());
  const faults = await startFaultProxy({ upstream: destination.endpoint, random, onProblem });
  cleanups.push(() => faults.stop());
  const apis = localApis(clock);
  const tally = createMetricsTally((name, values) => apis.history.add(name, values, clock.now()));
  const places = { s3: failures.objectEndpoint, sqs: failures.queueEndpoint };
  const here = { ...replication, source: { ...replication.source, endpoints: places } };
  const parts = { replication: here, failures, faults, tally, streamArn };
  const variables = variablesOf(parts);
  const lambda = startLambda({ handler: 'replicate', variables }, parts, options, cleanups);
  const mapping = startMapping({ ...parts, lambda, reader, apis }, options, cleanups);
  const lookedAgain = startLookAgain(parts, options, cleanups);
  const server = await apis.open({ ...parts, mapping, variables });
  cleanups.push(() => server.stop());
  const endpoints = { ...places, lambda: server.endpoint, cloudwatch: server.endpoint };
  const settled = async () => {
    await mapping.settled();
    await lambda.idle();
    await lookedAgain();
  };
  return {
    source,
    destination,
    schema,
    mapping,
    lambda,
    ...parts,
    endpoints,
    settled,
    lookedAgain,
  };
}

/** A new table, or one that is there already. */
async function sourceOf(
  { source, replication }: Pick<LocalWorld, 'source' | 'replication'>,
  { sourceTable, credentials, ...options }: LocalWorldOptions,
): Promise<OwnTable> {
  if (sourceTable !== undefined) return ownTable(sourceTable, source, credentials);
  const schema = keySchemaOf(options.replication);
  const streamArn = await source.createTable(replication.source.table, schema, { stream: true });
  return { schema, streamArn: streamOfNew(streamArn, source) };
}

async function openStream(
  { source: { region, endpoint }, streamArn }: Pick<LocalWorld, 'source' | 'streamArn'>,
  { credentials, clock }: LocalWorldOptions,
  cleanups: Cleanup[],
): Promise<StreamReader> {
  const streams = streamsClient({ region, endpoint, credentials });
  cleanups.push(() => streams.destroy());
  const reader = dynamoDbStreamReader(streams, streamArn);
  await requireReadable(reader, { streamArn, endpoint }, (ms) => clock.sleep(ms));
  return reader;
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

type Parts = Pick<LocalWorld, 'replication' | 'failures' | 'faults' | 'tally' | 'streamArn'>;

/** The environment of the replicate function. */
function variablesOf({ replication, failures, faults, streamArn }: Parts): Record<string, string> {
  const settings = handlerSettings(replication, {
    deadLetterQueueUrl: failures.queueUrl,
    onFailureBucket: failures.bucketName,
    lookAgainQueueUrl: failures.lookAgainQueueUrl,
    // The function adopts its stream by itself.
    streamArn,
  });
  return toEnvironment({ ...settings, destinationEndpoint: faults.endpoint });
}

/**
 * Deletes are looked at once they have waited as long as they do after a deployment.
 * @returns what does not wait so long: it resolves once all of them have been looked at.
 */
function startLookAgain(
  parts: Parts,
  options: LocalWorldOptions,
  cleanups: Cleanup[],
): () => Promise<void> {
  const { replication, failures, faults } = parts;
  if (replication.tombstones === 'strict') return async () => undefined;
  const destination = { ...replication.destination, endpoint: faults.endpoint };
  const variables = {
    [LOOK_AGAIN_ENVIRONMENT.replication]: JSON.stringify({ ...replication, destination }),
  };
  const lambda = startLambda({ handler: 'look-again', variables }, parts, options, cleanups);
  const mapping = startQueueMapping({
    queue: failures.lookAgainQueue,
    hasten: () => failures.hastenLookAgain(),
    invoke: (event) => lambda.invoke(event),
    clock: options.clock,
    onProblem: options.onProblem,
  });
  cleanups.push(() => mapping.stop());
  return () => mapping.drained();
}

/** Metrics, and that a first batch has adopted its stream. */
const EXPECTED_LINES = ['{"_aws"', '{"event":"control.adopted"'];

interface FunctionToStart {
  readonly handler: HandlerName;
  readonly variables: Readonly<Record<string, string>>;
}

function startLambda(
  { handler, variables }: FunctionToStart,
  { replication, failures, tally }: Parts,
  { credentials, onProblem }: LocalWorldOptions,
  cleanups: Cleanup[],
): LambdaFunction {
  const bundleDirectory = mkdtempSync(join(tmpdir(), 'ferry-local-'));
  cleanups.push(() => rmSync(bundleDirectory, { recursive: true, force: true }));
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const lambda = startLambdaProcess({
    bundlePath: buildLambdaBundle(bundleDirectory, handler),
    environment: {
      ...variables,
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
      if (!EXPECTED_LINES.some((start) => line.startsWith(start))) onProblem(line);
    },
  });
  cleanups.push(() => lambda.stop());
  return lambda;
}

interface MappingParts {
  readonly lambda: LambdaFunction;
  readonly reader: StreamReader;
  readonly apis: LocalApis;
}

function startMapping(
  { replication, failures, lambda, reader, apis, streamArn }: Parts & MappingParts,
  { clock, onProblem }: LocalWorldOptions,
  cleanups: Cleanup[],
): EventSourceMapping {
  const mapping = startEventSourceMapping({
    reader,
    streamArn,
    invoke: (event) => lambda.invoke(event),
    // As lib/stream-replicator.ts deploys it.
    settings: { ...replication.eventSource, bisectBatchOnFunctionError: true },
    clock,
    onFailure: async (document) => {
      await failures.keep(document);
      const { batchSize } = document.DDBStreamBatchInfo;
      apis.history.add('OnFailureDestinationDeliveredEventCount', [batchSize], clock.now());
      onProblem(`gave a batch up to the bucket: ${document.requestContext.condition}`);
    },
    onProblem,
    onBatch: apis.onBatch,
  });
  cleanups.push(() => mapping.stop());
  return mapping;
}

/** The same replication between tables of this run; the source may be somebody else's. */
function atTables(
  { replication, runId, sourceTable }: LocalWorldOptions,
  { source, destination }: Pick<LocalWorld, 'source' | 'destination'>,
): ReplicationConfig {
  return {
    ...replication,
    source: {
      ...replication.source,
      table: sourceTable ?? `ferry-local-${runId}-source`,
      endpoint: source.endpoint,
    },
    destination: {
      ...replication.destination,
      table: `ferry-local-${runId}-destination`,
      endpoint: destination.endpoint,
    },
    stateTable: `ferry-local-${runId}-state`,
    // The workload stamps its writes, so that latency is exact.
    ...(sourceTable === undefined
      ? { timestampAttribute: replication.timestampAttribute ?? 'writtenAt' }
      : {}),
  };
}

function keySchemaOf({ source }: ReplicationConfig): KeySchema {
  const { partitionKey, sortKey } = source;
  return partitionKey === undefined ? DEFAULT_SCHEMA : { partitionKey, sortKey };
}
