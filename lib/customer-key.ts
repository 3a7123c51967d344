// Customer managed keys in constructs. They are named by ARN, so their policies are their owner's: key-policy.ts
// has what these must allow.

import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { BucketEncryption, type BucketProps } from 'aws-cdk-lib/aws-s3';
import { QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { type KeyedResource, keyOf } from '../src/config/encryption-keys.ts';

/** The key of a resource; undefined where it has none. */
export function customerKey(
  scope: Construct,
  replication: ReplicationConfig,
  resource: KeyedResource,
  /** In the scope, of the construct that it encrypts. @default - the resource's name */
  id: string = resource,
): IKey | undefined {
  const keyArn = keyOf(replication, resource);
  return keyArn === undefined ? undefined : Key.fromKeyArn(scope, `${id}Key`, keyArn);
}

/** Props of a queue with this key, or else with SQS's own. */
export function queueEncryption(key: IKey | undefined): QueueProps {
  if (key === undefined) return { encryption: QueueEncryption.SQS_MANAGED };
  return { encryption: QueueEncryption.KMS, encryptionMasterKey: key };
}

/** Props of a bucket with this key, or else with S3's own. */
export function bucketEncryption(key: IKey | undefined): BucketProps {
  if (key === undefined) return { encryption: BucketEncryption.S3_MANAGED };
  // A bucket key spares a request to KMS for each object.
  return { encryption: BucketEncryption.KMS, encryptionKey: key, bucketKeyEnabled: true };
}
