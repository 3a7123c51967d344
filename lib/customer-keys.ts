// Customer managed keys in constructs. They are named by ARN, so their policies are their owner's.

import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { type KeyedResource, keyOf } from '../src/config/encryption-keys.ts';
import type { ReplicationConfig } from '../src/config/schema.ts';

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
