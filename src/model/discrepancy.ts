// The same item on both sides -> what is different about it, by meaning. The version that Ferry keeps on
// the twin is no difference.

import { createHash } from 'node:crypto';
import { canonicalItem, canonicalText, type Item } from './attribute-value.ts';

export type Discrepancy =
  /** Only the source has the item. */
  | 'missing'
  /** Both have it, with other contents. */
  | 'different'
  /** Only the destination has it. */
  | 'extraneous';

/** @returns undefined where the two are the same, or both absent. */
export function findDiscrepancy(
  source: Item | undefined,
  destination: Item | undefined,
  reservedAttribute: string,
): Discrepancy | undefined {
  if (source === undefined) return destination === undefined ? undefined : 'extraneous';
  if (destination === undefined) return 'missing';
  const same =
    canonicalItem(without(source, reservedAttribute)) ===
    canonicalItem(without(destination, reservedAttribute));
  return same ? undefined : 'different';
}

/** Names of the attributes in which the two differ, in order. */
export function differingAttributes(
  source: Item,
  destination: Item,
  reservedAttribute: string,
): string[] {
  const names = new Set([...Object.keys(source), ...Object.keys(destination)]);
  names.delete(reservedAttribute);
  const textOf = (item: Item, name: string) => {
    const value = item[name];
    return value === undefined ? undefined : canonicalText(value);
  };
  return [...names].filter((name) => textOf(source, name) !== textOf(destination, name)).toSorted();
}

/** Stands for an item's content, at a fixed size: equal for items that mean the same. */
export function itemDigest(item: Item, reservedAttribute: string): string {
  const text = canonicalItem(without(item, reservedAttribute));
  return createHash('sha256').update(text).digest('base64');
}

function without(item: Item, name: string): Item {
  const { [name]: _, ...rest } = item;
  return rest;
}
