// The rows of a tally: in a third Region, which Region may write, and the number of each item's newest write; and in the
// active Region, which items are known to lack one.

import { createHash } from 'node:crypto';
import type { AttributeValue, PutItemInput } from '@aws-sdk/client-dynamodb';
import { canonicalKey, type Item } from '../model/attribute-value.ts';
import { integerIn } from '../model/stored-number.ts';

/** The attribute in which an application keeps the number of an item's write. */
export const TALLY_ATTRIBUTE = '_tally';

const DAY_SECONDS = 24 * 60 * 60;
/** Of a row in the third Region. */
const TALLY_LIFE_SECONDS = 7 * DAY_SECONDS;
/** Of a row that quarantines an item. */
const QUARANTINE_LIFE_SECONDS = 90 * DAY_SECONDS;

/** Says which Region may write. */
export function activeKey(replication: string): Item {
  return { id: { S: `${replication}#active` } };
}

/** Of an item, in the third Region. */
export function tallyKey(replication: string, key: Item): Item {
  return { id: { S: `${tallyPrefix(replication)}${digestOf(key)}` } };
}

function tallyPrefix(replication: string): string {
  return `${replication}#n#`;
}

/** Of an item, in the state table of the active Region. */
export function quarantineKey(replication: string, key: Item): Item {
  return { id: { S: `${replication}#tally#${digestOf(key)}` } };
}

function digestOf(key: Item): string {
  return createHash('sha256').update(canonicalKey(key)).digest('hex');
}

/** Epochs only grow: what is sent late changes nothing. */
export function raisedActive(
  table: string,
  { replication, epoch, region }: { replication: string; epoch: number; region: string },
): PutItemInput {
  return {
    TableName: table,
    Item: { ...activeKey(replication), epoch: { N: `${epoch}` }, region: { S: region } },
    ConditionExpression: 'attribute_not_exists(#epoch) OR #epoch <= :epoch',
    ExpressionAttributeNames: { '#epoch': 'epoch' },
    ExpressionAttributeValues: { ':epoch': { N: `${epoch}` } },
  };
}

/** Where no switch has ever been, every Region may write. */
export function isActiveCheck(region: string) {
  return {
    ConditionExpression: 'attribute_not_exists(#id) OR #region = :region',
    ExpressionAttributeNames: { '#id': 'id', '#region': 'region' },
    ExpressionAttributeValues: { ':region': { S: region } },
  };
}

export interface TallyRow {
  readonly key: Item;
  readonly n: number;
}

/**
 * The number of the next write. The first one of a row is the time: a row that has expired was below it, unless its
 * item was written more than a thousand times a second.
 */
export function nextNumber(row: Item | undefined, nowMs: number): number {
  const before = integerIn(row?.['n']);
  return before === undefined ? nowMs : before + 1;
}

export function tallyItem(
  replication: string,
  { key, n }: TallyRow,
  nowMs: number,
): Record<string, AttributeValue> {
  const expiresAt = Math.floor(nowMs / 1000) + TALLY_LIFE_SECONDS;
  return {
    ...tallyKey(replication, key),
    n: { N: `${n}` },
    key: { M: key },
    expiresAt: { N: `${expiresAt}` },
  };
}

/** Undefined for rows of another kind, and of other replications. */
export function tallyRowOf(replication: string, row: Item): TallyRow | undefined {
  const [n, key] = [integerIn(row['n']), row['key']?.M];
  const isTally = row['id']?.S?.startsWith(tallyPrefix(replication)) === true;
  return isTally && n !== undefined && key !== undefined ? { key, n } : undefined;
}

export function quarantineItem(replication: string, { key, n }: TallyRow, nowMs: number): Item {
  const expiresAt = Math.floor(nowMs / 1000) + QUARANTINE_LIFE_SECONDS;
  return {
    ...quarantineKey(replication, key),
    q: { N: `${n}` },
    key: { S: canonicalKey(key) },
    expiresAt: { N: `${expiresAt}` },
  };
}

/** Whether an item lacks a write that is known to have begun. */
export function isBehind(n: number | undefined, item: Item | undefined): boolean {
  return n !== undefined && (integerIn(item?.[TALLY_ATTRIBUTE]) ?? 0) < n;
}
