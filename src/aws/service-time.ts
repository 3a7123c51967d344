// The time of DynamoDB itself, from the header of a response: what a switch writes down is compared with the times of
// records, which the service gives.

import { type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import type { Item } from '../model/attribute-value.ts';

/** @returns epoch seconds, cut off; undefined where the response does not say it. */
export async function serviceSeconds(
  client: DynamoDBClient,
  TableName: string,
  Key: Item,
): Promise<number | undefined> {
  let date: string | undefined;
  const command = new GetItemCommand({ TableName, Key });
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { headers } = result.response as { readonly headers?: Record<string, string> };
      date = headers?.['date'];
      return result;
    },
    { step: 'deserialize', name: 'serviceTime' },
  );
  await client.send(command);
  const ms = Date.parse(date ?? '');
  return Number.isNaN(ms) ? undefined : ms / 1000;
}
