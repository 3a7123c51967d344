// What each function of a replication may do: one entry for each need.

import {
  bulkName,
  functionName,
  heartbeatName,
  lookAgainName,
  ON_FAILURE_OBJECT_PREFIX,
  REPORT_OBJECT_PREFIX,
} from '../config/names.ts';
import { storesBatches } from '../config/stored-batches.ts';
import type { ReconcileConfig, ReplicationConfig } from '../config/schema.ts';
import type { FunctionName } from '../package-files.ts';
import { allowing, type Arns } from './arns.ts';
import { firstAdoption, ofItems } from './first-adoption.ts';
import { readHashSecrets } from './hash-secrets.ts';
import { usingKeys } from './key-use.ts';
import { throughAccess } from './reach.ts';
import type { Needs, Statement } from './statement.ts';

/** Of one replication, in one direction. */
export type ReplicationFunction = Exclude<FunctionName, 'switch' | 'region-switch'>;

/** The roles by what runs with them, and what it is called. */
export const RUNNERS = {
  replicate: 'the replicate function',
  'look-again': 'the function that looks at deletes again',
  'bulk-segment': 'the function for segments of backfill, verify and redrive',
  heartbeat: 'the heartbeat function',
} as const satisfies Record<ReplicationFunction, string>;

/** Where its account is not the twin's, the role of a function has the same name. */
export const FUNCTION_NAMES: Readonly<
  Record<ReplicationFunction, (replication: string) => string>
> = {
  replicate: functionName,
  'look-again': lookAgainName,
  'bulk-segment': bulkName,
  heartbeat: heartbeatName,
};

interface Parts {
  readonly replication: ReplicationConfig;
  readonly allow: ReturnType<typeof allowing>;
  readonly keys: ReturnType<typeof usingKeys>;
  /** Of the keys of hashes. */
  readonly hashSecrets: readonly Statement[];
}

const NEEDS: Readonly<Record<ReplicationFunction, (parts: Parts) => Needs>> = {
  replicate: replicatorNeeds,
  'look-again': lookAgainNeeds,
  'bulk-segment': segmentNeeds,
  heartbeat: heartbeatNeeds,
};

/** The functions that a replication has. */
export function functionsOf({
  tombstones,
  bulk,
  heartbeat,
  reconcile,
}: ReplicationConfig): ReplicationFunction[] {
  return [
    'replicate',
    ...(tombstones === 'checked' ? (['look-again'] as const) : []),
    ...(bulk || reconcile ? (['bulk-segment'] as const) : []),
    ...(heartbeat === undefined ? [] : (['heartbeat'] as const)),
  ];
}

/** @param arns with that of the function's log group. */
export function functionNeeds(
  code: ReplicationFunction,
  replication: ReplicationConfig,
  arns: Arns,
): Needs {
  const parts = partsOf(replication, arns);
  const { allow, keys } = parts;
  const decrypt = keys.of('functions', 'lambda:InvokeFunction');
  return {
    WriteLogs: [
      allow('logs', ['logs:CreateLogStream', 'logs:PutLogEvents']),
      ...keys.of('logGroups', 'logs:PutLogEvents'),
    ],
    ...throughAccess(NEEDS[code](parts), replication, arns),
    ...(decrypt.length > 0 && { DecryptEnvironment: decrypt }),
  };
}

/** What a function does, wherever it has the rights for it. */
export function ownNeeds(
  code: ReplicationFunction,
  replication: ReplicationConfig,
  arns: Arns,
): Needs {
  return NEEDS[code](partsOf(replication, arns));
}

function partsOf(replication: ReplicationConfig, arns: Arns): Parts {
  return {
    replication,
    allow: allowing(arns),
    keys: usingKeys(replication, arns),
    hashSecrets: readHashSecrets(replication, arns),
  };
}

function replicatorNeeds(parts: Parts): Needs {
  const { replication, allow, keys } = parts;
  return {
    ReadStream: readStream(parts),
    WriteDestination: [
      allow('twin', ['dynamodb:PutItem', 'dynamodb:DeleteItem']),
      // In a transaction, a put asks the ledger row whether its item has been deleted since.
      ...writeRows(parts, ['dynamodb:UpdateItem'], ['dynamodb:ConditionCheckItem']),
      allow('state', ['dynamodb:GetItem', 'dynamodb:BatchGetItem']),
      ...keys.ofDestination,
    ],
    // The rows of deletes distinguish own writes from stray ones.
    ...readOwnCopy(parts, ['dynamodb:GetItem', 'dynamodb:BatchGetItem']),
    ...(replication.switching === undefined && {
      AdoptFirst: firstAdoption(replication, allow),
    }),
    SendDeadLetters: [
      allow('deadLetters', ['sqs:SendMessage']),
      ...keys.of('deadLetterQueue', 'sqs:SendMessage'),
    ],
    ...announceDeletes(parts),
    ...storeFailedBatches(parts),
    ...readHashKeys(parts),
  };
}

/** What Lambda requires of the reader of a stream. IAM knows no resource to which lists could be limited. */
function readStream({ replication: { source }, allow, keys }: Parts): Statement[] {
  const actions = (service: string, names: readonly string[]) =>
    names.map((name) => `${service}:${name}`);
  if (source.kinesisStreamArn === undefined)
    return [
      allow('stream', actions('dynamodb', READ_STREAM)),
      allow('anything', ['dynamodb:ListStreams']),
      ...keys.ofSource,
    ];
  return [
    allow('kinesis', actions('kinesis', [...READ_STREAM, 'DescribeStreamSummary', 'ListShards'])),
    allow('anything', ['kinesis:ListStreams']),
    ...keys.ofKinesis,
  ];
}

const READ_STREAM = ['DescribeStream', 'GetRecords', 'GetShardIterator'];

/** In the state table. With "switching", only operators and switches write the control row. */
function writeRows(
  { replication: { name, switching }, allow }: Parts,
  writes: readonly string[],
  more: readonly string[],
): Statement[] {
  if (switching === undefined) return [allow('state', [...writes, ...more])];
  const otherRows = {
    'ForAllValues:StringNotEquals': { 'dynamodb:LeadingKeys': [`${name}#control`] },
  };
  return [allow('state', writes, otherRows), allow('state', more)];
}

/** Of the control row, in the ledger beside the source. */
function readOwnCopy(
  { replication, allow, keys }: Parts,
  actions: readonly string[] = ['dynamodb:GetItem'],
): Needs {
  if (replication.switching === undefined) return {};
  return { ReadOwnCopy: [allow('sourceState', actions), ...keys.ofSourceState] };
}

/** Without whole records, nothing is stored in the bucket. */
function storeFailedBatches({ replication, allow, keys }: Parts): Needs {
  if (replication.deadLetters === 'projected') return {};
  return {
    StoreFailedBatches: [
      ...(storesBatches(replication) ? [allow('bucket', ['s3:ListBucket'])] : []),
      // The function stores dead letters here that are too large for the queue.
      allow('objects', ['s3:PutObject']),
      ...keys.of('onFailureBucket', 's3:PutObject'),
    ],
  };
}

/** Of what opens the projection. */
function readHashKeys({ hashSecrets }: Parts): Needs {
  return hashSecrets.length === 0 ? {} : { ReadHashKeys: hashSecrets };
}

/** With "checked" tombstones, also of whatever else deletes items under the guard. */
function announceDeletes({ replication, allow, keys }: Parts): Needs {
  if (replication.tombstones !== 'checked') return {};
  return {
    AnnounceDeletes: [
      allow('lookAgain', ['sqs:SendMessage']),
      ...keys.of('lookAgainQueue', 'sqs:SendMessage'),
    ],
  };
}

/** Reads versions, deletes items, and can write none. */
function lookAgainNeeds(parts: Parts): Needs {
  const { allow, keys } = parts;
  return {
    ReceiveAnnouncements: [
      allow('lookAgain', ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes']),
      ...keys.of('lookAgainQueue', 'sqs:ReceiveMessage'),
    ],
    LookAtTwin: [
      allow('twin', ['dynamodb:BatchGetItem', 'dynamodb:DeleteItem']),
      // A revenant goes in a transaction that asks whether its delete is remembered.
      allow('state', ['dynamodb:GetItem', 'dynamodb:ConditionCheckItem']),
      ...keys.ofDestination,
    ],
    ...readOwnCopy(parts),
  };
}

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
function segmentNeeds(parts: Parts): Needs {
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

/** The heartbeat's own partition, and no other. */
function heartbeatNeeds(parts: Parts): Needs {
  const { replication, allow, keys } = parts;
  const { name, heartbeat = { key: {} }, switching } = replication;
  // Which attribute is the partition key, an existing table does not tell here: any of its values. How
  // numbers are compared is not documented, so that keys with one go without. The schema takes no text
  // that a policy cannot hold.
  const values = Object.values(heartbeat.key);
  const texts = values.filter((value) => typeof value === 'string');
  const item = texts.length === values.length ? ofItems(texts) : {};
  return {
    WriteHeartbeat: [
      allow('source', ['dynamodb:GetItem', 'dynamodb:PutItem'], item),
      ...keys.ofSource,
    ],
    ReadTwin: [allow('twin', ['dynamodb:GetItem'], item), ...keys.ofTwin],
    ...(switching && {
      ReadOtherCopy: [
        allow('state', ['dynamodb:GetItem'], ofItems([`${name}#control`])),
        ...keys.ofState,
      ],
    }),
    ...readOwnCopy(parts),
  };
}
