// Announced deletes -> reads of their keys at the twin, and deletes of what has come back since.

import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import { canonicalKey, type Item } from '../model/attribute-value.ts';
import type { AnnouncedDelete } from '../model/announcement.ts';
import { isUnnamed, type Version, versionIn } from '../model/guard.ts';
import { itemsRequest, type ReadRequest } from '../model/read-request.ts';
import type { WriteRules } from '../model/rules.ts';
import { ledgerRowKey } from '../model/ledger-row.ts';
import type { WriteRequest } from '../model/write-request.ts';

export type LookRules = Pick<
  WriteRules,
  'replication' | 'destinationTable' | 'stateTable' | 'reservedAttribute'
>;

/** The newest delete of each key: a batch read takes no key twice, and the newest delete covers the others. */
export function newestDeletes(deletes: readonly AnnouncedDelete[]): Map<string, AnnouncedDelete> {
  const newest = new Map<string, AnnouncedDelete>();
  for (const one of deletes) {
    const keyText = canonicalKey(one.key);
    const known = newest.get(keyText);
    if (known === undefined || known.version < one.version) newest.set(keyText, one);
  }
  return newest;
}

/** No more of an item than its key and its version. */
export function lookRequest(keys: readonly Item[], rules: LookRules): ReadRequest {
  const attributes = [...Object.keys(keys[0] ?? {}), rules.reservedAttribute];
  return itemsRequest({ table: rules.destinationTable, keys, attributes });
}

export interface Revenant {
  readonly key: Item;
  /** Of the delete that it is older than. */
  readonly deleted: Version;
}

/**
 * What the twin has and a newer delete has removed. An item without a version is not Ferry's to delete, and
 * what was read at the source never comes back: where the tables were made anew, a delete may be of the past.
 */
export function revenantsAmong(
  items: readonly Item[],
  deletes: ReadonlyMap<string, AnnouncedDelete>,
  { reservedAttribute }: LookRules,
): Revenant[] {
  return items.flatMap((item) => {
    const { [reservedAttribute]: reserved, ...key } = item;
    const deleted = deletes.get(canonicalKey(key))?.version;
    const held = versionIn(reserved);
    if (deleted === undefined || held === undefined || isUnnamed(held)) return [];
    return held < deleted ? [{ key, deleted }] : [];
  });
}

/**
 * Never a newer item, never one without a version, and only while the delete is remembered: who announced it
 * may not have got as far as doing it.
 */
export function revenantDelete({ key, deleted }: Revenant, rules: LookRules): WriteRequest {
  const { destinationTable, stateTable, reservedAttribute } = rules;
  const ExpressionAttributeValues = { ':d': { S: deleted } };
  const remove = {
    TableName: destinationTable,
    Key: { ...key },
    ConditionExpression: '#f.#v < :d',
    ExpressionAttributeNames: { '#f': reservedAttribute, '#v': 'v' },
    ExpressionAttributeValues,
  };
  const remembered = {
    TableName: stateTable,
    Key: ledgerRowKey(rules, canonicalKey(key)),
    ConditionExpression: '#d >= :d',
    ExpressionAttributeNames: { '#d': LEDGER_ATTRIBUTES.deleted },
    ExpressionAttributeValues,
  };
  const TransactItems = [{ Delete: remove }, { ConditionCheck: remembered }];
  return { operation: 'TransactWriteItems', input: { TransactItems } };
}
