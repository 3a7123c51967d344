// The ledger row of an item: its key, its life, and the versions that it remembers: of the last delete, and of the
// newest change that was put aside.

import { createHash } from 'node:crypto';
import type { UpdateItemInput } from '@aws-sdk/client-dynamodb';
import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import type { Item } from './attribute-value.ts';
import type { Version } from './guard.ts';
import type { LedgerRowRules, LedgerRules } from './rules.ts';
import type { WriteRequest } from './write-request.ts';

/** Identity of an item's ledger row. */
export interface LedgerRowKey {
  readonly key: Item;
  /** Canonical text of `key`. */
  readonly keyText: string;
}

/**
 * Raises the failure bound of an item to a version that is about to be dead-lettered. Where a higher
 * bound is known, the request is refused, and `keepLedgerRow` is due instead.
 */
export function failureBound(
  row: LedgerRowKey,
  version: Version,
  rules: LedgerRowRules,
  nowMs: number,
): WriteRequest {
  return raisedVersion({ ...row, attribute: LEDGER_ATTRIBUTES.failed, version }, rules, nowMs);
}

/** Prolongs the life of a ledger row, and changes nothing else. */
export function keepLedgerRow(
  row: LedgerRowKey,
  rules: LedgerRowRules,
  nowMs: number,
): WriteRequest {
  return ledgerRowUpdate(row, rules, {
    UpdateExpression: 'SET #expiresAt = :expiresAt',
    ExpressionAttributeNames: {},
    ExpressionAttributeValues: expiry(rules, nowMs),
  });
}

export interface Raise extends LedgerRowKey {
  readonly attribute: string;
  readonly version: Version;
  /** Of a stamped delete: the version that it had seen. */
  readonly seen?: Version | undefined;
  /** Of a stamped delete of this side. */
  readonly decided?: DecidedDelete | undefined;
}

/** A request of an invocation that died may land late: not where the row says something else by then. */
interface DecidedDelete {
  /** The version of its record in the stream. */
  readonly handled: Version;
  /** The delete that the row remembered when this one's version was made, which is above it. */
  readonly after: Version | undefined;
}

/**
 * Raises one of the versions that a ledger row remembers. Where it is a delete of this side, the row must be as it was
 * read, and a refusal tells what it has.
 */
export function raisedVersion(raise: Raise, rules: LedgerRowRules, nowMs: number): WriteRequest {
  const { attribute, version, keyText, seen, decided } = raise;
  const set = 'SET #own = :v, #key = :key, #expiresAt = :expiresAt';
  return ledgerRowUpdate(raise, rules, {
    UpdateExpression: `${set}${seen === undefined ? '' : ', #b = :b'}${decided === undefined ? '' : ', #p = :p'}`,
    ConditionExpression: conditionOf(decided),
    ExpressionAttributeNames: {
      '#own': attribute,
      '#key': LEDGER_ATTRIBUTES.key,
      ...(seen !== undefined && { '#b': LEDGER_ATTRIBUTES.seen }),
      ...(decided !== undefined && { '#p': LEDGER_ATTRIBUTES.handled }),
    },
    ExpressionAttributeValues: {
      ':v': { S: version },
      ':key': { S: keyText },
      ...expiry(rules, nowMs),
      ...(seen !== undefined && { ':b': { S: seen } }),
      ...(decided !== undefined && { ':p': { S: decided.handled } }),
      ...(decided?.after !== undefined && { ':after': { S: decided.after } }),
    },
    ...(decided !== undefined && { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' }),
  });
}

function conditionOf(decided: DecidedDelete | undefined): string {
  // Equal is this very record again, and it may not have got further than here.
  if (decided === undefined) return 'attribute_not_exists(#own) OR #own <= :v';
  return decided.after === undefined ? 'attribute_not_exists(#own)' : '#own = :after';
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
    | 'ReturnValuesOnConditionCheckFailure'
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

/** What a row remembers of both directions, too. */
export interface LedgerFacts {
  readonly deleted: Version | undefined;
  readonly seen: Version | undefined;
  readonly handled: Version | undefined;
}

export const LEDGER_FACTS = [
  LEDGER_ATTRIBUTES.deleted,
  LEDGER_ATTRIBUTES.seen,
  LEDGER_ATTRIBUTES.handled,
] as const;

export function ledgerFacts(row: Item | undefined): LedgerFacts {
  const [deleted, seen, handled] = LEDGER_FACTS.map((name) => row?.[name]?.S);
  return { deleted, seen, handled };
}

/** The newest delete that a row remembers. */
export function deletedIn(row: Item | undefined): Version | undefined {
  return row?.[LEDGER_ATTRIBUTES.deleted]?.S;
}

/** The value `:expiresAt` of a ledger row that is touched now. */
export function expiry(
  { tombstoneLifeSeconds }: Pick<LedgerRowRules, 'tombstoneLifeSeconds'>,
  nowMs: number,
): Record<string, { N: string }> {
  return { ':expiresAt': { N: String(Math.floor(nowMs / 1000) + tombstoneLifeSeconds) } };
}
