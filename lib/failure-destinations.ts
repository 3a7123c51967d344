// Where records go that do not reach the twin: the dead-letter queue, to which the function sends
// what cannot be applied, and the on-failure bucket, where Lambda puts the batches it gives up.

import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket } from 'aws-cdk-lib/aws-s3';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { ReplicationConfig } from '../src/config/schema.ts';
import {
  deadLetterQueueName,
  DEAD_LETTER_RETENTION_SECONDS,
  DEAD_LETTER_SIZE_BYTES_MAX,
} from '../src/config/names.ts';
import { bucketEncryption, customerKey, queueEncryption } from './customer-key.ts';

/**
 * Life of a batch in the on-failure bucket. Nothing announces its end, so it leaves a quarter of a
 * year to notice; after it, only a verify and a repair find what the batch held.
 */
const FAILED_BATCH_LIFE = Duration.days(90);

/** The queue for records that cannot be applied, as large and as patient as SQS allows. */
export function createDeadLetterQueue(scope: Construct, replication: ReplicationConfig): Queue {
  const queue = new Queue(scope, 'DeadLetterQueue', {
    queueName: deadLetterQueueName(replication.name),
    retentionPeriod: Duration.seconds(DEAD_LETTER_RETENTION_SECONDS),
    maxMessageSizeBytes: DEAD_LETTER_SIZE_BYTES_MAX,
    ...queueEncryption(customerKey(scope, replication, 'deadLetterQueue')),
    enforceSSL: true,
    // Its letters are data. Only a first deployment that fails takes the empty queue back, so that
    // the queue's name is free for the next one.
    removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  });
  Validations.of(queue).acknowledge({
    id: 'AwsSolutions-SQS3',
    reason: 'It is a dead-letter queue: the function sends to it, so no queue names it as such.',
  });
  return queue;
}

/** The bucket for batches that Lambda gives up, each with all its records. */
export function createOnFailureBucket(scope: Construct, replication: ReplicationConfig): Bucket {
  const bucket = new Bucket(scope, 'OnFailureBucket', {
    ...bucketEncryption(customerKey(scope, replication, 'onFailureBucket')),
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    enforceSSL: true,
    // Lambda gives every object a name of its own, so there are no versions to keep.
    versioned: false,
    lifecycleRules: [
      { expiration: FAILED_BATCH_LIFE, abortIncompleteMultipartUploadAfter: Duration.days(1) },
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
