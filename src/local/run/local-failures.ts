// Where records go on this machine that do not reach the twin: a dead-letter queue behind a local SQS, and
// the on-failure bucket behind a local S3. The queue of deletes to look at again is beside them.

import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { CreateQueueCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { type Credentials, fixedCredentials } from '../../aws/access.ts';
import { objectClient, s3Objects } from '../../aws/s3-objects.ts';
import { queueClient, sqsMessages } from '../../aws/sqs-messages.ts';
import type { ReplicationConfig } from '../../config/schema.ts';
import {
  DEAD_LETTER_RETENTION_SECONDS,
  deadLetterQueueName,
  LOOK_AGAIN_RETENTION_SECONDS,
  lookAgainName,
  ON_FAILURE_OBJECT_PREFIX,
} from '../../config/names.ts';
import { servicesAt } from '../../config/partition-services.ts';
import { storesBatches } from '../../config/stored-batches.ts';
import type { MessageQueue, ObjectStore } from '../../ports.ts';
import { type OnFailureDocument, onFailureObjectKey } from '../../stream/on-failure-document.ts';
import { startS3Server } from '../s3/server.ts';
import { startSqsServer } from '../sqs/server.ts';

export interface LocalFailures {
  readonly queueUrl: string;
  readonly queue: MessageQueue;
  readonly lookAgainQueueUrl: string;
  readonly lookAgainQueue: MessageQueue;
  /** Lets announced deletes be looked at now, whatever their delay. */
  hastenLookAgain(): void;
  readonly bucketName: string;
  readonly bucket: ObjectStore;
  readonly objectEndpoint: string;
  readonly queueEndpoint: string;
  /** What waits for a redrive: messages on the queue, and batches in the bucket. */
  letters(): Promise<number>;
  /** When the oldest message of a queue was sent, epoch milliseconds; undefined where there is none. */
  oldestSentAtMs(queueName: string): number | undefined;
  /** Keeps a batch that was given up, where Lambda would. */
  keep(document: OnFailureDocument): Promise<void>;
  close(): Promise<void>;
}

const BUCKET = 'ferry-local-failures';

export async function openLocalFailures(
  replication: ReplicationConfig,
  credentials: Credentials,
): Promise<LocalFailures> {
  const { name, source } = replication;
  const [sqs, s3] = await Promise.all([startSqsServer(), startS3Server()]);
  const settings = { region: source.region, credentials: fixedCredentials(credentials) };
  const messages = queueClient({ ...settings, endpoint: sqs.endpoint, queueUrl: sqs.endpoint });
  const objects = objectClient({ ...settings, endpoint: s3.endpoint });
  const createQueue = async (QueueName: string, Attributes: Record<string, string>) => {
    const { QueueUrl = '' } = await messages.send(
      new CreateQueueCommand({ QueueName, Attributes }),
    );
    return QueueUrl;
  };
  const queueUrl = await createQueue(deadLetterQueueName(name), {
    MessageRetentionPeriod: String(DEAD_LETTER_RETENTION_SECONDS),
    MaximumMessageSize: String(servicesAt(source.region).messageBytesMax),
  });
  const lookAgainQueueUrl = await createQueue(lookAgainName(name), {
    MessageRetentionPeriod: String(LOOK_AGAIN_RETENTION_SECONDS),
  });
  await objects.send(new CreateBucketCommand({ Bucket: BUCKET }));
  const bucket = s3Objects(objects, BUCKET);
  const queue = sqsMessages(messages, queueUrl);
  return {
    queueUrl,
    queue,
    lookAgainQueueUrl,
    lookAgainQueue: sqsMessages(messages, lookAgainQueueUrl),
    hastenLookAgain: () => sqs.queue(lookAgainName(name)).hasten(),
    bucketName: BUCKET,
    bucket,
    objectEndpoint: s3.endpoint,
    queueEndpoint: sqs.endpoint,
    async letters() {
      let count = await queue.size();
      for await (const page of bucket.list(ON_FAILURE_OBJECT_PREFIX)) count += page.length;
      return count;
    },
    oldestSentAtMs: (queueName) => sqs.queue(queueName).oldestSentAtMs(),
    async keep({ payload, ...metadata }) {
      if (storesBatches(replication))
        return bucket.put(
          onFailureObjectKey(metadata, 'local'),
          JSON.stringify({ ...metadata, payload }),
        );
      const MessageBody = JSON.stringify(metadata);
      await messages.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }));
    },
    async close() {
      messages.destroy();
      objects.destroy();
      await Promise.all([sqs.stop(), s3.stop()]);
    },
  };
}
