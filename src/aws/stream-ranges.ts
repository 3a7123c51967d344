// Reads a range of a shard again, for batches where Lambda kept the sequence numbers only.

import { DynamoDBStreamsClient, GetShardIteratorCommand } from '@aws-sdk/client-dynamodb-streams';
import type { DynamoDBRecord } from 'aws-lambda';
import { padSequenceNumber } from '../model/guard.ts';
import type { StreamRange } from '../model/failure-message.ts';
import { CheckedHandler } from './checked-handler.ts';
import { type ClientSettings, clientSettings, TRY_LIMITS } from './client-settings.ts';
import { dynamoDbStreamReader } from './dynamodb-streams.ts';
import { sdkClient } from './sdk-client.ts';

/** Errors that say that the stream no longer has the range. */
const GONE = ['TrimmedDataAccessException', 'ResourceNotFoundException'];
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
): Promise<readonly unknown[] | 'trimmed'> {
  try {
    const records = await readRange(client, range);
    const isWhole = numberOf(records[0]) === padSequenceNumber(range.startSequenceNumber);
    return isWhole && numberOf(records.at(-1)) === padSequenceNumber(range.endSequenceNumber)
      ? records
      : 'trimmed';
  } catch (error) {
    if (error instanceof Error && GONE.includes(error.name)) return 'trimmed';
    throw error;
  }
}

async function readRange(
  client: DynamoDBStreamsClient,
  range: StreamRange,
): Promise<DynamoDBRecord[]> {
  const { streamArn, shardId, startSequenceNumber, endSequenceNumber } = range;
  const reader = dynamoDbStreamReader(client, streamArn);
  const { ShardIterator } = await client.send(
    new GetShardIteratorCommand({
      StreamArn: streamArn,
      ShardId: shardId,
      ShardIteratorType: 'AT_SEQUENCE_NUMBER',
      SequenceNumber: startSequenceNumber,
    }),
  );
  const found: DynamoDBRecord[] = [];
  let iterator = ShardIterator;
  for (let page = 1; page <= PAGES_MAX && iterator !== undefined; page += 1) {
    const { records, nextIterator } = await reader.read(iterator, PAGE_RECORDS);
    const end = padSequenceNumber(endSequenceNumber);
    found.push(...records.filter((record) => numberOf(record) <= end));
    if (records.some((record) => numberOf(record) >= end)) break;
    iterator = nextIterator;
  }
  return found;
}

function numberOf(record: DynamoDBRecord | undefined): string {
  return padSequenceNumber(record?.dynamodb?.SequenceNumber ?? '');
}
