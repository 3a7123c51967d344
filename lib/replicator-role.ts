// The role of the replicate function: one named inline policy per need, and nothing else.
// The policies live inside the role, so whatever waits for the role finds them in force.

import { Stack, Validations } from 'aws-cdk-lib';
import {
  type PolicyDocument,
  type PolicyStatement,
  Role,
  ServicePrincipal,
} from 'aws-cdk-lib/aws-iam';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Bucket, CfnBucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { ReplicationConfig } from '../src/config/config.ts';
import { LEDGER_ATTRIBUTES } from '../src/config/names.ts';
import {
  useOfBucketKey,
  useOfDestinationKeys,
  useOfEnvironmentKey,
  useOfKey,
  useOfLogKey,
  useOfQueueKey,
} from './key-grants.ts';
import { allow, fitsPolicy, optionalPolicy, policy, tableArn } from './policies.ts';

export interface ReplicatorPermissions {
  readonly replication: ReplicationConfig;
  readonly streamArn: string;
  readonly logGroup: LogGroup;
  readonly deadLetterQueue: Queue;
  readonly onFailureBucket: Bucket;
  readonly lookAgainQueue: Queue | undefined;
}

/** The role of the replicate function. */
export function createReplicatorRole(scope: Construct, permissions: ReplicatorPermissions): Role {
  const role = new Role(scope, 'Role', {
    description: `Ferry ${permissions.replication.name}: the replicate function`,
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    inlinePolicies: policies(scope, permissions),
  });
  const bucket = permissions.onFailureBucket.node.defaultChild as CfnBucket;
  Validations.of(role).acknowledge(
    {
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'dynamodb:ListStreams, which Lambda requires, cannot be limited to a resource.',
    },
    {
      id: `AwsSolutions-IAM5[Resource::<${Stack.of(scope).getLogicalId(bucket)}.Arn>/*]`,
      reason: 'Lambda chooses the names of the objects that it writes to this bucket.',
    },
  );
  return role;
}

function policies(
  scope: Construct,
  permissions: ReplicatorPermissions,
): Record<string, PolicyDocument> {
  const { replication, streamArn, logGroup, deadLetterQueue, onFailureBucket } = permissions;
  const { source, destination, stateTable } = replication;
  const { region } = destination;
  const [twin, state] = [destination.table, stateTable].map((name) =>
    tableArn(scope, region, name),
  );
  if (twin === undefined || state === undefined) throw new Error('two tables have two ARNs');
  return {
    WriteLogs: policy(
      allow(['logs:CreateLogStream', 'logs:PutLogEvents'], logGroup.logGroupArn),
      ...useOfLogKey(replication),
    ),
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
    ...announcing(permissions),
    StoreFailedBatches: policy(
      allow(['s3:ListBucket'], onFailureBucket.bucketArn),
      allow(['s3:PutObject'], onFailureBucket.arnForObjects('*')),
      ...useOfBucketKey(replication, 'putObject'),
    ),
    ...optionalPolicy('DecryptEnvironment', useOfEnvironmentKey(replication)),
  };
}

function announcing({
  replication,
  lookAgainQueue,
}: ReplicatorPermissions): Record<string, PolicyDocument> {
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
