// The policies of the bulk function's role: to work on segments of both tables, and to store what it finds.

import type { Construct } from 'constructs';
import { ON_FAILURE_OBJECT_PREFIX, REPORT_OBJECT_PREFIX } from '../src/config/names.ts';
import type { DeployedReplication, RolePolicies } from './ferry-function.ts';
import { useOfDestinationKeys, useOfKey, useOfTableKey } from './customer-keys.ts';
import { allow, policy, tableArn } from './policies.ts';
import { announceDeletes } from './replicator-policies.ts';

const DESCRIBE = ['dynamodb:DescribeTable', 'dynamodb:DescribeTimeToLive'];
const READ_ITEMS = [...DESCRIBE, 'dynamodb:GetItem', 'dynamodb:BatchGetItem'];
const READ = [...READ_ITEMS, 'dynamodb:Scan'];
const STATE_ROW_WRITES = ['dynamodb:UpdateItem', 'dynamodb:ConditionCheckItem'];

/** To read both tables, to write copies and records to one, and to keep checkpoints in the state table. */
export function segmentPolicies(scope: Construct, deployed: DeployedReplication): RolePolicies {
  const { replication, onFailureBucket: bucket } = deployed;
  const { source, destination, stateTable } = replication;
  const reports = bucket.arnForObjects(`${REPORT_OBJECT_PREFIX}*`);
  const batches = bucket.arnForObjects(`${ON_FAILURE_OBJECT_PREFIX}*`);
  const twin = tableArn(scope, destination.region, destination.table);
  const state = tableArn(scope, destination.region, stateTable);
  const policies = {
    StoreReports: policy(
      allow(['s3:PutObject'], reports),
      ...useOfKey(replication, 'onFailureBucket', 's3:PutObject'),
    ),
    RemoveRedrivenBatches: policy(
      allow(['s3:ListBucket'], bucket.bucketArn, {
        StringEquals: { 's3:prefix': ON_FAILURE_OBJECT_PREFIX },
      }),
      allow(['s3:GetObject', 's3:DeleteObject'], batches),
      ...useOfKey(replication, 'onFailureBucket', 's3:GetObject'),
    ),
    ReadSource: policy(
      allow(READ, tableArn(scope, source.region, source.table)),
      ...useOfTableKey(source),
    ),
    CopyToDestination: policy(
      // A copy that its ledger row refuses is re-synchronised, which may delete it, too.
      allow(
        [...READ, 'dynamodb:PutItem', 'dynamodb:DeleteItem', 'dynamodb:ConditionCheckItem'],
        twin,
      ),
      allow([...READ_ITEMS, 'dynamodb:PutItem', ...STATE_ROW_WRITES], state),
      ...useOfDestinationKeys(replication),
    ),
    ...announceDeletes(deployed),
  };
  const wildcards = {
    [reports]: 'Each report is an object of its own, under this prefix.',
    [batches]: 'Each batch that Lambda gives up is an object of its own, under this prefix.',
  };
  return { policies, wildcards };
}
