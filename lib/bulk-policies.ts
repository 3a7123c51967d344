// The policies of the bulk function's role: to work on segments of both tables, and to store what it finds.

import { type PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { ON_FAILURE_OBJECT_PREFIX, REPORT_OBJECT_PREFIX } from '../src/config/names.ts';
import type { DeployedReplication } from './ferry-function.ts';
import { useOfBucketKey, useOfDestinationKeys, useOfKey } from './key-grants.ts';
import { allow, policy, tableArn } from './policies.ts';
import { announceDeletes } from './replicator-policies.ts';

/** What the function for segments may do. */
export function segmentPolicies(
  scope: Construct,
  deployed: DeployedReplication,
): Record<string, PolicyDocument> {
  const { replication, onFailureBucket: bucket } = deployed;
  return {
    StoreReports: policy(
      allow(['s3:PutObject'], bucket.arnForObjects(`${REPORT_OBJECT_PREFIX}*`)),
      ...useOfBucketKey(replication, 'putObject'),
    ),
    RemoveRedrivenBatches: policy(
      listOf(bucket, ON_FAILURE_OBJECT_PREFIX),
      allow(
        ['s3:GetObject', 's3:DeleteObject'],
        bucket.arnForObjects(`${ON_FAILURE_OBJECT_PREFIX}*`),
      ),
      ...useOfBucketKey(replication, 'getObject'),
    ),
    ...tablePolicies(scope, replication),
    ...announceDeletes(deployed),
  };
}

/** The resources in these policies with a wildcard, and why. */
export function segmentWildcards({
  onFailureBucket: bucket,
}: DeployedReplication): Record<string, string> {
  return {
    [bucket.arnForObjects(`${REPORT_OBJECT_PREFIX}*`)]:
      'Each report is an object of its own, under this prefix.',
    [bucket.arnForObjects(`${ON_FAILURE_OBJECT_PREFIX}*`)]:
      'Each batch that Lambda gives up is an object of its own, under this prefix.',
  };
}

/** The keys under a prefix. */
function listOf(bucket: Bucket, prefix: string): PolicyStatement {
  return new PolicyStatement({
    actions: ['s3:ListBucket'],
    resources: [bucket.bucketArn],
    conditions: { StringEquals: { 's3:prefix': prefix } },
  });
}

const STATE_ROW_WRITES = ['dynamodb:UpdateItem', 'dynamodb:ConditionCheckItem'];

/** To read both tables, to write copies and records to one, and to keep checkpoints in the state table. */
function tablePolicies(
  scope: Construct,
  replication: ReplicationConfig,
): Record<string, PolicyDocument> {
  const { source, destination, stateTable } = replication;
  const describe = ['dynamodb:DescribeTable', 'dynamodb:DescribeTimeToLive'];
  const readItems = [...describe, 'dynamodb:GetItem', 'dynamodb:BatchGetItem'];
  const read = [...readItems, 'dynamodb:Scan'];
  const at = (region: string, table: string) => tableArn(scope, region, table);
  return {
    ReadSource: policy(allow(read, at(source.region, source.table)), ...useOfKey(source)),
    CopyToDestination: policy(
      // A copy that its ledger row refuses is re-synchronised, which may delete it, too.
      allow(
        [...read, 'dynamodb:PutItem', 'dynamodb:DeleteItem', 'dynamodb:ConditionCheckItem'],
        at(destination.region, destination.table),
      ),
      allow(
        [...readItems, 'dynamodb:PutItem', ...STATE_ROW_WRITES],
        at(destination.region, stateTable),
      ),
      ...useOfDestinationKeys(replication),
    ),
  };
}
