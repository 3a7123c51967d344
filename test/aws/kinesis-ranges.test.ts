// A range of a Kinesis shard, behind the stand-in that speaks its protocol.

import type { KinesisStreamRecord } from 'aws-lambda';
import { afterEach, expect, it } from 'vitest';
import { fixedCredentials } from '../../src/aws/access.ts';
import { readKinesisRange } from '../../src/aws/kinesis-ranges.ts';
import { KINESIS_ARN, kinesisNumber, kinesisRecord } from '../fixtures/kinesis-records.ts';
import { lambdaRecord } from '../fixtures/records.ts';
import { openKinesis } from '../fixtures/streams-cloud.ts';
import { ScriptedStream } from '../local/fixtures/scripted-stream.ts';

const SHARD = 'shardId-000000000003';
const stops: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

const places = Array.from({ length: 12 }, (_, place) => place);
const records = places.map((place) =>
  kinesisRecord(lambdaRecord({ id: `order-${place}` }), { place }),
);

async function read(
  [first, last]: readonly [number, number],
  change: (stream: ScriptedStream<KinesisStreamRecord>) => void = () => undefined,
  streamArn = KINESIS_ARN,
) {
  const stream = new ScriptedStream<KinesisStreamRecord>().addShard(SHARD);
  stream.append(SHARD, ...records);
  change(stream);
  const cloud = await openKinesis(KINESIS_ARN, stream, { retentionHours: 24 });
  stops.push(() => cloud.stop());
  return readKinesisRange(
    {
      region: 'us-east-1',
      endpoint: cloud.endpoint,
      credentials: fixedCredentials({ accessKeyId: 'test', secretAccessKey: 'test' }),
    },
    {
      streamArn,
      shardId: SHARD,
      startSequenceNumber: kinesisNumber(first),
      endSequenceNumber: kinesisNumber(last),
    },
  );
}

it.each<[string, [number, number]]>([
  ['all of the shard', [0, 11]],
  ['a part of it', [3, 7]],
  ['one record', [5, 5]],
])('reads %s, with the data as Lambda delivers them', async (_, range) => {
  const found = await read(range);

  const wanted = records.slice(range[0], range[1] + 1).map(({ kinesis }) => kinesis.data);
  expect((found as KinesisStreamRecord[]).map(({ kinesis }) => kinesis.data)).toEqual(wanted);
  expect(found[0]).toMatchObject({ eventSource: 'aws:kinesis', eventSourceARN: KINESIS_ARN });
});

it('names a range as trimmed where the stream has lost its beginning', async () => {
  expect(await read([3, 7], (stream) => stream.trim(SHARD, 4))).toBe('trimmed');
  expect(await read([4, 7], (stream) => stream.trim(SHARD, 4))).toHaveLength(4);
});

it.each<[string, [number, number]]>([
  ['its last record', [3, 40]],
  ['its first record', [40, 41]],
])('names a range as trimmed if the shard does not have %s of it', async (_, range) => {
  expect(await read(range)).toBe('trimmed');
});

it('names a range as trimmed where the shard is closed before its end', async () => {
  expect(await read([3, 40], (stream) => stream.close(SHARD))).toBe('trimmed');
});
