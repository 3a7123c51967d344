// Sends a workload to the source at a steady rate, for a time or until it is stopped.

import {
  type AttributeValue,
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { TimedWriter } from '../latency/timed-writer.ts';
import type { Clock, Item } from '../../ports.ts';
import type { WorkloadWrite } from './workload.ts';

export interface WritePlace {
  readonly client: DynamoDBClient;
  readonly table: string;
  /** The item as the write has found it. @default nothing */
  readonly returns?: 'ALL_OLD' | undefined;
}

export interface WriteLoopOptions extends WritePlace {
  readonly nextWrite: (nowMs: number) => WorkloadWrite;
  readonly clock: Clock;
  readonly writesPerSecond: number;
  readonly durationMs: number;
  readonly stop: AbortSignal;
  readonly onWritten: () => void;
}

/**
 * Resolves when all writes have been answered. Rejects with the first error of a write.
 * @returns the writes per second that were begun.
 */
export async function writeLoop(options: WriteLoopOptions): Promise<number> {
  const { clock, writesPerSecond, durationMs, stop } = options;
  const writer = new TimedWriter({
    rate: writesPerSecond,
    planned: Math.round((writesPerSecond * durationMs) / 1000),
    endMs: clock.now() + durationMs,
    clock,
    stop,
    send: async () => {
      await sendWrite(options, options.nextWrite(clock.now()));
      options.onWritten();
    },
  });
  await writer.run();
  return writer.reachedRate;
}

/** @returns the item that was there, where the place asks for it. */
export async function sendWrite(
  { client, table: TableName, returns: ReturnValues }: WritePlace,
  write: WorkloadWrite,
): Promise<Item | undefined> {
  const place = { TableName, ReturnValues };
  const { Attributes } = await sendTo(client, place, write);
  return Attributes;
}

function sendTo(
  client: DynamoDBClient,
  place: { readonly TableName: string; readonly ReturnValues: 'ALL_OLD' | undefined },
  write: WorkloadWrite,
): Promise<{ readonly Attributes?: Item | undefined }> {
  switch (write.kind) {
    case 'put':
      return client.send(new PutItemCommand({ ...place, Item: write.item }));
    case 'delete':
      return client.send(new DeleteItemCommand({ ...place, Key: write.key }));
    case 'update':
      return client.send(
        new UpdateItemCommand({ ...place, Key: write.key, ...setAll(write.attributes) }),
      );
  }
}

function setAll(attributes: Readonly<Record<string, AttributeValue>>) {
  const names = Object.keys(attributes);
  return {
    UpdateExpression: `SET ${names.map((_, index) => `#a${index} = :a${index}`).join(', ')}`,
    ExpressionAttributeNames: Object.fromEntries(names.map((name, index) => [`#a${index}`, name])),
    ExpressionAttributeValues: Object.fromEntries(
      names.map((name, index) => [`:a${index}`, attributes[name] ?? { NULL: true }]),
    ),
  };
}
