// What the function needs that works on segments of a table, in bulk runs and in comparisons on a schedule.

import { ON_FAILURE_OBJECT_PREFIX, REPORT_OBJECT_PREFIX } from '../config/names.ts';
import type { ReconcileConfig } from '../config/schema.ts';
import {
  announceDeletes,
  type Parts,
  readHashKeys,
  readOwnCopy,
  writeRows,
} from './function-parts.ts';
import type { Needs } from './statement.ts';

/** Of the tables, and of the rows of the state table. */
interface SegmentRights {
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly readRows: readonly string[];
  readonly writeRows: readonly string[];
}

const DESCRIBE = ['dynamodb:DescribeTable', 'dynamodb:DescribeTimeToLive'];
const COMPARING: SegmentRights = {
  read: [...DESCRIBE, 'dynamodb:GetItem', 'dynamodb:Scan'],
  write: [],
  readRows: ['dynamodb:DescribeTable', 'dynamodb:GetItem'],
  writeRows: ['dynamodb:PutItem'],
};
const REPAIRING: SegmentRights = {
  read: COMPARING.read,
  write: ['dynamodb:PutItem', 'dynamodb:DeleteItem'],
  readRows: [...DESCRIBE, 'dynamodb:GetItem', 'dynamodb:ConditionCheckItem'],
  writeRows: ['dynamodb:PutItem', 'dynamodb:UpdateItem'],
};
/** A copy that its ledger row refuses is re-synchronised, which may delete it, too. */
const COPYING: SegmentRights = {
  read: [...COMPARING.read, 'dynamodb:BatchGetItem'],
  write: [...REPAIRING.write, 'dynamodb:ConditionCheckItem'],
  readRows: [...REPAIRING.readRows, 'dynamodb:BatchGetItem'],
  writeRows: REPAIRING.writeRows,
};

/** To read both tables, to write copies and records to one, and to keep checkpoints in the state table. */
export function segmentNeeds(parts: Parts): Needs {
  const { replication, allow, keys } = parts;
  const { bulk, reconcile } = replication;
  const ofReconcile = reconcile?.repair === true ? REPAIRING : COMPARING;
  const rights = bulk ? COPYING : ofReconcile;
  const onlyBatches = { StringEquals: { 's3:prefix': ON_FAILURE_OBJECT_PREFIX } };
  return {
    StoreReports: [
      allow('reports', ['s3:PutObject']),
      ...keys.of('onFailureBucket', 's3:PutObject'),
    ],
    ...(bulk && {
      RemoveRedrivenBatches: [
        allow('bucket', ['s3:ListBucket'], onlyBatches),
        allow('batches', ['s3:GetObject', 's3:DeleteObject']),
        ...keys.of('onFailureBucket', 's3:GetObject'),
      ],
    }),
    ReadSource: [allow('source', rights.read), ...keys.ofSource],
    ...(replication.source.kinesisStreamArn && {
      CheckStream: [
        allow('streaming', ['dynamodb:DescribeKinesisStreamingDestination']),
        allow('kinesis', ['kinesis:DescribeStreamSummary']),
      ],
    }),
    CopyToDestination: [
      allow('twin', [...rights.read, ...rights.write]),
      ...writeRows(parts, rights.writeRows, rights.readRows),
      ...keys.ofDestination,
    ],
    ...readOwnCopy(parts),
    ...(rights === COMPARING ? {} : announceDeletes(parts)),
    ...readHashKeys(parts),
    ...(reconcile && reconcileNeeds(parts, reconcile)),
  };
}

/** To add up the reports of a run, and to see whether an earlier one has ended. */
function reconcileNeeds({ allow, keys }: Parts, { repair }: ReconcileConfig): Needs {
  const onlyReports = { StringLike: { 's3:prefix': `${REPORT_OBJECT_PREFIX}*` } };
  return {
    ReadReports: [
      allow('bucket', ['s3:ListBucket'], onlyReports),
      allow('reports', ['s3:GetObject']),
      ...keys.of('onFailureBucket', 's3:GetObject'),
    ],
    LookAtRuns: [allow('reconcileRuns', ['states:DescribeExecution'])],
    ...(repair && {
      KeepHistory: [
        allow('history', ['logs:CreateLogStream', 'logs:PutLogEvents']),
        ...keys.of('logGroups', 'logs:PutLogEvents'),
      ],
    }),
  };
}
