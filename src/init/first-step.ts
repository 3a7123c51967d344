// What to do first with a new replication: copy what the source has, or compare because the twin may have it.

import type { PairFacts } from './entry.ts';

/** DynamoDB counts items every six hours, on each side at another time. */
const COUNT_TOLERANCE = 0.1;

/** A twin with about as many items as its source may be a former replica, or a copy. */
export function firstStep({ source, destination }: PairFacts): 'backfill' | 'verify' {
  const apart = Math.abs(source.items - destination.items);
  const isLikeIt = destination.items > 0 && apart <= source.items * COUNT_TOLERANCE;
  return isLikeIt ? 'verify' : 'backfill';
}
