// Lambda's entry: reads the environment once, builds the adapters once, and hands each batch to
// operations/replicate-batch.

import type { Context, DynamoDBBatchResponse, DynamoDBStreamEvent } from 'aws-lambda';
import { dynamoDbDestination, writeClient } from '../adapters/dynamodb-table.ts';
import { emfMetrics } from '../adapters/emf-metrics.ts';
import { sqsDeadLetters } from '../adapters/sqs-dead-letters.ts';
import { systemClock, systemRandom } from '../adapters/system-clock.ts';
import { canonicalKey, decodeItem } from '../core/attribute-value.ts';
import { fromEnvironment, type HandlerSettings } from '../handler-settings.ts';
import type { ObjectStore } from '../ports.ts';
import { replicateBatch } from '../operations/replicate-batch.ts';

const settings = withHeartbeat(fromEnvironment(process.env));
// Straight to standard output: console.log would wrap the line, and CloudWatch would miss the metrics.
const writeLine = (line: string) => {
  process.stdout.write(`${line}\n`);
};
const context = {
  settings,
  destination: dynamoDbDestination(
    writeClient({
      region: settings.destinationRegion,
      endpoint: settings.destinationEndpoint,
      concurrency: settings.concurrency,
    }),
  ),
  deadLetters: sqsDeadLetters({
    openBucket,
    concurrency: settings.concurrency,
    queueUrl: settings.deadLetterQueueUrl,
    region: settings.sourceRegion,
  }),
  metrics: emfMetrics({ settings, clock: systemClock, writeLine }),
  clock: systemClock,
  random: systemRandom,
  log: (event: object) => {
    writeLine(JSON.stringify(event));
  },
};

/** Records are known by the text of their key. */
function withHeartbeat(environment: HandlerSettings): HandlerSettings {
  const { heartbeatKey: json } = environment;
  if (json === undefined) return environment;
  return { ...environment, heartbeatKey: canonicalKey(decodeItem(JSON.parse(json), 'key')) };
}

/** Loaded with the first record that is too large for the queue: hardly any function ever needs it. */
async function openBucket(): Promise<ObjectStore> {
  const { objectClient, s3Objects } = await import('../adapters/s3-objects.ts');
  const client = objectClient({
    region: settings.sourceRegion,
    endpoint: process.env['AWS_ENDPOINT_URL_S3'],
  });
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
