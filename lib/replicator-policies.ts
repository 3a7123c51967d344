// The policies of the replicate function's role: one for each need.

import type { PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { LEDGER_ATTRIBUTES } from '../src/config/names.ts';
import type { DeployedReplication, RolePolicies } from './ferry-function.ts';
import { useOfDestinationKeys, useOfKey, useOfTableKey } from './customer-keys.ts';
import { allow, fitsPolicy, policy, tableArn } from './policies.ts';

/** What the replicate function may do. */
export function replicatorPolicies(scope: Construct, deployed: DeployedReplication): RolePolicies {
  const { replication, streamArn, deadLetterQueue, onFailureBucket } = deployed;
  const { source, destination, stateTable } = replication;
  const { region } = destination;
  const twin = tableArn(scope, region, destination.table);
  const state = tableArn(scope, region, stateTable);
  const objects = onFailureBucket.arnForObjects('*');
  const policies = {
    ReadStream: policy(
      allow(
        ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
        streamArn,
      ),
      // Lambda requires it of a stream's reader, and IAM knows no resource to limit it to.
      allow(['dynamodb:ListStreams'], '*'),
      ...useOfTableKey(source),
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
      ...useOfKey(replication, 'deadLetterQueue', 'sqs:SendMessage'),
    ),
    ...announceDeletes(deployed),
    StoreFailedBatches: policy(
      allow(['s3:ListBucket'], onFailureBucket.bucketArn),
      allow(['s3:PutObject'], objects),
      ...useOfKey(replication, 'onFailureBucket', 's3:PutObject'),
    ),
  };
  const wildcards = {
    '*': 'dynamodb:ListStreams, which Lambda requires, cannot be limited to a resource.',
    [objects]: 'Lambda chooses the names of the objects that it writes to this bucket.',
  };
  return { policies, wildcards };
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
      ...useOfKey(replication, 'lookAgainQueue', 'sqs:SendMessage'),
    ),
  };
}

/** Once in a replication's life: to see that nothing was written before, and to write the control row. */
function firstAdoption(
  { name, reservedAttribute, destination }: ReplicationConfig,
  { twin, state }: { readonly twin: string; readonly state: string },
): PolicyStatement[] {
  const controlRow = { 'dynamodb:LeadingKeys': [`${name}#control`] };
  const { partitionKey, sortKey } = destination;
  const twinKeys = [partitionKey, sortKey].flatMap((key) => (key === undefined ? [] : key.name));
  return [
    allow(['dynamodb:DescribeTable'], twin),
    allow(['dynamodb:DescribeTable'], state),
    scanOf(twin, [reservedAttribute, ...twinKeys]),
    scanOf(state, [LEDGER_ATTRIBUTES.id]),
    allow(['dynamodb:PutItem'], state, { 'ForAllValues:StringEquals': controlRow }),
  ];
}

/**
 * Of no more than these attributes. The function asks for the first alone; the keys, where they are known,
 * are allowed in case that DynamoDB counts them as asked for.
 */
function scanOf(table: string, attributes: string[]): PolicyStatement {
  const only = { 'ForAllValues:StringEquals': { 'dynamodb:Attributes': attributes } };
  return allow(['dynamodb:Scan'], table, {
    ...(attributes.every(fitsPolicy) && only),
    StringEquals: { 'dynamodb:Select': 'SPECIFIC_ATTRIBUTES' },
  });
}
