// The engine's own limit for transactions of two items: a put and a check of a row that is not there, sent by the
// leanest client there can be, on as many sockets as get most done.

import { sendersWith } from './leanest.ts';

const SOCKETS_TRIED = [4, 16, 64];
/** Separate tables: for a redrive, a twin that others have written to is not new. */
export const PROBED = { twin: 'Probed', state: 'probed-state' } as const;
/** Each probe has keys of its own. */
let probes = 0;

/** @returns transactions per second. */
export async function transactionLimit(endpoint: string, transactions: number): Promise<number> {
  let most = 0;
  for (const sockets of SOCKETS_TRIED) {
    probes += 1;
    const send = sendersWith(sockets, 'DynamoDB_20120810.TransactWriteItems')(endpoint);
    const texts = Array.from({ length: transactions }, (_, index) =>
      transaction(`probe-${probes}-${index}`),
    );
    const startMs = performance.now();
    await send(texts);
    most = Math.max(most, (transactions * 1000) / (performance.now() - startMs));
  }
  return most;
}

/** As large as those of the redrive. */
function transaction(name: string): string {
  const key = { pk: { S: name }, sk: { S: 'order#2026-01-31T12:00' } };
  const version = `0001.1769860800000.${'9'.repeat(40)}`;
  const stamp = { M: { v: { S: version }, t: { N: '1769860800' }, o: { S: 'us-east-1' } } };
  const Item = {
    ...key,
    total: { N: '12345.67' },
    paid: { BOOL: true },
    tags: { SS: ['a', 'b'] },
    at: { N: '1769860800000' },
    note: { S: 'x'.repeat(80) },
    _ferry: stamp,
  };
  const put = {
    TableName: PROBED.twin,
    Item,
    ConditionExpression: 'attribute_not_exists(#pk)',
    ExpressionAttributeNames: { '#pk': 'pk' },
  };
  const check = {
    TableName: PROBED.state,
    Key: { id: { S: `bench#${name}` } },
    ConditionExpression: 'attribute_not_exists(#d) AND attribute_not_exists(#f)',
    ExpressionAttributeNames: { '#d': 'd', '#f': 'f' },
  };
  return JSON.stringify({ TransactItems: [{ Put: put }, { ConditionCheck: check }] });
}
