// Lambda's entry for batches of the stream.

import type { Context, DynamoDBBatchResponse, DynamoDBStreamEvent } from 'aws-lambda';
import { openOnce } from '../composition/open-once.ts';
import { openReplicator } from '../composition/replicator.ts';
import { readDeployment } from '../config/function-variable.ts';
import { replicateBatch } from '../replicate/replicate-batch.ts';

const replicator = openOnce(async () => openReplicator(readDeployment(process.env), process.env));

// Opened before the first batch: Lambda gives the initialization a whole processor, and a small function a part of one.
replicator().catch(() => undefined);

export async function handler(
  event: DynamoDBStreamEvent,
  invocation: Context,
): Promise<DynamoDBBatchResponse> {
  const { batchItemFailures } = await replicateBatch(event.Records, {
    ...(await replicator()),
    remainingMs: () => invocation.getRemainingTimeInMillis(),
  });
  return { batchItemFailures: [...batchItemFailures] };
}
