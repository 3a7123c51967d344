// Everything that a local run needs, started in order: two Regions with their tables, queues and a bucket,
// the Lambda bundles that ship, and the event source mappings that feed them.

import { accessTo, fixedCredentials } from '../../aws/access.ts';
import { operatorProjection } from '../../composition/open-projection.ts';
import type { ProjectionConfig, ReplicationConfig, ServiceEndpoints } from '../../config/schema.ts';
import type { Projection } from '../../model/projection.ts';
import { functionName } from '../../config/names.ts';
import { storesBatches } from '../../config/stored-batches.ts';
import type { StreamReader } from '../../ports.ts';
import { type StreamConsumer, startConsumer } from '../../stream/consumer.ts';
import { batchInfoOf } from '../../stream/on-failure-document.ts';
import { type LambdaApiState, localFunctionArn } from '../lambda/lambda-api.ts';
import { type FaultProxy, startFaultProxy } from '../faults/fault-proxy.ts';
import type { LambdaFunction } from '../lambda/lambda-process.ts';
import type { Cleanup } from './cleanup.ts';
import { type LocalApis, localApis } from './local-apis.ts';
import { type LocalFailures, openLocalFailures } from './local-failures.ts';
import {
  codeOf,
  type FunctionPlace,
  localVariables,
  startLambda,
  startLookAgain,
} from '../lambda/local-functions.ts';
import { figureTime } from '../cloudwatch/figure-time.ts';
import type { MetricHistory } from '../cloudwatch/metric-history.ts';
import { createMetricsTally, type MetricsTally } from '../cloudwatch/metrics-tally.ts';
import {
  createTwin,
  createWayBack,
  inOneDirection,
  type LocalPlace,
  type LocalWorldOptions,
  openLocalPlace,
  openStream,
} from './local-place.ts';

/** `replication` is as it runs here, with the projection deployed last. */
export interface LocalWorld extends LocalPlace {
  readonly projection: Projection | undefined;
  /** Of the source Region's services other than DynamoDB. */
  readonly endpoints: ServiceEndpoints;
  readonly mapping: StreamConsumer;
  readonly lambda: LambdaFunction;
  readonly failures: LocalFailures;
  /** Between the function and the destination. */
  readonly faults: FaultProxy;
  /** Between the function and its source, where it writes there, too. */
  readonly nearFaults?: FaultProxy | undefined;
  readonly tally: MetricsTally;
  /** What CloudWatch has of it. */
  readonly history: MetricHistory;
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
  /** Deploys the function with other settings; its event source mapping and its queues stay. */
  deployAs(replication: ReplicationConfig): Promise<void>;
}

/** What the counts of a run are taken from: one direction, or both. */
export interface CountedWorld extends LocalPlace, Pick<LocalWorld, 'projection' | 'tally'> {
  readonly mapping: Pick<StreamConsumer, 'counts' | 'state'>;
  readonly failures: Pick<LocalFailures, 'letters'>;
}

/** The replicate function. */
type Deployed = FunctionPlace & Pick<LambdaApiState['function'], 'variables' | 'deployedAtMs'>;

/** Both directions of a replication with a way back, between the same two tables. */
export interface BothDirections {
  /** The direction of the configuration. */
  readonly outward: LocalWorld;
  readonly back: LocalWorld;
  readonly whole: CountedWorld;
}

/** One direction. Pushes to `cleanups` what ends each thing it starts, so that nothing is left if a later one fails. */
export async function startLocalWorld(
  options: LocalWorldOptions,
  cleanups: Cleanup[],
): Promise<LocalWorld> {
  const place = await openLocalPlace(
    { ...options, replication: inOneDirection(options.replication) },
    cleanups,
  );
  await createTwin(place);
  return startDirection(place, options, cleanups);
}

/** The same with the way back, for a replication that can be switched or goes both ways. */
export async function startBothDirections(
  options: LocalWorldOptions,
  cleanups: Cleanup[],
): Promise<BothDirections> {
  const place = await openLocalPlace(options, cleanups);
  const wayBack = await createWayBack(place, options.clock);
  const tally = createMetricsTally();
  const outward = await startDirection(place, options, cleanups, tally);
  const back = await startDirection(wayBack, options, cleanups, tally);
  return {
    outward,
    back,
    whole: { ...place, projection: undefined, tally, ...sumsOf(outward, back) },
  };
}

function sumsOf(outward: LocalWorld, back: LocalWorld): Pick<CountedWorld, 'mapping' | 'failures'> {
  return {
    mapping: {
      get counts() {
        const { counts } = outward.mapping;
        const names = Object.keys(counts) as Array<keyof typeof counts>;
        const sums = names.map((name) => [name, counts[name] + back.mapping.counts[name]]);
        return Object.fromEntries(sums) as typeof counts;
      },
      get state() {
        const { state } = outward.mapping;
        return state === 'Enabled' ? back.mapping.state : state;
      },
    },
    failures: {
      letters: async () => (await outward.failures.letters()) + (await back.failures.letters()),
    },
  };
}

/** One direction between tables that are there. */
export async function startDirection(
  place: LocalPlace,
  options: LocalWorldOptions,
  cleanups: Cleanup[],
  whole?: MetricsTally,
): Promise<LocalWorld> {
  const { replication: atHome, source, destination, streamArn } = place;
  const { credentials, clock } = options;
  const access = accessTo(atHome.source, fixedCredentials(credentials));
  const projection = await operatorProjection(atHome, access);
  const reader = await openStream(place, options, cleanups);
  const failures = await openLocalFailures(atHome, credentials);
  cleanups.push(() => failures.close());
  const faults = await proxyOf(destination.endpoint, options, cleanups);
  const nearFaults = atHome.twoWay && (await proxyOf(source.endpoint, options, cleanups));
  const { time = figureTime(clock) } = options;
  const apis = localApis(time);
  const keep = (name: string, values: readonly number[]) =>
    apis.history.add(name, time.stretched(name, values), time.now());
  const tally = createMetricsTally(keep, whole);
  const places = {
    ...atHome.source.endpoints,
    s3: failures.objectEndpoint,
    sqs: failures.queueEndpoint,
  };
  const replication = { ...atHome, source: { ...atHome.source, endpoints: places } };
  const parts = { replication, projection, failures, faults, nearFaults, tally, streamArn };
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
  const deployNow = (next: FunctionPlace) => {
    lambda.deploy(codeOf('replicate', next, options, cleanups));
    deployed = { ...next, variables: localVariables(next), deployedAtMs: clock.now() };
  };
  const deploy = async (settings: ProjectionConfig | undefined) => {
    const { projection: _, ...rest } = replication;
    const changed = { ...rest, ...(settings && { projection: settings }) };
    const opened = await operatorProjection(changed, access);
    if (opened?.digest === deployed.projection?.digest) return false;
    deployNow({ ...parts, replication: changed, projection: opened });
    return true;
  };
  const deployAs = async (changed: ReplicationConfig) =>
    deployNow({
      ...parts,
      replication: { ...changed, source: { ...changed.source, endpoints: places } },
      projection: await operatorProjection(changed, access),
    });
  return {
    ...place,
    ...parts,
    mapping,
    lambda,
    endpoints,
    history: apis.history,
    settled,
    lookedAgain,
    deploy,
    deployAs,
    get replication() {
      return deployed.replication;
    },
    get projection() {
      return deployed.projection;
    },
  };
}

async function proxyOf(
  upstream: string,
  { random, onProblem }: LocalWorldOptions,
  cleanups: Cleanup[],
): Promise<FaultProxy> {
  const proxy = await startFaultProxy({ upstream, random, onProblem });
  cleanups.push(() => proxy.stop());
  return proxy;
}

interface MappingParts {
  readonly lambda: LambdaFunction;
  readonly reader: StreamReader;
  readonly apis: LocalApis;
}

function startMapping(
  { replication, failures, lambda, reader, apis, streamArn }: FunctionPlace & MappingParts,
  { clock, time = figureTime(clock), onProblem }: LocalWorldOptions,
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
      const { batchSize } = batchInfoOf(document);
      apis.history.add('OnFailureDestinationDeliveredEventCount', [batchSize], time.now());
      const place = storesBatches(replication) ? 'bucket' : 'queue';
      onProblem(`gave a batch up to the ${place}: ${document.requestContext.condition}`);
    },
    onProblem,
    onBatch: apis.onBatch,
  });
  cleanups.push(() => mapping.stop());
  return mapping;
}
