// The source as the twin should be: its items as the projection makes them, without those that it leaves out. Who
// copies the source, or compares it with the twin, reads this.

import { FerryError } from '../errors.ts';
import { keyInOrder } from '../model/attribute-value.ts';
import { ProjectionFailed } from '../model/projection.ts';
import type { TwinRules } from '../model/rules.ts';
import { twinContent } from '../model/twin-item.ts';
import type { Item, ItemReader, ManyItems, ReadableTable, UnreadableItem } from '../ports.ts';

/** Rejects with FerryError `item.unreadable` where the projection fails. */
export function projectedItems(source: ItemReader, rules: TwinRules): ItemReader {
  if (rules.projection === undefined) return source;
  return {
    async get(key) {
      const item = await source.get(key);
      return item && contentOf(item, key, rules);
    },
    async leavesOut(key) {
      const item = await source.get(key);
      return item !== undefined && contentOf(item, key, rules) === undefined;
    },
    ...(source.getMany && {
      async getMany(keys) {
        // Not some attributes: the projection is made of the whole item.
        const found = (await source.getMany?.(keys)) ?? NOTHING;
        const names = Object.keys(keys[0] ?? {});
        const { items, unreadable } = projectAll(
          found.items,
          (item) => keyInOrder(item, names),
          rules,
        );
        return {
          ...found,
          items,
          unreadable: [...found.unreadable, ...unreadable.map(({ key }) => key)],
        };
      },
    }),
  };
}

const NOTHING: ManyItems = { items: [], unprocessed: [], unreadable: [] };

/** As `projectedItems`; pages list the keys of the items that are left out. */
export function projectedTable(source: ReadableTable, rules: TwinRules): ReadableTable {
  if (rules.projection === undefined) return source;
  return {
    ...projectedItems(source, rules),
    keyOf: (item) => source.keyOf(item),
    async scan(position) {
      const page = await source.scan(position);
      const projected = projectAll(page.items, (item) => source.keyOf(item), rules);
      return { ...page, ...projected, unreadable: [...page.unreadable, ...projected.unreadable] };
    },
  };
}

interface Projected {
  readonly items: Item[];
  readonly leftOut: Item[];
  readonly unreadable: UnreadableItem[];
}

function projectAll(
  items: readonly Item[],
  keyOf: (item: Item) => Item,
  rules: TwinRules,
): Projected {
  const projected: Projected = { items: [], leftOut: [], unreadable: [] };
  for (const item of items) {
    const key = keyOf(item);
    try {
      const content = twinContent(item, key, rules);
      if (content === undefined) projected.leftOut.push(key);
      else projected.items.push(content);
    } catch (error) {
      if (!(error instanceof ProjectionFailed)) throw error;
      projected.unreadable.push({ key, reason: error.name, detail: error.message });
    }
  }
  return projected;
}

function contentOf(item: Item, key: Item, rules: TwinRules): Item | undefined {
  try {
    return twinContent(item, key, rules);
  } catch (error) {
    if (!(error instanceof ProjectionFailed)) throw error;
    throw new FerryError(`${error.name}: ${error.message}`, {
      code: 'item.unreadable',
      hint: 'Correct the projection. `ferry projection test` shows what it makes of real items.',
      cause: error,
    });
  }
}
