// Where records go that do not reach the twin: the dead-letter queue, to which the function sends
// what cannot be applied, and the on-failure bucket, where Lambda puts the batches it gives up. In a partition
// where Lambda does not store them, the queue gets where they are in the stream. The look-again queue is made like
// the first.

import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import { Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { ReplicationConfig } from '../src/config/schema.ts';
import {
  deadLetterQueueName,
  DEAD_LETTER_RETENTION_SECONDS,
  LOSER_DAYS,
  LOSER_OBJECT_PREFIX,
  STRANDED_DAYS,
} from '../src/config/names.ts';
import { servicesAt } from '../src/config/partition-services.ts';
import { customerKey } from './customer-keys.ts';

/**
 * Life of a batch in the on-failure bucket, and of a stranded write. Nothing announces its end, so it leaves a quarter
 * of a year to notice; after it, only a verify and a repair find what the batch held.
 */
const FAILED_BATCH_LIFE = Duration.days(STRANDED_DAYS);

/** The queue for records that cannot be applied, as large and as patient as SQS allows. */
export function createDeadLetterQueue(scope: Construct, replication: ReplicationConfig): Queue {
  return createQueue(scope, 'DeadLetterQueue', {
    queueName: deadLetterQueueName(replication.name),
    retentionPeriod: Duration.seconds(DEAD_LETTER_RETENTION_SECONDS),
    maxMessageSizeBytes: servicesAt(replication.source.region).messageBytesMax,
    key: customerKey(scope, replication, 'deadLetterQueue'),
    whyNoDeadLetters:
      'It is a dead-letter queue: the function sends to it, so no queue names it as such.',
  });
}

/** @param props with the answer to cdk-nag's finding that the queue has no dead-letter queue. */
export function createQueue(
  scope: Construct,
  id: string,
  {
    key,
    whyNoDeadLetters,
    ...props
  }: QueueProps & { readonly key: IKey | undefined; readonly whyNoDeadLetters: string },
): Queue {
  const queue = new Queue(scope, id, {
    ...props,
    encryption: key === undefined ? QueueEncryption.SQS_MANAGED : QueueEncryption.KMS,
    ...(key && { encryptionMasterKey: key }),
    enforceSSL: true,
    // Its messages are data. Only a first deployment that fails takes the empty queue back, so that
    // the queue's name is free for the next one.
    removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  });
  Validations.of(queue).acknowledge({ id: 'AwsSolutions-SQS3', reason: whyNoDeadLetters });
  return queue;
}

/** The bucket for batches that Lambda gives up, each with all its records. */
export function createOnFailureBucket(scope: Construct, replication: ReplicationConfig): Bucket {
  const encryptionKey = customerKey(scope, replication, 'onFailureBucket');
  const bucket = new Bucket(scope, 'OnFailureBucket', {
    encryption: encryptionKey === undefined ? BucketEncryption.S3_MANAGED : BucketEncryption.KMS,
    // A bucket key spares a request to KMS for each object.
    ...(encryptionKey && { encryptionKey, bucketKeyEnabled: true }),
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    enforceSSL: true,
    // Lambda gives every object a name of its own, so there are no versions to keep.
    versioned: false,
    lifecycleRules: [
      { expiration: FAILED_BATCH_LIFE, abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ...(replication.twoWay?.losers === 'keep'
        ? [{ prefix: LOSER_OBJECT_PREFIX, expiration: Duration.days(LOSER_DAYS) }]
        : []),
    ],
    removalPolicy: RemovalPolicy.RETAIN,
  });
  Validations.of(bucket).acknowledge({
    id: 'AwsSolutions-S1',
    reason:
      'Only Lambda writes to it, and only after long failures; CloudTrail data events can show who reads it.',
  });
  return bucket;
}
