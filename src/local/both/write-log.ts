// What applications on both sides have written, and what each write has found in its place, as its answer tells -> how
// many writes have lost against a concurrent one. It knows nothing of versions, and uses no code of Ferry's. Pure.

import type { Side } from '../../config/identity.ts';

export interface LoggedWrite {
  readonly side: Side;
  readonly keyText: string;
  /** Of the write; undefined of a delete, which leaves nothing that could lose. */
  readonly id: string | undefined;
  /** Of the write that it has replaced or deleted; undefined where it has found nothing. */
  readonly found: string | undefined;
}

/**
 * Writes that were taken away from their own side, and that no write of the other side had found: neither of the two
 * had seen the other.
 * @param writes in the order of their answers; those of one item and side one after the other.
 * @param left of an item, the write that is there in the end.
 */
export function concurrentLosses(
  writes: readonly LoggedWrite[],
  left: (keyText: string) => string | undefined,
): LoggedWrite[] {
  return [...byItem(writes)].flatMap(([keyText, all]) => lossesOf(all, left(keyText)));
}

/** @param all writes of one item. */
function lossesOf(all: readonly LoggedWrite[], left: string | undefined): LoggedWrite[] {
  const foundAt = { source: new Set(), destination: new Set() };
  for (const { side, found } of all) foundAt[side].add(found);
  const nextFound: Record<Side, string | undefined> = { source: left, destination: left };
  return all.toReversed().filter(({ side, id, found }) => {
    const isStillThere = nextFound[side] === id;
    nextFound[side] = found;
    const other = side === 'source' ? 'destination' : 'source';
    return id !== undefined && !isStillThere && !foundAt[other].has(id);
  });
}

function byItem(writes: readonly LoggedWrite[]): Map<string, LoggedWrite[]> {
  const items = new Map<string, LoggedWrite[]>();
  for (const write of writes) {
    const item = items.get(write.keyText);
    if (item === undefined) items.set(write.keyText, [write]);
    else item.push(write);
  }
  return items;
}
