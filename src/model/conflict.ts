// Whether two writes were concurrent: neither had seen the other. It is found at the loser's side, from one record.

import { originOf } from './clock-version.ts';
import type { Version } from './guard.ts';
import type { Origin } from './rules.ts';

/**
 * @param before what Ferry's write has replaced or removed.
 * @param seen what the write that won had seen.
 * @param origin of the side at hand: only its own writes can have lost here.
 */
export function isConflict(
  before: Version | undefined,
  seen: Version | undefined,
  origin: Origin,
): boolean {
  return before !== undefined && originOf(before) === origin && before > (seen ?? '');
}
