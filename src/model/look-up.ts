// Keys of ledger rows of late inserts -> reads of these rows, which tell what has been deleted since.

import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import { itemsRequest, type ReadRequest } from './read-request.ts';
import type { Item } from './attribute-value.ts';
import type { Version } from './guard.ts';
import type { LedgerRules } from './rules.ts';

/**
 * Of inserts, eventually consistent: a delete that it cannot see yet has not been looked at again either.
 * @param isConsistent where changes arrive in any order, and for who must not miss one.
 */
export function lookUpRequest(
  rows: readonly Item[],
  { stateTable }: Pick<LedgerRules, 'stateTable'>,
  isConsistent = false,
): ReadRequest {
  const attributes = [LEDGER_ATTRIBUTES.id, LEDGER_ATTRIBUTES.deleted];
  return itemsRequest({ table: stateTable, keys: rows, attributes, isConsistent });
}

/** By the ids of rows. */
export function deletesIn(rows: readonly Item[]): Map<string, Version> {
  return new Map(
    rows.flatMap((row) => {
      const [id, deleted] = [row[LEDGER_ATTRIBUTES.id]?.S, row[LEDGER_ATTRIBUTES.deleted]?.S];
      return id === undefined || deleted === undefined ? [] : [[id, deleted] as const];
    }),
  );
}
