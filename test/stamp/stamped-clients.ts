// Clients with the plug-in on a real engine, and faults between their retries and the network.

import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Item } from '../../src/model/attribute-value.ts';
import { clockVersion } from '../../src/model/clock-version.ts';
import { versionIn } from '../../src/model/guard.ts';
import { ferryStamp, type FerryStampOptions } from '../../src/stamp/index.ts';

const PLACE = {
  region: 'eu-west-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
};

export const OPTIONS = { epoch: 1, origin: 'source', tables: ['Orders'] } as const;
export const ITEM = { id: { S: 'a' } };

/** With a stamp that no clock reaches. */
export const LATER_VERSION = clockVersion({
  epoch: 1,
  ms: Date.UTC(2100, 0, 1),
  counter: 7,
  origin: 2,
  unique: '9',
});
export const LATER_ITEM = { ...ITEM, _ferry: { M: { v: { S: LATER_VERSION } } } };

export function plainClient(endpoint: string): DynamoDBClient {
  return new DynamoDBClient({ ...PLACE, endpoint });
}

export function stampedClients(endpoint: string, options: Partial<FerryStampOptions> = {}) {
  const client = plainClient(endpoint);
  const stamp = ferryStamp({ ...OPTIONS, ...options });
  client.middlewareStack.use(stamp);
  return { client, document: DynamoDBDocumentClient.from(client), stamp };
}

/** What was sent, as one line of JSON for each request, repetitions included. */
export function recordedBodies(client: DynamoDBClient): string[] {
  const bodies: string[] = [];
  client.middlewareStack.add(
    (next) => (args) => {
      const { headers, body } = args.request as { headers: Record<string, string>; body: string };
      bodies.push(`${headers['x-amz-target']?.split('.')[1]} ${body}`);
      return next(args);
    },
    { step: 'finalizeRequest', priority: 'low' },
  );
  return bodies;
}

/** The service carries out so many requests, and no answer arrives. */
export function loseAnswers(client: DynamoDBClient, count = 1): void {
  let left = count;
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args).catch((error: unknown) => error as never);
      if (left === 0) return result instanceof Error ? Promise.reject(result) : result;
      left -= 1;
      throw Object.assign(new Error('socket hang up'), { name: 'TimeoutError' });
    },
    { step: 'finalizeRequest', priority: 'low' },
  );
}

/** Fails each request that `isChosen` chooses, as after all repetitions of the SDK. */
export function failRequests(
  client: DynamoDBClient,
  name: string,
  isChosen: (body: string) => boolean,
): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      if (!isChosen((args.request as { body: string }).body)) return next(args);
      throw Object.assign(new Error(name), { name });
    },
    { step: 'build', priority: 'low' },
  );
}

export async function stored(client: DynamoDBClient, id = 'a', table = 'Orders') {
  const input = { TableName: table, Key: { id: { S: id } }, ConsistentRead: true };
  const { Item: item } = await client.send(new GetItemCommand(input));
  return item;
}

/** As a client without the plug-in writes it. */
export async function store(client: DynamoDBClient, item: Item, table = 'Orders') {
  await client.send(new PutItemCommand({ TableName: table, Item: item }));
}

/** Empty where the item has none. */
export function versionOf(item: Item | undefined): string {
  return versionIn(item?.['_ferry']) ?? '';
}
