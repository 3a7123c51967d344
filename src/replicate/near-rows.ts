// What the ledger beside the stream's table remembers of the items of a batch: read for many at once before the first
// is asked for, and by itself once the row has been written.

import { LEDGER_FACTS, ledgerFacts, type LedgerFacts, ledgerRowKey } from '../model/ledger-row.ts';
import type { Item } from '../ports.ts';
import { ledgerRows } from './ledger-rows.ts';
import { type NearContext, nearItem } from './near.ts';

export interface NearRow {
  /**
   * Everything that has led to the records of the batch is in it, and what this batch has written.
   * @throws what the read throws in the end.
   */
  facts(): Promise<LedgerFacts>;
  /** Of a write to the row: what was read before is good for nothing. */
  written(): void;
}

/** Begins to read at once. @param keyTexts of items whose rows are of interest. */
export function nearRows(
  keyTexts: readonly string[],
  context: NearContext,
): (keyText: string) => NearRow {
  const all =
    keyTexts.length === 0
      ? Promise.resolve(new Map<string, Item>())
      : ledgerRows(new Set(keyTexts), LEDGER_FACTS, context);
  // Thrown where a row is asked for.
  all.catch(() => undefined);
  return (keyText) => {
    let isRead = true;
    return {
      facts: async () =>
        ledgerFacts(isRead ? (await all).get(keyText) : await rowNow(keyText, context)),
      written: () => {
        isRead = false;
      },
    };
  };
}

function rowNow(keyText: string, context: NearContext): Promise<Item | undefined> {
  const { rules } = context.ledger;
  return nearItem(rules.stateTable, ledgerRowKey(rules, keyText), context);
}
