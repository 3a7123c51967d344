// Looks for items at the twin until they are there: receives numbered keys, promises for each the time
// from its write to the first consistent read that had it. Asks neither the stream nor Ferry.

import { BatchGetItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { inParallel, type Task } from '../../pacing/in-parallel.ts';
import type { Clock, Item } from '../../ports.ts';

export interface ArrivalWatchOptions {
  readonly client: DynamoDBClient;
  readonly table: string;
  readonly clock: Clock;
}

/** Attribute in which an item carries its number; unlikely to be a key attribute of a table. */
export const NUMBER_ATTRIBUTE = 'ferryLatencyNumber';

/** Between the beginnings of two looks at everything that is awaited. */
const LOOK_INTERVAL_MS = 10;
/** As many as DynamoDB takes in one request. */
const KEYS_PER_READ = 100;
/** Bounds the load that the watch itself is, when much is awaited. */
const READS_AT_ONCE = 4;

interface Awaited {
  readonly number: number;
  readonly key: Item;
  readonly sinceMs: number;
  /** When the last look that did not find it began. */
  missedMs: number;
}

export class ArrivalWatch {
  /** Of what has arrived, milliseconds, in the order of arrival. */
  readonly latenciesMs: number[] = [];
  /** Of each of them, what it may be too high by: the time since it was last looked for in vain. */
  readonly slackMs: number[] = [];
  readonly #options: ArrivalWatchOptions;
  readonly #awaited = new Map<number, Awaited>();
  #endMs = Infinity;

  constructor(options: ArrivalWatchOptions) {
    this.#options = options;
  }

  get pending(): number {
    return this.#awaited.size;
  }

  /** Looks for an item from now on; its latency counts from `sinceMs`. */
  add(number: number, key: Item, sinceMs: number): void {
    this.#awaited.set(number, { number, key, sinceMs, missedMs: sinceMs });
  }

  /** No more items will be added; of several ends, the earliest holds. */
  endBy(endMs: number): void {
    this.#endMs = Math.min(this.#endMs, endMs);
  }

  /** Looks until everything has arrived, or the end has come. Rejects when the twin cannot be read. */
  async run(): Promise<void> {
    const { clock } = this.#options;
    while (clock.now() < this.#endMs && (this.pending > 0 || this.#endMs === Infinity)) {
      const nextMs = clock.now() + LOOK_INTERVAL_MS;
      await this.#look();
      await clock.sleep(Math.max(1, nextMs - clock.now()));
    }
  }

  async #look(): Promise<void> {
    const all = [...this.#awaited.values()];
    const reads: Task[] = [];
    for (let from = 0; from < all.length; from += KEYS_PER_READ) {
      reads.push(() => this.#read(all.slice(from, from + KEYS_PER_READ)));
    }
    await inParallel(reads, READS_AT_ONCE);
  }

  async #read(items: readonly Awaited[]): Promise<void> {
    const { client, table, clock } = this.#options;
    const askedMs = clock.now();
    const request = {
      Keys: items.map(({ key }) => ({ ...key })),
      ConsistentRead: true,
      ProjectionExpression: '#number',
      ExpressionAttributeNames: { '#number': NUMBER_ATTRIBUTE },
    };
    // What stays unprocessed is asked for with the next look.
    const { Responses } = await client.send(
      new BatchGetItemCommand({ RequestItems: { [table]: request } }),
    );
    const answeredMs = clock.now();
    for (const item of Responses?.[table] ?? []) this.#arrived(item, answeredMs);
    for (const item of items) item.missedMs = askedMs;
  }

  #arrived(item: Item, nowMs: number): void {
    const number = Number(item[NUMBER_ATTRIBUTE]?.N);
    const found = this.#awaited.get(number);
    if (found === undefined) return;
    this.#awaited.delete(number);
    this.latenciesMs.push(Math.round(nowMs - found.sinceMs));
    this.slackMs.push(Math.round(nowMs - found.missedMs));
  }
}
