// A source item and its twin -> whether and how they differ. The version that Ferry keeps on the
// twin is no difference.

import { sameItem, type Item } from './attribute-value.ts';

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
  const same = sameItem(
    without(source, reservedAttribute),
    without(destination, reservedAttribute),
  );
  return same ? undefined : 'different';
}

function without(item: Item, name: string): Item {
  const { [name]: _, ...rest } = item;
  return rest;
}
