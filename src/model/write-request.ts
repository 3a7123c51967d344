// StreamRecord + guard -> the DynamoDB requests that apply it. Values one can print and compare;
// the destination adapter sends them as they are. Every way into the destination ends here.

import { createHash } from 'node:crypto';
import type {
  DeleteItemInput,
  PutItemInput,
  TransactWriteItemsInput,
  UpdateItemInput,
} from '@aws-sdk/client-dynamodb';
import { LEDGER_ATTRIBUTES, TOMBSTONE_LIFE_SECONDS } from '../config/names.ts';
import type { HandlerSettings } from '../config/handler-settings.ts';
import type { Item } from './attribute-value.ts';
import { GuardedPut } from './guarded-put.ts';
import { freeFor, guardOf, type Version } from './guard.ts';
import type { PutRecord, RemoveRecord } from './stream-record.ts';

export type WriteRequest =
  | { readonly operation: 'PutItem'; readonly input: PutItemInput }
  | { readonly operation: 'DeleteItem'; readonly input: DeleteItemInput }
  | { readonly operation: 'UpdateItem'; readonly input: UpdateItemInput }
  | { readonly operation: 'TransactWriteItems'; readonly input: TransactWriteItemsInput };

/** As DynamoDB's JSON, in which bytes are base64 text: those of decodeItem are. */
export function jsonOf(request: WriteRequest): string {
  return request instanceof GuardedPut ? request.json() : JSON.stringify(request.input);
}

/** Where writes go and under which rules. */
export type WriteRules = Pick<
  HandlerSettings,
  | 'replication'
  | 'sourceRegion'
  | 'destinationTable'
  | 'stateTable'
  | 'reservedAttribute'
  | 'unversionedItems'
  | 'tombstones'
>;

/** Identity of an item's ledger row. */
export interface LedgerRowKey {
  readonly key: Item;
  /** Canonical text of `key`. */
  readonly keyText: string;
}

/** A put that also asks the ledger row whether its item has been deleted since. */
export function putTransaction(record: PutRecord, target: WriteRules): WriteRequest {
  const { input } = new GuardedPut(record, target, 'free');
  const TransactItems = [{ Put: input }, { ConditionCheck: notDeletedSince(record, target) }];
  return { operation: 'TransactWriteItems', input: { TransactItems } };
}

/**
 * Raises the failure bound of an item to a version that is about to be dead-lettered. Where a higher
 * bound is known, the request is refused, and `keepLedgerRow` is due instead.
 */
export function failureBound(
  row: LedgerRowKey,
  version: Version,
  target: WriteRules,
  nowMs: number,
): WriteRequest {
  return ledgerRowUpdate(row, target, {
    UpdateExpression: 'SET #own = :v, #key = :key, #expiresAt = :expiresAt',
    ConditionExpression: 'attribute_not_exists(#own) OR #own <= :v',
    ExpressionAttributeNames: { '#own': LEDGER_ATTRIBUTES.failed, '#key': LEDGER_ATTRIBUTES.key },
    ExpressionAttributeValues: {
      ':v': { S: version },
      ':key': { S: row.keyText },
      ...expiry(nowMs),
    },
  });
}

/** Prolongs the life of a ledger row, and changes nothing else. */
export function keepLedgerRow(row: LedgerRowKey, target: WriteRules, nowMs: number): WriteRequest {
  return ledgerRowUpdate(row, target, {
    UpdateExpression: 'SET #expiresAt = :expiresAt',
    ExpressionAttributeNames: {},
    ExpressionAttributeValues: expiry(nowMs),
  });
}

function notDeletedSince({ version, keyText }: PutRecord, target: WriteRules) {
  return {
    TableName: target.stateTable,
    Key: ledgerRowKey(target, keyText),
    ConditionExpression: 'attribute_not_exists(#d) OR #d < :v',
    ExpressionAttributeNames: { '#d': LEDGER_ATTRIBUTES.deleted },
    ExpressionAttributeValues: { ':v': { S: version } },
  };
}

export function guardedDelete(record: RemoveRecord, target: WriteRules): WriteRequest {
  return {
    operation: 'DeleteItem',
    input: {
      TableName: target.destinationTable,
      Key: record.key,
      ...freeFor(guardOf(record, target)),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  };
}

/** Remembers a delete, unless a newer one is remembered. */
export function tombstone(record: RemoveRecord, target: WriteRules, nowMs: number): WriteRequest {
  return ledgerRowUpdate(record, target, {
    UpdateExpression: 'SET #own = :v, #key = :key, #expiresAt = :expiresAt',
    // Equal is this very delete again, and it may not have got further than here.
    ConditionExpression: 'attribute_not_exists(#own) OR #own <= :v',
    ExpressionAttributeNames: { '#own': LEDGER_ATTRIBUTES.deleted, '#key': LEDGER_ATTRIBUTES.key },
    ExpressionAttributeValues: {
      ':v': { S: record.version },
      ':key': { S: record.keyText },
      ...expiry(nowMs),
    },
  });
}

/** An update of an item's ledger row; `change` sets `#expiresAt` among other things. */
function ledgerRowUpdate(
  { keyText }: LedgerRowKey,
  target: WriteRules,
  change: Pick<
    UpdateItemInput,
    | 'UpdateExpression'
    | 'ConditionExpression'
    | 'ExpressionAttributeNames'
    | 'ExpressionAttributeValues'
  >,
): WriteRequest {
  return {
    operation: 'UpdateItem',
    input: {
      TableName: target.stateTable,
      Key: ledgerRowKey(target, keyText),
      ...change,
      ExpressionAttributeNames: {
        ...change.ExpressionAttributeNames,
        '#expiresAt': LEDGER_ATTRIBUTES.expiresAt,
      },
    },
  };
}

/** A digest, because an item's key may be longer than a partition key of the state table may be. */
export function ledgerRowKey(
  { replication }: Pick<WriteRules, 'replication'>,
  keyText: string,
): Item {
  const digest = createHash('sha256').update(keyText).digest('hex');
  return { [LEDGER_ATTRIBUTES.id]: { S: `${replication}#${digest}` } };
}

/** The value `:expiresAt` of a ledger row that is touched now. */
export function expiry(nowMs: number): Record<string, { N: string }> {
  return { ':expiresAt': { N: String(Math.floor(nowMs / 1000) + TOMBSTONE_LIFE_SECONDS) } };
}
