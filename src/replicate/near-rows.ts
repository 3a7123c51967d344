// What the ledger beside the stream's table remembers of the items of a batch: read for many at once before the first
// is asked for, and by itself once a row has been written.

import { ledgerFacts, type LedgerFacts, ledgerRowKey } from '../model/ledger-row.ts';
import { LEDGER_FACTS } from '../model/ledger-row.ts';
import { itemRequest } from '../model/read-request.ts';
import { TAIL_TIME_MS } from '../config/names.ts';
import { retryInTime } from '../pacing/retry.ts';
import type { Item } from '../ports.ts';
import { ledgerRows } from './ledger-rows.ts';
import type { NearContext } from './near.ts';

export interface NearRows {
  /**
   * Everything that has led to the records of the batch is in it.
   * @throws what the read throws in the end.
   */
  rowOf(keyText: string): Promise<LedgerFacts>;
  /** As it is now. @throws what the read throws in the end. */
  rowNow(keyText: string): Promise<LedgerFacts>;
}

/** Begins to read at once. */
export function nearRows(keyTexts: ReadonlySet<string>, context: NearContext): NearRows {
  const all =
    keyTexts.size === 0
      ? Promise.resolve(new Map<string, Item>())
      : ledgerRows(keyTexts, LEDGER_FACTS, context);
  // Thrown where a row is asked for.
  all.catch(() => undefined);
  const rowNow = async (keyText: string) => {
    const { rules, reader } = context.ledger;
    const key = ledgerRowKey(rules, keyText);
    const { items } = await retryInTime(() => reader.read(itemRequest(rules.stateTable, key)), {
      ...context,
      leastMs: TAIL_TIME_MS,
    });
    return ledgerFacts(items[0]);
  };
  return {
    rowOf: async (keyText) =>
      keyTexts.has(keyText) ? ledgerFacts((await all).get(keyText)) : rowNow(keyText),
    rowNow,
  };
}
