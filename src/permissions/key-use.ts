// What roles may ask of customer managed keys: no more than their own work needs, and only through the service whose
// data the key encrypts. key-policy.ts has what the policies of the keys must allow.

import { otherDirection } from '../config/directions.ts';
import { type KeyedResource, keyOf } from '../config/encryption-keys.ts';
import type { Partition } from '../config/partition.ts';
import { hashRules } from '../config/projection-settings.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { Arns } from './arns.ts';
import type { Statement } from './statement.ts';

/** What each request, with the permissions of its caller, makes its service ask of KMS. */
const KEY_ACTIONS = {
  // DynamoDB has the table's data keys already, for each reader and writer of the table or its stream.
  'dynamodb:*': ['kms:Decrypt', 'kms:DescribeKey'],
  'kinesis:GetRecords': ['kms:Decrypt'],
  // Lambda decrypts the environment as the function, when an instance of it starts, and as the caller that reads it.
  'lambda:InvokeFunction': ['kms:Decrypt'],
  // CloudWatch Logs uses its service principal. AWS recommends these permissions for its callers, too.
  'logs:PutLogEvents': ['kms:Decrypt', 'kms:GenerateDataKey'],
  'logs:FilterLogEvents': ['kms:Decrypt'],
  's3:PutObject': ['kms:GenerateDataKey'],
  's3:GetObject': ['kms:Decrypt'],
  'secretsmanager:GetSecretValue': ['kms:Decrypt'],
  // SQS also reads a new data key back, to see that it is intact.
  'sqs:SendMessage': ['kms:Decrypt', 'kms:GenerateDataKey'],
  'sqs:ReceiveMessage': ['kms:Decrypt'],
} as const;

export type KeyedRequest = keyof typeof KEY_ACTIONS;
export type KeyedService =
  | 'dynamodb'
  | 'kinesis'
  | 'lambda'
  | 'logs'
  | 's3'
  | 'secretsmanager'
  | 'sqs';

/** Of all requests to a service. */
export function keyActions(service: KeyedService): string[] {
  return Object.entries(KEY_ACTIONS).flatMap(([request, actions]) =>
    request.startsWith(`${service}:`) ? actions : [],
  );
}

interface Keyed {
  readonly region: string;
  readonly kmsKeyArn?: string | undefined;
}

/** @returns what makes statements about the keys of a replication. */
export function usingKeys(replication: ReplicationConfig, { partitionAt }: Arns) {
  const { source, destination, switching, twoWay } = replication;
  const use = (
    request: KeyedRequest,
    { region, kmsKeyArn }: Keyed,
    place: 'sourceKey' | 'destinationKey' = 'sourceKey',
  ): Statement[] => {
    if (kmsKeyArn === undefined) return [];
    const services = viaService(request.split(':')[0] as KeyedService, region, partitionAt);
    const conditions = { StringEquals: { 'kms:ViaService': services } };
    return [{ place, resource: kmsKeyArn, actions: KEY_ACTIONS[request], conditions }];
  };
  const stateKey = { region: destination.region, kmsKeyArn: keyOf(replication, 'stateTable') };
  const ofSource = use('dynamodb:*', source);
  const besideSource = {
    region: source.region,
    kmsKeyArn: (switching ?? twoWay) && keyOf(otherDirection(replication), 'stateTable'),
  };
  const ofTwin = use('dynamodb:*', destination, 'destinationKey');
  const ofState = use('dynamodb:*', stateKey, 'destinationKey');
  return {
    ofSource,
    ofKinesis: use('kinesis:GetRecords', {
      region: source.region,
      kmsKeyArn: source.kinesisKmsKeyArn,
    }),
    /** Where there is another direction. */
    ofSourceState:
      besideSource.kmsKeyArn === source.kmsKeyArn ? ofSource : use('dynamodb:*', besideSource),
    ofTwin,
    ofState,
    ofDestination: stateKey.kmsKeyArn === destination.kmsKeyArn ? ofTwin : [...ofTwin, ...ofState],
    ofSecret: use('secretsmanager:GetSecretValue', {
      region: source.region,
      kmsKeyArn: destination.credentials?.kmsKeyArn,
    }),
    ofHashSecrets: hashRules(replication).flatMap(({ kmsKeyArn }) =>
      use('secretsmanager:GetSecretValue', { region: source.region, kmsKeyArn }),
    ),
    /** Of what the app creates in the source's Region. */
    of: (resource: KeyedResource, request: KeyedRequest) =>
      use(request, { region: source.region, kmsKeyArn: keyOf(replication, resource) }),
  };
}

/**
 * Values of `kms:ViaService` for a service. AWS documents `SERVICE.REGION.amazonaws.com`, and for no partition
 * whether the ending is its own there, as that of endpoints is. A condition with both holds either way.
 */
export function viaService(
  service: KeyedService,
  region: string,
  partitionAt: (region: string) => Partition,
): string[] {
  const suffixes = new Set(['amazonaws.com', partitionAt(region).dnsSuffix]);
  return [...suffixes].map((suffix) => `${service}.${region}.${suffix}`);
}
