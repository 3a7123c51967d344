// The same item on both sides -> what is different about it, by meaning. The version that Ferry keeps on
// the twin is no difference.

import { createHash } from 'node:crypto';
import { canonicalItem, canonicalText, type Item } from './attribute-value.ts';
import type { TwinRules } from './rules.ts';
import { withoutStamp } from './twin-item.ts';

export type Discrepancy =
  /** Only the source has the item. */
  | 'missing'
  /** Both have it, with other contents. */
  | 'different'
  /** Only the destination has it. */
  | 'extraneous';

/**
 * @param source what the twin should have, as the projected source is read.
 * @returns undefined where the twin is as it should be, or both are absent.
 */
export function findDiscrepancy(
  source: Item | undefined,
  twin: Item | undefined,
  rules: TwinRules,
): Discrepancy | undefined {
  if (source === undefined) return twin === undefined ? undefined : 'extraneous';
  if (twin === undefined) return 'missing';
  const [wanted, found] = [withoutStamp(source, rules), withoutStamp(twin, rules)];
  return canonicalItem(wanted) === canonicalItem(found) ? undefined : 'different';
}

/** Names of the attributes in which the twin is not as it should be, in order. */
export function differingAttributes(source: Item, twin: Item, rules: TwinRules): string[] {
  const [wanted, found] = [withoutStamp(source, rules), withoutStamp(twin, rules)];
  const names = new Set([...Object.keys(wanted), ...Object.keys(found)]);
  const textOf = (item: Item, name: string) => {
    const value = item[name];
    return value === undefined ? undefined : canonicalText(value);
  };
  return [...names].filter((name) => textOf(wanted, name) !== textOf(found, name)).toSorted();
}

/** Stands for what the twin has or should have: equal for items between which there is no discrepancy. */
export function contentDigest(item: Item, rules: TwinRules): string {
  return itemDigest(withoutStamp(item, rules));
}

/** Stands for an item's content, at a fixed size: equal for items that mean the same. */
export function itemDigest(item: Item): string {
  return createHash('sha256').update(canonicalItem(item)).digest('base64');
}
