// Keys -> their items, by BatchGetItem with consistent reads; UnprocessedKeys are requested again. Keys that a batch
// cannot read are left out: the caller reads each by itself.

import { canonicalKey } from '../model/attribute-value.ts';
import { classifyFailure } from '../model/write-failure.ts';
import type { Item, ItemReader, ManyItems } from '../ports.ts';
import { repliesTo, retry, type RetryContext } from '../pacing/retry.ts';

/** By the canonical texts of keys: an item, or undefined where there is none. Unknown keys are absent. */
export type FoundItems = ReadonlyMap<string, Item | undefined>;

const UNKNOWN: FoundItems = new Map();
const NOTHING: ManyItems = { items: [], unprocessed: [], unreadable: [] };

export interface ItemsToGet {
  /** At most 100, all different. */
  readonly keys: readonly Item[];
  /** Of each item, those of the key among them. @default all */
  readonly attributes?: readonly string[] | undefined;
}

/** @throws what a read throws and repeating cannot help, or the reason of `retries.stop`. */
export async function batchGetItems(
  { keys, attributes }: ItemsToGet,
  reader: ItemReader,
  retries: RetryContext,
): Promise<FoundItems> {
  const found = new Map<string, Item | undefined>(
    keys.map((key) => [canonicalKey(key), undefined]),
  );
  const read = async (open: readonly Item[]) =>
    (await tryBatch(() => retry(async () => reader.getMany?.(open, attributes), retries))) ??
    NOTHING;
  for await (const reply of repliesTo(keys, read, retries))
    if (reply === NOTHING || !isReplyTo(reply, found, keys[0] ?? {})) return UNKNOWN;
  return found;
}

/** One key that no table takes makes the service refuse the whole batch. */
async function tryBatch(
  read: () => Promise<ManyItems | undefined>,
): Promise<ManyItems | undefined> {
  try {
    return await read();
  } catch (error) {
    if (classifyFailure(error).kind !== 'rejected') throw error;
    return undefined;
  }
}

/** Fills `found`. @returns false where an item came that was not requested: then no absence is proved. */
function isReplyTo(
  { items, unprocessed, unreadable }: ManyItems,
  found: Map<string, Item | undefined>,
  key: Item,
): boolean {
  const names = Object.keys(key);
  const textOf = (item: Item) =>
    canonicalKey(Object.fromEntries(names.flatMap((name) => partOf(item, name))));
  for (const item of items) {
    const text = textOf(item);
    if (!found.has(text)) return false;
    found.set(text, item);
  }
  for (const item of unreadable) if (!found.delete(textOf(item))) return false;
  return unprocessed.every((key) => found.has(textOf(key)));
}

function partOf(item: Item, name: string): Array<[string, NonNullable<Item[string]>]> {
  const value = item[name];
  return value === undefined ? [] : [[name, value]];
}
