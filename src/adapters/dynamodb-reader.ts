// A DynamoDB table, read as a whole and item by item.

import { DynamoDBClient, GetItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
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
        yield page.Items ?? [];
        ExclusiveStartKey = page.LastEvaluatedKey;
      } while (ExclusiveStartKey !== undefined);
    },
    async get(key) {
      const { Item: item } = await client.send(
        new GetItemCommand({ TableName: table, Key: key, ConsistentRead: true }),
      );
      return item;
    },
  };
}
