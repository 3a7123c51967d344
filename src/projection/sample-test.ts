// What a projection made of some source items, each projected several times -> what is well, and what is not.

import type { Item } from '../model/attribute-value.ts';
import { ITEM_BYTES_MAX, itemSizeBytes, VERSION_BYTES } from '../model/capacity.ts';
import { itemDigest } from '../model/discrepancy.ts';
import { ProjectionFailed } from '../model/projection.ts';
import type { TwinRules } from '../model/rules.ts';
import { twinContent } from '../model/twin-item.ts';

/** Of one call. */
export type Outcome =
  | { readonly kind: 'kept'; readonly content: Item }
  | { readonly kind: 'left-out' }
  /** The message may have what the module says of the item. */
  | { readonly kind: 'failed'; readonly name: string; readonly message: string };

/** One call. */
export function outcomeOf({ source, key }: KeyedItem, rules: TwinRules): Outcome {
  try {
    const content = twinContent(source, key, rules);
    return content === undefined ? { kind: 'left-out' } : { kind: 'kept', content };
  } catch (error) {
    if (!(error instanceof ProjectionFailed)) throw error;
    return { kind: 'failed', name: error.name, message: error.message };
  }
}

export interface KeyedItem {
  readonly key: Item;
  readonly source: Item;
}

export interface Tried extends KeyedItem {
  /** Of all calls, the first first. */
  readonly outcomes: readonly [Outcome, ...Outcome[]];
}

export type Judged = KeyedItem &
  (
    | Outcome
    /** The calls have different results, in these attributes or, where there is none, in whether there is an item. */
    | { readonly kind: 'unstable'; readonly attributes: readonly string[] }
  );

export function judge({ key, source, outcomes }: Tried): Judged {
  const [first] = outcomes;
  const others = new Map(outcomes.map((one) => [meaning(one), one]));
  if (others.size === 1) return { key, source, ...first };
  return { key, source, kind: 'unstable', attributes: differing([...others.values()]) };
}

function meaning(outcome: Outcome): string {
  if (outcome.kind === 'kept') return itemDigest(outcome.content);
  // A message may have the time.
  return outcome.kind === 'failed' ? `failed ${outcome.name}` : outcome.kind;
}

function differing(outcomes: readonly Outcome[]): string[] {
  const items = outcomes.flatMap((one) => (one.kind === 'kept' ? [one.content] : []));
  if (items.length < outcomes.length) return [];
  const names = new Set(items.flatMap((item) => Object.keys(item)));
  const valueIn = (item: Item, name: string) =>
    itemDigest(Object.fromEntries(Object.entries(item).filter(([one]) => one === name)));
  return [...names]
    .filter((name) => new Set(items.map((item) => valueIn(item, name))).size > 1)
    .toSorted();
}

export interface Counts {
  readonly items: number;
  readonly kept: number;
  readonly leftOut: number;
  readonly failed: number;
  readonly unstable: number;
  /** Of those that are kept: with their version, DynamoDB does not take them. */
  readonly tooLarge: number;
  readonly bytesBefore: number;
  /** Of those that are kept. */
  readonly bytesAfter: number;
  /** Of those that are kept. */
  readonly largest?: { readonly bytes: number; readonly key: Item };
}

export function countsOf(all: readonly Judged[]): Counts {
  const count = (kind: Judged['kind']) => all.filter((one) => one.kind === kind).length;
  const sizes = all.flatMap((one) =>
    one.kind === 'kept' ? [{ bytes: itemSizeBytes(one.content), key: one.key }] : [],
  );
  const [largest] = sizes.toSorted((a, b) => b.bytes - a.bytes);
  return {
    items: all.length,
    kept: sizes.length,
    leftOut: count('left-out'),
    failed: count('failed'),
    unstable: count('unstable'),
    tooLarge: sizes.filter(({ bytes }) => isTooLarge(bytes)).length,
    bytesBefore: all.reduce((sum, { source }) => sum + itemSizeBytes(source), 0),
    bytesAfter: sizes.reduce((sum, { bytes }) => sum + bytes, 0),
    ...(largest && { largest }),
  };
}

/** @param bytes of an item without its version. */
export function isTooLarge(bytes: number): boolean {
  return bytes + VERSION_BYTES > ITEM_BYTES_MAX;
}
