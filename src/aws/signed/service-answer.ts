// Whether an answer is DynamoDB's own. A proxy's page, an empty 200 or a cut-off body must not count as a
// write, or as an item that is not there: the request may have been applied, or not.

import { crc32 } from 'node:zlib';
import { counted } from '../../text/number-text.ts';

/** An answer as it came over the wire; marks that are missing are empty. */
export interface RawAnswer {
  readonly status: number;
  /** Of the header `x-amzn-requestid`. */
  readonly requestId: string;
  /** Of the header `x-amz-crc32`: a checksum of the body, which not every service sends. */
  readonly checksum: string;
  readonly body: string;
}

interface Form {
  readonly may: readonly string[];
  /** A member that the service never leaves out. */
  readonly must?: string;
}

const WRITE: Form = { may: ['Attributes', 'ConsumedCapacity', 'ItemCollectionMetrics'] };

/** Output members of the operations that Ferry uses, from the API reference. */
const FORMS: Readonly<Record<string, Form>> = {
  PutItem: WRITE,
  DeleteItem: WRITE,
  UpdateItem: WRITE,
  TransactWriteItems: { may: ['ConsumedCapacity', 'ItemCollectionMetrics'] },
  GetItem: { may: ['Item', 'ConsumedCapacity'] },
  BatchGetItem: { may: ['UnprocessedKeys', 'ConsumedCapacity'], must: 'Responses' },
  Scan: {
    may: ['Items', 'ScannedCount', 'LastEvaluatedKey', 'ConsumedCapacity'],
    must: 'Count',
  },
  DescribeTable: { may: [], must: 'Table' },
  DescribeContinuousBackups: { may: [], must: 'ContinuousBackupsDescription' },
  DescribeTimeToLive: { may: [], must: 'TimeToLiveDescription' },
  DescribeKinesisStreamingDestination: {
    may: ['KinesisDataStreamDestinations'],
    must: 'TableName',
  },
  GetResourcePolicy: { may: ['RevisionId'], must: 'Policy' },
  PutResourcePolicy: { may: ['RevisionId'] },
  DeleteResourcePolicy: { may: ['RevisionId'] },
  ListTables: { may: ['LastEvaluatedTableName'], must: 'TableNames' },
  DescribeStream: { may: [], must: 'StreamDescription' },
  GetShardIterator: { may: [], must: 'ShardIterator' },
  // The last two are of Kinesis.
  GetRecords: { may: ['NextShardIterator', 'MillisBehindLatest', 'ChildShards'], must: 'Records' },
  DescribeStreamSummary: { may: [], must: 'StreamDescriptionSummary' },
  ListShards: { may: ['NextToken'], must: 'Shards' },
};

/**
 * @param operation its name, without the API's.
 * @throws ForeignAnswer, which counts as an unknown outcome, where DynamoDB cannot have sent it.
 */
export function requireOwnAnswer(operation: string, answer: RawAnswer): void {
  const problem = problemOf(operation, answer);
  if (problem !== undefined) throw new ForeignAnswer(operation, answer.status, problem);
}

/** The request may have been applied, or not. */
class ForeignAnswer extends Error {
  override readonly name = 'ForeignAnswer';

  constructor(operation: string, status: number, problem: string) {
    super(`the answer to ${operation} (status ${status}) is not DynamoDB's: ${problem}`);
  }
}

function problemOf(operation: string, answer: RawAnswer): string | undefined {
  const { status, requestId, checksum, body } = answer;
  if (requestId === '') return 'it has no request id';
  if (checksum !== '' && crc32(body) !== Number(checksum)) return 'its checksum is not its body’s';
  // The form of errors is the caller's to read: what has no known name is an unknown outcome, too.
  if (status >= 400) return undefined;
  if (status !== 200) return 'DynamoDB answers with 200 or an error';
  const form = FORMS[operation];
  if (form === undefined) return 'Ferry does not know the form of this operation’s answers';
  // Nearly every write is answered so.
  if (body === '{}' && form.must === undefined) return undefined;
  return formProblem(membersOf(body), form, checksum !== '');
}

/** @param isProven a checksum was right, which no proxy sends: DynamoDB may have learned to say more. */
function formProblem(
  members: readonly string[] | undefined,
  { may, must }: Form,
  isProven: boolean,
): string | undefined {
  if (members === undefined) return 'its body is not a JSON object';
  if (must !== undefined && !members.includes(must)) return `it has no ${must}`;
  if (isProven) return undefined;
  const foreign = members.filter((name) => name !== must && !may.includes(name));
  return foreign.length === 0
    ? undefined
    : `it has ${counted(foreign.length, 'member')} of another form`;
}

function membersOf(body: string): string[] | undefined {
  try {
    const value: unknown = JSON.parse(body);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? Object.keys(value) : undefined;
  } catch {
    return undefined;
  }
}
