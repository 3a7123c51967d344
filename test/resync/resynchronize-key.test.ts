// One item of a twin made equal to its source, on a real engine, while others write to the item and to its
// ledger row in between.

import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { beforeAll, describe, expect, it } from 'vitest';
import { dynamoDbReader } from '../../src/aws/dynamodb-reader.ts';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { destinationHealth } from '../../src/replicate/destination-health.ts';
import { floorOf, versionOf } from '../../src/model/guard.ts';
import { failureBound, ledgerRowKey } from '../../src/model/ledger-row.ts';
import type { WriteRequest } from '../../src/model/write-request.ts';
import { parseAnnouncement } from '../../src/model/announcement.ts';
import { LATER_EPOCH, resynchronizeKey } from '../../src/resync/resynchronize-key.ts';
import type { Item, LookAgainQueue } from '../../src/ports.ts';
import { useEngine } from '../fixtures/engine.ts';
import { SETTINGS } from '../fixtures/records.ts';
import { invocation, NOW_MS, serviceError } from '../fixtures/replication.ts';

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
const v = (sequenceNumber: number) =>
  versionOf({ epoch: 1, labelMs: LABEL_MS }, String(sequenceNumber));

const LATER = versionOf({ epoch: 2, labelMs: 1 }, '1');

const put = (table: string, item: Item) =>
  engine().client.send(new PutItemCommand({ TableName: table, Item: { ...item } }));
const putTwin = (key: Item, sequenceNumber: number) =>
  put(TWIN, { ...key, value: { S: 'old' }, _ferry: { M: { v: { S: v(sequenceNumber) } } } });
const twinOf = (key: Item) => engine().get(TWIN, key);
const ledgerRowOf = (key: Item) =>
  engine().get(settings.stateTable, ledgerRowKey(settings, canonicalKey(key)));

/** What a function does that dead-letters a record of the item. */
async function raiseBound(key: Item, sequenceNumber: number): Promise<void> {
  const row = { key, keyText: canonicalKey(key) };
  await engine().twinWriter.write(failureBound(row, v(sequenceNumber), settings, NOW_MS));
}

interface Parts {
  readonly announce?: LookAgainQueue['announce'];
  readonly strict?: boolean;
  readonly keepsExtraneous?: boolean;
  readonly redriven?: string;
}

/** @param meanwhile happens before each request, with its number. */
async function resynchronize(
  key: Item,
  meanwhile: (count: number) => Promise<void>,
  { announce, strict = false, ...rules }: Parts = {},
) {
  const announced: string[] = [];
  const sent: Array<{ operation: WriteRequest['operation']; reply: string }> = [];
  const reader = (table: string) =>
    dynamoDbReader(engine().client, { table, keyAttributes: ['pk'] });
  const { clock, random, remainingMs } = invocation();
  const result = await resynchronizeKey(
    { key, keyText: canonicalKey(key), floor: floorOf({ epoch: 1, labelMs: LABEL_MS }), ...rules },
    {
      rules: strict ? { ...settings, tombstones: 'strict' } : settings,
      epoch: 1,
      lookAgain: { announce: announce ?? (async (body) => void announced.push(body)) },
      source: reader(SOURCE),
      twin: reader(TWIN),
      ledger: reader(settings.stateTable),
      twinWriter: {
        async write(request) {
          await meanwhile(sent.length + 1);
          const reply = await engine().twinWriter.write(request);
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
  return { result, sent, announced: announced.map(parseAnnouncement) };
}

const nothing = async () => undefined;
const ten = <T>(one: T) => Array.from({ length: 10 }, () => one);

it('is equal, and says whether anything had to be written', async () => {
  const key = newKey();
  await put(SOURCE, { ...key, value: { S: 'new' } });

  const first = await resynchronize(key, nothing);
  const second = await resynchronize(key, nothing);

  expect(first.result).toEqual({ kind: 'equal', changed: true, found: true });
  expect(second.result).toEqual({ kind: 'equal', changed: false, found: true });
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

  expect(result).toEqual({ kind: 'equal', changed: true, found: true });
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

  expect(result).toEqual({ kind: 'equal', changed: true, found: false });
  expect(sent).toEqual([
    { operation: 'TransactWriteItems', reply: 'refused' },
    { operation: 'TransactWriteItems', reply: 'written' },
  ]);
  expect((await ledgerRowOf(key))?.['d']?.S).toBe(`${v(9)}~`);
  expect(await twinOf(key)).toBeUndefined();
});

it('remembers a delete only if it does it: neither is done where the other is refused', async () => {
  const [bound, replaced] = [newKey(), newKey()];
  await putTwin(bound, 5);
  await putTwin(replaced, 5);

  const byBound = await resynchronize(bound, (count) => raiseBound(bound, 5 + count));
  const byItem = await resynchronize(replaced, async (count) => {
    await putTwin(replaced, 5 + count);
  });

  for (const { result, sent, announced } of [byBound, byItem]) {
    expect(result).toEqual({ kind: 'unfinished', why: 'newer changes came by' });
    expect(sent).toEqual(ten({ operation: 'TransactWriteItems', reply: 'refused' }));
    expect(announced).toEqual([]);
  }
  expect(await twinOf(bound)).toBeDefined();
  expect(await twinOf(replaced)).toBeDefined();
  expect((await ledgerRowOf(replaced))?.['d']).toBeUndefined();
});

it('remembers a delete above a record that was put aside, where neither side has the item', async () => {
  const key = newKey();
  await raiseBound(key, 9);

  const { result, sent } = await resynchronize(key, nothing);

  expect(result).toEqual({ kind: 'equal', changed: true, found: false });
  expect(sent).toEqual([{ operation: 'TransactWriteItems', reply: 'written' }]);
  expect((await ledgerRowOf(key))?.['d']?.S).toBe(`${v(9)}~`);
});

it.each<[string, (key: Item) => Promise<unknown>]>([
  [
    'its item',
    (key) => put(TWIN, { ...key, value: { S: 'old' }, _ferry: { M: { v: { S: LATER } } } }),
  ],
  [
    'its tombstone',
    (key) =>
      put(settings.stateTable, { ...ledgerRowKey(settings, canonicalKey(key)), d: { S: LATER } }),
  ],
])(
  'leaves alone what a later epoch has written, whose source may be another: %s',
  async (_, write) => {
    const key = newKey();
    await put(SOURCE, { ...key, value: { S: 'of the source before' } });
    await write(key);
    const before = await twinOf(key);

    const { result, sent } = await resynchronize(key, nothing);

    expect(result).toEqual({ kind: 'unfinished', why: LATER_EPOCH });
    expect(sent).toEqual([]);
    expect(await twinOf(key)).toEqual(before);
  },
);

describe('a delete', () => {
  it('is announced also where its answer was lost: the next run has nothing to do', async () => {
    const key = newKey();
    await putTwin(key, 5);

    const { result, announced } = await resynchronize(key, () =>
      Promise.reject(serviceError('TimeoutError')),
    );

    expect(result).toMatchObject({ kind: 'unfinished', why: 'TimeoutError' });
    expect(announced).toMatchObject([{ deletes: [{ key, version: `${v(5)}~` }] }]);
  });

  it('is announced with its version, again where it finds its own tombstone', async () => {
    const key = newKey();
    await putTwin(key, 5);

    const first = await resynchronize(key, nothing);
    const second = await resynchronize(key, nothing);

    const deletes = [{ key, version: `${v(5)}~` }];
    for (const { announced } of [first, second])
      expect(announced).toEqual([{ replication: 'orders', epoch: 1, deletes }]);
    expect(second.sent).toEqual([]);
  });

  it('is not done before it is announced', async () => {
    const key = newKey();
    await putTwin(key, 5);
    const announce = () => Promise.reject(serviceError('AccessDeniedException'));

    const { result } = await resynchronize(key, nothing, { announce });

    expect(result).toEqual({ kind: 'unfinished', why: 'announcement: denied' });
    expect((await resynchronize(key, nothing)).announced).toHaveLength(1);
  });

  it('is not announced with "strict" tombstones, nor is a put', async () => {
    const [key, other] = [newKey(), newKey()];
    await putTwin(key, 5);
    await put(SOURCE, { ...other, value: { S: 'new' } });

    expect((await resynchronize(key, nothing, { strict: true })).announced).toEqual([]);
    expect((await resynchronize(other, nothing)).announced).toEqual([]);
  });

  it('is not done because the source lacks the item, where that may have expired', async () => {
    const key = newKey();
    await putTwin(key, 5);

    const { result, sent, announced } = await resynchronize(key, nothing, {
      keepsExtraneous: true,
      redriven: v(7),
    });

    expect(result).toEqual({ kind: 'equal', changed: false, found: false });
    expect([sent, announced]).toEqual([[], []]);
    expect(await twinOf(key)).toBeDefined();
  });
});

it('writes above the record that is redriven', async () => {
  const key = newKey();
  await put(SOURCE, { ...key, value: { S: 'new' } });
  await putTwin(key, 5);

  await resynchronize(key, nothing, { redriven: v(7) });

  expect((await twinOf(key))?.['_ferry']?.M?.['v']?.S).toBe(`${v(7)}~`);
});
