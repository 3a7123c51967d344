// Whether the last record of a key is on the other side, by what the twin and its ledger have of it.

import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import { contentDigest } from '../model/discrepancy.ts';
import { type Version, versionIn } from '../model/guard.ts';
import type { TwinRules } from '../model/rules.ts';
import type { StreamRecord } from '../model/stream-record.ts';
import type { TwinStates } from '../redrive/item.ts';

export interface LastRecord {
  readonly version: Version;
  /** Of the item's content; undefined where the record deletes the item. */
  readonly digest: string | undefined;
}

export function lastRecordOf(record: StreamRecord, rules: TwinRules): LastRecord {
  const digest = record.eventName === 'REMOVE' ? undefined : contentDigest(record.newImage, rules);
  return { version: record.version, digest };
}

/** An item with this version must have this content: an application may have changed it since. */
export function hasArrived(
  { version, digest }: LastRecord,
  { twin, ledgerRow }: TwinStates,
  rules: TwinRules,
): boolean {
  if (digest === undefined) {
    const deleted = ledgerRow?.[LEDGER_ATTRIBUTES.deleted]?.S;
    return twin === undefined && deleted !== undefined && deleted >= version;
  }
  const held = versionIn(twin?.[rules.reservedAttribute]);
  if (twin === undefined || held === undefined) return false;
  return held > version || (held === version && contentDigest(twin, rules) === digest);
}

/** The same of a replication that goes on: it may have brought what came later, an item or a delete. */
export function hasPassed(last: LastRecord, states: TwinStates, rules: TwinRules): boolean {
  const { twin, ledgerRow } = states;
  const held = versionIn(twin?.[rules.reservedAttribute]);
  const newest = twin === undefined ? ledgerRow?.[LEDGER_ATTRIBUTES.deleted]?.S : held;
  return (newest ?? '') > last.version || hasArrived(last, states, rules);
}
