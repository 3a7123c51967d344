// Ways to bring a batch to a destination: ours, and those that people write themselves or find.

import {
  BatchWriteItemCommand,
  DynamoDBClient,
  PutItemCommand,
  type PutItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { dynamoDbDestination, writeClient } from '../src/adapters/dynamodb-table.ts';
import { signedRequests } from '../src/adapters/signed-requests.ts';
import { signedDestination } from '../src/adapters/signed-table.ts';
import { systemClock, systemRandom } from '../src/adapters/system-clock.ts';
import { REQUEST_TIMEOUT_MS } from '../src/contract.ts';
import { parseStreamRecord } from '../src/core/stream-record.ts';
import { wireText } from '../src/core/wire-text.ts';
import { toWriteRequests } from '../src/core/write-request.ts';
import type { HandlerSettings } from '../src/handler-settings.ts';
import { inParallel } from '../src/operations/in-parallel.ts';
import { replicateBatch } from '../src/operations/replicate-batch.ts';
import type { DestinationTable } from '../src/ports.ts';

/** Brings one batch; how many records of it, where it does not do all. */
export type Approach = (
  endpoint: string,
) => (records: readonly unknown[]) => Promise<number | void>;

const LANES = 400;
const CREDENTIALS = {
  accessKeyId: 'AKIDBENCH',
  secretAccessKey: 'secret',
  // As long as Lambda's.
  sessionToken: 't'.repeat(857),
};
export const SETTINGS: HandlerSettings = {
  replication: 'orders',
  sourceRegion: 'us-east-1',
  destinationRegion: 'eu-west-1',
  destinationTable: 'Orders',
  stateTable: 'ferry-orders-state',
  deadLetterQueueUrl: 'http://127.0.0.1:9/none',
  onFailureBucket: 'none',
  reservedAttribute: '_ferry',
  unversionedItems: 'replace',
  ttlDeletes: 'replicate',
  httpClient: 'signed',
  concurrency: LANES,
};

const stock = (endpoint: string) =>
  new DynamoDBClient({ region: 'eu-west-1', endpoint, credentials: CREDENTIALS });

const signed = (endpoint: string) =>
  signedRequests({
    region: 'eu-west-1',
    endpoint,
    credentials: async () => CREDENTIALS,
    concurrency: LANES,
    timeoutMs: REQUEST_TIMEOUT_MS,
    clock: systemClock,
  });

/** The shipping operation over one carrier. */
const ferry =
  (open: (endpoint: string) => DestinationTable): Approach =>
  (endpoint) => {
    const destination = open(endpoint);
    return async (records) => {
      const { batchItemFailures } = await replicateBatch(records, {
        settings: SETTINGS,
        destination,
        deadLetters: { send: () => Promise.reject(new Error('nothing should be put aside')) },
        metrics: { publish: () => undefined },
        clock: systemClock,
        random: systemRandom,
        remainingMs: () => Infinity,
        log: () => undefined,
      });
      if (batchItemFailures.length > 0) throw new Error('something was left');
    };
  };

/** What our handler would send, as the SDK takes it. */
function puts(records: readonly unknown[]): PutItemCommandInput[] {
  const rules = { target: SETTINGS, arrival: 'in-order' as const, nowMs: 0 };
  return records.flatMap((raw, position) => {
    const parsed = parseStreamRecord(raw, position);
    if (parsed.kind !== 'record') throw new Error('malformed');
    return toWriteRequests(parsed.record, rules).flatMap((request) =>
      request.operation === 'PutItem' ? [request.input] : [],
    );
  });
}

/** The same records in as many batches as the busiest item has records: nothing can be left out. */
function withoutRepetitions(records: readonly unknown[]): unknown[][] {
  const batches: unknown[][] = [];
  const seen = new Map<string, number>();
  for (const record of records) {
    const { Keys } = (record as { dynamodb: { Keys: object } }).dynamodb;
    const key = JSON.stringify(Keys);
    const turn = seen.get(key) ?? 0;
    seen.set(key, turn + 1);
    (batches[turn] ??= []).push(record);
  }
  return batches;
}

const SERIAL_SAMPLE = 200;

export const APPROACHES: Readonly<Record<string, Approach>> = {
  ferry: ferry((endpoint) => signedDestination(signed(endpoint))),
  'ferry, never coalescing': (endpoint) => {
    const bring = ferry((url) => signedDestination(signed(url)))(endpoint);
    return async (records) => {
      for (const batch of withoutRepetitions(records)) await bring(batch);
    };
  },
  'ferry over the SDK': ferry((endpoint) =>
    dynamoDbDestination(
      writeClient({
        region: 'eu-west-1',
        endpoint,
        credentials: CREDENTIALS,
        concurrency: LANES,
      }),
    ),
  ),
  'serial loop, stock SDK': (endpoint) => {
    const client = stock(endpoint);
    return async (records) => {
      const sample = puts(records.slice(0, SERIAL_SAMPLE));
      for (const input of sample) await client.send(new PutItemCommand(input));
      return sample.length;
    };
  },
  'fan-out, stock SDK': (endpoint) => {
    const client = stock(endpoint);
    return async (records) => {
      await Promise.all(puts(records).map((input) => client.send(new PutItemCommand(input))));
    };
  },
  'batch writes without conditions, stock SDK': (endpoint) => {
    const client = stock(endpoint);
    return async (records) => {
      const items = puts(records).map(({ Item }) => ({ PutRequest: { Item } }));
      const groups = Array.from({ length: Math.ceil(items.length / 25) }, (_, index) =>
        items.slice(index * 25, index * 25 + 25),
      );
      await Promise.all(
        groups.map((group) =>
          client.send(new BatchWriteItemCommand({ RequestItems: { Orders: group } })),
        ),
      );
    };
  },
  'leanest: signed texts, nothing else': (endpoint) => {
    const requests = signed(endpoint);
    return async (records) => {
      const texts = puts(records).map((input) => wireText(input));
      const tasks = texts.map((text) => async () => {
        await requests.send('DynamoDB_20120810.PutItem', text);
      });
      await inParallel(tasks, LANES);
    };
  },
};
