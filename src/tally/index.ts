// For applications: counts the writes of items in a third Region, which refuses them once another Region is active, and
// tells which items lack a write after a Region was lost. Imports no client: the application gives its own.

import type { DynamoDB } from '@aws-sdk/client-dynamodb';
import type { Item } from '../model/attribute-value.ts';
import { integerIn } from '../model/stored-number.ts';
import {
  activeKey,
  isActiveCheck,
  isBehind,
  nextNumber,
  quarantineKey,
  TALLY_ATTRIBUTE,
  tallyItem,
  tallyKey,
} from './tally-row.ts';

export { TALLY_ATTRIBUTE };

export interface TallyOptions {
  /** For the third Region: a `DynamoDB` of @aws-sdk/client-dynamodb. */
  readonly client: Pick<DynamoDB, 'getItem' | 'transactWriteItems'>;
  /** The table there. */
  readonly table: string;
  /** As Ferry's configuration names it. */
  readonly replication: string;
  /** In which this application writes. */
  readonly region: string;
  /** What `isStale` reads, in this Region. */
  readonly local?: TallyLocal | undefined;
  /** @default the system's */
  readonly now?: () => number;
}

export interface TallyLocal {
  readonly client: Pick<DynamoDB, 'getItem'>;
  /** Of the application. */
  readonly table: string;
  /** Ferry's, in this Region. */
  readonly stateTable: string;
}

export interface Tally {
  /**
   * Before an item is written: counts the write. Store the number in the item, as `_tally`.
   * @throws TallyRefused where another Region is active, or what a request throws: then do not write.
   */
  begin(key: Item): Promise<number>;
  /**
   * Whether the item lacks a write that had begun in a Region that was lost. There are false alarms: a write that was
   * counted and then failed.
   */
  isStale(key: Item): Promise<boolean>;
}

/** Another Region is active: the application must not write here. */
export class TallyRefused extends Error {
  override readonly name = 'TallyRefused';
}

/** Each fails only because another write of the same item was counted meanwhile. */
const TRIES_MAX = 10;

export function openTally(options: TallyOptions): Tally {
  return {
    async begin(key) {
      for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
        const n = await count(key, options);
        if (n !== undefined) return n;
      }
      throw new Error(`other writes of the item were counted ${TRIES_MAX} times in between`);
    },
    isStale: (key) => isStale(key, options),
  };
}

/** @returns undefined where another write of the item was counted meanwhile. */
async function count(key: Item, options: TallyOptions): Promise<number | undefined> {
  const { client, table, replication, region, now = Date.now } = options;
  const place = { TableName: table, Key: tallyKey(replication, key) };
  const { Item: row } = await client.getItem({ ...place, ConsistentRead: true });
  const nowMs = now();
  const n = nextNumber(row, nowMs);
  const before = row?.['n'];
  const isSame = before === undefined ? 'attribute_not_exists(#n)' : '#n = :n';
  const active = { TableName: table, Key: activeKey(replication), ...isActiveCheck(region) };
  const next = {
    TableName: table,
    Item: tallyItem(replication, { key, n }, nowMs),
    ConditionExpression: isSame,
    ExpressionAttributeNames: { '#n': 'n' },
    ...(before !== undefined && { ExpressionAttributeValues: { ':n': before } }),
  };
  try {
    await client.transactWriteItems({ TransactItems: [{ ConditionCheck: active }, { Put: next }] });
    return n;
  } catch (error) {
    const [ofActive, ofItem] = cancellationsOf(error);
    if (ofActive === 'ConditionalCheckFailed')
      throw new TallyRefused(`Another Region than ${region} is active for ${replication}.`, {
        cause: error,
      });
    if (ofItem === 'ConditionalCheckFailed' || isConflict(ofActive) || isConflict(ofItem))
      return undefined;
    throw error;
  }
}

const isConflict = (code: string | undefined) => code === 'TransactionConflict';

function cancellationsOf(error: unknown): ReadonlyArray<string | undefined> {
  const { CancellationReasons = [] } = error as {
    readonly CancellationReasons?: ReadonlyArray<{ readonly Code?: string }>;
  };
  return CancellationReasons.map(({ Code }) => Code);
}

async function isStale(key: Item, { replication, local }: TallyOptions): Promise<boolean> {
  if (local === undefined) throw new Error('isStale needs the option "local"');
  const { client, table, stateTable } = local;
  const consistent = { ConsistentRead: true };
  const { Item: row } = await client.getItem({
    TableName: stateTable,
    Key: quarantineKey(replication, key),
    ...consistent,
  });
  const n = integerIn(row?.['q']);
  if (n === undefined) return false;
  const { Item: item } = await client.getItem({ TableName: table, Key: key, ...consistent });
  return isBehind(n, item);
}
