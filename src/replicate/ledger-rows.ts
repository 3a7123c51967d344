// Ledger rows of many items, consistently read, a hundred a request.

import { BATCH_KEYS_MAX, itemsRequest } from '../model/read-request.ts';
import { LEDGER_ATTRIBUTES, TAIL_TIME_MS } from '../config/names.ts';
import { ledgerRowKey } from '../model/ledger-row.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import { repliesTo, retryInTime, TRIES_IN_TIME_MAX } from '../pacing/retry.ts';
import type { Clock, Item, Random } from '../ports.ts';
import type { CopyPlace } from './lease.ts';

export interface LedgerContext {
  readonly ledger: CopyPlace;
  readonly clock: Clock;
  readonly random: Random;
  readonly remainingMs: () => number;
}

const READS_AT_ONCE = 4;

/**
 * By the canonical texts of their keys; a row that is not there is absent.
 * @param attributes of each row that are read, beside its id.
 * @throws what a read throws in the end, or an error called OutOfTime.
 */
export async function ledgerRows(
  keyTexts: ReadonlySet<string>,
  attributes: readonly string[],
  context: LedgerContext,
): Promise<ReadonlyMap<string, Item>> {
  const { rules, reader } = context.ledger;
  const byId = new Map(
    [...keyTexts].map((keyText) => [idOf(ledgerRowKey(rules, keyText)), keyText]),
  );
  const found = new Map<string, Item>();
  const request = (keys: readonly Item[]) =>
    itemsRequest({
      table: rules.stateTable,
      keys,
      attributes: [LEDGER_ATTRIBUTES.id, ...attributes],
    });
  const read = (keys: readonly Item[]) =>
    retryInTime(() => reader.read(request(keys)), { ...context, leastMs: TAIL_TIME_MS });
  const keys = [...byId.keys()].map((id) => ({ [LEDGER_ATTRIBUTES.id]: { S: id } }));
  const tasks = chunksOf(keys).map((chunk) => async () => {
    for await (const { items } of repliesTo(chunk, read, {
      ...context,
      triesMax: TRIES_IN_TIME_MAX,
    }))
      for (const row of items) found.set(byId.get(idOf(row)) ?? '', row);
  });
  await inParallel(tasks, READS_AT_ONCE);
  return found;
}

function idOf(row: Item): string {
  return row[LEDGER_ATTRIBUTES.id]?.S ?? '';
}

function chunksOf(keys: readonly Item[]): Item[][] {
  const count = Math.ceil(keys.length / BATCH_KEYS_MAX);
  return Array.from({ length: count }, (_, index) =>
    keys.slice(index * BATCH_KEYS_MAX, (index + 1) * BATCH_KEYS_MAX),
  );
}
