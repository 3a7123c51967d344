// A stream, read by no code of Ferry's: what an application has written to a table, as the stream has it.

import type { LocalRegion } from '../../src/local/engine/local-region.ts';
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type _Record,
} from '@aws-sdk/client-dynamodb-streams';
import { CREDENTIALS } from './disturbance.ts';

/** Reads on where it stopped, every time. */
export interface StreamCount {
  /** Passes over what is there by now. */
  skip(): Promise<void>;
  /** Records that are new since, and the different keys that they are of. The markers of a switch are none. */
  count(): Promise<{ readonly records: number; readonly keys: number }>;
  close(): void;
}

export function streamCount({ region, endpoint }: LocalRegion, StreamArn: string): StreamCount {
  const client = new DynamoDBStreamsClient({ region, endpoint, credentials: CREDENTIALS });
  const positions = new Map<string, string>();
  const readShard = async (ShardId: string): Promise<_Record[]> => {
    const records: _Record[] = [];
    const SequenceNumber = positions.get(ShardId);
    const place =
      SequenceNumber === undefined
        ? ({ ShardIteratorType: 'TRIM_HORIZON' } as const)
        : ({ ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber } as const);
    let { ShardIterator } = await client.send(
      new GetShardIteratorCommand({ StreamArn, ShardId, ...place }),
    );
    while (ShardIterator !== undefined) {
      const { Records = [], NextShardIterator } = await client.send(
        new GetRecordsCommand({ ShardIterator }),
      );
      // Nothing writes meanwhile, and an engine answers an empty page at the end only.
      if (Records.length === 0) break;
      records.push(...Records);
      ShardIterator = NextShardIterator;
    }
    const last = records.at(-1)?.dynamodb?.SequenceNumber;
    if (last !== undefined) positions.set(ShardId, last);
    return records;
  };
  const readAll = async () => {
    const records: _Record[] = [];
    let ExclusiveStartShardId: string | undefined;
    do {
      const { StreamDescription } = await client.send(
        new DescribeStreamCommand({ StreamArn, ExclusiveStartShardId }),
      );
      for (const { ShardId = '' } of StreamDescription?.Shards ?? [])
        records.push(...(await readShard(ShardId)));
      ExclusiveStartShardId = StreamDescription?.LastEvaluatedShardId;
    } while (ExclusiveStartShardId !== undefined);
    return records;
  };
  return {
    async skip() {
      await readAll();
    },
    async count() {
      const keys = (await readAll())
        .map(({ dynamodb }) => dynamodb?.Keys?.['pk']?.S ?? '')
        .filter((pk) => !pk.startsWith('ferry-marker-'));
      return { records: keys.length, keys: new Set(keys).size };
    },
    close: () => client.destroy(),
  };
}
