// An application that never gives up: each key's writes one after the other, each tried until the source has
// taken it, whatever happens to the source meanwhile.

import { DeleteItemCommand, type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../src/ports.ts';
import { below } from '../../src/local/seeded-random.ts';

export interface SteadyWriterOptions {
  readonly client: DynamoDBClient;
  readonly table: string;
  readonly random: Random;
  readonly keys: number;
  readonly writers: number;
  readonly stop: AbortSignal;
}

export interface SteadyWriter {
  /** Writes that the source has acknowledged. */
  readonly acknowledged: number;
  /** Resolves when the last write of each key has been acknowledged. */
  readonly finished: Promise<void>;
}

const DELETE_SHARE = 0.1;

/** Each writer has keys of its own. */
export function steadyWriter(options: SteadyWriterOptions): SteadyWriter {
  const state = { acknowledged: 0, write: 0 };
  const writers = Array.from({ length: options.writers }, async (_, writer) => {
    while (!options.stop.aborted) {
      const number = below(options.random, Math.floor(options.keys / options.writers));
      const key = keyOf(number * options.writers + writer);
      state.write += 1;
      await untilTaken(key, state.write, options);
      state.acknowledged += 1;
    }
  });
  return {
    get acknowledged() {
      return state.acknowledged;
    },
    finished: Promise.all(writers).then(() => undefined),
  };
}

export const keyOf = (number: number) => ({ pk: { S: `item-${number}` } });

async function untilTaken(
  key: ReturnType<typeof keyOf>,
  write: number,
  { client, table: TableName, random }: SteadyWriterOptions,
): Promise<void> {
  const command =
    random.next() < DELETE_SHARE
      ? new DeleteItemCommand({ TableName, Key: key })
      : new PutItemCommand({
          TableName,
          Item: { ...key, write: { N: String(write) }, tag: { S: `b${write % 10}` } },
        });
  for (;;) {
    try {
      await client.send(command as PutItemCommand);
      return;
    } catch {
      // The engine is down, or was killed while it answered: the same write again does no harm.
      await delay(50);
    }
  }
}
