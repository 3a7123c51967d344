// Looks at some items of the twin again and again: what it shows of an item must never be older than what it
// has shown before.

import { BatchGetItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { setTimeout as delay } from 'node:timers/promises';
import { keyOf } from './steady-writer.ts';

export interface TwinWatch {
  readonly looks: number;
  /** An older state over a newer one: never allowed. */
  readonly steppedBack: string[];
  /** Back after a delete until the same redelivery deletes it again: exception E1, which heals. */
  readonly passing: number;
  readonly finished: Promise<void>;
}

const PAUSE_MS = 10;

export function watchTwin(
  client: DynamoDBClient,
  table: string,
  { keys, stop }: { readonly keys: number; readonly stop: AbortSignal },
): TwinWatch {
  const watched = Array.from({ length: Math.min(100, keys) }, (_, number) => keyOf(number));
  const shown = new Map<string, { write: number; isThere: boolean }>();
  const watch = { looks: 0, steppedBack: [] as string[], passing: 0 };
  const look = async () => {
    const { Responses } = await client.send(
      new BatchGetItemCommand({
        RequestItems: { [table]: { Keys: watched, ConsistentRead: true } },
      }),
    );
    watch.looks += 1;
    const found = new Map((Responses?.[table] ?? []).map((item) => [item['pk']?.S ?? '', item]));
    for (const { pk } of watched) {
      const before = shown.get(pk.S) ?? { write: 0, isThere: false };
      const write = Number(found.get(pk.S)?.['write']?.N ?? Number.NaN);
      const isThere = !Number.isNaN(write);
      if (isThere && write < before.write) {
        if (before.isThere) watch.steppedBack.push(`${pk.S}: ${write} over ${before.write}`);
        else watch.passing += 1;
      }
      shown.set(pk.S, { write: isThere ? Math.max(write, before.write) : before.write, isThere });
    }
  };
  const run = async () => {
    while (!stop.aborted) {
      // The engine may be down.
      await look().catch(() => undefined);
      await delay(PAUSE_MS);
    }
  };
  return Object.assign(watch, { finished: run() });
}
