// Which request to AWS failed: told in words, and as the action that IAM has for it.

import type { FailedRequest } from '../errors.ts';

/** Clients of the SDK whose names are not IAM's. */
const IAM_NAMES: Readonly<Record<string, string>> = {
  cloudwatchlogs: 'logs',
  dynamodbstreams: 'dynamodb',
  sfn: 'states',
};

/** @param clientName as the SDK has it: DynamoDBClient -> dynamodb */
export function serviceOf(clientName: string): string {
  const name = clientName.replace(/Client$/, '').toLowerCase();
  return IAM_NAMES[name] ?? name;
}

/** Fields of the requests that Ferry sends, the most telling first. */
const RESOURCE_FIELDS = [
  'TableName',
  'UUID',
  'FunctionName',
  'logGroupName',
  'QueueUrl',
  'QueueName',
  'Bucket',
  'executionArn',
  'stateMachineArn',
  'StreamArn',
] as const;

/** The name in a request of what it is about; tables of a batch or transaction with commas between. */
export function resourceOf(input: object): string | undefined {
  const fields = input as Readonly<Record<string, unknown>>;
  const name = RESOURCE_FIELDS.map((field) => fields[field]).find((value) => value !== undefined);
  if (typeof name === 'string') return name;
  const tables = [...batchTables(fields['RequestItems']), ...tablesOf(fields['TransactItems'])];
  return tables.length === 0 ? undefined : [...new Set(tables)].join(', ');
}

function batchTables(items: unknown): string[] {
  return typeof items === 'object' && items !== null ? Object.keys(items) : [];
}

function tablesOf(items: unknown): string[] {
  if (!Array.isArray(items)) return [];
  return (items as ReadonlyArray<Readonly<Record<string, { TableName?: string }>>>).flatMap(
    (item) => Object.values(item).flatMap(({ TableName }) => TableName ?? []),
  );
}

/** dynamodb:DescribeTable of Orders in us-east-1 */
export function requestText(request: FailedRequest | undefined): string {
  if (request === undefined) return 'a request';
  const { resource, region } = request;
  return [
    actionOf(request),
    ...(resource === undefined ? [] : [`of ${resource}`]),
    ...(region === undefined ? [] : [`in ${region}`]),
  ].join(' ');
}

/** What IAM calls operations of other names. */
const ACTIONS: Readonly<Record<string, string>> = {
  's3:HeadBucket': 's3:ListBucket',
  's3:ListObjectsV2': 's3:ListBucket',
  's3:ListBuckets': 's3:ListAllMyBuckets',
  'dynamodb:TransactWriteItems': 'dynamodb:PutItem, DeleteItem, UpdateItem and ConditionCheckItem',
};

/** dynamodb:DescribeTable */
export function actionOf({ service, operation }: FailedRequest): string {
  const name = `${service}:${operation}`;
  return ACTIONS[name] ?? name;
}
