// A twin's item and its state row, as they were read -> one transaction that writes only if both are still
// the same. Its first part is the twin's item and its second the state row: what a refusal means depends on it.

import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { STATE_ATTRIBUTES } from '../config/names.ts';
import type { Item } from '../model/attribute-value.ts';
import type { Version } from '../model/guard.ts';
import { versioned, type WrittenAs } from '../model/versioned-item.ts';
import {
  expiry,
  type StateRowKey,
  stateRowKey,
  type WriteRequest,
  type WriteTarget,
} from '../model/write-request.ts';

/** The twin's item is read before the state row. */
export interface ItemAsRead extends StateRowKey {
  readonly twin: Item | undefined;
  readonly stateRow: Item | undefined;
  readonly target: WriteTarget;
}

/** Puts an item of the source. */
export function putAsRead(read: ItemAsRead, source: Item, written: WrittenAs): WriteRequest {
  const { target, keyText } = read;
  return transaction(
    {
      Put: {
        TableName: target.destinationTable,
        Item: versioned(source, written, target),
        ...twinAsRead(read),
      },
    },
    {
      ConditionCheck: {
        TableName: target.stateTable,
        Key: stateRowKey(target, keyText),
        ...stateRowAsRead(read.stateRow),
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
}

/** Remembers a delete and does it. The tombstone takes `version`, which must not be below the one read. */
export function deleteAsRead(
  read: ItemAsRead,
  { version, nowMs, keepsItem = false }: DeleteAsRead,
): WriteRequest {
  const { target, key, twin } = read;
  const place = { TableName: target.destinationTable, Key: key, ...twinAsRead(read) };
  const item = twin === undefined || keepsItem ? { ConditionCheck: place } : { Delete: place };
  return transaction(item, { Update: tombstoneAsRead(read, version, nowMs) });
}

function transaction(item: TransactWriteItem, stateRow: TransactWriteItem): WriteRequest {
  return { operation: 'TransactWriteItems', input: { TransactItems: [item, stateRow] } };
}

function tombstoneAsRead(
  { target, keyText, stateRow }: ItemAsRead,
  version: Version,
  nowMs: number,
) {
  const condition = stateRowAsRead(stateRow);
  return {
    TableName: target.stateTable,
    Key: stateRowKey(target, keyText),
    UpdateExpression: 'SET #d = :new, #key = :key, #expiresAt = :expiresAt',
    ConditionExpression: condition.ConditionExpression,
    ExpressionAttributeNames: {
      ...condition.ExpressionAttributeNames,
      '#key': STATE_ATTRIBUTES.key,
      '#expiresAt': STATE_ATTRIBUTES.expiresAt,
    },
    ExpressionAttributeValues: {
      ...condition.ExpressionAttributeValues,
      ':new': { S: version },
      ':key': { S: keyText },
      ...expiry(nowMs),
    },
  };
}

function twinAsRead({ twin, target, key }: ItemAsRead) {
  const pk = { '#pk': Object.keys(key)[0] ?? '' };
  if (twin === undefined) {
    return { ConditionExpression: 'attribute_not_exists(#pk)', ExpressionAttributeNames: pk };
  }
  const reserved = twin[target.reservedAttribute];
  const names = { '#f': target.reservedAttribute };
  if (reserved === undefined) {
    return {
      ConditionExpression: 'attribute_exists(#pk) AND attribute_not_exists(#f)',
      ExpressionAttributeNames: { ...pk, ...names },
    };
  }
  return {
    ConditionExpression: '#f = :f',
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: { ':f': reserved },
  };
}

function stateRowAsRead(row: Item | undefined) {
  const parts = [STATE_ATTRIBUTES.deleted, STATE_ATTRIBUTES.failed].map((name) => ({
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
