// What the writes of one item with stamps need, and the delete of this side that is brought to the other one.

import { originOf } from '../model/clock-version.ts';
import type { Version } from '../model/guard.ts';
import type { StampedModeRules } from '../model/rules.ts';
import type { RemoveRecord, StreamRecord } from '../model/stream-record.ts';
import type { WriteOutcome } from './apply-lane.ts';
import type { NearContext } from './near.ts';
import type { NearRow } from './near-rows.ts';
import { removeRecord, type WriteContext } from './write-change.ts';

export interface StampedItem {
  readonly twoWay: StampedModeRules;
  readonly near: NearContext;
  readonly far: WriteContext;
  /** Of the ledger beside the stream's table. */
  readonly row: NearRow;
}

/** Of a delete that had seen no version: below all of them. */
export const NOTHING_SEEN: Version = '0';

export function isLocal(version: Version, { twoWay }: StampedItem): boolean {
  return originOf(version) === twoWay.origin;
}

/** It is remembered on the other side before it is done there. */
export function pushDelete(
  { position, sequenceNumber, key, keyText, createdAtSeconds }: StreamRecord,
  {
    version,
    seen = NOTHING_SEEN,
  }: { readonly version: Version; readonly seen?: Version | undefined },
  { far }: StampedItem,
): Promise<WriteOutcome> {
  const facts = { position, sequenceNumber, key, keyText, createdAtSeconds };
  const record: RemoveRecord = { ...facts, version, seen, eventName: 'REMOVE', expired: false };
  return removeRecord(record, far);
}
