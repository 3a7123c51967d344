// What a role may ask of customer managed keys: no more than its own work needs, and only through the service
// whose data the key encrypts.

import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { ReplicationConfig, TableConfig } from '../src/config/schema.ts';
import { keyOf } from '../src/config/encryption-keys.ts';
import { allow, partitionAt } from './policies.ts';

export type KeyedService = 'dynamodb' | 'lambda' | 'logs' | 's3' | 'sqs';

/**
 * DynamoDB uses the key of a table with the permissions of the caller that reads or writes the table or its stream.
 * A function cannot use the key in any other way.
 */
export function useOfKey({ region, kmsKeyArn }: TableConfig): PolicyStatement[] {
  return useThrough('dynamodb', { region, kmsKeyArn, actions: TABLE_KEY_ACTIONS });
}

/** The keys of the two tables that Ferry writes: the destination, and the state table. */
export function useOfDestinationKeys(replication: ReplicationConfig): PolicyStatement[] {
  const { destination } = replication;
  const stateKey = keyOf(replication, 'stateTable');
  return [
    ...useOfKey(destination),
    ...(stateKey === undefined || stateKey === destination.kmsKeyArn
      ? []
      : useOfKey({ ...destination, kmsKeyArn: stateKey })),
  ];
}

/** What DynamoDB asks of KMS for each reader and writer: the table's data keys it has already. */
export const TABLE_KEY_ACTIONS = ['kms:Decrypt', 'kms:DescribeKey'];

/** What Lambda asks of KMS for a function. */
export const ENVIRONMENT_KEY_ACTIONS = ['kms:Decrypt'];

/** What SQS and S3 ask of KMS for each request. */
export const REQUEST_KEY_ACTIONS = {
  // SQS also reads a new data key back, to see that it is intact.
  sendMessage: ['kms:Decrypt', 'kms:GenerateDataKey'],
  receiveMessage: ['kms:Decrypt'],
  putObject: ['kms:GenerateDataKey'],
  getObject: ['kms:Decrypt'],
};

export function useOfQueueKey(
  replication: ReplicationConfig,
  queue: 'deadLetterQueue' | 'lookAgainQueue',
  request: 'sendMessage' | 'receiveMessage',
): PolicyStatement[] {
  return useThrough('sqs', {
    region: replication.source.region,
    kmsKeyArn: keyOf(replication, queue),
    actions: REQUEST_KEY_ACTIONS[request],
  });
}

export function useOfBucketKey(
  replication: ReplicationConfig,
  request: 'putObject' | 'getObject',
): PolicyStatement[] {
  return useThrough('s3', {
    region: replication.source.region,
    kmsKeyArn: keyOf(replication, 'onFailureBucket'),
    actions: REQUEST_KEY_ACTIONS[request],
  });
}

/** Lambda decrypts the environment as the function, when an instance of it starts. */
export function useOfEnvironmentKey(replication: ReplicationConfig): PolicyStatement[] {
  return useThrough('lambda', {
    region: replication.source.region,
    kmsKeyArn: keyOf(replication, 'functions'),
    actions: ENVIRONMENT_KEY_ACTIONS,
  });
}

/** CloudWatch Logs uses its service principal. AWS recommends these permissions for its callers, too. */
export const LOG_KEY_ACTIONS = ['kms:Decrypt', 'kms:GenerateDataKey'];

export function useOfLogKey(replication: ReplicationConfig): PolicyStatement[] {
  return useThrough('logs', {
    region: replication.source.region,
    kmsKeyArn: keyOf(replication, 'logGroups'),
    actions: LOG_KEY_ACTIONS,
  });
}

interface Use {
  readonly region: string;
  readonly kmsKeyArn: string | undefined;
  readonly actions: readonly string[];
}

function useThrough(service: KeyedService, { region, kmsKeyArn, actions }: Use): PolicyStatement[] {
  if (kmsKeyArn === undefined) return [];
  const statement = allow([...actions], kmsKeyArn);
  statement.addCondition('StringEquals', { 'kms:ViaService': viaService(service, region) });
  return [statement];
}

/**
 * Values of `kms:ViaService` for a service. AWS documents `SERVICE.REGION.amazonaws.com`, and for no partition
 * whether the ending is its own there, as that of endpoints is. A condition with both holds either way.
 */
export function viaService(service: KeyedService, region: string): string[] {
  const suffixes = new Set(['amazonaws.com', partitionAt(region).dnsSuffix]);
  return [...suffixes].map((suffix) => `${service}.${region}.${suffix}`);
}
