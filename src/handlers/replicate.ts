// Lambda's entry: reads the environment once, builds the adapters once, and hands each batch to
// operations/replicate-batch.

import type { Context, DynamoDBBatchResponse, DynamoDBStreamEvent } from 'aws-lambda';
import { emfMetrics } from '../aws/emf-metrics.ts';
import { environmentEndpoint } from '../aws/endpoints.ts';
import { dynamoDbEndpoint, signedRequests } from '../aws/signed/signed-requests.ts';
import { signedTwinWriter, signedTwinReader } from '../aws/signed/signed-table.ts';
import { findCredentials, signingCredentials } from '../aws/signed/signing-credentials.ts';
import { systemClock, systemRandom } from '../aws/system-clock.ts';
import { ConcurrencyLimit } from '../replicate/concurrency-limit.ts';
import { canonicalKey, decodeItem } from '../model/attribute-value.ts';
import { fromEnvironment, type HandlerSettings } from '../config/handler-settings.ts';
import { REQUEST_TIMEOUT_MS } from '../config/names.ts';
import type {
  DeadLetterQueue,
  TwinReader,
  TwinWriter,
  LookAgainQueue,
  ObjectStore,
} from '../ports.ts';
import { controlKeeper } from '../replicate/control-keeper.ts';
import { rejectionMemory } from '../replicate/rejection-memory.ts';
import { replicateBatch } from '../replicate/replicate-batch.ts';

const settings = withHeartbeat(fromEnvironment(process.env));
// Straight to standard output: console.log would wrap the line, and CloudWatch would miss the metrics.
const writeLine = (line: string) => {
  process.stdout.write(`${line}\n`);
};
const log = (event: object) => {
  writeLine(JSON.stringify(event));
};
const base = { rules: settings, clock: systemClock, random: systemRandom, log };
const destination = await openDestination();
const context = {
  ...base,
  ...destination,
  control: controlKeeper({ ...base, ...destination }),
  limit: new ConcurrencyLimit(settings.concurrency),
  rejections: rejectionMemory(),
  deadLetters: lazyQueue(openQueue),
  lookAgain: lazyLookAgain(openLookAgain),
  metrics: emfMetrics({ settings, clock: systemClock, writeLine }),
};

/** Records are known by the text of their key. */
function withHeartbeat(environment: HandlerSettings): HandlerSettings {
  const { heartbeatKey: json } = environment;
  if (json === undefined) return environment;
  return { ...environment, heartbeatKey: canonicalKey(decodeItem(JSON.parse(json), 'key')) };
}

/** Of the two ways to carry a write, only the one that is used is loaded. */
async function openDestination(): Promise<Destination> {
  const { destinationRegion: region, destinationEndpoint: endpoint, concurrency } = settings;
  if (settings.httpClient === 'sdk') {
    const sdk = await import('../aws/dynamodb-table.ts');
    const client = sdk.writeClient({ region, endpoint, concurrency });
    return {
      twinWriter: sdk.dynamoDbTwinWriter(client),
      twinReader: sdk.dynamoDbTwinReader(client),
    };
  }
  const find = () => findCredentials(process.env);
  const requests = signedRequests({
    region,
    endpoint: endpoint ?? environmentEndpoint('DYNAMODB', process.env) ?? dynamoDbEndpoint(region),
    credentials: signingCredentials(find, systemClock),
    concurrency,
    timeoutMs: REQUEST_TIMEOUT_MS,
    clock: systemClock,
  });
  return { twinWriter: signedTwinWriter(requests), twinReader: signedTwinReader(requests) };
}

interface Destination {
  readonly twinWriter: TwinWriter;
  readonly twinReader: TwinReader;
}

/** Lambda has 1,024 file descriptors, and the writes may have 900 of them. */
const LETTERS_AT_ONCE_MAX = 50;

/** Loaded with the first dead letter: a function that is well never has one. */
async function openQueue(): Promise<DeadLetterQueue> {
  const { sqsDeadLetters } = await import('../aws/sqs-dead-letters.ts');
  return sqsDeadLetters({
    openBucket,
    concurrency: Math.min(settings.concurrency, LETTERS_AT_ONCE_MAX),
    queueUrl: settings.deadLetterQueueUrl,
    region: settings.sourceRegion,
  });
}

function lazyQueue(open: () => Promise<DeadLetterQueue>): DeadLetterQueue {
  let opened: Promise<DeadLetterQueue> | undefined;
  return { send: async (letter) => (await (opened ??= open())).send(letter) };
}

/** Loaded with the first delete. */
async function openLookAgain(): Promise<LookAgainQueue> {
  const { sqsLookAgain } = await import('../aws/sqs-look-again.ts');
  return sqsLookAgain({
    queueUrl: settings.lookAgainQueueUrl ?? '',
    region: settings.sourceRegion,
    delaySeconds: settings.lookAgainSeconds,
  });
}

function lazyLookAgain(open: () => Promise<LookAgainQueue>): LookAgainQueue {
  let opened: Promise<LookAgainQueue> | undefined;
  return { announce: async (body) => (await (opened ??= open())).announce(body) };
}

/** Loaded with the first record that is too large for the queue: hardly any function ever needs it. */
async function openBucket(): Promise<ObjectStore> {
  const { objectClient, s3Objects } = await import('../aws/s3-objects.ts');
  const client = objectClient({ region: settings.sourceRegion });
  return s3Objects(client, settings.onFailureBucket);
}

export async function handler(
  event: DynamoDBStreamEvent,
  invocation: Context,
): Promise<DynamoDBBatchResponse> {
  const { batchItemFailures } = await replicateBatch(event.Records, {
    ...context,
    remainingMs: () => invocation.getRemainingTimeInMillis(),
  });
  return { batchItemFailures: [...batchItemFailures] };
}
