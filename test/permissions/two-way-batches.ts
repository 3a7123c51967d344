// Batches of a table that both sides write, in which the function does everything that it ever does.

import type { DynamoDBRecord } from 'aws-lambda';
import { at, byFerry, rowOf, stamped } from '../fixtures/two-way.ts';
import type { TestEngine } from '../fixtures/engine.ts';
import { putAll } from '../fixtures/two-regions.ts';
import { changed } from '../fixtures/switched.ts';

type Change = Parameters<typeof changed>[0] & { readonly id?: string };
export type Mode = 'home' | 'stamped';

const STATE = 'ferry-orders-back-state';
const [OURS, THEIRS, DELETED, LATER] = [at(1, 1), at(2, 2), at(5, 1), at(900, 1)];
/** DynamoDB rejects a key of another type. */
const REJECTED = { keys: { pk: { N: '1' } }, before: stamped(at(0, 1)) };
const LARGE = { text: { S: 'x'.repeat(1_100_000) } };

const HOME: readonly Change[] = [
  { id: 'new', eventName: 'INSERT' },
  { id: 'unknown', before: {} },
  { id: 'new', eventName: 'REMOVE', before: {} },
  { id: 'eu#late', eventName: 'INSERT', attributes: byFerry(THEIRS) },
  { id: 'eu#stray', eventName: 'INSERT' },
  REJECTED,
  { ...REJECTED, attributes: LARGE },
];

const STAMPED: readonly Change[] = [
  { id: 'new', eventName: 'INSERT', attributes: stamped(OURS) },
  { id: 'new', eventName: 'REMOVE', before: stamped(OURS) },
  { id: 'new', eventName: 'INSERT', attributes: stamped(LATER) },
  { id: 'late', eventName: 'INSERT', attributes: byFerry(THEIRS) },
  { id: 'slow', eventName: 'INSERT', attributes: stamped(OURS) },
  { id: 'slow-below-stray', eventName: 'INSERT', attributes: stamped(OURS) },
  { id: 'stray', eventName: 'INSERT' },
  { ...REJECTED, attributes: stamped(OURS) },
  { ...REJECTED, attributes: { ...stamped(LATER), ...LARGE } },
];

/** @param record makes a record of the stream. */
export function recordsOf(
  mode: Mode,
  record: (change: Change) => Pick<Change, 'sequenceNumber' | 'streamArn'>,
): DynamoDBRecord[] {
  const changes = mode === 'home' ? HOME : STAMPED;
  return changes.map((change) => changed({ ...change, ...record(change) }) as DynamoDBRecord);
}

/** Of the state table beside the source, and what the table itself has of the items that slow clocks have stamped. */
export async function putNearSide(source: TestEngine): Promise<void> {
  await source.createTable(STATE, [{ name: 'id', type: 'S' }]);
  const deleted = ['eu#late', 'late', 'slow', 'slow-below-stray'];
  await putAll(
    source,
    STATE,
    deleted.map((id) => rowOf(id, { d: DELETED })),
  );
  await putAll(source, 'Orders', [
    { pk: { S: 'slow' }, ...stamped(OURS) },
    { pk: { S: 'slow-below-stray' } },
  ]);
}
