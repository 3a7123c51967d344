// Write units that one change takes at the destination: the figures of docs/guarantees.md, split by what they are for.

import { arrivalRules } from '../config/change-source.ts';
import { VERSION_BYTES, writeUnits } from '../model/capacity.ts';
import type { ReplicationConfig } from '../config/schema.ts';

export interface ChangeUnits {
  /** Of the item, as at the source. */
  readonly item: number;
  /** On top, because the twin's item has a version. */
  readonly version: number;
  /** On top, because the put is part of a transaction. */
  readonly transaction: number;
  /** Of the state table: tombstones, or checks of them. */
  readonly state: number;
  /** Reads of one unit. */
  readonly reads: number;
}

type Ordering = Pick<ReplicationConfig, 'tombstones' | 'source'>;

export function unitsOfChange(
  kind: 'insert' | 'update' | 'delete',
  itemBytes: number,
  replication: Ordering,
): ChangeUnits {
  const item = writeUnits(itemBytes);
  const version = writeUnits(itemBytes + VERSION_BYTES) - item;
  const isStrict = replication.tombstones === 'strict';
  // The function of the other direction looks at each.
  const isChecked = kind === 'insert' && replication.tombstones === 'insert-check';
  if (kind === 'insert' && isStrict)
    return { item, version, transaction: item + version, state: 2, reads: 0 };
  if (kind === 'delete')
    return { item, version, transaction: 0, state: 1, reads: isStrict ? 0 : 1 };
  const isLookedUp = isChecked || (kind === 'insert' && looksUpInserts(replication));
  return { item, version, transaction: 0, state: 0, reads: isLookedUp ? 1 : 0 };
}

/** Of a Kinesis stream, no insert is young. */
export function looksUpInserts({ tombstones, source }: Ordering): boolean {
  return tombstones === 'checked' && arrivalRules(source).arrival === 'any-order';
}
