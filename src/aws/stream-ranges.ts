// Reads a range of a shard again, for batches where Lambda kept the sequence numbers only.

import { DynamoDBStreamsClient, GetShardIteratorCommand } from '@aws-sdk/client-dynamodb-streams';
import type { DynamoDBRecord } from 'aws-lambda';
import { comparableNumber } from '../model/guard.ts';
import type { StreamRange } from '../model/failure-message.ts';
import { CheckedHandler } from './checked-handler.ts';
import { type ClientSettings, clientSettings, TRY_LIMITS } from './client-settings.ts';
import type { ShardPage } from '../ports.ts';
import { dynamoDbStreamReader } from './dynamodb-streams.ts';
import { sdkClient } from './sdk-client.ts';

/** Errors that say that the stream no longer has the range; the last one, of Kinesis, that it does not know a number. */
const GONE = [
  'TrimmedDataAccessException',
  'ResourceNotFoundException',
  'InvalidArgumentException',
];
const PAGE_RECORDS = 1_000;

export function streamsClient(settings: ClientSettings): DynamoDBStreamsClient {
  const requestHandler = new CheckedHandler(TRY_LIMITS);
  const options = { ...clientSettings(settings), maxAttempts: 3, requestHandler };
  return sdkClient(new DynamoDBStreamsClient(options), settings);
}

/** Pages of one range: far more than a batch of 10,000 records needs, and not endless. */
const PAGES_MAX = 1_000;

/** @returns the records from the first to the last sequence number, or `trimmed` if any is gone. */
export async function readStreamRange(
  client: DynamoDBStreamsClient,
  range: StreamRange,
): Promise<readonly DynamoDBRecord[] | 'trimmed'> {
  const { streamArn, shardId, startSequenceNumber } = range;
  const reader = dynamoDbStreamReader(client, streamArn);
  return wholeRange(range, {
    read: (iterator, limit) => reader.read(iterator, limit),
    numberOf: ({ dynamodb }) => dynamodb?.SequenceNumber ?? '',
    async open() {
      const { ShardIterator } = await client.send(
        new GetShardIteratorCommand({
          StreamArn: streamArn,
          ShardId: shardId,
          ShardIteratorType: 'AT_SEQUENCE_NUMBER',
          SequenceNumber: startSequenceNumber,
        }),
      );
      return ShardIterator;
    },
  });
}

export interface RangeReader<R> {
  /** At the first record. */
  readonly open: () => Promise<string | undefined>;
  readonly read: (iterator: string, limit: number) => Promise<ShardPage<R>>;
  readonly numberOf: (record: R) => string;
}

/** The same of either kind of stream. */
export async function wholeRange<R>(
  { startSequenceNumber, endSequenceNumber }: StreamRange,
  { open, read, numberOf }: RangeReader<R>,
): Promise<readonly R[] | 'trimmed'> {
  const [start, end] = [startSequenceNumber, endSequenceNumber].map(comparableNumber);
  const found: R[] = [];
  const lastOf = (records: readonly R[]) => comparableNumber(numberOf(records.at(-1) as R));
  try {
    let iterator = await open();
    for (let page = 1; page <= PAGES_MAX && iterator !== undefined; page += 1) {
      const { records, nextIterator } = await read(iterator, PAGE_RECORDS);
      found.push(...records);
      if (records.length > 0 && lastOf(records) >= (end ?? '')) break;
      iterator = nextIterator;
    }
  } catch (error) {
    if (error instanceof Error && GONE.includes(error.name)) return 'trimmed';
    throw error;
  }
  const numbers = found.map((record) => comparableNumber(numberOf(record)));
  const last = numbers.indexOf(end ?? '');
  return numbers[0] === start && last >= 0 ? found.slice(0, last + 1) : 'trimmed';
}
