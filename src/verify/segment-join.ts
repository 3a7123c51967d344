// Two scans, page by page -> the keys whose items did not meet their equal on the other side. Holds only
// what has not met yet, and never more than a given number of entries: what waits for too long is handed
// out as a suspect, to be looked up by its key. DynamoDB scans equal keys in the same order on both sides,
// which keeps the wait short, but nothing here is wrong where it does not.

import type { Item } from '../model/attribute-value.ts';

export type Side = 'source' | 'destination';

/** How far a segment has been read on one side. */
export interface ScanCursor {
  readonly after?: Item | undefined;
  readonly ended: boolean;
}

/** How far a segment has been compared. */
export type SegmentCursor = Readonly<Record<Side, ScanCursor>>;

interface JoinEntry {
  readonly key: Item;
  readonly keyText: string;
  readonly digest: string;
}

/** A key, and the side on which it was met; `source` where both sides have it, but not the same. */
export interface Unmatched {
  readonly key: Item;
  readonly side: Side;
}

export interface SegmentJoin {
  /** @returns what has become suspect. */
  add(side: Side, entry: JoinEntry): Unmatched[];
  /** What met nothing; the join is empty after it. */
  rest(): Unmatched[];
  /** How many entries of a side wait. */
  waiting(side: Side): number;
}

const ITERATOR_LIFE = 1_000;

export function segmentJoin(entriesMax: number): SegmentJoin {
  const waiting = new Map<string, { side: Side; entry: JoinEntry }>();
  const counts = { source: 0, destination: 0 };
  const take = (keyText: string) => {
    const found = waiting.get(keyText);
    if (found !== undefined) counts[found.side] -= 1;
    waiting.delete(keyText);
    return found;
  };
  // A map remembers the order in which its entries came. What lies before the iterator is gone: to begin
  // anew each time would be to step over all that has been taken.
  let inOrder = waiting.keys();
  let added = 0;
  const takeOldest = (): Unmatched[] => {
    let { value } = inOrder.next();
    if (value === undefined) {
      inOrder = waiting.keys();
      ({ value } = inOrder.next());
    }
    const found = value === undefined ? undefined : take(value);
    return found === undefined ? [] : [{ side: found.side, key: found.entry.key }];
  };
  return {
    add(side, entry) {
      const met = take(entry.keyText);
      if (met !== undefined && met.side !== side) {
        return met.entry.digest === entry.digest ? [] : [{ key: entry.key, side: 'source' }];
      }
      waiting.set(entry.keyText, { side, entry });
      counts[side] += 1;
      added += 1;
      // An iterator that stands still keeps every table that the map has outgrown.
      if (added % ITERATOR_LIFE === 0) inOrder = waiting.keys();
      return waiting.size > entriesMax ? takeOldest() : [];
    },
    rest() {
      const left: Unmatched[] = [];
      while (waiting.size > 0) left.push(...takeOldest());
      return left;
    },
    waiting: (side) => counts[side],
  };
}
