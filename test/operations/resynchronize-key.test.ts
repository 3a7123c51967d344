// One item of a twin made equal to its source, on a real engine, while others write to the item and to its
// state row in between.

import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { beforeAll, expect, it } from 'vitest';
import { dynamoDbReader } from '../../src/adapters/dynamodb-reader.ts';
import { canonicalKey } from '../../src/core/attribute-value.ts';
import { destinationHealth } from '../../src/core/destination-health.ts';
import { floorOf, versionOf } from '../../src/core/ordering-guard.ts';
import { failureBound, stateRowKey, type WriteRequest } from '../../src/core/write-request.ts';
import { resynchronizeKey } from '../../src/operations/resynchronize-key.ts';
import type { Item } from '../../src/ports.ts';
import { useEngine } from '../fixtures/engine.ts';
import { SETTINGS } from '../fixtures/records.ts';
import { invocation, NOW_MS } from '../fixtures/replication.ts';

const LABEL_MS = 1_769_860_800_000;
const [SOURCE, TWIN] = ['one-source', 'one-twin'];
const settings = { ...SETTINGS, destinationTable: TWIN };
const engine = useEngine();
beforeAll(async () => {
  for (const table of [SOURCE, TWIN])
    await engine().createTable(table, [{ name: 'pk', type: 'S' }]);
});

let items = 0;
const newKey = () => ({ pk: { S: `item-${(items += 1)}` } });
const v = (sequenceNumber: number) => versionOf({ epoch: 1, labelMs: LABEL_MS }, String(sequenceNumber));

const put = (table: string, item: Item) =>
  engine().client.send(new PutItemCommand({ TableName: table, Item: { ...item } }));
const putTwin = (key: Item, sequenceNumber: number) =>
  put(TWIN, { ...key, value: { S: 'old' }, _ferry: { M: { v: { S: v(sequenceNumber) } } } });
const twinOf = (key: Item) => engine().get(TWIN, key);
const stateRowOf = (key: Item) =>
  engine().get(settings.stateTable, stateRowKey(settings, canonicalKey(key)));

/** What a function does that dead-letters a record of the item. */
async function raiseBound(key: Item, sequenceNumber: number): Promise<void> {
  const row = { key, keyText: canonicalKey(key) };
  await engine().destination.write(failureBound(row, v(sequenceNumber), settings, NOW_MS));
}

/** @param meanwhile happens before each request, with its number. */
async function resynchronize(key: Item, meanwhile: (count: number) => Promise<void>) {
  const sent: Array<{ operation: WriteRequest['operation']; reply: string }> = [];
  const reader = (table: string) =>
    dynamoDbReader(engine().client, { table, keyAttributes: ['pk'] });
  const { clock, random, remainingMs } = invocation();
  const result = await resynchronizeKey(
    { key, keyText: canonicalKey(key), floor: floorOf({ epoch: 1, labelMs: LABEL_MS }) },
    {
      settings,
      source: reader(SOURCE),
      twin: reader(TWIN),
      stateTable: reader(settings.stateTable),
      destination: {
        async write(request) {
          await meanwhile(sent.length + 1);
          const reply = await engine().destination.write(request);
          sent.push({ operation: request.operation, reply: reply.kind });
          return reply;
        },
      },
      clock,
      random,
      remainingMs,
      health: destinationHealth(),
    },
  );
  return { result, sent };
}

const nothing = async () => undefined;
const ten = <T>(one: T) => Array.from({ length: 10 }, () => one);

it('is equal, and says whether anything had to be written', async () => {
  const key = newKey();
  await put(SOURCE, { ...key, value: { S: 'new' } });

  expect((await resynchronize(key, nothing)).result).toEqual({ kind: 'equal', changed: true });
  expect((await resynchronize(key, nothing)).result).toEqual({ kind: 'equal', changed: false });
});

it('is not done while the twin is newer at every attempt, and leaves that alone', async () => {
  const key = newKey();
  await put(SOURCE, { ...key, value: { S: 'new' } });

  const { result, sent } = await resynchronize(key, async (count) => {
    await putTwin(key, count);
  });

  expect(result).toEqual({ kind: 'unfinished', why: 'newer changes came by' });
  expect(sent).toEqual(ten({ operation: 'TransactWriteItems', reply: 'refused' }));
  expect((await twinOf(key))?.['_ferry']?.M?.['v']?.S).toBe(v(10));
});

it('starts over if a record of the item was dead-lettered meanwhile, and ends above it', async () => {
  const key = newKey();
  await put(SOURCE, { ...key, value: { S: 'new' } });
  await putTwin(key, 5);

  const { result, sent } = await resynchronize(key, async (count) => {
    if (count === 1) await raiseBound(key, 9);
  });

  expect(result).toEqual({ kind: 'equal', changed: true });
  expect(sent.map(({ reply }) => reply)).toEqual(['refused', 'written']);
  // Below the bound, a redrive of that record would take the item back.
  expect((await twinOf(key))?.['_ferry']?.M?.['v']?.S).toBe(`${v(9)}~`);
});

it('does the same for a delete', async () => {
  const key = newKey();
  await putTwin(key, 5);

  const { result, sent } = await resynchronize(key, async (count) => {
    if (count === 1) await raiseBound(key, 9);
  });

  expect(result).toEqual({ kind: 'equal', changed: true });
  expect(sent).toEqual([
    { operation: 'UpdateItem', reply: 'refused' },
    { operation: 'UpdateItem', reply: 'written' },
    { operation: 'DeleteItem', reply: 'written' },
  ]);
  expect((await stateRowOf(key))?.['d']?.S).toBe(`${v(9)}~`);
  expect(await twinOf(key)).toBeUndefined();
});

it('deletes nothing whose delete it could not remember', async () => {
  const key = newKey();
  await putTwin(key, 5);

  const { result, sent } = await resynchronize(key, (count) => raiseBound(key, 5 + count));

  expect(result).toEqual({ kind: 'unfinished', why: 'newer changes came by' });
  expect(sent).toEqual(ten({ operation: 'UpdateItem', reply: 'refused' }));
  expect(await twinOf(key)).toBeDefined();
});

it('is not done if only the delete was refused, and remembers a newer one at the next attempt', async () => {
  const key = newKey();
  await putTwin(key, 5);

  const { result, sent } = await resynchronize(key, async (count) => {
    if (count === 2) await putTwin(key, 7);
  });

  expect(result).toEqual({ kind: 'equal', changed: true });
  expect(sent.map(({ reply }) => reply)).toEqual(['written', 'refused', 'written', 'written']);
  expect((await stateRowOf(key))?.['d']?.S).toBe(`${v(7)}~`);
  expect(await twinOf(key)).toBeUndefined();
});

it('remembers a delete above a record that was put aside, where neither side has the item', async () => {
  const key = newKey();
  await raiseBound(key, 9);

  const { result, sent } = await resynchronize(key, nothing);

  expect(result).toEqual({ kind: 'equal', changed: true });
  expect(sent).toEqual([{ operation: 'UpdateItem', reply: 'written' }]);
  expect((await stateRowOf(key))?.['d']?.S).toBe(`${v(9)}~`);
});
