// Everything that a local run needs, started in order: two Regions with their tables, queues and a bucket,
// the Lambda bundles that ship, and the event source mappings that feed them.

import { accessTo, type Credentials, fixedCredentials } from '../../aws/access.ts';
import { dynamoDbStreamReader } from '../../aws/dynamodb-streams.ts';
import { streamsClient } from '../../aws/stream-ranges.ts';
import { operatorProjection } from '../../composition/open-projection.ts';
import type { ProjectionConfig, ReplicationConfig, ServiceEndpoints } from '../../config/schema.ts';
import type { Projection } from '../../model/projection.ts';
import { functionName, LEDGER_ATTRIBUTES } from '../../config/names.ts';
import { mayLeaveOut } from '../../config/projection-settings.ts';
import { storesBatches } from '../../config/stored-batches.ts';
import type { Clock, Random, StreamReader } from '../../ports.ts';
import { type StreamConsumer, startConsumer } from '../../stream/consumer.ts';
import { type LambdaApiState, localFunctionArn } from '../lambda/lambda-api.ts';
import { type FaultProxy, startFaultProxy } from '../faults/fault-proxy.ts';
import type { LambdaFunction } from '../lambda/lambda-process.ts';
import type { Cleanup } from './cleanup.ts';
import { atTables } from './run-tables.ts';
import { type LocalApis, localApis } from './local-apis.ts';
import { type LocalFailures, openLocalFailures } from './local-failures.ts';
import { startLocalSecrets } from './local-secrets.ts';
import {
  codeOf,
  type FunctionPlace,
  localVariables,
  startLambda,
  startLookAgain,
} from '../lambda/local-functions.ts';
import {
  type LocalRegion,
  type LocalRegionOptions,
  openLocalRegion,
} from '../engine/local-region.ts';
import { createMetricsTally, type MetricsTally } from '../cloudwatch/metrics-tally.ts';
import { type OwnTable, ownTable, requireReadable, streamOfNew } from '../engine/source-stream.ts';
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
  /** Decides which requests a fault strikes. */
  readonly random: Random;
  /** Something went wrong and is being dealt with; for people. */
  readonly onProblem: (problem: string) => void;
}

const STATE_SCHEMA: KeySchema = { partitionKey: { name: LEDGER_ATTRIBUTES.id, type: 'S' } };
const DEFAULT_SCHEMA: KeySchema = {
  partitionKey: { name: 'pk', type: 'S' },
  sortKey: { name: 'sk', type: 'S' },
};

export interface LocalWorld {
  readonly source: LocalRegion;
  readonly destination: LocalRegion;
  /** As it runs here: with the tables of this run, at their endpoints, and the projection deployed last. */
  readonly replication: ReplicationConfig;
  readonly projection: Projection | undefined;
  readonly schema: KeySchema;
  readonly streamArn: string;
  /** Of the source Region's services other than DynamoDB. */
  readonly endpoints: ServiceEndpoints;
  readonly mapping: StreamConsumer;
  readonly lambda: LambdaFunction;
  readonly failures: LocalFailures;
  /** Between the function and the destination. */
  readonly faults: FaultProxy;
  readonly tally: MetricsTally;
  /**
   * Resolves once everything that is in the stream now has been handed over or given up, no invocation is
   * open any more, and every delete has been looked at again. Nothing may be written meanwhile.
   * @throws FerryError `stream.stopped`.
   */
  settled(): Promise<void>;
  /** The last part of it: for deletes that others have announced since. */
  lookedAgain(): Promise<void>;
  /**
   * Deploys the function with another projection.
   * @returns whether it is another one.
   */
  deploy(projection: ProjectionConfig | undefined): Promise<boolean>;
}

/** The replicate function. */
type Deployed = FunctionPlace & Pick<LambdaApiState['function'], 'variables' | 'deployedAtMs'>;

/** Pushes to `cleanups` what ends each thing it starts, so that nothing is left if a later one fails. */
export async function startLocalWorld(
  options: LocalWorldOptions,
  cleanups: Cleanup[],
): Promise<LocalWorld> {
  const { source, destination } = await openRegions(options, cleanups);
  const secrets = await startLocalSecrets();
  cleanups.push(() => secrets.stop());
  const atHome = atTables(options, { source, destination, secretsmanager: secrets.endpoint });
  const { credentials, onProblem, random, clock } = options;
  const access = accessTo(atHome.source, fixedCredentials(credentials));
  const projection = await operatorProjection(atHome, access);
  const { schema, streamArn } = await sourceOf({ source, replication: atHome }, options);
  const reader = await openStream({ source, streamArn }, options, cleanups);
  await destination.createTable(atHome.destination.table, schema);
  await destination.createTable(atHome.stateTable, STATE_SCHEMA);

  const failures = await openLocalFailures(atHome, credentials);
  cleanups.push(() => failures.close());
  const faults = await startFaultProxy({ upstream: destination.endpoint, random, onProblem });
  cleanups.push(() => faults.stop());
  const apis = localApis(clock);
  const tally = createMetricsTally((name, values) => apis.history.add(name, values, clock.now()));
  const places = {
    ...atHome.source.endpoints,
    s3: failures.objectEndpoint,
    sqs: failures.queueEndpoint,
  };
  const replication = { ...atHome, source: { ...atHome.source, endpoints: places } };
  const parts = { replication, projection, failures, faults, tally, streamArn };
  let deployed: Deployed = {
    ...parts,
    variables: localVariables(parts),
    deployedAtMs: clock.now(),
  };
  const lambda = startLambda('replicate', parts, options, cleanups);
  const mapping = startMapping({ ...parts, lambda, reader, apis }, options, cleanups);
  const lookedAgain = startLookAgain(parts, options, cleanups);
  const server = await apis.open({ ...parts, mapping, deployed: () => deployed });
  cleanups.push(() => server.stop());
  const endpoints = { ...places, lambda: server.endpoint, cloudwatch: server.endpoint };
  const settled = async () => {
    await mapping.settled();
    await lambda.idle();
    await lookedAgain();
  };
  const deploy = async (settings: ProjectionConfig | undefined) => {
    const { projection: _, ...rest } = replication;
    const changed = { ...rest, ...(settings && { projection: settings }) };
    const opened = await operatorProjection(changed, access);
    const next = { ...parts, replication: changed, projection: opened };
    if (next.projection?.digest === deployed.projection?.digest) return false;
    lambda.deploy(codeOf('replicate', next, options, cleanups));
    deployed = { ...next, variables: localVariables(next), deployedAtMs: clock.now() };
    return true;
  };
  return {
    ...parts,
    source,
    destination,
    schema,
    mapping,
    lambda,
    endpoints,
    settled,
    lookedAgain,
    deploy,
    get replication() {
      return deployed.replication;
    },
    get projection() {
      return deployed.projection;
    },
  };
}

/** A new table, or one that is there already. */
async function sourceOf(
  { source, replication }: Pick<LocalWorld, 'source' | 'replication'>,
  { sourceTable, credentials, ...options }: LocalWorldOptions,
): Promise<OwnTable> {
  const viewIf = (isLeavingOut: boolean) => (isLeavingOut ? 'NEW_AND_OLD_IMAGES' : 'NEW_IMAGE');
  if (sourceTable !== undefined) {
    // A module may leave nothing out.
    const view = viewIf(replication.projection?.keepItems !== undefined);
    return ownTable(sourceTable, source, { credentials, view });
  }
  const stream = viewIf(mayLeaveOut(replication));
  const schema = keySchemaOf(options.replication);
  const streamArn = await source.createTable(replication.source.table, schema, { stream });
  return { schema, streamArn: streamOfNew(streamArn, source) };
}

async function openStream(
  { source: { region, endpoint }, streamArn }: Pick<LocalWorld, 'source' | 'streamArn'>,
  { credentials, clock }: LocalWorldOptions,
  cleanups: Cleanup[],
): Promise<StreamReader> {
  const streams = streamsClient({ region, endpoint, credentials: fixedCredentials(credentials) });
  cleanups.push(() => streams.destroy());
  const reader = dynamoDbStreamReader(streams, streamArn);
  await requireReadable(reader, { streamArn, endpoint }, clock);
  return reader;
}

async function openRegions(options: LocalWorldOptions, cleanups: Cleanup[]) {
  const { replication, credentials, sourceEndpoint, destinationEndpoint } = options;
  const open = async (place: Omit<LocalRegionOptions, 'credentials'>) => {
    const region = await openLocalRegion({ ...place, credentials });
    cleanups.push(() => region.close());
    return region;
  };
  const [from, to] = [replication.source.region, replication.destination.region];
  return {
    source: await open({ region: from, endpoint: sourceEndpoint, port: options.sourcePort }),
    destination: await open({
      region: to,
      endpoint: destinationEndpoint,
      port: options.destinationPort,
    }),
  };
}

interface MappingParts {
  readonly lambda: LambdaFunction;
  readonly reader: StreamReader;
  readonly apis: LocalApis;
}

function startMapping(
  { replication, failures, lambda, reader, apis, streamArn }: FunctionPlace & MappingParts,
  { clock, onProblem }: LocalWorldOptions,
  cleanups: Cleanup[],
): StreamConsumer {
  const mapping = startConsumer({
    reader,
    streamArn,
    functionArn: localFunctionArn({
      name: functionName(replication.name),
      region: replication.source.region,
    }),
    invoke: (event) => lambda.invoke(event),
    // As lib/stream-replicator.ts deploys it.
    settings: { ...replication.eventSource, bisectBatchOnFunctionError: true },
    clock,
    onFailure: async (document) => {
      await failures.keep(document);
      const { batchSize } = document.DDBStreamBatchInfo;
      apis.history.add('OnFailureDestinationDeliveredEventCount', [batchSize], clock.now());
      const place = storesBatches(replication) ? 'bucket' : 'queue';
      onProblem(`gave a batch up to the ${place}: ${document.requestContext.condition}`);
    },
    onProblem,
    onBatch: apis.onBatch,
  });
  cleanups.push(() => mapping.stop());
  return mapping;
}

function keySchemaOf({ source }: ReplicationConfig): KeySchema {
  const { partitionKey, sortKey } = source;
  return partitionKey === undefined ? DEFAULT_SCHEMA : { partitionKey, sortKey };
}
