// The twin through the AWS SDK: sends requests as model/write-request built them.

import {
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { REQUEST_TIMEOUT_MS } from '../config/names.ts';
import type { WriteRequest } from '../model/write-request.ts';
import type { ReadRequest } from '../model/read-request.ts';
import type { TwinReader, TwinWriter, ReadReply, TransactionWriter } from '../ports.ts';
import { type ClientSettings, clientSettings } from './client-settings.ts';
import { tryingOthers } from './other-credentials.ts';
import { undiciHandler } from './undici-handler.ts';
import { cancellation, CANCELLATION_CODES, refusal } from './signed/write-reply.ts';

export interface WriteClientOptions extends ClientSettings {
  /** Sockets at most; one request each. */
  readonly concurrency: number;
}

/**
 * A client whose every request is tried once. Throttled requests are repeated by the operation, which
 * knows the deadline; any other repetition could outlive its lane.
 */
export function writeClient({ concurrency, ...settings }: WriteClientOptions): DynamoDBClient {
  const client = new DynamoDBClient({
    ...clientSettings(settings),
    maxAttempts: 1,
    // Nothing is added to it later.
    cacheMiddleware: true,
    requestHandler: undiciHandler({ concurrency, timeoutMs: REQUEST_TIMEOUT_MS }),
  });
  for (const name of UNUSED_MIDDLEWARE) client.middlewareStack.remove(name);
  return tryingOthers(client, settings.credentials, { timeoutMs: REQUEST_TIMEOUT_MS });
}

/** They take a twelfth of a request's processor time, and Ferry uses nothing of what they do. */
export const UNUSED_MIDDLEWARE = [
  'loggerMiddleware',
  'getUserAgentMiddleware',
  'recursionDetectionMiddleware',
];

export function dynamoDbTwinWriter(client: DynamoDBClient): TwinWriter {
  return {
    async write(request) {
      try {
        await sendCommand(client, request);
        return { kind: 'written' };
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) {
          return refusal(request.operation, error.Item);
        }
        if (error instanceof TransactionCanceledException)
          return cancellation(error.CancellationReasons ?? [], error);
        throw error;
      }
    },
  };
}

export function dynamoDbTwinReader(client: DynamoDBClient): TwinReader {
  return {
    read: (request) => sendRead(client, request),
    async tableId(table) {
      const { Table } = await client.send(new DescribeTableCommand({ TableName: table }));
      if (Table?.TableId === undefined) throw new Error(`the service did not describe ${table}`);
      return Table.TableId;
    },
  };
}

async function sendRead(
  client: DynamoDBClient,
  { operation, input }: ReadRequest,
): Promise<ReadReply> {
  switch (operation) {
    case 'GetItem': {
      const { Item: item } = await client.send(new GetItemCommand(input));
      return { items: item === undefined ? [] : [item], unprocessed: [] };
    }
    case 'BatchGetItem': {
      const { Responses = {}, UnprocessedKeys = {} } = await client.send(
        new BatchGetItemCommand(input),
      );
      const unprocessed = Object.values(UnprocessedKeys).flatMap(({ Keys = [] }) => Keys);
      return { items: Object.values(Responses).flat(), unprocessed };
    }
    case 'Scan': {
      const { Items = [] } = await client.send(new ScanCommand(input));
      return { items: Items, unprocessed: [] };
    }
  }
}

export function dynamoDbTransactions(client: DynamoDBClient): TransactionWriter {
  return {
    async transact(input) {
      try {
        const { ConsumedCapacity = [] } = await client.send(
          new TransactWriteItemsCommand({ ...input, ReturnConsumedCapacity: 'TOTAL' }),
        );
        const writeUnits = ConsumedCapacity.reduce(
          (sum, { CapacityUnits = 0 }) => sum + CapacityUnits,
          0,
        );
        return { kind: 'written', writeUnits };
      } catch (error) {
        if (!(error instanceof TransactionCanceledException)) throw error;
        const { CancellationReasons: reasons = [] } = error;
        // Without a known reason for each part, it is unknown which part is to blame.
        const areKnown = reasons.every(({ Code = 'None' }) => CANCELLATION_CODES.has(Code));
        if (!areKnown || reasons.length !== input.TransactItems?.length) throw error;
        return {
          kind: 'cancelled',
          reasons: reasons.map(({ Code = 'None', Message = '' }) => ({
            code: Code,
            message: Message,
          })),
        };
      }
    },
  };
}

function sendCommand(client: DynamoDBClient, { operation, input }: WriteRequest): Promise<unknown> {
  switch (operation) {
    case 'PutItem':
      return client.send(new PutItemCommand(input));
    case 'DeleteItem':
      return client.send(new DeleteItemCommand(input));
    case 'UpdateItem':
      return client.send(new UpdateItemCommand(input));
    case 'TransactWriteItems':
      return client.send(new TransactWriteItemsCommand(input));
  }
}
