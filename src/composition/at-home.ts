// The source without the items that are at home on the other side, which the other direction copies.

import { homeSideOf } from '../model/home-side.ts';
import type { Item, ReadableTable } from '../ports.ts';
import type { PairRules } from './table-pair.ts';

/** Pages list the keys of the items that are at home on the other side. */
export function atHome(table: ReadableTable, { twoWay, ...rules }: PairRules): ReadableTable {
  if (twoWay?.mode !== 'home') return table;
  const isAtHome = (item: Item) => homeSideOf(table.keyOf(item), { ...rules, twoWay }) === 'source';
  return {
    ...table,
    async scan(position) {
      const page = await table.scan(position);
      const others = page.items.filter((item) => !isAtHome(item));
      if (others.length === 0) return page;
      const leftOut = others.map((item) => table.keyOf(item));
      return { ...page, items: page.items.filter(isAtHome), leftOut };
    },
  };
}
