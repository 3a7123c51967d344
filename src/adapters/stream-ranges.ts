// Reads a range of a shard again, for batches of which Lambda kept the sequence numbers only.

import { DynamoDBStreamsClient, GetShardIteratorCommand } from '@aws-sdk/client-dynamodb-streams';
import { padSequenceNumber } from '../core/ordering-guard.ts';
import type { StreamRange } from '../core/parcel.ts';
import { type ClientSettings, clientSettings } from './client-settings.ts';
import { dynamoDbStreamReader } from './dynamodb-streams.ts';

/** Errors that say that the stream no longer has the range. */
const GONE = ['TrimmedDataAccessException', 'ResourceNotFoundException'];
const PAGE_RECORDS = 1_000;

export function streamsClient(settings: ClientSettings): DynamoDBStreamsClient {
  return new DynamoDBStreamsClient({ ...clientSettings(settings), maxAttempts: 3 });
}

/** @returns the records from the first to the last sequence number, or `trimmed`. */
export async function readStreamRange(
  client: DynamoDBStreamsClient,
  { streamArn, shardId, startSequenceNumber, endSequenceNumber }: StreamRange,
): Promise<readonly unknown[] | 'trimmed'> {
  const reader = dynamoDbStreamReader(client, streamArn);
  const start = padSequenceNumber(startSequenceNumber);
  const end = padSequenceNumber(endSequenceNumber);
  const found: unknown[] = [];
  try {
    const { ShardIterator } = await client.send(
      new GetShardIteratorCommand({
        StreamArn: streamArn,
        ShardId: shardId,
        ShardIteratorType: 'AT_SEQUENCE_NUMBER',
        SequenceNumber: startSequenceNumber,
      }),
    );
    let iterator = ShardIterator;
    while (iterator !== undefined) {
      const page = await reader.read(iterator, PAGE_RECORDS);
      for (const record of page.records) {
        const sequenceNumber = padSequenceNumber(record.dynamodb?.SequenceNumber ?? '');
        if (sequenceNumber >= start && sequenceNumber <= end) found.push(record);
        if (sequenceNumber >= end) return found;
      }
      iterator = page.nextIterator;
    }
  } catch (error) {
    if (error instanceof Error && GONE.includes(error.name)) return 'trimmed';
    throw error;
  }
  return found;
}
