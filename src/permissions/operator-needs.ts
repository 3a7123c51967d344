// What each command asks AWS for, by IAM's names: the operator's part of docs/permissions.md, and what operators'
// roles and constructs grant. A test runs the commands and compares with the requests that they really send.

import type { Place } from './statement.ts';

/** One service and its actions on one place. */
type Need = `${Place} ${string}:${string}`;

export interface CommandNeeds {
  readonly command: string;
  /** "dynamodb:GetItem state": without `--apply`. */
  readonly always: readonly string[];
  /** To add for `--apply`. */
  readonly apply: readonly string[];
}

function needs(
  command: string,
  always: readonly Need[],
  apply: readonly Need[] = [],
): CommandNeeds {
  const changing = apply.length === 0 ? [] : [KEEP_HISTORY, ...apply];
  return { command, always: always.flatMap(eachAction), apply: changing.flatMap(eachAction) };
}

/** Of each run that changes data. */
const KEEP_HISTORY = 'history logs:CreateLogStream PutLogEvents';
const READ_HISTORY = 'history logs:FilterLogEvents';

/** `state dynamodb:GetItem PutItem` -> `dynamodb:GetItem state` and one more. */
export function eachAction(need: string): string[] {
  const [, place = '', service = '', actions = ''] = /^(\w+) ([\w-]+):(.+)$/.exec(need) ?? [];
  return actions.split(' ').map((action) => `${service}:${action} ${place}`);
}

/** Commands that work on items first look at the tables and at the control row. */
const TABLES: readonly Need[] = [
  'source dynamodb:DescribeTable DescribeTimeToLive',
  'twin dynamodb:DescribeTable DescribeTimeToLive',
  'state dynamodb:DescribeTable GetItem',
  'sourceState dynamodb:GetItem',
];
/** Where the source sends its changes to a Kinesis stream. */
const STREAMING = 'streaming dynamodb:DescribeKinesisStreamingDestination';
const KINESIS: readonly Need[] = [STREAMING, 'kinesis kinesis:DescribeStreamSummary'];
/** Commands that write also check the TTL of the state table. */
const TABLES_TO_WRITE: readonly Need[] = [
  ...TABLES,
  ...KINESIS,
  'state dynamodb:DescribeTimeToLive',
];
const FUNCTION = 'replicate lambda:GetFunctionConfiguration';
const MAPPING: readonly Need[] = [FUNCTION, 'anything lambda:ListEventSourceMappings'];
const CHANGE_MAPPING: readonly Need[] = [
  'mappings lambda:UpdateEventSourceMapping',
  'state dynamodb:PutItem',
];
const GUARDED_WRITE: readonly Need[] = [
  'twin dynamodb:PutItem DeleteItem',
  'state dynamodb:UpdateItem ConditionCheckItem',
  'lookAgain sqs:SendMessage',
];
/** For commands that open the projection: the keys of its hashes. */
const HASH_KEYS = 'hashSecret secretsmanager:GetSecretValue';
/** It also says by which projection it writes. */
const PROJECTION: readonly Need[] = [HASH_KEYS, 'projecting lambda:GetFunctionConfiguration'];
const BULK_FUNCTION = 'bulkFunction lambda:GetFunctionConfiguration';
const BULK_RUN: readonly Need[] = [
  BULK_FUNCTION,
  'stateMachine states:StartExecution',
  'executions states:DescribeExecution',
];
const READ_BUCKET = 'bucket s3:ListBucket GetObject';
const REDRIVE_LOOK: readonly Need[] = [
  'source dynamodb:DescribeTable BatchGetItem',
  'twin dynamodb:DescribeTable BatchGetItem',
  'state dynamodb:DescribeTable GetItem BatchGetItem',
  'sourceState dynamodb:GetItem',
  FUNCTION,
  'deadLetters sqs:GetQueueAttributes ReceiveMessage ChangeMessageVisibility',
  READ_BUCKET,
  HASH_KEYS,
  // Of a batch that Lambda only noted in the queue.
  'stream dynamodb:GetShardIterator GetRecords',
  'kinesis kinesis:GetShardIterator GetRecords',
];
const REDRIVE: readonly Need[] = [
  ...GUARDED_WRITE,
  'source dynamodb:GetItem',
  'twin dynamodb:GetItem ConditionCheckItem DescribeContinuousBackups',
  'deadLetters sqs:DeleteMessage',
  'bucket s3:DeleteObject',
];

/** Of a replication that can be switched. Either table can be the one that is drained. */
const SWITCHED: readonly Need[] = [
  'source dynamodb:DescribeTable DescribeTimeToLive',
  'state dynamodb:GetItem',
  FUNCTION,
];
const STREAM = 'stream dynamodb:DescribeStream GetShardIterator GetRecords';
const SWITCH_LOOK: readonly Need[] = [
  ...SWITCHED,
  STREAM,
  'source dynamodb:GetResourcePolicy',
  // Its put has a condition that cannot hold.
  'probe sts:AssumeRole',
  'twin dynamodb:BatchGetItem',
  'state dynamodb:BatchGetItem',
  'deadLetters sqs:GetQueueAttributes ReceiveMessage ChangeMessageVisibility',
  READ_BUCKET,
];
/** The copies of the control row, the fence, and markers. */
const SWITCH: readonly Need[] = [
  ...GUARDED_WRITE,
  'state dynamodb:PutItem',
  'source dynamodb:PutItem DeleteItem GetItem PutResourcePolicy DeleteResourcePolicy',
  // Both tables are compared where there are no markers, and when a lost Region rejoins.
  'source dynamodb:Scan',
  'tally dynamodb:Scan PutItem',
];
const STRANDED: readonly Need[] = [...SWITCHED, READ_BUCKET];

/** Of a replication in both directions. Each table is the twin of one of them. */
const MERGE_LOOK: readonly Need[] = [
  ...TABLES_TO_WRITE,
  ...MAPPING,
  'source dynamodb:Scan GetItem',
  'twin dynamodb:Scan GetItem',
];
const KEPT_LOSERS: readonly Need[] = [FUNCTION, READ_BUCKET];

const COST: readonly Need[] = [
  'source dynamodb:DescribeTable DescribeTimeToLive',
  'anything cloudwatch:GetMetricData',
];

const INIT: readonly Need[] = [
  'source dynamodb:DescribeTable DescribeTimeToLive Scan DescribeKinesisStreamingDestination',
  'twin dynamodb:DescribeTable DescribeTimeToLive DescribeContinuousBackups',
  'kinesis kinesis:DescribeStreamSummary',
];

/** Of a replication that can be switched: in both directions. */
export const SWITCH_COMMANDS: readonly CommandNeeds[] = [
  needs('drain', SWITCH_LOOK, SWITCH),
  needs('failover', SWITCH_LOOK, SWITCH),
  needs('failback', SWITCH_LOOK, SWITCH),
  needs('rejoin', SWITCHED, [...SWITCH_LOOK, ...SWITCH, 'bucket s3:PutObject']),
  needs('stranded list', STRANDED),
  needs(
    'stranded replay',
    [...STRANDED, 'source dynamodb:GetItem'],
    ['source dynamodb:PutItem', 'bucket s3:PutObject'],
  ),
  // With a tally, an item without a kept write leaves its quarantine.
  needs('stranded drop', STRANDED, ['bucket s3:PutObject', 'state dynamodb:PutItem']),
  needs('history', [READ_HISTORY]),
];

/** Of a replication in both directions: in both. */
export const BOTH_COMMANDS: readonly CommandNeeds[] = [
  needs('merge', MERGE_LOOK, [
    'twin dynamodb:PutItem UpdateItem DeleteItem ConditionCheckItem DescribeContinuousBackups',
    'state dynamodb:PutItem UpdateItem ConditionCheckItem',
    'bucket s3:PutObject',
  ]),
  needs('conflicts', [...KEPT_LOSERS, 'anything cloudwatch:GetMetricData']),
  needs('conflicts show', KEPT_LOSERS),
  needs(
    'conflicts restore',
    [...KEPT_LOSERS, 'twin dynamodb:GetItem', 'state dynamodb:GetItem'],
    ['twin dynamodb:PutItem'],
  ),
];

export const COMMANDS: readonly CommandNeeds[] = [
  needs('init', INIT),
  // Of all tables that are to be checked.
  needs('init --all', [...INIT, 'anything dynamodb:ListTables']),
  needs('status', [
    ...MAPPING,
    'heartbeat lambda:GetFunctionConfiguration',
    'anything cloudwatch:GetMetricData',
    'deadLetters sqs:GetQueueAttributes',
    'source dynamodb:DescribeTable',
    'twin dynamodb:DescribeTable DescribeContinuousBackups',
    STREAMING,
    // The positions of a process are read together.
    'state dynamodb:GetItem BatchGetItem',
    'sourceState dynamodb:GetItem',
  ]),
  needs('history', [READ_HISTORY]),
  needs('cost', COST),
  needs('cost --actual', [
    ...COST,
    'twin dynamodb:DescribeTable DescribeTimeToLive',
    'anythingThere cloudwatch:GetMetricData',
  ]),
  needs('config --deployed', [FUNCTION]),
  needs('permissions --deployed', [FUNCTION]),
  needs('redrive', REDRIVE_LOOK, REDRIVE),
  needs(
    'redrive --bulk',
    [BULK_FUNCTION, 'stateMachine states:ListExecutions', READ_BUCKET],
    // After the bulk run, the dead letters are redriven as without `--bulk`.
    [...BULK_RUN, ...REDRIVE_LOOK, ...REDRIVE],
  ),
  needs('verify', [
    ...TABLES,
    ...PROJECTION,
    'source dynamodb:Scan GetItem',
    'twin dynamodb:Scan GetItem',
  ]),
  needs(
    'repair',
    [...TABLES_TO_WRITE, FUNCTION, HASH_KEYS, 'source dynamodb:GetItem', 'twin dynamodb:GetItem'],
    [...GUARDED_WRITE, 'twin dynamodb:DescribeContinuousBackups'],
  ),
  needs(
    'backfill',
    [...TABLES_TO_WRITE, FUNCTION, HASH_KEYS, 'source dynamodb:Scan'],
    ['twin dynamodb:PutItem', 'state dynamodb:ConditionCheckItem PutItem'],
  ),
  needs(
    'backfill --reproject',
    [...TABLES_TO_WRITE, FUNCTION, HASH_KEYS, 'source dynamodb:Scan', 'twin dynamodb:BatchGetItem'],
    [
      ...GUARDED_WRITE,
      'source dynamodb:GetItem BatchGetItem',
      // Also for items that the source does not have.
      'twin dynamodb:Scan GetItem',
      'state dynamodb:PutItem',
      // Whether a bulk redrive is running.
      BULK_FUNCTION,
      'stateMachine states:ListExecutions',
    ],
  ),
  needs(
    'backfill --before-stream',
    [
      ...TABLES_TO_WRITE,
      ...MAPPING,
      HASH_KEYS,
      'source dynamodb:Scan',
      'twin dynamodb:Scan',
      'state dynamodb:Scan',
    ],
    ['twin dynamodb:PutItem', ...CHANGE_MAPPING],
  ),
  needs(
    'backfill --bulk',
    [...TABLES_TO_WRITE, FUNCTION, BULK_FUNCTION, HASH_KEYS, 'source dynamodb:Scan'],
    ['state dynamodb:PutItem', ...BULK_RUN],
  ),
  needs('verify --bulk', [...TABLES, ...PROJECTION, ...BULK_RUN, READ_BUCKET]),
  needs('projection test', ['source dynamodb:DescribeTable DescribeTimeToLive Scan', HASH_KEYS]),
  needs(
    'pause',
    [
      ...MAPPING,
      'source dynamodb:DescribeTable',
      'twin dynamodb:DescribeTable DescribeContinuousBackups',
      STREAMING,
      'state dynamodb:GetItem',
      'sourceState dynamodb:GetItem',
      'deadLetters sqs:GetQueueAttributes',
    ],
    CHANGE_MAPPING,
  ),
  needs(
    'resume',
    [...MAPPING, 'state dynamodb:GetItem', 'sourceState dynamodb:GetItem'],
    CHANGE_MAPPING,
  ),
  needs(
    'adopt',
    [...TABLES_TO_WRITE, ...MAPPING, 'sourceState dynamodb:DescribeTable DescribeTimeToLive'],
    [
      ...CHANGE_MAPPING,
      'twin dynamodb:Scan',
      'state dynamodb:Scan',
      'sourceState dynamodb:Scan PutItem',
    ],
  ),
  needs(
    'teardown',
    [
      FUNCTION,
      READ_HISTORY,
      'deadLetters sqs:GetQueueUrl GetQueueAttributes',
      'lookAgain sqs:GetQueueUrl GetQueueAttributes',
      'anything s3:ListAllMyBuckets',
      'bucket s3:ListBucket',
      'source dynamodb:DescribeTable Scan',
      'twin dynamodb:DescribeTable Scan',
      'state dynamodb:DescribeTable Scan',
    ],
    [
      'history logs:DeleteLogGroup',
      'deadLetters sqs:DeleteQueue',
      'lookAgain sqs:DeleteQueue',
      'bucket s3:DeleteObject DeleteBucket',
      'source dynamodb:UpdateTable DeleteTable',
      'twin dynamodb:UpdateTable DeleteTable',
      'state dynamodb:UpdateTable DeleteTable',
    ],
  ),
];
