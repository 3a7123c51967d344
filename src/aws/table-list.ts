// The names of all tables of an account in a Region.

import { DynamoDBClient, paginateListTables } from '@aws-sdk/client-dynamodb';
import { CheckedHandler } from './checked-handler.ts';
import { type ClientSettings, clientSettings, TRY_LIMITS } from './client-settings.ts';
import { sdkClient } from './sdk-client.ts';

/** An account's requests for ListTables are throttled together. With the SDK's waits, these tries take half a minute. */
const TRIES_MAX = 8;

/** @param pageSize at most, and by default, 100. */
export async function listTables(settings: ClientSettings, pageSize?: number): Promise<string[]> {
  const requestHandler = new CheckedHandler(TRY_LIMITS);
  const options = { ...clientSettings(settings), maxAttempts: TRIES_MAX, requestHandler };
  const client = sdkClient(new DynamoDBClient(options), settings);
  try {
    const names: string[] = [];
    for await (const { TableNames = [] } of paginateListTables({ client }, { Limit: pageSize }))
      names.push(...TableNames);
    return names;
  } finally {
    client.destroy();
  }
}
