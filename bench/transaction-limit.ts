// The engine's own limit for transactions of two items: a put and a check of a row that is not there, sent by the
// leanest client there can be, on as many sockets as get most done.

import { copyRequest, toCopy } from '../src/backfill/copy.ts';
import { floorOf } from '../src/model/guard.ts';
import { SETTINGS } from './approach.ts';
import { makeBatch } from './batches.ts';
import { sendersWith } from './leanest.ts';

const SOCKETS_TRIED = [4, 16, 64];
/** Separate tables: for a redrive, a twin that others have written to is not new. */
export const PROBED = { destinationTable: 'Probed', stateTable: 'probed-state' } as const;
/** As large as those of the redrive. */
const BYTES = 200;
/** Each probe has keys of its own. */
let probed = 0;

/** @returns transactions per second. */
export async function transactionLimit(endpoint: string, transactions: number): Promise<number> {
  let most = 0;
  for (const sockets of SOCKETS_TRIED) {
    const send = sendersWith(sockets, 'DynamoDB_20120810.TransactWriteItems')(endpoint);
    const texts = makeTransactions(transactions);
    const startMs = performance.now();
    await send(texts);
    most = Math.max(most, (transactions * 1000) / (performance.now() - startMs));
  }
  return most;
}

function makeTransactions(count: number): string[] {
  const plan = {
    rules: { ...SETTINGS, ...PROBED },
    floor: floorOf({ epoch: 1, labelMs: 0 }),
  };
  const shape = { records: count, keys: count, bytes: BYTES, deleteShare: 0, first: probed };
  probed += count;
  return makeBatch(shape).map(({ dynamodb: { Keys, NewImage = {} } }) =>
    JSON.stringify(copyRequest([toCopy(Keys, NewImage, plan)], plan)),
  );
}
