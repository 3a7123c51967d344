// Ports that count what their requests cost, by DynamoDB's rules, whatever the engine behind them says.

import type { DeleteItemInput } from '@aws-sdk/client-dynamodb';
import { itemSizeBytes, readUnits, writeUnits } from '../src/model/capacity.ts';
import type { ReadRequest } from '../src/model/read-request.ts';
import type { WriteRequest } from '../src/model/write-request.ts';
import type { TwinReader, TwinWriter, Item, ItemReader } from '../src/ports.ts';

export interface Cost {
  write: number;
  read: number;
  queueRequests: number;
}

/** An item of a table. */
type Stored = (table: string, key: Item) => Promise<Item | undefined>;

export class CostCount {
  cost: Cost = noCost();
  readonly #stored: Stored;

  constructor(stored: Stored) {
    this.#stored = stored;
  }

  reset(): void {
    this.cost = noCost();
  }

  destination(inner: TwinWriter): TwinWriter {
    return {
      write: async (request) => {
        const units = await this.#unitsOf(request);
        const reply = await inner.write(request);
        const isRefused = reply.kind === 'refused' && request.operation === 'PutItem';
        // A refused put costs what is there, or one unit where nothing is.
        this.cost.write += isRefused ? unitsOfItem(reply.item) : units;
        return reply;
      },
    };
  }

  reader(inner: TwinReader): TwinReader {
    return {
      ...inner,
      read: async (request) => {
        const reply = await inner.read(request);
        this.cost.read += unitsOfRead(request, reply.items);
        return reply;
      },
    };
  }

  items<T extends ItemReader>(inner: T): T {
    return {
      ...inner,
      get: async (key: Item) => {
        const item = await inner.get(key);
        this.cost.read += readUnits(itemSizeBytes(item ?? {}));
        return item;
      },
    };
  }

  async #unitsOf(request: WriteRequest): Promise<number> {
    const { TableName = '', Key = {} } = deleteOf(request) ?? {};
    return unitsOfWrite(request, TableName === '' ? undefined : await this.#stored(TableName, Key));
  }
}

/** No request deletes two items. */
function deleteOf({ operation, input }: WriteRequest): DeleteItemInput | undefined {
  if (operation === 'DeleteItem') return input;
  if (operation !== 'TransactWriteItems') return undefined;
  return input.TransactItems?.find(({ Delete }) => Delete !== undefined)?.Delete;
}

/**
 * Ledger rows are all below 1 KB, unless a key is longer.
 * @param stored what a delete finds: it costs what the item there is worth.
 */
export function unitsOfWrite({ operation, input }: WriteRequest, stored?: Item): number {
  switch (operation) {
    case 'PutItem':
      return unitsOfItem(input.Item);
    case 'DeleteItem':
      return unitsOfItem(stored);
    case 'UpdateItem':
      return unitsOfItem(undefined);
    case 'TransactWriteItems': {
      const items = input.TransactItems?.map(({ Put, Delete }) => Put?.Item ?? (Delete && stored));
      return 2 * (items ?? []).reduce((sum, item) => sum + unitsOfItem(item), 0);
    }
  }
}

/** Of what a put writes, or of nothing. */
export function unitsOfItem(item: Item | undefined): number {
  return writeUnits(itemSizeBytes(item ?? {}));
}

function noCost(): Cost {
  return { write: 0, read: 0, queueRequests: 0 };
}

/** Each item of a batch costs at least a unit, or half of one where the read is eventually consistent. */
function unitsOfRead({ operation, input }: ReadRequest, items: readonly Item[]): number {
  if (operation === 'Scan')
    return readUnits(items.reduce((sum, item) => sum + itemSizeBytes(item), 0));
  if (operation === 'GetItem')
    return readUnits(itemSizeBytes(items[0] ?? {})) * (input.ConsistentRead === true ? 1 : 0.5);
  const tables = Object.values(input.RequestItems ?? {});
  return tables.reduce(
    (sum, { Keys = [], ConsistentRead }) => sum + Keys.length * (ConsistentRead === true ? 1 : 0.5),
    0,
  );
}
