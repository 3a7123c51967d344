// The consumer behind stand-ins for DynamoDB Streams and Kinesis, through the SDK's own clients: shards that split and
// merge, trimmed positions, expired iterators, throttling, lists that change, and a stream that is turned off.

import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import type { DynamoDBRecord, KinesisStreamRecord } from 'aws-lambda';
import { afterEach, describe, expect, it } from 'vitest';
import { CheckedHandler } from '../../src/aws/checked-handler.ts';
import { TRY_LIMITS } from '../../src/aws/client-settings.ts';
import { dynamoDbStreamReader } from '../../src/aws/dynamodb-streams.ts';
import { kinesisStreamReader } from '../../src/aws/kinesis-streams.ts';
import { systemClock, systemRandom } from '../../src/aws/system-clock.ts';
import type { StoredPosition, StreamReader } from '../../src/ports.ts';
import { startConsumer, type StreamConsumer } from '../../src/stream/consumer.ts';
import type { ConsumerOptions, TrimmedPosition } from '../../src/stream/context.ts';
import { type EventRecord, sequenceNumberOf } from '../../src/stream/event-record.ts';
import type { OnFailureDocument } from '../../src/stream/on-failure-document.ts';
import { MemoryPositions } from '../fixtures/memory-positions.ts';
import {
  kinesisNumber,
  kinesisRecord,
  openDynamoDbStreams,
  openKinesis,
} from '../fixtures/streams-cloud.ts';
import { eventually } from '../local/fixtures/processes.ts';
import { ScriptedStream } from '../local/fixtures/scripted-stream.ts';

const STREAM_ARN = 'arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-01-01T00:00:00.000';
const KINESIS_ARN = 'arn:aws:kinesis:us-east-1:000000000000:stream/changes';
const HOUR_MS = 3_600_000;
const WAITING = { clock: systemClock, random: systemRandom };

const cleanups: Array<() => unknown> = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);
const record = (number: number): DynamoDBRecord => ({
  eventID: `e${number}`,
  eventName: 'MODIFY',
  dynamodb: {
    ApproximateCreationDateTime: Math.floor(Date.now() / 1000),
    Keys: { pk: { S: `item#${number % 7}` } },
    SequenceNumber: String(number),
  },
});
const records = (from: number, to: number) => range(from, to).map((number) => record(number));

/** One try of each request: what is repeated here is repeated by Ferry. */
function settings(endpoint: string) {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const requestHandler = new CheckedHandler(TRY_LIMITS);
  return { endpoint, region: 'us-east-1', credentials, maxAttempts: 1, requestHandler };
}

async function dynamoDb(stream: ScriptedStream) {
  const cloud = await openDynamoDbStreams(STREAM_ARN, stream);
  const client = new DynamoDBStreamsClient(settings(cloud.endpoint));
  cleanups.push(
    () => cloud.stop(),
    () => client.destroy(),
  );
  return { cloud, reader: dynamoDbStreamReader(client, STREAM_ARN, WAITING) };
}

async function kinesis(stream: ScriptedStream<KinesisStreamRecord>, retentionHours = 24) {
  const cloud = await openKinesis(KINESIS_ARN, stream, { retentionHours });
  const client = new KinesisClient(settings(cloud.endpoint));
  cleanups.push(
    () => cloud.stop(),
    () => client.destroy(),
  );
  return { cloud, reader: kinesisStreamReader(client, KINESIS_ARN, WAITING) };
}

interface Overrides extends Partial<Omit<ConsumerOptions, 'settings' | 'reader'>> {
  readonly settings?: Partial<ConsumerOptions['settings']>;
  readonly rows?: Readonly<Record<string, StoredPosition>>;
}

/** As `ferry run` starts it, only faster. */
function start(
  reader: StreamReader<EventRecord>,
  { settings: more, rows, ...others }: Overrides = {},
) {
  const positions = new MemoryPositions(systemClock, rows);
  const taken: string[] = [];
  const trimmed: TrimmedPosition[] = [];
  const problems: string[] = [];
  const consumer: StreamConsumer = startConsumer({
    reader,
    streamArn: STREAM_ARN,
    functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:f',
    settings: {
      batchSize: 10,
      maxBatchingWindowSeconds: 0,
      parallelizationFactor: 1,
      retryAttempts: -1,
      maxRecordAgeSeconds: -1,
      ...more,
    },
    clock: systemClock,
    random: systemRandom,
    positions,
    readIntervalMs: 5,
    discoveryIntervalMs: 500,
    onTrimmed: (position) => trimmed.push(position),
    onFailure: () => undefined,
    onProblem: (problem) => problems.push(problem),
    invoke: async ({ Records }) => void taken.push(...Records.map(sequenceNumberOf)),
    ...others,
  });
  cleanups.push(() => consumer.stop());
  return { consumer, positions, taken, trimmed, problems };
}

describe('DynamoDB Streams', () => {
  it('shards that split are read before their children, each record once', async () => {
    const stream = new ScriptedStream().addShard('a').append('a', ...records(1, 25));
    const { reader } = await dynamoDb(stream);
    const { consumer, taken, positions } = start(reader);
    await consumer.settled();

    stream.append('a', ...records(26, 30)).close('a');
    stream.addShard('b', 'a').addShard('c', 'a');
    stream.append('b', ...records(31, 40)).append('c', ...records(41, 50));
    await eventually(() => taken.length === 50);
    await consumer.stop();

    expect(taken.slice(0, 30)).toEqual(range(1, 30).map(String));
    expect(new Set(taken.slice(30))).toEqual(new Set(range(31, 50).map(String)));
    expect(Object.fromEntries(positions.rows)).toMatchObject({
      a: { after: '30', closed: true },
      b: { after: '40', closed: false },
      c: { after: '50', closed: false },
    });
  });

  it('a process that starts anew goes on at the positions, and not before', async () => {
    const stream = new ScriptedStream()
      .addShard('a')
      .append('a', ...records(1, 20))
      .close('a')
      .addShard('b', 'a')
      .append('b', ...records(21, 40));
    const { reader } = await dynamoDb(stream);
    const first = start(reader);
    await first.consumer.settled();
    await first.consumer.stop();
    stream.append('b', ...records(41, 45));

    const second = start(reader, { rows: Object.fromEntries(first.positions.rows) });
    await second.consumer.settled();

    expect(second.taken).toEqual(range(41, 45).map(String));
    expect(second.trimmed).toEqual([]);
  });

  it('a position that is trimmed is reported once, and reading goes on at the oldest record', async () => {
    const stream = new ScriptedStream()
      .addShard('a')
      .append('a', ...records(1, 20))
      .trim('a', 12);
    const { reader } = await dynamoDb(stream);
    const rows = { a: { after: '5', closed: false, atMs: Date.now() - 30 * HOUR_MS } };
    const { consumer, taken, trimmed, positions } = start(reader, { rows });

    await consumer.settled();
    await consumer.stop();

    expect(trimmed).toEqual([{ shardId: 'a', after: '5' }]);
    expect(taken).toEqual(range(13, 20).map(String));
    expect(positions.rows.get('a')?.after).toBe('20');
  });

  it('records that are trimmed while they are read are reported as well', async () => {
    const stream = new ScriptedStream().addShard('a').append('a', ...records(1, 5));
    const { reader } = await dynamoDb(stream);
    const { consumer, taken, trimmed } = start(reader);
    await consumer.settled();

    stream.append('a', ...records(6, 20)).trim('a', 12);
    await consumer.settled();

    expect(trimmed).toEqual([{ shardId: 'a', after: '5' }]);
    expect(taken).toEqual([...range(1, 5), ...range(13, 20)].map(String));
  });

  it('an expired iterator is replaced, and nothing is reported', async () => {
    const stream = new ScriptedStream().addShard('a').append('a', ...records(1, 5));
    const { cloud, reader } = await dynamoDb(stream);
    const { consumer, taken, trimmed, problems } = start(reader);
    await consumer.settled();

    stream.expireIterators().append('a', ...records(6, 9));
    await consumer.settled();

    expect(taken).toEqual(range(1, 9).map(String));
    expect([trimmed, problems]).toEqual([[], []]);
    const opened = cloud.operations.filter((operation) => operation === 'GetShardIterator');
    expect(opened).toHaveLength(2);
  });

  it('a stream that is turned off is read to its end, and then lost', async () => {
    const stream = new ScriptedStream().addShard('a').append('a', ...records(1, 5));
    const { reader } = await dynamoDb(stream);
    const { consumer, taken } = start(reader);
    await consumer.settled();

    stream.append('a', ...records(6, 8)).disable();

    await expect(consumer.lost).rejects.toMatchObject({ code: 'stream.disabled' });
    expect(taken).toEqual(range(1, 8).map(String));
  });

  it('hundreds of shards are listed page by page, each page again while it is throttled', async () => {
    const stream = new ScriptedStream();
    for (const number of range(1, 450)) {
      stream.addShard(`shard-${number}`).append(`shard-${number}`, record(number));
    }
    const { cloud, reader } = await dynamoDb(stream);
    const throttled = ['LimitExceededException', 'ThrottlingException', 'LimitExceededException'];
    cloud.faults['DescribeStream'] = ['', ...throttled, '', ...throttled];

    const shards = await reader.shards();

    expect(shards).toHaveLength(450);
    // Five pages.
    expect(cloud.operations).toHaveLength(5 + 2 * throttled.length);
  });

  it('a list that stays throttled fails in the end', async () => {
    const { cloud, reader } = await dynamoDb(new ScriptedStream().addShard('a'));
    cloud.faults['DescribeStream'] = Array.from({ length: 30 }, () => 'LimitExceededException');

    await expect(reader.shards()).rejects.toMatchObject({ name: 'LimitExceededException' });
    expect(cloud.operations).toHaveLength(8);
  });

  it('shards that appear while they are listed are found, and none is read twice', async () => {
    const stream = new ScriptedStream();
    for (const number of range(1, 30)) {
      stream.addShard(`old-${number}`).append(`old-${number}`, record(number));
    }
    const { cloud, reader } = await dynamoDb(stream);
    cloud.pageShards = 7;
    let next = 0;
    cloud.onPage = () => {
      if (next === 20) return;
      next += 1;
      stream.close(`old-${next}`).addShard(`new-${next}`, `old-${next}`);
      stream.append(`new-${next}`, record(100 + next));
    };
    const { taken, trimmed, consumer } = start(reader);

    await eventually(() => taken.length >= 50);
    await consumer.stop();

    expect(taken.map(Number).toSorted((a, b) => a - b)).toEqual([
      ...range(1, 30),
      ...range(101, 120),
    ]);
    expect(trimmed).toEqual([]);
  });

  it.each(['GetShardIterator', 'GetRecords', 'DescribeStream'])(
    'throttling of %s only delays',
    async (operation) => {
      const stream = new ScriptedStream().addShard('a').append('a', ...records(1, 9));
      const { cloud, reader } = await dynamoDb(stream);
      cloud.faults[operation] = [
        'ThrottlingException',
        'LimitExceededException',
        'ProvisionedThroughputExceededException',
        'InternalServerError',
      ];
      const { consumer, taken, trimmed } = start(reader);

      await consumer.settled();

      expect(taken).toEqual(range(1, 9).map(String));
      expect(trimmed).toEqual([]);
    },
  );
});

describe('Kinesis', () => {
  const now = Date.now();
  const written = (from: number, to: number, atMs = now) =>
    range(from, to).map((number) => kinesisRecord(number, atMs));
  const of = (number: number) => sequenceNumberOf(kinesisRecord(number, 0));
  const changes = () => new ScriptedStream<KinesisStreamRecord>();

  it('records come in the form of a Lambda event', async () => {
    const stream = changes().addShard('shardId-1').append('shardId-1', kinesisRecord(7, 1_500));
    const { reader } = await kinesis(stream);

    const page = await reader.read(await reader.open('shardId-1'), 100);

    expect(page.records).toEqual([
      {
        ...kinesisRecord(7, 1_500),
        eventID: `shardId-1:${of(7)}`,
        eventSourceARN: KINESIS_ARN,
      },
    ]);
    expect(of(7)).toHaveLength(56);
    expect(page.behindMs).toBe(0);
  });

  it('both parents of a merge are read before their child', async () => {
    const stream = changes()
      .addShard('left')
      .addShard('right')
      .addShard('merged', 'left', 'right')
      .append('left', ...written(1, 10))
      .append('right', ...written(11, 20))
      .append('merged', ...written(21, 30))
      .close('left')
      .close('right');
    const { reader } = await kinesis(stream);
    const { consumer, positions } = start(reader);
    const order: number[] = [];
    const other = start(reader, {
      invoke: async ({ Records }) => void order.push(...Records.map(kinesisNumber)),
    });
    await Promise.all([consumer.settled(), other.consumer.settled()]);
    await consumer.stop();

    expect(await reader.shards()).toContainEqual({
      shardId: 'merged',
      parentShardIds: ['left', 'right'],
    });
    expect(order.slice(20)).toEqual(range(21, 30));
    expect(order.slice(0, 20).toSorted((a, b) => a - b)).toEqual(range(1, 20));
    expect(positions.rows.get('merged')).toMatchObject({ after: of(30), closed: false });
  });

  it('the list of shards is read by its tokens', async () => {
    const stream = changes();
    for (const number of range(1, 25)) stream.addShard(`shardId-${number}`);
    const { cloud, reader } = await kinesis(stream);
    cloud.pageShards = 10;
    cloud.faults['ListShards'] = ['', 'LimitExceededException'];

    expect(await reader.shards()).toHaveLength(25);
    expect(cloud.operations).toHaveLength(4);
  });

  it.each([
    ['its record is there', 5, 30, [], range(6, 9)],
    ['its record is gone, though everything was read lately', 2, 1, [], range(5, 9)],
    [
      'its record is gone, and it is older than the retention',
      2,
      25,
      [{ shardId: 'a', after: of(2) }],
      range(5, 9),
    ],
    [
      'its record is gone, and it is older than the retention that it was written under',
      2,
      5,
      [{ shardId: 'a', after: of(2) }],
      range(5, 9),
      4 * HOUR_MS,
    ],
    [
      'the stream was made anew, and does not know its record',
      77,
      1,
      [{ shardId: 'a', after: of(77) }],
      range(5, 9),
    ],
  ])('a position is judged where %s', async (_, at, hours, expected, numbers, keptMs?: number) => {
    const stream = changes()
      .addShard('a')
      .append('a', ...written(1, 9))
      .trim('a', 4);
    const { reader } = await kinesis(stream);
    const atMs = now - hours * HOUR_MS;
    const rows = { a: { after: of(at), closed: false, atMs, keptMs } };
    const { consumer, taken, trimmed } = start(reader, { rows });

    await consumer.settled();

    expect(trimmed).toEqual(expected);
    expect(taken).toEqual(numbers.map(of));
  });

  it('an expired iterator is replaced, also where the record before it is trimmed by now', async () => {
    const old = now - 25 * HOUR_MS;
    const stream = changes()
      .addShard('a')
      .append('a', ...written(1, 5, old));
    const { reader } = await kinesis(stream);
    const { consumer, taken, trimmed } = start(reader);
    await consumer.settled();
    stream.append('a', ...written(6, 9)).expireIterators();
    await consumer.settled();
    // It has read up to the tip a moment ago, so nothing is missing.
    stream
      .append('a', ...written(10, 12))
      .trim('a', 9)
      .expireIterators();
    await consumer.settled();

    expect(taken.map((number) => Number(number.slice(4)))).toEqual(range(1, 12));
    expect(trimmed).toEqual([]);
  });

  it('records that are trimmed while a shard waits are reported', async () => {
    const stream = changes()
      .addShard('a')
      .append('a', ...written(1, 1_500, now - 25 * HOUR_MS));
    const { reader } = await kinesis(stream);
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const { consumer, trimmed } = start(reader, { invoke: () => held });
    await eventually(() => consumer.counts.received === 1_010);

    stream.trim('a', 1_200).expireIterators();
    release();
    await consumer.settled();

    expect(trimmed).toEqual([{ shardId: 'a', after: of(1_010) }]);
    expect(consumer.counts).toMatchObject({ received: 1_310, done: 1_310, trimmed: 1 });
  });

  it('a batch that fails is cut where the function says, and given up as Lambda does it', async () => {
    const stream = changes()
      .addShard('a')
      .append('a', ...written(1, 4));
    const { reader } = await kinesis(stream);
    const documents: OnFailureDocument[] = [];
    const { consumer, positions } = start(reader, {
      settings: { retryAttempts: 0 },
      invoke: async ({ Records }) =>
        Records.some((one) => kinesisNumber(one) === 3)
          ? { batchItemFailures: [{ itemIdentifier: of(3) }] }
          : null,
      onFailure: (document) => void documents.push(document),
    });

    await consumer.settled();
    await consumer.stop();

    expect(documents).toHaveLength(1);
    expect(documents[0]).toMatchObject({
      KinesisBatchInfo: {
        shardId: 'a',
        startSequenceNumber: of(3),
        endSequenceNumber: of(4),
        batchSize: 2,
      },
    });
    expect(documents[0]).not.toHaveProperty('DDBStreamBatchInfo');
    expect(positions.rows.get('a')?.after).toBe(of(4));
  });

  it('records of a partition key stay in order, side by side with others', async () => {
    const stream = changes()
      .addShard('a')
      .append('a', ...written(1, 200));
    const { reader } = await kinesis(stream);
    const byKey = new Map<string, number[]>();
    const { consumer } = start(reader, {
      settings: { parallelizationFactor: 5, batchSize: 7 },
      invoke: async ({ Records }) => {
        for (const one of Records as KinesisStreamRecord[]) {
          const { partitionKey } = one.kinesis;
          byKey.set(partitionKey, [...(byKey.get(partitionKey) ?? []), kinesisNumber(one)]);
        }
      },
    });

    await consumer.settled();

    expect(byKey.size).toBe(5);
    for (const order of byKey.values()) expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect([...byKey.values()].flat()).toHaveLength(200);
  });

  it.each(['GetShardIterator', 'GetRecords', 'ListShards'])(
    'throttling of %s only delays',
    async (operation) => {
      const stream = changes()
        .addShard('a')
        .append('a', ...written(1, 9));
      const { cloud, reader } = await kinesis(stream);
      cloud.faults[operation] = [
        'ProvisionedThroughputExceededException',
        'LimitExceededException',
        'KMSThrottlingException',
      ];
      const { consumer, taken } = start(reader);

      await consumer.settled();

      expect(taken).toEqual(range(1, 9).map(of));
    },
  );
});
