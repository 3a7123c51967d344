// What a rehearsal writes on AWS, and reads. All values are text, whose size DynamoDB counts exactly.

import { dynamoDbReader, readClient } from '../aws/dynamodb-reader.ts';
import { dynamoDbTwinWriter } from '../aws/dynamodb-table.ts';
import { ITEM_BYTES_MAX, itemSizeBytes } from '../model/capacity.ts';
import { classifyFailure } from '../model/write-failure.ts';
import type { Item } from '../ports.ts';
import type { LoadItem } from '../rehearsal/ports.ts';
import type { ScratchDirection } from './rehearsal-denial.ts';
import { SCRATCH_KEY } from './rehearsal-scratch.ts';

/** The twin's item has its version, too, which needs more than this. */
const ROOM_BYTES = 16;

/** One with `isPoison` is as large as an item of the source can be, and too large for the twin. */
function itemOf({ key, n, writtenAtMs, isPoison = false }: LoadItem): Item {
  const item = { [SCRATCH_KEY.name]: { S: key }, n: { S: `${n}` }, at: { S: `${writtenAtMs}` } };
  if (!isPoison) return item;
  const bytes = itemSizeBytes({ ...item, pad: { S: '' } });
  return { ...item, pad: { S: 'x'.repeat(ITEM_BYTES_MAX - ROOM_BYTES - bytes) } };
}

function loadItemOf(item: Item): LoadItem {
  const text = (name: string) => item[name]?.S ?? '';
  return { key: text(SCRATCH_KEY.name), n: Number(text('n')), writtenAtMs: Number(text('at')) };
}

/** A table, as the application of a rehearsal has it. */
export interface LoadTable {
  /** @returns whether it was written: a fence may deny it. */
  put(item: LoadItem): Promise<boolean>;
  get(key: string): Promise<LoadItem | undefined>;
  close(): void;
}

export function loadTables({ replication, sides }: ScratchDirection): LoadTable[] {
  return (['source', 'destination'] as const).map((side) => {
    const { table } = replication[side];
    const client = readClient(sides[side]);
    const writer = dynamoDbTwinWriter(client);
    const reader = dynamoDbReader(client, { table, keyAttributes: [SCRATCH_KEY.name] });
    return {
      async put(item) {
        const input = { TableName: table, Item: itemOf(item) };
        try {
          await writer.write({ operation: 'PutItem', input });
          return true;
        } catch (error) {
          if (classifyFailure(error).kind === 'denied') return false;
          throw error;
        }
      },
      async get(key) {
        const found = await reader.get({ [SCRATCH_KEY.name]: { S: key } });
        return found && loadItemOf(found);
      },
      close: () => client.destroy(),
    };
  });
}
