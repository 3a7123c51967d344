// An application that never gives up: each key's writes one after the other, each tried until the source has
// taken it, whatever happens to the source meanwhile.

import {
  BatchWriteItemCommand,
  type DynamoDBClient,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../src/ports.ts';
import { below } from '../../src/local/seeded-random.ts';

export interface SteadyWriterOptions {
  readonly client: DynamoDBClient;
  readonly table: string;
  readonly random: Random;
  readonly keys: number;
  readonly writers: number;
  /** Of each writer between two groups. */
  readonly pauseMs: number;
  readonly stop: AbortSignal;
  /** Number of the write before the first. @default 0 */
  readonly after?: number;
  /** Called with what the source has taken. */
  readonly onTaken?: (group: readonly WriteRequest[]) => void;
}

export interface SteadyWriter {
  /** Writes that the source has acknowledged. */
  readonly acknowledged: number;
  /** Number of the last one. */
  readonly last: number;
  /** Resolves when the last write of each key has been acknowledged. */
  readonly finished: Promise<void>;
}

const DELETE_SHARE = 0.1;
/** As many as a BatchWriteItem takes. */
const GROUP_MAX = 25;

/** Each writer has keys of its own, so that the writes of a key follow each other. */
export function steadyWriter(options: SteadyWriterOptions): SteadyWriter {
  const state = { acknowledged: 0, write: options.after ?? 0 };
  const writers = Array.from({ length: options.writers }, async (_, writer) => {
    while (!options.stop.aborted) {
      const group = requests(writer, state, options);
      await untilTaken(group, options);
      state.acknowledged += group.length;
      options.onTaken?.(group);
      if (options.pauseMs > 0) await delay(options.pauseMs);
    }
  });
  return {
    get acknowledged() {
      return state.acknowledged;
    },
    get last() {
      return state.write;
    },
    finished: Promise.all(writers).then(() => undefined),
  };
}

export const keyOf = (number: number) => ({ pk: { S: `item-${number}` } });

/** Writes of different keys of one writer. */
function requests(
  writer: number,
  state: { write: number },
  { random, keys, writers }: SteadyWriterOptions,
): WriteRequest[] {
  const own = Math.floor(keys / writers);
  const chosen = new Set(
    Array.from({ length: Math.min(GROUP_MAX, own) }, () => below(random, own)),
  );
  return [...chosen].map((number) => {
    state.write += 1;
    const key = keyOf(number * writers + writer);
    if (random.next() < DELETE_SHARE) return { DeleteRequest: { Key: key } };
    const { write } = state;
    return {
      PutRequest: { Item: { ...key, write: { N: String(write) }, tag: { S: `b${write % 1000}` } } },
    };
  });
}

async function untilTaken(
  group: WriteRequest[],
  { client, table }: SteadyWriterOptions,
): Promise<void> {
  for (let left = group; left.length > 0; ) {
    try {
      const { UnprocessedItems = {} } = await client.send(
        new BatchWriteItemCommand({ RequestItems: { [table]: left } }),
      );
      left = UnprocessedItems[table] ?? [];
    } catch {
      // The engine is down, or was killed while it answered: the same writes again do no harm.
      await delay(50);
    }
  }
}
