// Two scans, page by page -> the keys whose items did not meet their equal on the other side. Holds only
// what has not met yet, and never more than a given number of entries: what waits for too long is handed
// out as a suspect, to be looked up by its key. DynamoDB scans equal keys in the same order on both sides,
// which keeps the wait short, but nothing here is wrong where it does not.

import type { Item } from './attribute-value.ts';

export type Side = 'source' | 'destination';

/** How far a segment has been read on one side. */
export interface ScanCursor {
  readonly items: number;
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
}

export function segmentJoin(entriesMax: number): SegmentJoin {
  const waiting = new Map<string, { side: Side; entry: JoinEntry }>();
  return {
    add(side, entry) {
      const met = waiting.get(entry.keyText);
      waiting.delete(entry.keyText);
      if (met !== undefined && met.side !== side) {
        return met.entry.digest === entry.digest ? [] : [{ key: entry.key, side: 'source' }];
      }
      waiting.set(entry.keyText, { side, entry });
      return waiting.size > entriesMax ? [evictOldest(waiting)] : [];
    },
    rest() {
      const left = [...waiting.values()].map(({ side, entry }) => ({ side, key: entry.key }));
      waiting.clear();
      return left;
    },
  };
}

/** A map remembers the order in which its entries came. */
function evictOldest(waiting: Map<string, { side: Side; entry: JoinEntry }>): Unmatched {
  const [oldest] = waiting;
  if (oldest === undefined) throw new Error('nothing waits');
  const [keyText, { side, entry }] = oldest;
  waiting.delete(keyText);
  return { side, key: entry.key };
}
