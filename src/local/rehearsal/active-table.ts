// The application of a rehearsal: it writes items to the table that is active, and is refused while a switch fences it.

import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import type { Side } from '../../config/identity.ts';
import type { KeyAttribute } from '../../config/schema.ts';
import type { Item } from '../../ports.ts';
import type { LoadItem } from '../../rehearsal/ports.ts';
import { sendWrite, type WritePlace } from '../run/write-loop.ts';
import type { KeySchema } from '../run/workload.ts';

/** What an item has that the twin is to reject. */
export const POISON_MARKER = '"ferry-rehearsal-poison"';

export class ActiveTable {
  readonly #tables: Readonly<Record<Side, WritePlace>>;
  readonly #schema: KeySchema;
  readonly #timestampAttribute: string;
  readonly #underWay = new Set<Promise<unknown>>();
  /** Keys that are numbers. */
  readonly #numbers = new Map<string, number>();
  #active: Side | undefined = 'source';
  /** The last one that was active. */
  #home: Side = 'source';

  constructor(
    tables: Readonly<Record<Side, WritePlace>>,
    schema: KeySchema,
    timestampAttribute: string,
  ) {
    [this.#tables, this.#schema] = [tables, schema];
    this.#timestampAttribute = timestampAttribute;
  }

  get home(): Side {
    return this.#home;
  }

  /** @returns once no write that is no longer allowed is under way. */
  async admit(side: Side, mayWrite: boolean): Promise<void> {
    if (mayWrite) this.#active = this.#home = side;
    else if (this.#active === side) this.#active = undefined;
    await Promise.allSettled(this.#underWay);
  }

  async write(given: LoadItem): Promise<boolean> {
    if (this.#active === undefined) return false;
    const written = sendWrite(this.#tables[this.#active], {
      kind: 'put',
      item: this.#itemOf(given),
    });
    this.#underWay.add(written);
    try {
      await written;
    } finally {
      this.#underWay.delete(written);
    }
    return true;
  }

  async readTwin(key: string): Promise<LoadItem | undefined> {
    const { client, table } = this.#tables[this.#home === 'source' ? 'destination' : 'source'];
    const { Item } = await client.send(
      new GetItemCommand({ TableName: table, Key: this.#keyOf(key), ConsistentRead: true }),
    );
    if (Item === undefined) return undefined;
    const numberIn = (name: string) => Number(Item[name]?.N ?? 0);
    return { key, n: numberIn('n'), writtenAtMs: numberIn(this.#timestampAttribute) };
  }

  #itemOf({ key, n, writtenAtMs, isPoison = false }: LoadItem): Item {
    return {
      ...this.#keyOf(key),
      n: { N: String(n) },
      [this.#timestampAttribute]: { N: String(writtenAtMs) },
      ...(isPoison && { poison: { S: POISON_MARKER.replaceAll('"', '') } }),
    };
  }

  #keyOf(key: string): Item {
    const { partitionKey, sortKey } = this.#schema;
    const parts = [partitionKey, sortKey].filter((part) => part !== undefined);
    return Object.fromEntries(parts.map(({ name, type }) => [name, this.#valueOf(type, key)]));
  }

  #valueOf(type: KeyAttribute['type'], key: string) {
    if (type === 'S') return { S: key };
    if (type === 'B') return { B: Buffer.from(key) };
    const known = this.#numbers.get(key) ?? this.#numbers.size + 1;
    this.#numbers.set(key, known);
    return { N: String(known) };
  }
}
