// Reads a DynamoDB stream as Lambda's event source mapping would: pages of records come out in the
// shape that a Lambda event has. Receives the SDK's client; sends nothing but reads.

import {
  type _Record,
  type AttributeValue as SdkValue,
  DescribeStreamCommand,
  type DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type Shard as SdkShard,
} from '@aws-sdk/client-dynamodb-streams';
import type { AttributeValue, DynamoDBRecord, StreamRecord } from 'aws-lambda';
import type { Shard, ShardPage, StreamReader } from '../ports.ts';
import { listShards, type ShardsPage, unreadable, type Waiting } from './shard-pages.ts';

/** Records per page: the most that the service gives. The embedded engine would give more. */
const PAGE_RECORDS_MAX = 1_000;

/**
 * Reads `streamArn` through `client`. Rejects with the service's own errors.
 * @param waiting for lists that are throttled. @default they reject
 */
export function dynamoDbStreamReader(
  client: DynamoDBStreamsClient,
  streamArn: string,
  waiting?: Waiting,
): StreamReader {
  return {
    shards: () => listShards((from) => shardsPage(client, streamArn, from), waiting),
    open: (shardId, afterSequenceNumber) =>
      openShard(client, { streamArn, shardId, afterSequenceNumber }),
    read: (iterator, limit) => readPage(client, { streamArn, iterator, limit }),
    isEnabled: async () => {
      const request = new DescribeStreamCommand({ StreamArn: streamArn, Limit: 1 });
      return (await client.send(request)).StreamDescription?.StreamStatus !== 'DISABLED';
    },
  };
}

async function shardsPage(
  client: DynamoDBStreamsClient,
  streamArn: string,
  from: string | undefined,
): Promise<ShardsPage> {
  const { StreamDescription } = await client.send(
    new DescribeStreamCommand({ StreamArn: streamArn, ExclusiveStartShardId: from }),
  );
  const { Shards = [], LastEvaluatedShardId: next } = StreamDescription ?? {};
  return { shards: Shards.map(toShard), next };
}

/**
 * EndingSequenceNumber is left out on purpose: the embedded engine gives one for open shards, too.
 * A shard is closed when reading it returns no next iterator, and only then.
 */
function toShard({ ShardId, ParentShardId }: SdkShard): Shard {
  if (ShardId === undefined) throw unreadable('a shard has no id');
  return { shardId: ShardId, parentShardIds: ParentShardId === undefined ? [] : [ParentShardId] };
}

async function openShard(
  client: DynamoDBStreamsClient,
  where: { streamArn: string; shardId: string; afterSequenceNumber: string | undefined },
): Promise<string> {
  const { streamArn, shardId, afterSequenceNumber } = where;
  // Checked here, because the embedded engine answers a value that it cannot parse by reading from
  // the beginning.
  if (afterSequenceNumber !== undefined && !/^\d{1,40}$/.test(afterSequenceNumber)) {
    throw unreadable(`a sequence number is 1 to 40 digits, got "${afterSequenceNumber}"`);
  }
  const { ShardIterator } = await client.send(
    new GetShardIteratorCommand({
      StreamArn: streamArn,
      ShardId: shardId,
      ...(afterSequenceNumber === undefined
        ? { ShardIteratorType: 'TRIM_HORIZON' }
        : { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: afterSequenceNumber }),
    }),
  );
  if (ShardIterator === undefined) throw unreadable(`shard ${shardId} gave no iterator`);
  return ShardIterator;
}

async function readPage(
  client: DynamoDBStreamsClient,
  where: { streamArn: string; iterator: string; limit: number },
): Promise<ShardPage> {
  const { Records, NextShardIterator } = await client.send(
    new GetRecordsCommand({
      ShardIterator: where.iterator,
      Limit: Math.min(Math.max(1, where.limit), PAGE_RECORDS_MAX),
    }),
  );
  const records = (Records ?? []).map((record) => toLambdaRecord(record, where.streamArn));
  return { records, nextIterator: NextShardIterator };
}

/** The record as a Lambda event shows it. Numbers and sequence numbers stay text. */
function toLambdaRecord(record: _Record, streamArn: string): DynamoDBRecord {
  const { eventID, eventName, eventVersion, awsRegion, dynamodb, userIdentity } = record;
  const sequenceNumber = dynamodb?.SequenceNumber;
  if (sequenceNumber === undefined || !/^\d{1,40}$/.test(sequenceNumber)) {
    throw unreadable(`a record's sequence number must be 1 to 40 digits, got "${sequenceNumber}"`);
  }
  return {
    ...defined({ eventID, eventName, eventVersion, awsRegion }),
    eventSource: 'aws:dynamodb',
    eventSourceARN: streamArn,
    dynamodb: toLambdaChange(dynamodb ?? {}),
    ...(userIdentity === undefined ? {} : { userIdentity: toLambdaIdentity(userIdentity) }),
  };
}

function toLambdaChange(change: NonNullable<_Record['dynamodb']>): StreamRecord {
  const { ApproximateCreationDateTime: createdAt, Keys, NewImage, OldImage } = change;
  const { SequenceNumber, SizeBytes, StreamViewType } = change;
  return defined({
    ApproximateCreationDateTime: createdAt && createdAt.getTime() / 1000,
    Keys: Keys && toLambdaMap(Keys),
    NewImage: NewImage && toLambdaMap(NewImage),
    OldImage: OldImage && toLambdaMap(OldImage),
    SequenceNumber,
    SizeBytes,
    StreamViewType,
  });
}

/**
 * The embedded engine, and only it, names the members `type` and `principalId` on the wire, where
 * the API has `Type` and `PrincipalId`. The SDK leaves both out then, and an empty identity stays.
 * It sends an identity with deletes by TTL only, so an empty one means just that.
 */
function toLambdaIdentity({ Type, PrincipalId }: NonNullable<_Record['userIdentity']>) {
  if (Type === undefined && PrincipalId === undefined) {
    return { type: 'Service', principalId: 'dynamodb.amazonaws.com' };
  }
  return defined({ type: Type, principalId: PrincipalId });
}

function toLambdaMap(values: Record<string, SdkValue>): Record<string, AttributeValue> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, toLambdaValue(value)]),
  );
}

function toLambdaValue(value: SdkValue | undefined): AttributeValue {
  // The SDK loses the value of an attribute that is called "__proto__".
  if (value === undefined) throw unreadable('the AWS SDK lost the value of an attribute');
  if (value.B !== undefined) return { B: toBase64(value.B) };
  if (value.BS !== undefined) return { BS: value.BS.map(toBase64) };
  if (value.L !== undefined) return { L: value.L.map(toLambdaValue) };
  if (value.M !== undefined) return { M: toLambdaMap(value.M) };
  if (value.S !== undefined) return { S: value.S };
  if (value.N !== undefined) return { N: value.N };
  if (value.SS !== undefined) return { SS: value.SS };
  if (value.NS !== undefined) return { NS: value.NS };
  if (value.BOOL !== undefined) return { BOOL: value.BOOL };
  if (value.NULL !== undefined) return { NULL: value.NULL };
  // A type that this SDK does not know would arrive mutilated, so it must not arrive at all.
  throw unreadable(`an attribute has the unknown type "${value.$unknown?.[0] ?? 'none'}"`);
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** `fields` without those that have no value, as JSON would have it. */
function defined<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
