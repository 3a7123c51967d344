// A change and the rules -> the DynamoDB requests that apply it, as values that can be printed and compared. Adapters
// send them as they are.

import { createHash } from 'node:crypto';
import type {
  DeleteItemInput,
  PutItemInput,
  TransactWriteItemsInput,
  UpdateItemInput,
} from '@aws-sdk/client-dynamodb';
import { LEDGER_ATTRIBUTES, TOMBSTONE_LIFE_SECONDS } from '../config/names.ts';
import type { Item } from './attribute-value.ts';
import { GuardedPut } from './guarded-put.ts';
import { freeFor, type Version } from './guard.ts';
import type { LedgerRules, WriteRules } from './rules.ts';
import type { PutRecord, RemoveRecord } from './stream-record.ts';

export type WriteRequest =
  | { readonly operation: 'PutItem'; readonly input: PutItemInput }
  | { readonly operation: 'DeleteItem'; readonly input: DeleteItemInput }
  | { readonly operation: 'UpdateItem'; readonly input: UpdateItemInput }
  | { readonly operation: 'TransactWriteItems'; readonly input: TransactWriteItemsInput };

/** Identity of an item's ledger row. */
export interface LedgerRowKey {
  readonly key: Item;
  /** Canonical text of `key`. */
  readonly keyText: string;
}

/** A put that also asks the ledger row whether its item has been deleted since. */
export function putTransaction(record: PutRecord, rules: WriteRules): WriteRequest {
  const { input } = new GuardedPut(record, rules, 'free');
  const TransactItems = [{ Put: input }, { ConditionCheck: notDeletedSince(record, rules) }];
  return { operation: 'TransactWriteItems', input: { TransactItems } };
}

/**
 * Raises the failure bound of an item to a version that is about to be dead-lettered. Where a higher
 * bound is known, the request is refused, and `keepLedgerRow` is due instead.
 */
export function failureBound(
  row: LedgerRowKey,
  version: Version,
  rules: LedgerRules,
  nowMs: number,
): WriteRequest {
  return raisedVersion({ ...row, attribute: LEDGER_ATTRIBUTES.failed, version }, rules, nowMs);
}

/** Prolongs the life of a ledger row, and changes nothing else. */
export function keepLedgerRow(row: LedgerRowKey, rules: LedgerRules, nowMs: number): WriteRequest {
  return ledgerRowUpdate(row, rules, {
    UpdateExpression: 'SET #expiresAt = :expiresAt',
    ExpressionAttributeNames: {},
    ExpressionAttributeValues: expiry(nowMs),
  });
}

function notDeletedSince({ version, keyText }: PutRecord, rules: WriteRules) {
  return {
    TableName: rules.stateTable,
    Key: ledgerRowKey(rules, keyText),
    ConditionExpression: 'attribute_not_exists(#d) OR #d < :v',
    ExpressionAttributeNames: { '#d': LEDGER_ATTRIBUTES.deleted },
    ExpressionAttributeValues: { ':v': { S: version } },
  };
}

export function guardedDelete(record: RemoveRecord, rules: WriteRules): WriteRequest {
  return {
    operation: 'DeleteItem',
    input: {
      TableName: rules.destinationTable,
      Key: record.key,
      ...freeFor(record, rules),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  };
}

/** Remembers a delete, unless a newer one is remembered. */
export function tombstone(record: RemoveRecord, rules: LedgerRules, nowMs: number): WriteRequest {
  return raisedVersion({ ...record, attribute: LEDGER_ATTRIBUTES.deleted }, rules, nowMs);
}

interface Raise extends LedgerRowKey {
  readonly attribute: string;
  readonly version: Version;
}

function raisedVersion(raise: Raise, rules: LedgerRules, nowMs: number): WriteRequest {
  const { attribute, version, keyText } = raise;
  return ledgerRowUpdate(raise, rules, {
    UpdateExpression: 'SET #own = :v, #key = :key, #expiresAt = :expiresAt',
    // Equal is this very record again, and it may not have got further than here.
    ConditionExpression: 'attribute_not_exists(#own) OR #own <= :v',
    ExpressionAttributeNames: { '#own': attribute, '#key': LEDGER_ATTRIBUTES.key },
    ExpressionAttributeValues: { ':v': { S: version }, ':key': { S: keyText }, ...expiry(nowMs) },
  });
}

/** An update of an item's ledger row; `change` sets `#expiresAt` among other things. */
function ledgerRowUpdate(
  { keyText }: LedgerRowKey,
  rules: LedgerRules,
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
      TableName: rules.stateTable,
      Key: ledgerRowKey(rules, keyText),
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
  { replication }: Pick<LedgerRules, 'replication'>,
  keyText: string,
): Item {
  const digest = createHash('sha256').update(keyText).digest('hex');
  return { [LEDGER_ATTRIBUTES.id]: { S: `${replication}#${digest}` } };
}

/** The value `:expiresAt` of a ledger row that is touched now. */
export function expiry(nowMs: number): Record<string, { N: string }> {
  return { ':expiresAt': { N: String(Math.floor(nowMs / 1000) + TOMBSTONE_LIFE_SECONDS) } };
}
