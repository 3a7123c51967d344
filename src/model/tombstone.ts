// How a delete is remembered: the guarded delete, its tombstone in the ledger, and the put that asks for one.

import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import { GuardedPut } from './guarded-put.ts';
import { freeFor } from './guard.ts';
import { ledgerRowKey, raisedVersion } from './ledger-row.ts';
import type { LedgerRowRules, WriteRules } from './rules.ts';
import type { PutRecord, RemoveRecord } from './stream-record.ts';
import type { WriteRequest } from './write-request.ts';

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
export function tombstone(
  record: RemoveRecord,
  rules: LedgerRowRules,
  nowMs: number,
): WriteRequest {
  return raisedVersion({ ...record, attribute: LEDGER_ATTRIBUTES.deleted }, rules, nowMs);
}

/** A put that also asks the ledger row whether its item has been deleted since. */
export function putTransaction(record: PutRecord, rules: WriteRules): WriteRequest {
  const { input } = new GuardedPut(record, rules, 'free');
  const TransactItems = [{ Put: input }, { ConditionCheck: notDeletedSince(record, rules) }];
  return { operation: 'TransactWriteItems', input: { TransactItems } };
}

function notDeletedSince({ version, keyText }: PutRecord, rules: WriteRules) {
  return {
    TableName: rules.stateTable,
    Key: ledgerRowKey(rules, keyText),
    ConditionExpression: 'attribute_not_exists(#d) OR #d < :v',
    ExpressionAttributeNames: { '#d': LEDGER_ATTRIBUTES.deleted },
    ExpressionAttributeValues: { ':v': { S: version } },
    // In order, no other change has its version.
    ...(rules.arrival === 'any-order' && {
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
    }),
  };
}
