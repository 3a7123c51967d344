// Items of the source -> transactions that copy them to the twin where nothing newer is, and what the
// reasons of a cancelled transaction mean for each item. Copies have a version below every record of
// the stream, so that whatever the stream brings wins.

import type { PutItemInput, TransactWriteItemsInput } from '@aws-sdk/client-dynamodb';
import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import { canonicalKey, type Item } from '../model/attribute-value.ts';
import { itemSizeBytes, writeUnits } from '../model/capacity.ts';
import { unchangedFrom } from '../model/guard.ts';
import { twinItem } from '../model/twin-item.ts';
import type { WriteRules } from '../model/rules.ts';
import type { BackfillContext } from './context.ts';
import { ledgerRowKey } from '../model/ledger-row.ts';

export interface Copy {
  readonly key: Item;
  readonly keyText: string;
  /** As it will be on the twin. */
  readonly item: Item;
  readonly sizeBytes: number;
}

type CopyPlan = Pick<BackfillContext, 'rules' | 'floor'>;

export type CopyResult =
  | 'copied'
  /** The twin has the item: from the stream, or from an earlier run. */
  | 'present'
  /** Its ledger row remembers a delete or a failure of this stream: the source is asked again. */
  | 'doubtful'
  /** The destination will never take it as it is. */
  | 'rejected'
  /** Not to blame for the cancellation: it may be sent again. */
  | 'again';

/** Each copy is two of the hundred actions that a transaction may have, with room for neighbours. */
const GROUP_COPIES_MAX = 25;
/** A transaction may have 4 MB. */
const GROUP_BYTES_MAX = 3_000_000;

export function toCopy(key: Item, source: Item, { rules, floor }: CopyPlan): Copy {
  const item = twinItem(source, { version: floor }, rules);
  return { key, keyText: canonicalKey(key), item, sizeBytes: itemSizeBytes(item) };
}

/** Groups that fit into one transaction each, in order. */
export function toGroups(copies: readonly Copy[]): Copy[][] {
  const groups: Copy[][] = [];
  let bytes = 0;
  for (const copy of copies) {
    const group = groups.at(-1);
    bytes += copy.sizeBytes;
    if (group === undefined || group.length >= GROUP_COPIES_MAX || bytes > GROUP_BYTES_MAX) {
      groups.push([copy]);
      bytes = copy.sizeBytes;
    } else group.push(copy);
  }
  return groups;
}

/** For each copy the put, and the check that its ledger row knows nothing of this stream. */
export function copyRequest(
  copies: readonly Copy[],
  { rules, floor }: CopyPlan,
): TransactWriteItemsInput & { TransactItems: object[] } {
  const { deleted, failed } = LEDGER_ATTRIBUTES;
  const TransactItems = copies.flatMap((copy) => [
    { Put: copyPut(copy, rules) },
    {
      ConditionCheck: {
        TableName: rules.stateTable,
        Key: ledgerRowKey(rules, copy.keyText),
        ConditionExpression:
          '(attribute_not_exists(#d) OR #d < :floor) AND (attribute_not_exists(#f) OR #f < :floor)',
        ExpressionAttributeNames: { '#d': deleted, '#f': failed },
        ExpressionAttributeValues: { ':floor': { S: floor } },
      },
    },
  ]);
  return { TransactItems };
}

/** A single copy, for a twin that only the copy writes to. */
export function copyPut(
  { key, item }: Copy,
  rules: Pick<WriteRules, 'destinationTable' | 'reservedAttribute'>,
): PutItemInput & { Item: Item } {
  return { TableName: rules.destinationTable, Item: item, ...unchangedFrom(undefined, key, rules) };
}

/** Codes that say that a put will never be taken. */
const REJECTIONS = ['ValidationError', 'ItemCollectionSizeLimitExceeded'];

/** What the cancellation of a `copyRequest` means for each of its copies, in order. */
export function copyResults(reasons: ReadonlyArray<{ readonly code: string }>): CopyResult[] {
  const results: CopyResult[] = [];
  for (let part = 0; part < reasons.length; part += 2) {
    results.push(copyResult(reasons[part]?.code ?? '', reasons[part + 1]?.code ?? ''));
  }
  return results;
}

function copyResult(put: string, check: string): CopyResult {
  // An item that is there has outlived whatever delete is remembered.
  if (put === 'ConditionalCheckFailed') return 'present';
  if (check === 'ConditionalCheckFailed') return 'doubtful';
  return REJECTIONS.includes(put) || REJECTIONS.includes(check) ? 'rejected' : 'again';
}

/** Units that a try of these copies consumes, whether it is done or cancelled; indexes not counted. */
export function copyUnits(copies: ReadonlyArray<Pick<Copy, 'sizeBytes'>>): number {
  const ledgerRowCheck = writeUnits(0);
  return copies.reduce(
    (sum, { sizeBytes }) => sum + 2 * (writeUnits(sizeBytes) + ledgerRowCheck),
    0,
  );
}
