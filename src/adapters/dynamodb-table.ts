// The destination through the AWS SDK: sends requests as core/write-request built them.

import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DynamoDBClient,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { REQUEST_TIMEOUT_MS } from '../contract.ts';
import type { WriteRequest } from '../core/write-request.ts';
import type { DestinationTable } from '../ports.ts';

export interface WriteClientOptions {
  readonly region: string;
  readonly endpoint?: string | undefined;
  /** Sockets at most; one request each. */
  readonly concurrency: number;
}

/**
 * A client whose every request is tried once and given up in time. Throttled requests are repeated by
 * the operation, which knows the deadline; any other repetition could outlive its lane.
 */
export function writeClient({ region, endpoint, concurrency }: WriteClientOptions): DynamoDBClient {
  return new DynamoDBClient({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: 2_000,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: concurrency },
      httpsAgent: { keepAlive: true, maxSockets: concurrency },
    }),
  });
}

export function dynamoDbDestination(client: DynamoDBClient): DestinationTable {
  return {
    async write(request) {
      try {
        await sendCommand(client, request);
        return { kind: 'written' };
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException)
          return { kind: 'refused', item: error.Item };
        throw error;
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
  }
}
