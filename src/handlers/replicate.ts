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

const parts = openOnce(async () => {
  const deployment = readDeployment(process.env);
  const isKinesis = deployment.replication.source.kinesisStreamArn !== undefined;
  return {
    replicator: await openReplicator(deployment, process.env),
    // Of the two, only the one that is used is loaded.
    replicate: isKinesis
      ? (await import('../replicate/kinesis-batch.ts')).replicateKinesisBatch
      : replicateBatch,
  };
});

// Opened before the first batch: Lambda gives the initialization a whole processor, and a small function a part of one.
parts().catch(() => undefined);

export async function handler(
  event: DynamoDBStreamEvent | KinesisStreamEvent,
  invocation: Context,
): Promise<DynamoDBBatchResponse> {
  const { replicator, replicate } = await parts();
  const { batchItemFailures } = await replicate(event.Records, {
    ...replicator,
    remainingMs: () => invocation.getRemainingTimeInMillis(),
  });
  return { batchItemFailures: [...batchItemFailures] };
}
