// What it means that a stamped write was refused, by the item that stood there.

import type { Item } from '../model/attribute-value.ts';
import { type Version, versionIn } from '../model/guard.ts';

export type Refusal =
  /** By the condition of the caller. */
  | { readonly kind: 'caller' }
  /** The item has a later version: the write needs one above it. */
  | { readonly kind: 'later'; readonly version: Version }
  /** The item has this very version: the write has been made, and its answer was lost. */
  | { readonly kind: 'made' }
  /** The item has the reserved attribute, but not with a version of Ferry's. */
  | { readonly kind: 'not-comparable' };

/** @param found the item as the refusal returned it, in typed values; undefined where there is none. */
export function refusalOf(
  found: Item | undefined,
  stamp: Version,
  reservedAttribute: string,
): Refusal {
  const reserved = found?.[reservedAttribute];
  if (reserved === undefined) return { kind: 'caller' };
  const version = versionIn(reserved);
  if (version === undefined) return { kind: 'not-comparable' };
  if (version === stamp) return { kind: 'made' };
  return version > stamp ? { kind: 'later', version } : { kind: 'caller' };
}
