// What people write themselves: the stock SDK, in the three ways that are found.

import {
  BatchWriteItemCommand,
  DynamoDBClient,
  PutItemCommand,
  type PutItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { parseStreamRecord } from '../src/model/stream-record.ts';
import { GuardedPut } from '../src/model/guarded-put.ts';
import { seriesInEpoch } from '../src/model/guard.ts';
import { type Approach, CREDENTIALS, SETTINGS } from './approach.ts';
import type { LambdaRecord } from './batches.ts';

const client = (endpoint: string) =>
  new DynamoDBClient({ region: 'eu-west-1', endpoint, credentials: CREDENTIALS });

/** What our handler would send, as the SDK takes it. */
function puts(records: readonly LambdaRecord[]): PutItemCommandInput[] {
  const series = seriesInEpoch(1);
  return records.flatMap((raw, position) => {
    const { kind, record } = parseStreamRecord(raw, position, series);
    if (kind !== 'record') throw new Error('malformed');
    return record.eventName === 'REMOVE' ? [] : [new GuardedPut(record, SETTINGS, 'free').input];
  });
}

/** Each record waits for the one before; a sample is enough to tell its speed. */
const SERIAL_SAMPLE = 50;

export const serial: Approach = (endpoint) => {
  const dynamodb = client(endpoint);
  return async (records) => {
    const sample = puts(records.slice(0, SERIAL_SAMPLE));
    for (const input of sample) await dynamodb.send(new PutItemCommand(input));
    return sample.length;
  };
};

export const fanOut: Approach = (endpoint) => {
  const dynamodb = client(endpoint);
  return async (records) => {
    await Promise.all(puts(records).map((input) => dynamodb.send(new PutItemCommand(input))));
  };
};

/** Without conditions: an older record that comes late replaces a newer item. */
export const batchWrites: Approach = (endpoint) => {
  const dynamodb = client(endpoint);
  return async (records) => {
    const items = puts(records).map(({ Item }) => ({ PutRequest: { Item } }));
    const groups = Array.from({ length: Math.ceil(items.length / 25) }, (_, index) =>
      items.slice(index * 25, index * 25 + 25),
    );
    await Promise.all(
      groups.map((group) =>
        dynamodb.send(
          new BatchWriteItemCommand({ RequestItems: { [SETTINGS.destinationTable]: group } }),
        ),
      ),
    );
  };
};
