import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { beforeAll, expect, it } from 'vitest';
import { dynamoDbStreamReader } from '../../src/aws/dynamodb-streams.ts';
import { readStreamRange, streamsClient } from '../../src/aws/stream-ranges.ts';
import { useEngine } from '../fixtures/engine.ts';

const engine = useEngine();
let place: { streamArn: string; shardId: string };
beforeAll(async () => {
  const streamArn = await engine().createTable('ranged', [{ name: 'pk', type: 'S' }], true);
  for (let index = 1; index <= 12; index += 1) {
    const Item = { pk: { S: `item-${index}` } };
    await engine().client.send(new PutItemCommand({ TableName: 'ranged', Item }));
  }
  const [shard] = await dynamoDbStreamReader(client(), streamArn).shards();
  place = { streamArn, shardId: shard?.shardId ?? '' };
});

const client = () => streamsClient({ region: 'us-east-1', endpoint: engine().endpoint });
const read = (startSequenceNumber: string, endSequenceNumber: string) =>
  readStreamRange(client(), { ...place, startSequenceNumber, endSequenceNumber });

it('reads a range from its first to its last record, by number and not by text', async () => {
  const records = (await read('9', '11')) as Array<{ dynamodb: { SequenceNumber: string } }>;

  expect(records.map(({ dynamodb }) => dynamodb.SequenceNumber)).toEqual(['9', '10', '11']);
});

it.each([
  ['its end', '11', '99'],
  ['all of it', '98', '99'],
])('names a range as trimmed of which the stream lacks %s', async (_, start, end) => {
  expect(await read(start, end)).toBe('trimmed');
});
