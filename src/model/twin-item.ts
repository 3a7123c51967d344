// A source item -> its twin item: what the twin has of it, and the version of the record that brought it. Everything
// that puts an item into the twin, or compares one with its source, goes by these functions.

import type { Item } from './attribute-value.ts';
import type { Version } from './guard.ts';
import type { TwinRules, WriteRules } from './rules.ts';

export interface WrittenAs {
  readonly version: Version;
  /** When the source accepted the write, where that is known. */
  readonly createdAtSeconds?: number | undefined;
  /** The version that a stamped write had seen. */
  readonly seen?: Version | undefined;
}

type StampRules = Pick<WriteRules, 'reservedAttribute' | 'sourceRegion'>;

/** The twin's item: `content` is what `twinContent` has made of the source's. */
export function twinItem(content: Item, written: WrittenAs, rules: StampRules): Item {
  return { ...content, [rules.reservedAttribute]: stampOf(written, rules) };
}

/**
 * What the twin should have of a source item, without its version; undefined where the projection leaves it out.
 * The reserved attribute is Ferry's: a source item that has it was copied from a twin, and loses it.
 * @throws ProjectionFailed
 */
export function twinContent(source: Item, key: Item, rules: TwinRules): Item | undefined {
  const content = rules.reservedAttribute in source ? withoutStamp(source, rules) : source;
  return rules.projection === undefined ? content : rules.projection.project(content, key);
}

/** What the twin has, without its version. */
export function withoutStamp(
  twin: Item,
  { reservedAttribute }: Pick<TwinRules, 'reservedAttribute'>,
): Item {
  const { [reservedAttribute]: _, ...content } = twin;
  return content;
}

/** Value of the reserved attribute. */
export function stampOf(
  { version, createdAtSeconds, seen }: WrittenAs,
  { sourceRegion }: StampRules,
): Item[string] & { readonly M: Item } {
  const [v, o] = [{ S: version }, { S: sourceRegion }];
  const stamp: Record<string, Item[string]> =
    createdAtSeconds === undefined ? { v, o } : { v, t: { N: String(createdAtSeconds) }, o };
  if (seen !== undefined) stamp['b'] = { S: seen };
  return { M: stamp };
}
