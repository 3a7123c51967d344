// Lambda's entry for batches of the stream, of the table or of Kinesis.

import type {
  Context,
  DynamoDBBatchResponse,
  DynamoDBStreamEvent,
  KinesisStreamEvent,
} from 'aws-lambda';
import { openOnce } from '../composition/open-once.ts';
import { openReplicator } from '../composition/replicator.ts';
import { readDeployment } from '../config/function-variable.ts';
import { replicateBatch } from '../replicate/replicate-batch.ts';

const kinesisBatch = () => import('../replicate/kinesis-batch.ts');

const parts = openOnce(async () => {
  const deployment = readDeployment(process.env);
  // Only where it is used.
  if (deployment.replication.source.kinesisStreamArn !== undefined) await kinesisBatch();
  return openReplicator(deployment, process.env);
});

// Opened before the first batch: Lambda gives the initialization a whole processor, and a small function a part of one.
parts().catch(() => undefined);

type Records = ReadonlyArray<{ readonly eventSource?: string }>;

export async function handler(
  event: DynamoDBStreamEvent | KinesisStreamEvent,
  invocation: Context,
): Promise<DynamoDBBatchResponse> {
  const replicator = await parts();
  // By what has come: while a deployment changes the source, the mappings of both invoke the function.
  const isKinesis = (event.Records as Records | undefined)?.[0]?.eventSource === 'aws:kinesis';
  const replicate = isKinesis ? (await kinesisBatch()).replicateKinesisBatch : replicateBatch;
  const { batchItemFailures } = await replicate(event.Records, {
    ...replicator,
    remainingMs: () => invocation.getRemainingTimeInMillis(),
  });
  return { batchItemFailures: [...batchItemFailures] };
}
