// Reads a Kinesis data stream as Lambda's event source mapping would: pages of records come out in the shape that a
// Lambda event has. Receives the SDK's client; sends nothing but reads.

import {
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  type GetRecordsCommandOutput,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  type Shard as SdkShard,
  type ShardIteratorType,
  type _Record,
} from '@aws-sdk/client-kinesis';
import type { KinesisStreamRecord } from 'aws-lambda';
import { namedError } from '../errors.ts';
import type { Shard, ShardPage, StreamReader } from '../ports.ts';
import { CheckedHandler } from './checked-handler.ts';
import { type ClientSettings, clientSettings, TRY_LIMITS } from './client-settings.ts';
import { sdkClient } from './sdk-client.ts';
import { listShards, type ShardsPage, unreadable, type Waiting } from './shard-pages.ts';

/** Kinesis allows five reads of a shard a second. */
const READ_INTERVAL_MS = 200;
/** Of a record that is there, the first has it; a page may be empty nevertheless. */
const PROBES_MAX = 3;
/** By how much the clocks of this machine and of Kinesis may differ. */
const CLOCKS_MS = 5 * 60_000;

export function kinesisClient(settings: ClientSettings): KinesisClient {
  const requestHandler = new CheckedHandler(TRY_LIMITS);
  const options = { ...clientSettings(settings), maxAttempts: 3, requestHandler };
  return sdkClient(new KinesisClient(options), settings);
}

/** Reads the stream `streamArn` through `client`. Rejects with the service's own errors. */
export function kinesisStreamReader(
  client: KinesisClient,
  streamArn: string,
  waiting: Waiting,
): StreamReader<KinesisStreamRecord> {
  const stream: Stream = { client, streamArn, waiting };
  return {
    readIntervalMs: READ_INTERVAL_MS,
    shards: () => listShards((from) => shardsPage(stream, from), waiting),
    open: (shardId, after, settledAtMs) =>
      after === undefined
        ? iteratorAt(stream, shardId, 'TRIM_HORIZON')
        : openBehind({ ...stream, shardId, after }, settledAtMs),
    read: (iterator, limit) => readPage(stream, iterator, limit),
  };
}

interface Stream {
  readonly client: KinesisClient;
  readonly streamArn: string;
  readonly waiting: Waiting;
}

async function shardsPage(
  { client, streamArn }: Stream,
  from: string | undefined,
): Promise<ShardsPage> {
  // A token names its stream, and nothing may be named beside it.
  const of = from === undefined ? { StreamARN: streamArn } : { NextToken: from };
  const { Shards = [], NextToken: next } = await client.send(new ListShardsCommand(of));
  return { shards: Shards.map(toShard), next };
}

function toShard({ ShardId, ParentShardId, AdjacentParentShardId }: SdkShard): Shard {
  if (ShardId === undefined) throw unreadable('a shard has no id');
  const parents = [ParentShardId, AdjacentParentShardId];
  return { shardId: ShardId, parentShardIds: parents.filter((id) => id !== undefined) };
}

/** The shard is in front: the records that are read name it. */
export async function iteratorAt(
  { client, streamArn }: Stream,
  shardId: string,
  ShardIteratorType: ShardIteratorType,
  StartingSequenceNumber?: string,
): Promise<string> {
  const { ShardIterator } = await client.send(
    new GetShardIteratorCommand({
      StreamARN: streamArn,
      ShardId: shardId,
      ShardIteratorType,
      StartingSequenceNumber,
    }),
  );
  if (ShardIterator === undefined) throw unreadable(`shard ${shardId} gave no iterator`);
  return `${shardId}|${ShardIterator}`;
}

interface Behind extends Stream {
  readonly shardId: string;
  readonly after: string;
}

/**
 * Kinesis never says that a position is trimmed: it goes on at the oldest record, or gives empty pages for long. So the
 * record of the position is looked for first. Where it is gone, only the time tells whether others went with it.
 */
async function openBehind(where: Behind, settledAtMs = -Infinity): Promise<string> {
  const { client, streamArn, waiting, shardId, after } = where;
  if (await isThere(where)) return iteratorAt(where, shardId, 'AFTER_SEQUENCE_NUMBER', after);
  const { StreamDescriptionSummary: summary } = await client.send(
    new DescribeStreamSummaryCommand({ StreamARN: streamArn }),
  );
  const keptMs = (summary?.RetentionPeriodHours ?? 0) * 3_600_000 - CLOCKS_MS;
  if (waiting.clock.now() - settledAtMs >= keptMs) throw namedError('TrimmedDataAccessException');
  return iteratorAt(where, shardId, 'TRIM_HORIZON');
}

/** @throws TrimmedDataAccessException where the stream was made anew, and does not know the number. */
async function isThere(where: Behind): Promise<boolean> {
  const { client, waiting, shardId, after } = where;
  let iterator: string | undefined;
  try {
    iterator = bareOf(await iteratorAt(where, shardId, 'AT_SEQUENCE_NUMBER', after)).iterator;
  } catch (error) {
    const isUnknown = error instanceof Error && error.name === 'InvalidArgumentException';
    throw isUnknown ? namedError('TrimmedDataAccessException') : error;
  }
  for (let probe = 1; probe <= PROBES_MAX && iterator !== undefined; probe += 1) {
    if (probe > 1) await waiting.clock.sleep(READ_INTERVAL_MS);
    const request = new GetRecordsCommand({ ShardIterator: iterator, Limit: 1 });
    const page: GetRecordsCommandOutput = await client.send(request);
    const first = page.Records?.[0]?.SequenceNumber;
    if (first !== undefined) return first === after;
    iterator = page.MillisBehindLatest === 0 ? undefined : page.NextShardIterator;
  }
  return false;
}

async function readPage(
  { client, streamArn }: Stream,
  place: string,
  limit: number,
): Promise<ShardPage<KinesisStreamRecord>> {
  const { shardId, iterator } = bareOf(place);
  const { Records, NextShardIterator, MillisBehindLatest } = await client.send(
    new GetRecordsCommand({ ShardIterator: iterator, Limit: Math.max(1, limit) }),
  );
  return {
    records: (Records ?? []).map((record) => toLambdaRecord(record, streamArn, shardId)),
    // The SDK gives null where Kinesis does.
    nextIterator: NextShardIterator ? `${shardId}|${NextShardIterator}` : undefined,
    behindMs: MillisBehindLatest,
  };
}

function bareOf(place: string): { readonly shardId: string; readonly iterator: string } {
  const at = place.indexOf('|');
  return { shardId: place.slice(0, at), iterator: place.slice(at + 1) };
}

function toLambdaRecord(record: _Record, streamArn: string, shardId: string): KinesisStreamRecord {
  const { SequenceNumber, ApproximateArrivalTimestamp, Data, PartitionKey } = record;
  if (SequenceNumber === undefined || !/^\d{1,64}$/.test(SequenceNumber)) {
    throw unreadable(`a record's sequence number must be 1 to 64 digits, got "${SequenceNumber}"`);
  }
  if (Data === undefined || PartitionKey === undefined || ApproximateArrivalTimestamp === undefined)
    throw unreadable(`the record ${SequenceNumber} has no data, partition key or time`);
  return {
    eventSource: 'aws:kinesis',
    eventVersion: '1.0',
    eventID: `${shardId}:${SequenceNumber}`,
    eventName: 'aws:kinesis:record',
    invokeIdentityArn: '',
    awsRegion: streamArn.split(':')[3] ?? '',
    eventSourceARN: streamArn,
    kinesis: {
      kinesisSchemaVersion: '1.0',
      partitionKey: PartitionKey,
      sequenceNumber: SequenceNumber,
      data: Buffer.from(Data.buffer, Data.byteOffset, Data.byteLength).toString('base64'),
      approximateArrivalTimestamp: ApproximateArrivalTimestamp.getTime() / 1000,
    },
  };
}
