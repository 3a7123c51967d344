// The parts of a replicator, made once from its deployment. What a healthy one never needs is loaded when it is needed.

import type { Access, Sides } from '../aws/access.ts';
import { findCredentials, keptCredentials } from '../aws/credential-source.ts';
import { emfMetrics } from '../aws/emf-metrics.ts';
import { environmentEndpoint } from '../aws/endpoints.ts';
import { dynamoDbEndpoint, signedRequests } from '../aws/signed/signed-requests.ts';
import { signedTwinReader, signedTwinWriter } from '../aws/signed/signed-table.ts';
import { systemClock, systemRandom } from '../aws/system-clock.ts';
import { handlerSettings, type HandlerSettings } from '../config/handler-settings.ts';
import { REQUEST_TIMEOUT_MS } from '../config/names.ts';
import type { Deployment, ReplicationConfig } from '../config/schema.ts';
import type { Projection } from '../model/projection.ts';
import type { DeadLetterQueue, LookAgainQueue, ObjectStore } from '../ports.ts';
import { ConcurrencyLimit } from '../replicate/concurrency-limit.ts';
import {
  type ControlContext,
  controlKeeper,
  type ControlKeeper,
} from '../replicate/control-keeper.ts';
import type { BothWays } from '../replicate/both-ways.ts';
import { rejectionMemory } from '../replicate/systemic-rejection.ts';
import type { Replicator } from '../replicate/replicate-batch.ts';
import { functionSides } from './function-access.ts';
import { logLine, metricsOf } from './function-output.ts';
import { openOnce } from './open-once.ts';
import { heartbeatKeyText } from './write-rules.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What a process has of its own in the place of a function's. */
export interface OwnParts extends Pick<Replicator, 'deadLetters' | 'metrics' | 'log'> {
  readonly sides: Sides;
  readonly projection: Projection | undefined;
}

/** What a process that goes on without it has to close. */
interface Closable {
  readonly close: () => void;
}

/**
 * @param environment of the process, which may have credentials and an endpoint.
 * @param own of a process that is no function.
 */
export async function openReplicator(
  deployment: Deployment,
  environment: Environment,
  own?: OwnParts,
): Promise<Replicator & Closable> {
  const { replication, ...places } = deployment;
  const settings = handlerSettings(replication, places);
  const { source, destination } = own?.sides ?? (await functionSides(replication, environment));
  const projection = own === undefined ? await projectionOf(deployment, source) : own.projection;
  const log = own?.log ?? logLine;
  const twoWay = await twoWayOf(replication);
  const heartbeat = heartbeatKeyText(replication);
  const rules = { ...settings, projection, heartbeatKeyText: heartbeat, twoWay };
  const twin = await openTwin(settings, destination, environment);
  const base = { rules, ...twin, clock: systemClock, random: systemRandom, log };
  const bucket = openOnce(() => openBucket(settings));
  const openSource = (concurrency: number) =>
    openTwin({ ...settings, concurrency }, source, environment);
  return {
    ...base,
    bothWays: twoWay && (await openBothWays({ ...base, openSource, bucket })),
    control: await controlOf(replication, { ...base, openSource, bucket }),
    limit: new ConcurrencyLimit(settings.concurrency),
    rejections: rejectionMemory(),
    deadLetters: own?.deadLetters ?? deadLetterQueue(settings, bucket),
    lookAgain: lookAgainQueue(settings),
    metrics: own?.metrics ?? emfMetrics(metricsOf(replication)),
  };
}

/** Without a projection, nothing of it is loaded. */
async function projectionOf(deployment: Deployment, source: Access) {
  if (deployment.replication.projection === undefined) return undefined;
  const { functionProjection } = await import('./function-projection.ts');
  return functionProjection(deployment, source);
}

/** Of both copies of the control row, and of deletes at the source while it is the twin. */
const READS_AT_ONCE = 8;

interface ControlSetup extends ControlContext {
  readonly openSource: (concurrency: number) => Promise<Twin>;
  readonly bucket: () => Promise<ObjectStore>;
}

/** Without "switching", nothing of it is loaded. */
async function controlOf(
  replication: ReplicationConfig,
  setup: ControlSetup,
): Promise<ControlKeeper> {
  if (replication.switching === undefined) return controlKeeper(setup);
  const { openSource, bucket, twinReader: destination } = setup;
  const { functionSwitching } = await import('./function-switching.ts');
  const { twinReader: source } = await openSource(READS_AT_ONCE);
  return functionSwitching(
    replication,
    { source, destination },
    { ...setup, bucket: openedLater(bucket) },
  );
}

function openedLater(bucket: () => Promise<ObjectStore>): Pick<ObjectStore, 'put'> {
  return { put: async (key, body) => (await bucket()).put(key, body) };
}

/** In one direction, nothing of it is loaded. */
async function twoWayOf(replication: ReplicationConfig) {
  if (replication.twoWay === undefined) return undefined;
  const { twoWayRules } = await import('./two-way.ts');
  return twoWayRules(replication);
}

/** Reads of the ledger beside the source, and the few writes to the source itself. */
const NEAR_AT_ONCE = 64;

async function openBothWays({ openSource, bucket, ...context }: ControlSetup): Promise<BothWays> {
  const { bothWays } = await import('../replicate/both-ways.ts');
  const { twinReader: nearReader, twinWriter: nearWriter } = await openSource(NEAR_AT_ONCE);
  const nearSide = { nearReader, nearWriter, bucket: openedLater(bucket) };
  return bothWays({ ...context, nearSide });
}

type Twin = Pick<Replicator, 'twinWriter' | 'twinReader'>;

/** Of the two ways to carry a write, only the one that is used is loaded. */
export async function openTwin(
  { httpClient, concurrency }: Pick<HandlerSettings, 'httpClient' | 'concurrency'>,
  access: Access,
  environment: Environment,
): Promise<Twin & Closable> {
  const { region, endpoint, credentials } = access;
  if (httpClient === 'sdk') {
    const sdk = await import('../aws/dynamodb-table.ts');
    const client = sdk.writeClient({ ...access, concurrency });
    return {
      twinWriter: sdk.dynamoDbTwinWriter(client),
      twinReader: sdk.dynamoDbTwinReader(client),
      close: () => client.destroy(),
    };
  }
  const find = () => findCredentials(environment);
  const requests = signedRequests({
    region,
    endpoint: endpoint ?? environmentEndpoint('DYNAMODB', environment) ?? dynamoDbEndpoint(region),
    credentials: credentials ?? keptCredentials({ find, clock: systemClock }),
    concurrency,
    timeoutMs: REQUEST_TIMEOUT_MS,
    clock: systemClock,
  });
  return {
    twinWriter: signedTwinWriter(requests),
    twinReader: signedTwinReader(requests),
    close: () => void requests.close(),
  };
}

/** Lambda has 1,024 file descriptors, and the writes may have 900 of them. */
const DEAD_LETTERS_AT_ONCE_MAX = 50;

function deadLetterQueue(
  settings: HandlerSettings,
  openOwnBucket: () => Promise<ObjectStore>,
): DeadLetterQueue {
  const { sourceRegion: region, deadLetterQueueUrl: queueUrl, concurrency } = settings;
  const queue = openOnce(async () => {
    const { sqsDeadLetters } = await import('../aws/sqs-dead-letters.ts');
    return sqsDeadLetters({
      openBucket: openOwnBucket,
      concurrency: Math.min(concurrency, DEAD_LETTERS_AT_ONCE_MAX),
      queueUrl,
      region,
    });
  });
  return { send: async (letter) => (await queue()).send(letter) };
}

async function openBucket({ sourceRegion: region, onFailureBucket }: HandlerSettings) {
  const { objectClient, s3Objects } = await import('../aws/s3-objects.ts');
  return s3Objects(objectClient({ region }), onFailureBucket);
}

function lookAgainQueue(settings: HandlerSettings): LookAgainQueue {
  const { sourceRegion: region, lookAgainQueueUrl = '', lookAgainSeconds } = settings;
  const queue = openOnce(async () => {
    const { sqsLookAgain } = await import('../aws/sqs-look-again.ts');
    return sqsLookAgain({ queueUrl: lookAgainQueueUrl, region, delaySeconds: lookAgainSeconds });
  });
  return { announce: async (body) => (await queue()).announce(body) };
}
