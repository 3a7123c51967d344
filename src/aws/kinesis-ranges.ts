// Reads a range of a shard of a Kinesis stream again, for batches where Lambda kept the sequence numbers only.

import type { KinesisStreamRecord } from 'aws-lambda';
import type { StreamRange } from '../model/failure-message.ts';
import type { ShardPage } from '../ports.ts';
import type { ClientSettings } from './client-settings.ts';
import { iteratorAt, kinesisClient, kinesisStreamReader } from './kinesis-streams.ts';
import { wholeRange } from './stream-ranges.ts';
import { systemClock, systemRandom } from './system-clock.ts';

/** @returns the records from the first to the last sequence number, or `trimmed` if any is gone. */
export async function readKinesisRange(
  settings: ClientSettings,
  range: StreamRange,
): Promise<readonly KinesisStreamRecord[] | 'trimmed'> {
  const { streamArn, shardId, startSequenceNumber } = range;
  const client = kinesisClient(settings);
  const waiting = { clock: systemClock, random: systemRandom };
  const reader = kinesisStreamReader(client, streamArn, waiting);
  const begin = { client, streamArn, waiting };
  try {
    return await wholeRange(range, {
      open: () => iteratorAt(begin, shardId, 'AT_SEQUENCE_NUMBER', startSequenceNumber),
      read: (iterator, limit) => readOn(reader, iterator, limit),
      numberOf: ({ kinesis }) => kinesis.sequenceNumber,
    });
  } finally {
    client.destroy();
  }
}

/** A page may be empty in the middle of a shard. At its newest record, the rest of the range is not there. */
async function readOn(
  reader: ReturnType<typeof kinesisStreamReader>,
  iterator: string,
  limit: number,
): Promise<ShardPage<KinesisStreamRecord>> {
  const page = await reader.read(iterator, limit);
  if (page.records.length > 0) return page;
  if (page.behindMs === 0) return { records: [] };
  await systemClock.sleep(reader.readIntervalMs ?? 0);
  return page;
}
