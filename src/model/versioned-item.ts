// A source item as the twin has it: with the version of the record that brought it.

import type { Item } from './attribute-value.ts';
import type { Version } from './guard.ts';

export interface WrittenAs {
  readonly version: Version;
  /** When the source accepted the write, where that is known. */
  readonly createdAtSeconds?: number | undefined;
}

interface Stamping {
  readonly reservedAttribute: string;
  readonly sourceRegion: string;
}

export function versioned(item: Item, written: WrittenAs, stamping: Stamping): Item {
  // The attribute is Ferry's: a source item that has it was copied from a twin, and loses it.
  return { ...item, [stamping.reservedAttribute]: stampOf(written, stamping) };
}

/** Value of the reserved attribute. */
export function stampOf({ version, createdAtSeconds }: WrittenAs, { sourceRegion }: Stamping) {
  const [v, o] = [{ S: version }, { S: sourceRegion }];
  return {
    M: createdAtSeconds === undefined ? { v, o } : { v, t: { N: String(createdAtSeconds) }, o },
  };
}
