// The items that a rehearsal writes on AWS. All values are text, whose size DynamoDB counts exactly.

import { ITEM_BYTES_MAX, itemSizeBytes } from '../model/capacity.ts';
import type { Item } from '../ports.ts';
import type { LoadItem } from '../rehearsal/ports.ts';
import { SCRATCH_KEY } from './rehearsal-scratch.ts';

/** The twin's item has its version, too, which needs more than this. */
const ROOM_BYTES = 16;

/** One with `isPoison` is as large as an item of the source can be, and too large for the twin. */
export function itemOf({ key, n, writtenAtMs, isPoison = false }: LoadItem): Item {
  const item = { [SCRATCH_KEY.name]: { S: key }, n: { S: `${n}` }, at: { S: `${writtenAtMs}` } };
  if (!isPoison) return item;
  const bytes = itemSizeBytes({ ...item, pad: { S: '' } });
  return { ...item, pad: { S: 'x'.repeat(ITEM_BYTES_MAX - ROOM_BYTES - bytes) } };
}

export function loadItemOf(item: Item): LoadItem {
  const text = (name: string) => item[name]?.S ?? '';
  return { key: text(SCRATCH_KEY.name), n: Number(text('n')), writtenAtMs: Number(text('at')) };
}
