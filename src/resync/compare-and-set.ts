// A twin's item and its ledger row, as they were read -> one transaction that writes only if both are still
// the same. Its first part is the twin's item and its second the ledger row: what a refusal means depends on it.

import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import type { Item } from '../model/attribute-value.ts';
import { unchangedFrom, type Version } from '../model/guard.ts';
import { twinItem, type WrittenAs } from '../model/twin-item.ts';
import type { WriteRules } from '../model/rules.ts';
import { expiry, type LedgerRowKey, ledgerRowKey } from '../model/ledger-row.ts';
import type { WriteRequest } from '../model/write-request.ts';

/** The twin's item is read before the ledger row. */
export interface ItemAsRead extends LedgerRowKey {
  readonly twin: Item | undefined;
  readonly ledgerRow: Item | undefined;
  readonly rules: WriteRules;
}

/** Puts an item of the source. */
export function putAsRead(read: ItemAsRead, source: Item, written: WrittenAs): WriteRequest {
  const { rules, keyText } = read;
  return transaction(
    {
      Put: {
        TableName: rules.destinationTable,
        Item: twinItem(source, written, rules),
        ...unchangedFrom(read.twin, read.key, rules),
      },
    },
    {
      ConditionCheck: {
        TableName: rules.stateTable,
        Key: ledgerRowKey(rules, keyText),
        ...ledgerRowAsRead(read.ledgerRow),
      },
    },
  );
}

export interface DeleteAsRead {
  /** Of the tombstone. */
  readonly version: Version;
  readonly nowMs: number;
  /** The delete is only remembered: the item is not Ferry's. */
  readonly keepsItem?: boolean;
  /** The version that a stamped delete had seen. */
  readonly seen?: Version | undefined;
}

/** Remembers a delete and does it. The tombstone takes `version`, which must not be below the one read. */
export function deleteAsRead(
  read: ItemAsRead,
  { version, nowMs, keepsItem = false, seen }: DeleteAsRead,
): WriteRequest {
  const { rules, key, twin } = read;
  const place = { TableName: rules.destinationTable, Key: key, ...unchangedFrom(twin, key, rules) };
  const item = twin === undefined || keepsItem ? { ConditionCheck: place } : { Delete: place };
  return transaction(item, { Update: tombstoneAsRead(read, { version, nowMs, seen }) });
}

function transaction(item: TransactWriteItem, ledgerRow: TransactWriteItem): WriteRequest {
  return { operation: 'TransactWriteItems', input: { TransactItems: [item, ledgerRow] } };
}

function tombstoneAsRead(
  { rules, keyText, ledgerRow }: ItemAsRead,
  { version, nowMs, seen }: DeleteAsRead,
) {
  const condition = ledgerRowAsRead(ledgerRow);
  return {
    TableName: rules.stateTable,
    Key: ledgerRowKey(rules, keyText),
    UpdateExpression: `SET #d = :new, #key = :key, #expiresAt = :expiresAt${seen === undefined ? '' : ', #b = :b'}`,
    ConditionExpression: condition.ConditionExpression,
    ExpressionAttributeNames: {
      ...condition.ExpressionAttributeNames,
      '#key': LEDGER_ATTRIBUTES.key,
      '#expiresAt': LEDGER_ATTRIBUTES.expiresAt,
      ...(seen !== undefined && { '#b': LEDGER_ATTRIBUTES.seen }),
    },
    ExpressionAttributeValues: {
      ...condition.ExpressionAttributeValues,
      ...(seen !== undefined && { ':b': { S: seen } }),
      ':new': { S: version },
      ':key': { S: keyText },
      ...expiry(rules, nowMs),
    },
  };
}

function ledgerRowAsRead(row: Item | undefined) {
  const parts = [LEDGER_ATTRIBUTES.deleted, LEDGER_ATTRIBUTES.failed].map((name) => ({
    name,
    value: row?.[name],
  }));
  const values = parts.flatMap(({ name, value }) =>
    value === undefined ? [] : [[`:${name}`, value] as const],
  );
  return {
    ConditionExpression: parts
      .map(({ name, value }) =>
        value === undefined ? `attribute_not_exists(#${name})` : `#${name} = :${name}`,
      )
      .join(' AND '),
    ExpressionAttributeNames: Object.fromEntries(parts.map(({ name }) => [`#${name}`, name])),
    ...(values.length === 0 ? {} : { ExpressionAttributeValues: Object.fromEntries(values) }),
  };
}
