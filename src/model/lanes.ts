// A batch -> one lane per item, each lane in version order. Lanes may run side by side; the records
// of a lane may not. Decides what may be coalesced.

import type { TtlDeletes } from '../config/schema.ts';
import type { StreamRecord } from './stream-record.ts';

/** Records of one item, oldest first. Only the newest needs to be written. */
export type Run = readonly StreamRecord[];

export interface Lane {
  /** Never empty, in version order. A skipped record stands between two runs. */
  readonly runs: readonly Run[];
  /** Records that policy or the projection leaves out. */
  readonly skipped: readonly StreamRecord[];
}

/** Groups records by item. Every record ends up in exactly one run or one `skipped`. */
export function toLanes(records: readonly StreamRecord[], ttlDeletes: TtlDeletes): Lane[] {
  const byItem = new Map<string, StreamRecord[]>();
  for (const record of records) {
    const lane = byItem.get(record.keyText);
    if (lane === undefined) byItem.set(record.keyText, [record]);
    else lane.push(record);
  }
  return [...byItem.values()].map((lane) => toLane(lane, ttlDeletes));
}

function toLane(records: StreamRecord[], ttlDeletes: TtlDeletes): Lane {
  // Nearly every item has one record.
  if (records.length === 1 && !isAnyOut(records, ttlDeletes))
    return { runs: [records], skipped: [] };
  // Lambda delivers in order; the order is made sure of, because coalescing trusts it.
  records.sort((a, b) => (a.version < b.version ? -1 : Number(a.version > b.version)));
  const runs: StreamRecord[][] = [[]];
  const skipped: StreamRecord[] = [];
  for (const record of records) {
    if (isSkipped(record, ttlDeletes)) {
      skipped.push(record);
      runs.push([]);
    } else {
      runs.at(-1)?.push(record);
    }
  }
  const leftOut = runs.filter((run) => run.every(isLeftOut));
  for (const run of leftOut) skipped.push(...run);
  return { runs: runs.filter((run) => !leftOut.includes(run)), skipped };
}

export function hasRemove({ runs }: Lane): boolean {
  return runs.some((run) => run.some(({ eventName }) => eventName === 'REMOVE'));
}

/** A single record needs no look at others. */
function isAnyOut(records: readonly StreamRecord[], ttlDeletes: TtlDeletes): boolean {
  return records.some((record) => isSkipped(record, ttlDeletes) || isLeftOut(record));
}

/** The twin has never had the item, if this holds of all records of a run. Otherwise the newest decides. */
export function isLeftOut(record: StreamRecord): boolean {
  return record.eventName === 'REMOVE' && record.leftOut === true;
}

export function isSkipped(record: StreamRecord, ttlDeletes: TtlDeletes): boolean {
  return ttlDeletes === 'skip' && record.eventName === 'REMOVE' && record.expired;
}
