// A DynamoDB table, read as a whole and item by item.

import { DynamoDBClient, GetItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { FerryError } from '../errors.ts';
import type { Item, ReadableTable } from '../ports.ts';
import { type ClientSettings, clientSettings } from './client-settings.ts';

export function readClient(settings: ClientSettings): DynamoDBClient {
  return new DynamoDBClient({ ...clientSettings(settings), maxAttempts: 5 });
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
  return {
    keyOf: (item) =>
      Object.fromEntries(Object.entries(item).filter(([name]) => keyAttributes.includes(name))),
    async *pages() {
      let ExclusiveStartKey: Item | undefined;
      do {
        const page = await client.send(
          new ScanCommand({ TableName: table, ConsistentRead: true, ExclusiveStartKey }),
        );
        yield (page.Items ?? []).map(whole);
        ExclusiveStartKey = page.LastEvaluatedKey;
      } while (ExclusiveStartKey !== undefined);
    },
    async get(key) {
      const { Item: item } = await client.send(
        new GetItemCommand({ TableName: table, Key: key, ConsistentRead: true }),
      );
      return item === undefined ? undefined : whole(item);
    },
  };
}

/**
 * The SDK loses the value of an attribute called "__proto__" and leaves its name. Such an item must not
 * pass for the one in the table: it would be compared, or copied, without that attribute.
 */
function whole(item: Item): Item {
  for (const [name, value] of Object.entries(item)) {
    if (value === undefined) throw unreadable(name);
    for (const child of value.L ?? []) whole({ [name]: child });
    if (value.M !== undefined) whole(value.M);
  }
  return item;
}

function unreadable(name: string): FerryError {
  return new FerryError(`The attribute ${name} of an item cannot be read with this AWS SDK.`, {
    code: 'item.unreadable',
    hint: 'Rename the attribute. Replication by the stream is not affected.',
  });
}
