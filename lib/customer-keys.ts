// Customer managed keys in constructs. They are named by ARN, so their policies are their owner's: key-policy.ts
// has what these must allow. A role may ask no more of a key than its own work needs, and only through the service
// whose data the key encrypts.

import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import type { ReplicationConfig, TableConfig } from '../src/config/schema.ts';
import { type KeyedResource, keyOf } from '../src/config/encryption-keys.ts';
import { allow, partitionAt } from './policies.ts';

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

/** What each request, with the permissions of its caller, makes its service ask of KMS. */
const KEY_ACTIONS = {
  // DynamoDB has the table's data keys already, for each reader and writer of the table or its stream.
  'dynamodb:*': ['kms:Decrypt', 'kms:DescribeKey'],
  // Lambda decrypts the environment as the function, when an instance of it starts.
  'lambda:InvokeFunction': ['kms:Decrypt'],
  // CloudWatch Logs uses its service principal. AWS recommends these permissions for its callers, too.
  'logs:PutLogEvents': ['kms:Decrypt', 'kms:GenerateDataKey'],
  's3:PutObject': ['kms:GenerateDataKey'],
  's3:GetObject': ['kms:Decrypt'],
  // SQS also reads a new data key back, to see that it is intact.
  'sqs:SendMessage': ['kms:Decrypt', 'kms:GenerateDataKey'],
  'sqs:ReceiveMessage': ['kms:Decrypt'],
} as const;

type KeyedRequest = keyof typeof KEY_ACTIONS;
export type KeyedService = 'dynamodb' | 'lambda' | 'logs' | 's3' | 'sqs';

/** Of all requests to a service. */
export function keyActions(service: KeyedService): string[] {
  return Object.entries(KEY_ACTIONS).flatMap(([request, actions]) =>
    request.startsWith(`${service}:`) ? actions : [],
  );
}

/** For requests to what the app creates in the source's Region. */
export function useOfKey(
  replication: ReplicationConfig,
  resource: KeyedResource,
  request: KeyedRequest,
): PolicyStatement[] {
  return useThrough(request, replication.source.region, keyOf(replication, resource));
}

/** A function cannot use the key of a table in any other way. */
export function useOfTableKey({ region, kmsKeyArn }: TableConfig): PolicyStatement[] {
  return useThrough('dynamodb:*', region, kmsKeyArn);
}

/** The keys of the two tables that Ferry writes: the destination, and the state table. */
export function useOfDestinationKeys(replication: ReplicationConfig): PolicyStatement[] {
  const { region, kmsKeyArn } = replication.destination;
  const keys = new Set([kmsKeyArn, keyOf(replication, 'stateTable')]);
  return [...keys].flatMap((key) => useThrough('dynamodb:*', region, key));
}

function useThrough(
  request: KeyedRequest,
  region: string,
  keyArn: string | undefined,
): PolicyStatement[] {
  if (keyArn === undefined) return [];
  const services = viaService(request.split(':')[0] as KeyedService, region);
  const conditions = { StringEquals: { 'kms:ViaService': services } };
  return [allow(KEY_ACTIONS[request], keyArn, conditions)];
}

/**
 * Values of `kms:ViaService` for a service. AWS documents `SERVICE.REGION.amazonaws.com`, and for no partition
 * whether the ending is its own there, as that of endpoints is. A condition with both holds either way.
 */
export function viaService(service: KeyedService, region: string): string[] {
  const suffixes = new Set(['amazonaws.com', partitionAt(region).dnsSuffix]);
  return [...suffixes].map((suffix) => `${service}.${region}.${suffix}`);
}
