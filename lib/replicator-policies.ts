// The policies of the replicate function's role: one for each need.

import type { PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { LEDGER_ATTRIBUTES } from '../src/config/names.ts';
import type { DeployedReplication } from './ferry-function.ts';
import { useOfBucketKey, useOfDestinationKeys, useOfKey, useOfQueueKey } from './key-grants.ts';
import { allow, fitsPolicy, policy, tableArn } from './policies.ts';

/** What the replicate function may do. */
export function replicatorPolicies(
  scope: Construct,
  deployed: DeployedReplication,
): Record<string, PolicyDocument> {
  const { replication, streamArn, deadLetterQueue, onFailureBucket } = deployed;
  const { source, destination, stateTable } = replication;
  const { region } = destination;
  const twin = tableArn(scope, region, destination.table);
  const state = tableArn(scope, region, stateTable);
  return {
    ReadStream: policy(
      allow(
        ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
        streamArn,
      ),
      // Lambda requires it of a stream's reader, and IAM knows no resource to limit it to.
      allow(['dynamodb:ListStreams'], '*'),
      ...useOfKey(source),
    ),
    WriteDestination: policy(
      allow(['dynamodb:PutItem', 'dynamodb:DeleteItem'], twin),
      // In a transaction, a put asks the ledger row whether its item has been deleted since.
      allow(['dynamodb:UpdateItem', 'dynamodb:ConditionCheckItem'], state),
      allow(['dynamodb:GetItem', 'dynamodb:BatchGetItem'], state),
      ...useOfDestinationKeys(replication),
    ),
    AdoptFirst: policy(...firstAdoption(replication, { twin, state })),
    SendDeadLetters: policy(
      allow(['sqs:SendMessage'], deadLetterQueue.queueArn),
      ...useOfQueueKey(replication, 'deadLetterQueue', 'sendMessage'),
    ),
    ...announceDeletes(deployed),
    StoreFailedBatches: policy(
      allow(['s3:ListBucket'], onFailureBucket.bucketArn),
      allow(['s3:PutObject'], onFailureBucket.arnForObjects('*')),
      ...useOfBucketKey(replication, 'putObject'),
    ),
  };
}

/** The resources in these policies with a wildcard, and why. */
export function replicatorWildcards({
  onFailureBucket,
}: DeployedReplication): Record<string, string> {
  return {
    '*': 'dynamodb:ListStreams, which Lambda requires, cannot be limited to a resource.',
    [onFailureBucket.arnForObjects('*')]:
      'Lambda chooses the names of the objects that it writes to this bucket.',
  };
}

/** With "checked" tombstones, also of whatever else deletes items under the guard. */
export function announceDeletes({
  replication,
  lookAgainQueue,
}: DeployedReplication): Record<string, PolicyDocument> {
  if (lookAgainQueue === undefined) return {};
  return {
    AnnounceDeletes: policy(
      allow(['sqs:SendMessage'], lookAgainQueue.queueArn),
      ...useOfQueueKey(replication, 'lookAgainQueue', 'sendMessage'),
    ),
  };
}

/** Once in a replication's life: to see that nothing was written before, and to write the control row. */
function firstAdoption(
  { name, reservedAttribute, destination }: ReplicationConfig,
  { twin, state }: { readonly twin: string; readonly state: string },
): PolicyStatement[] {
  const control = allow(['dynamodb:PutItem'], state);
  const keys = [`${name}#control`];
  const { partitionKey, sortKey } = destination;
  const twinKeys = [partitionKey, sortKey].flatMap((key) => (key === undefined ? [] : key.name));
  control.addCondition('ForAllValues:StringEquals', { 'dynamodb:LeadingKeys': keys });
  return [
    allow(['dynamodb:DescribeTable'], twin),
    allow(['dynamodb:DescribeTable'], state),
    scanOf(twin, [reservedAttribute, ...twinKeys]),
    scanOf(state, [LEDGER_ATTRIBUTES.id]),
    control,
  ];
}

/**
 * Of no more than these attributes. The function asks for the first alone; the keys, where they are known,
 * are allowed in case that DynamoDB counts them as asked for.
 */
function scanOf(table: string, attributes: string[]): PolicyStatement {
  const scan = allow(['dynamodb:Scan'], table);
  if (attributes.every(fitsPolicy))
    scan.addCondition('ForAllValues:StringEquals', { 'dynamodb:Attributes': attributes });
  scan.addCondition('StringEquals', { 'dynamodb:Select': 'SPECIFIC_ATTRIBUTES' });
  return scan;
}
