// Sends a workload to the source at a steady rate, until it is told to stop.

import {
  type AttributeValue,
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { reachedRate } from '../latency/reached-rate.ts';
import type { Clock } from '../../ports.ts';
import type { WorkloadWrite } from './workload.ts';

export interface WriteLoopOptions {
  readonly client: DynamoDBClient;
  readonly table: string;
  readonly nextWrite: (nowMs: number) => WorkloadWrite;
  readonly clock: Clock;
  readonly writesPerSecond: number;
  readonly durationMs: number;
  readonly stop: AbortSignal;
  readonly onWritten: () => void;
}

/** Bounds what an engine slower than the rate has to hold. */
const IN_FLIGHT_MAX = 64;
const TICK_MS = 5;

/**
 * Resolves when all writes have been answered. Rejects with the first error of a write.
 * @returns the writes per second that were begun.
 */
export async function writeLoop(options: WriteLoopOptions): Promise<number> {
  const { clock, writesPerSecond, durationMs, stop } = options;
  const startMs = clock.now();
  const inFlight = new Set<Promise<void>>();
  const failures: unknown[] = [];
  let issued = 0;
  let lastMs = startMs;
  const total = Math.round((writesPerSecond * durationMs) / 1000);
  while (issued < total && !stop.aborted && failures.length === 0) {
    const elapsedMs = clock.now() - startMs;
    if (elapsedMs > durationMs) break;
    const due = Math.min(total, Math.floor((writesPerSecond * elapsedMs) / 1000) + 1);
    while (issued < due && inFlight.size < IN_FLIGHT_MAX) {
      issued += 1;
      lastMs = clock.now();
      const sent = send(options)
        .catch((error: unknown) => {
          failures.push(error);
        })
        .finally(() => inFlight.delete(sent));
      inFlight.add(sent);
    }
    await clock.sleep(TICK_MS);
  }
  // An engine that takes no more keeps the next one waiting.
  const elapsedMs = issued < total ? clock.now() - startMs : lastMs - startMs;
  await Promise.all(inFlight);
  if (failures.length > 0) throw failures[0];
  return reachedRate({ asked: writesPerSecond, count: issued, elapsedMs });
}

async function send({
  client,
  table,
  nextWrite,
  clock,
  onWritten,
}: WriteLoopOptions): Promise<void> {
  const write = nextWrite(clock.now());
  switch (write.kind) {
    case 'put':
      await client.send(new PutItemCommand({ TableName: table, Item: write.item }));
      break;
    case 'delete':
      await client.send(new DeleteItemCommand({ TableName: table, Key: write.key }));
      break;
    case 'update':
      await client.send(
        new UpdateItemCommand({ TableName: table, Key: write.key, ...setAll(write.attributes) }),
      );
      break;
  }
  onWritten();
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
