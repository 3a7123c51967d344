// Two scans, page by page -> the keys whose items have no equal on the other side. Holds only items without an equal so
// far, and never more than a given number: the oldest is then returned as a suspect, to be read by its key. DynamoDB
// scans equal keys in the same order on both sides, which keeps the number small; the result does not depend on it.

import type { Item } from '../model/attribute-value.ts';

export type Side = 'source' | 'destination';

/** How far a segment has been read on one side. */
export interface ScanCursor {
  readonly after?: Item | undefined;
  readonly ended: boolean;
  /** Read so far. @default none */
  readonly items?: number | undefined;
}

/** How far a segment has been compared. */
export type SegmentCursor = Readonly<Record<Side, ScanCursor>>;

interface JoinEntry {
  readonly key: Item;
  readonly keyText: string;
  readonly digest: string;
}

/**
 * A key that may differ, and the side on which it was read; `source` where both sides have it, but not the same. One of
 * the destination differs only if the source has no such item; if it has, the source's item is a suspect of its own.
 */
export interface Suspect {
  readonly key: Item;
  readonly side: Side;
}

export interface SegmentJoin {
  /** @returns what has become suspect. */
  add(side: Side, entry: JoinEntry): Suspect[];
  /** What has no equal so far; the join is empty afterwards. */
  rest(): Suspect[];
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
  // A map keeps the order of insertion. A new iterator for each call would step over all deleted entries.
  let inOrder = waiting.keys();
  let added = 0;
  const takeOldest = (): Suspect[] => {
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
      const left: Suspect[] = [];
      while (waiting.size > 0) left.push(...takeOldest());
      return left;
    },
    waiting: (side) => counts[side],
  };
}
