// What each command asks AWS for, by IAM's names: the operator's part of docs/permissions.md. A test runs the
// commands and compares with the requests that they really send.

/** Of one replication, in the terms of the document. */
export type Place =
  | 'source'
  | 'twin'
  | 'state'
  | 'replicate'
  | 'heartbeat'
  | 'bulkFunction'
  | 'stateMachine'
  | 'executions'
  | 'mappings'
  | 'deadLetters'
  | 'lookAgain'
  | 'bucket'
  | 'anything';

export interface CommandNeeds {
  readonly command: string;
  /** "dynamodb:GetItem state": without `--apply`. */
  readonly always: readonly string[];
  /** Besides, with `--apply`. */
  readonly apply?: readonly string[];
}

/** `all(['GetItem', 'Scan'], 'source')` of one service. */
function all(service: string, operations: readonly string[], place: Place): string[] {
  return operations.map((operation) => `${service}:${operation} ${place}`);
}

const FACTS = ['DescribeTable', 'DescribeTimeToLive'];
/** Every command that works on items looks at the tables and at the control row first. */
const LOOK = [
  ...all('dynamodb', FACTS, 'source'),
  ...all('dynamodb', FACTS, 'twin'),
  'dynamodb:DescribeTable state',
  'dynamodb:GetItem state',
];
/** Where it writes, also whether the state table forgets in time. */
const LOOK_TO_WRITE = [...LOOK, 'dynamodb:DescribeTimeToLive state'];
const FUNCTION = 'lambda:GetFunctionConfiguration replicate';
/** A mapping, and what the function behind it is. */
const MAPPING = [FUNCTION, 'lambda:ListEventSourceMappings anything'];
const CHANGE_MAPPING = ['lambda:UpdateEventSourceMapping mappings', 'dynamodb:PutItem state'];
/** Writes of one item under the guard. */
const GUARDED = [
  'dynamodb:PutItem twin',
  'dynamodb:DeleteItem twin',
  'dynamodb:UpdateItem state',
  'dynamodb:ConditionCheckItem state',
  'sqs:SendMessage lookAgain',
];
const RUN = [
  'lambda:GetFunctionConfiguration bulkFunction',
  'states:StartExecution stateMachine',
  'states:DescribeExecution executions',
];

const REDRIVE_LOOK = [
  'dynamodb:DescribeTable source',
  'dynamodb:DescribeTable twin',
  'dynamodb:DescribeTable state',
  'dynamodb:GetItem state',
  'dynamodb:BatchGetItem source',
  'dynamodb:BatchGetItem twin',
  'dynamodb:BatchGetItem state',
  FUNCTION,
  ...all('sqs', ['GetQueueAttributes', 'ReceiveMessage', 'ChangeMessageVisibility'], 'deadLetters'),
  ...all('s3', ['ListBucket', 'GetObject'], 'bucket'),
];
const REDRIVE = [
  ...GUARDED,
  'dynamodb:GetItem source',
  'dynamodb:GetItem twin',
  'dynamodb:ConditionCheckItem twin',
  'sqs:DeleteMessage deadLetters',
  's3:DeleteObject bucket',
];

export const COMMANDS: readonly CommandNeeds[] = [
  {
    command: 'init',
    always: [
      ...all('dynamodb', FACTS, 'source'),
      ...all('dynamodb', FACTS, 'twin'),
      'dynamodb:Scan source',
    ],
  },
  {
    command: 'status',
    always: [
      ...MAPPING,
      'lambda:GetFunctionConfiguration heartbeat',
      'cloudwatch:GetMetricData anything',
      'sqs:GetQueueAttributes deadLetters',
      'dynamodb:DescribeTable source',
      'dynamodb:GetItem state',
    ],
  },
  {
    command: 'redrive',
    always: REDRIVE_LOOK,
    apply: REDRIVE,
  },
  {
    // Then the letters, as without `--bulk`.
    command: 'redrive --bulk',
    always: [
      'lambda:GetFunctionConfiguration bulkFunction',
      'states:ListExecutions stateMachine',
      ...all('s3', ['ListBucket', 'GetObject'], 'bucket'),
    ],
    apply: [...RUN, ...REDRIVE_LOOK, ...REDRIVE],
  },
  {
    command: 'verify',
    always: [
      ...LOOK,
      ...all('dynamodb', ['Scan', 'GetItem'], 'source'),
      ...all('dynamodb', ['Scan', 'GetItem'], 'twin'),
    ],
  },
  {
    command: 'repair',
    always: [...LOOK_TO_WRITE, FUNCTION, 'dynamodb:GetItem source', 'dynamodb:GetItem twin'],
    apply: GUARDED,
  },
  {
    command: 'backfill',
    always: [...LOOK_TO_WRITE, FUNCTION, 'dynamodb:Scan source'],
    apply: ['dynamodb:PutItem twin', 'dynamodb:ConditionCheckItem state', 'dynamodb:PutItem state'],
  },
  {
    command: 'backfill --before-stream',
    always: [
      ...LOOK_TO_WRITE,
      ...MAPPING,
      ...all('dynamodb', ['Scan'], 'source'),
      'dynamodb:Scan twin',
      'dynamodb:Scan state',
    ],
    apply: ['dynamodb:PutItem twin', ...CHANGE_MAPPING],
  },
  {
    command: 'backfill --bulk',
    always: [
      ...LOOK_TO_WRITE,
      FUNCTION,
      'lambda:GetFunctionConfiguration bulkFunction',
      'dynamodb:Scan source',
    ],
    apply: ['dynamodb:PutItem state', ...RUN],
  },
  {
    command: 'verify --bulk',
    always: [...LOOK, ...RUN, ...all('s3', ['ListBucket', 'GetObject'], 'bucket')],
  },
  {
    command: 'pause',
    always: [
      ...MAPPING,
      'dynamodb:DescribeTable source',
      'dynamodb:GetItem state',
      'sqs:GetQueueAttributes deadLetters',
    ],
    apply: CHANGE_MAPPING,
  },
  { command: 'resume', always: [...MAPPING, 'dynamodb:GetItem state'], apply: CHANGE_MAPPING },
  {
    command: 'adopt',
    always: [...LOOK_TO_WRITE, ...MAPPING],
    apply: [...CHANGE_MAPPING, 'dynamodb:Scan twin', 'dynamodb:Scan state'],
  },
  {
    command: 'teardown',
    always: [
      FUNCTION,
      ...all('sqs', ['GetQueueUrl', 'GetQueueAttributes'], 'deadLetters'),
      ...all('sqs', ['GetQueueUrl', 'GetQueueAttributes'], 'lookAgain'),
      's3:ListAllMyBuckets anything',
      's3:ListBucket bucket',
      ...all('dynamodb', ['DescribeTable', 'Scan'], 'source'),
      ...all('dynamodb', ['DescribeTable', 'Scan'], 'twin'),
      ...all('dynamodb', ['DescribeTable', 'Scan'], 'state'),
    ],
    apply: [
      'sqs:DeleteQueue deadLetters',
      'sqs:DeleteQueue lookAgain',
      ...all('s3', ['DeleteObject', 'DeleteBucket'], 'bucket'),
      ...all('dynamodb', ['UpdateTable', 'DeleteTable'], 'source'),
      ...all('dynamodb', ['UpdateTable', 'DeleteTable'], 'twin'),
      ...all('dynamodb', ['UpdateTable', 'DeleteTable'], 'state'),
    ],
  },
];
