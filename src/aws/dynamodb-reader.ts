// A DynamoDB table, read as a whole and item by item.

import {
  BatchGetItemCommand,
  DynamoDBClient,
  GetItemCommand,
  ScanCommand,
} from '@aws-sdk/client-dynamodb';
import { keyInOrder } from '../model/attribute-value.ts';
import { itemsRequest } from '../model/read-request.ts';
import { FerryError } from '../errors.ts';
import type { Item, ReadableTable } from '../ports.ts';
import { CheckedHandler } from './checked-handler.ts';
import { type ClientSettings, clientSettings, TRY_LIMITS } from './client-settings.ts';
import { sdkClient } from './sdk-client.ts';

/** A page of 1 MB from another continent takes a second or two. */
const READ_TIMEOUT_MS = 30_000;

export function readClient(settings: ClientSettings): DynamoDBClient {
  const requestHandler = new CheckedHandler(TRY_LIMITS);
  const options = { ...clientSettings(settings), maxAttempts: 5, requestHandler };
  return sdkClient(new DynamoDBClient(options), settings);
}

export interface TableName {
  readonly table: string;
  readonly keyAttributes: readonly string[];
}

/** All reads are consistent: an eventual one could report an item that has long arrived. */
export function dynamoDbReader(
  client: DynamoDBClient,
  { table, keyAttributes }: TableName,
): ReadableTable {
  const keyOf = (item: Item): Item => keyInOrder(item, keyAttributes);
  return {
    keyOf,
    async scan({ segment, totalSegments, after, limit }) {
      const page = await client.send(
        new ScanCommand({
          TableName: table,
          ConsistentRead: true,
          ReturnConsumedCapacity: 'TOTAL',
          Segment: segment,
          TotalSegments: totalSegments,
          ExclusiveStartKey: after,
          Limit: limit,
        }),
        inTime(),
      );
      const items = page.Items ?? [];
      return {
        items: items.filter((item) => lostAttribute(item) === undefined),
        unreadable: items
          .filter((item) => lostAttribute(item) !== undefined)
          .map((item) => ({ key: keyOf(item), reason: UNREADABLE })),
        next: page.LastEvaluatedKey,
        readUnits: page.ConsumedCapacity?.CapacityUnits ?? 0,
      };
    },
    async get(key) {
      const { Item: item } = await client.send(
        new GetItemCommand({ TableName: table, Key: key, ConsistentRead: true }),
        inTime(),
      );
      const lost = item && lostAttribute(item);
      if (lost !== undefined) throw unreadable(lost);
      return item;
    },
    async getMany(keys, attributes) {
      const { input } = itemsRequest({ table, keys, attributes });
      const { Responses = {}, UnprocessedKeys = {} } = await client.send(
        new BatchGetItemCommand(input),
        inTime(),
      );
      const items = Responses[table] ?? [];
      const isLost = (item: Item) => lostAttribute(item) !== undefined;
      return {
        items: items.filter((item) => !isLost(item)),
        unprocessed: UnprocessedKeys[table]?.Keys ?? [],
        unreadable: items.filter(isLost).map((item) => sameAttributes(item, keys[0])),
      };
    },
  };
}

function sameAttributes(item: Item, key: Item = {}): Item {
  const names = new Set(Object.keys(key));
  return Object.fromEntries(Object.entries(item).filter(([name]) => names.has(name)));
}

/** Of the whole exchange, every repetition included. */
function inTime() {
  return { abortSignal: AbortSignal.timeout(READ_TIMEOUT_MS) };
}

/**
 * The SDK loses the value of an item's attribute called "__proto__" and leaves its name; inside of maps it
 * keeps both. Such an item must not pass for the one in the table: it would be compared, or copied, without
 * that attribute.
 * @returns the name of the attribute, or undefined where nothing is lost.
 */
function lostAttribute(item: Item): string | undefined {
  return Object.entries(item).find(([, value]) => value === undefined)?.[0];
}

const UNREADABLE = 'Unreadable: the AWS SDK cannot read an attribute of it, called __proto__';

function unreadable(name: string): FerryError {
  return new FerryError(`The attribute ${name} of an item cannot be read with this AWS SDK.`, {
    code: 'item.unreadable',
    hint: 'Rename the attribute. Replication by the stream is not affected.',
  });
}
