// The role of the replicate function: one named inline policy per need, and nothing else.
// The policies live inside the role, so whatever waits for the role finds them in force.

import { Aws, Stack, Validations } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Bucket, CfnBucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { ReplicationConfig, TableConfig } from '../src/config.ts';

export interface ReplicatorPermissions {
  readonly replication: ReplicationConfig;
  readonly streamArn: string;
  readonly logGroup: LogGroup;
  readonly deadLetterQueue: Queue;
  readonly onFailureBucket: Bucket;
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
  const tableArn = (tableName: string) => destinationTableArn(scope, destination, tableName);
  return {
    WriteLogs: policy(allow(['logs:CreateLogStream', 'logs:PutLogEvents'], logGroup.logGroupArn)),
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
      allow(['dynamodb:PutItem', 'dynamodb:DeleteItem'], tableArn(destination.table)),
      allow(['dynamodb:UpdateItem'], tableArn(stateTable)),
      ...useOfKey(destination),
    ),
    SendDeadLetters: policy(allow(['sqs:SendMessage'], deadLetterQueue.queueArn)),
    StoreFailedBatches: policy(
      allow(['s3:ListBucket'], onFailureBucket.bucketArn),
      allow(['s3:PutObject'], onFailureBucket.arnForObjects('*')),
    ),
  };
}

function destinationTableArn(scope: Construct, { region }: TableConfig, tableName: string): string {
  return Stack.of(scope).formatArn({
    partition: Aws.PARTITION,
    service: 'dynamodb',
    region,
    resource: 'table',
    resourceName: tableName,
  });
}

/**
 * DynamoDB opens a table's own key on behalf of whoever reads or writes the table or its stream;
 * the key is of no use to the function in any other way.
 */
function useOfKey({ region, kmsKeyArn }: TableConfig): PolicyStatement[] {
  if (kmsKeyArn === undefined) return [];
  const viaDynamoDB = { 'kms:ViaService': `dynamodb.${region}.${Aws.URL_SUFFIX}` };
  const statement = allow(['kms:Decrypt', 'kms:DescribeKey'], kmsKeyArn);
  statement.addCondition('StringEquals', viaDynamoDB);
  return [statement];
}

function policy(...statements: PolicyStatement[]): PolicyDocument {
  return new PolicyDocument({ statements });
}

function allow(actions: string[], resource: string): PolicyStatement {
  return new PolicyStatement({ actions, resources: [resource] });
}
