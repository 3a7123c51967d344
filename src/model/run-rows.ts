// What `ferry run` keeps in the ledger: how far each shard is replicated, which shards these are, and the process lease.

import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import type { Item } from './attribute-value.ts';
import type { LedgerRules } from './rules.ts';
import { STORED_FORMAT } from './stored-format.ts';
import { integerIn } from './stored-number.ts';
import type { WriteRequest } from './write-request.ts';

/** How far a shard is replicated. Everything up to it is settled: applied, or given up and stored. */
export interface StoredPosition {
  /** Sequence number of the last record; absent at the shard's beginning. */
  readonly after?: string | undefined;
  /** The shard is closed, and settled to its end. */
  readonly closed: boolean;
  /** Everything that had come to the shard by then is settled, epoch milliseconds. */
  readonly atMs: number;
  /** How long the stream kept records then. */
  readonly keptMs?: number | undefined;
}

/** Which process carries a replication. */
export interface ProcessLease {
  /** Which process it is, for people. */
  readonly holder: string;
  /** Grows by one with each holder. */
  readonly fence: number;
  /** Grows by one with each renewal. */
  readonly beat: number;
  /** The holder has ended, and has said so. */
  readonly released: boolean;
}

type Ledger = Pick<LedgerRules, 'replication' | 'stateTable'>;

/** The place of one stream's positions. A shard of another stream may have the same id. */
export interface PositionsPlace extends Ledger {
  /** As records name it. */
  readonly sourceArn: string;
}

export function positionKey({ replication }: Ledger, shardId: string): Item {
  return keyOf(`${replication}#position#${shardId}`);
}

/** Of the row that names the shards of a stream with a position: the ledger has no other way to list them. */
export function shardsKey({ replication, sourceArn }: PositionsPlace): Item {
  return keyOf(`${replication}#positions#${sourceArn}`);
}

export function leaseKey({ replication }: Ledger): Item {
  return keyOf(`${replication}#lease`);
}

/** Of the process that carries this replication, or of what compares it: nothing has been replicated by these. */
export function isRunRow(row: Item, { replication }: Ledger): boolean {
  const id = row[LEDGER_ATTRIBUTES.id]?.S ?? '';
  return ['lease', 'source', 'position#', 'positions#', 'reconciliation'].some((kind) =>
    id.startsWith(`${replication}#${kind}`),
  );
}

/** Of the row that names the stream that is read. */
export function sourceKey({ replication }: Ledger): Item {
  return keyOf(`${replication}#source`);
}

function keyOf(id: string): Item {
  return { [LEDGER_ATTRIBUTES.id]: { S: id } };
}

/** Writes a position, unless a later holder of the lease has written one. */
export function putPosition(
  place: PositionsPlace,
  shardId: string,
  { after, closed, atMs, keptMs }: StoredPosition,
  fence: number,
): WriteRequest {
  return {
    operation: 'PutItem',
    input: {
      TableName: place.stateTable,
      Item: {
        ...positionKey(place, shardId),
        format: { N: `${STORED_FORMAT}` },
        source: { S: place.sourceArn },
        ...(after === undefined ? {} : { after: { S: after } }),
        closed: { BOOL: closed },
        at: { N: `${Math.floor(atMs)}` },
        ...(keptMs === undefined ? {} : { keptMs: { N: `${keptMs}` } }),
        fence: { N: `${fence}` },
      },
      ...unlessFenced(fence),
    },
  };
}

const unlessFenced = (fence: number) => ({
  ConditionExpression: 'attribute_not_exists(#fence) OR #fence <= :fence',
  ExpressionAttributeNames: { '#fence': 'fence' },
  ExpressionAttributeValues: { ':fence': { N: `${fence}` } },
});

export function deletePosition(place: PositionsPlace, shardId: string): WriteRequest {
  const input = { TableName: place.stateTable, Key: positionKey(place, shardId) };
  return { operation: 'DeleteItem', input };
}

/** Adds shards to the row that names them, or takes them out. Two processes may do so at once. */
export function changeShards(
  place: PositionsPlace,
  change: 'ADD' | 'DELETE',
  shardIds: readonly string[],
): WriteRequest {
  return {
    operation: 'UpdateItem',
    input: {
      TableName: place.stateTable,
      Key: shardsKey(place),
      UpdateExpression: `SET #format = :format ${change} #shards :ids`,
      ExpressionAttributeNames: { '#format': 'format', '#shards': 'shards' },
      ExpressionAttributeValues: {
        ':format': { N: `${STORED_FORMAT}` },
        ':ids': { SS: [...shardIds] },
      },
    },
  };
}

/** @returns undefined where the row cannot be read. */
export function parseShards(item: Item | undefined): readonly string[] | undefined {
  if (item === undefined) return [];
  return isReadable(item) ? (item['shards']?.SS ?? []) : undefined;
}

/** With its shard: undefined of another stream's row. */
export function parsePosition(
  item: Item,
  { replication, sourceArn }: PositionsPlace,
): readonly [shardId: string, position: StoredPosition] | 'unreadable' | undefined {
  if (!isReadable(item)) return 'unreadable';
  if (item['source']?.S !== sourceArn) return undefined;
  const id = item[LEDGER_ATTRIBUTES.id]?.S ?? '';
  const [after, closed, atMs] = [item['after']?.S, item['closed']?.BOOL, integerIn(item['at'])];
  if (closed === undefined || atMs === undefined) return 'unreadable';
  const keptMs = integerIn(item['keptMs']);
  return [id.slice(`${replication}#position#`.length), { after, closed, atMs, keptMs }];
}

/** Notes that this stream is read from now on, unless a later holder of the lease has noted one. */
export function putSource(place: PositionsPlace, fence: number): WriteRequest {
  return {
    operation: 'PutItem',
    input: {
      TableName: place.stateTable,
      Item: {
        ...sourceKey(place),
        format: { N: `${STORED_FORMAT}` },
        source: { S: place.sourceArn },
        fence: { N: `${fence}` },
      },
      ...unlessFenced(fence),
    },
  };
}

/** @returns null where the row cannot be read. */
export function parseSource(item: Item | undefined): string | null | undefined {
  if (item === undefined) return undefined;
  return isReadable(item) ? (item['source']?.S ?? null) : null;
}

/** Where fence and beat are those of `expected`, or where there is no row. */
export function putLease(
  ledger: Ledger,
  { holder, fence, beat, released }: ProcessLease,
  expected: ProcessLease | undefined,
): WriteRequest {
  return {
    operation: 'PutItem',
    input: {
      TableName: ledger.stateTable,
      Item: {
        ...leaseKey(ledger),
        format: { N: `${STORED_FORMAT}` },
        holder: { S: holder },
        fence: { N: `${fence}` },
        beat: { N: `${beat}` },
        released: { BOOL: released },
      },
      ...(expected === undefined
        ? {
            ConditionExpression: 'attribute_not_exists(#id)',
            ExpressionAttributeNames: { '#id': LEDGER_ATTRIBUTES.id },
          }
        : {
            ConditionExpression: '#fence = :fence AND #beat = :beat',
            ExpressionAttributeNames: { '#fence': 'fence', '#beat': 'beat' },
            ExpressionAttributeValues: {
              ':fence': { N: `${expected.fence}` },
              ':beat': { N: `${expected.beat}` },
            },
          }),
    },
  };
}

export function parseLease(item: Item | undefined): ProcessLease | 'unreadable' | undefined {
  if (item === undefined) return undefined;
  const [fence, beat] = [integerIn(item['fence']), integerIn(item['beat'])];
  const [holder, released] = [item['holder']?.S, item['released']?.BOOL];
  const isWhole = fence !== undefined && beat !== undefined && released !== undefined;
  if (!isReadable(item) || !isWhole || holder === undefined) return 'unreadable';
  return { holder, fence, beat, released };
}

function isReadable(item: Item): boolean {
  return integerIn(item['format']) === STORED_FORMAT;
}
