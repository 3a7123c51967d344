// Repairs of single items, on a real engine: what is written, what is left, and what is remembered.

import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { beforeAll, expect, it } from 'vitest';
import { dynamoDbReader } from '../../src/aws/dynamodb-reader.ts';
import { parseAnnouncement } from '../../src/model/announcement.ts';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { floorOf, versionOf } from '../../src/model/guard.ts';
import { ledgerRowKey } from '../../src/model/ledger-row.ts';
import { paceOf } from '../../src/pacing/pace.ts';
import { repair, type RepairContext } from '../../src/verify/repair.ts';
import { FerryError } from '../../src/errors.ts';
import type { TwinWriter, Item, ItemReader } from '../../src/ports.ts';
import { useEngine } from '../fixtures/engine.ts';
import { SETTINGS } from '../fixtures/records.ts';
import { serviceError } from '../fixtures/replication.ts';
import { putAll } from '../fixtures/two-regions.ts';

const LABEL_MS = 1_769_860_800_000;
const settings = { ...SETTINGS, destinationTable: 'repaired-twin' };
const engine = useEngine();
beforeAll(async () => {
  for (const table of ['repaired-source', 'repaired-twin'])
    await engine().createTable(table, [{ name: 'pk', type: 'S' }]);
});

let items = 0;

/** An item on both sides, each as given; `version` is the sequence number of the twin's. */
async function planted(source: string | undefined, twin: string | undefined, version = '7') {
  items += 1;
  const key = { pk: { S: `item-${items}` } };
  const put = (table: string, item: Item) =>
    engine().client.send(new PutItemCommand({ TableName: table, Item: { ...item } }));
  if (source !== undefined) await put('repaired-source', { ...key, value: { S: source } });
  const reserved = version === '' ? {} : { _ferry: versionMap(version) };
  if (twin !== undefined) await put('repaired-twin', { ...key, value: { S: twin }, ...reserved });
  return key;
}

function versionMap(sequenceNumber: string) {
  return { M: { v: { S: versionOf({ epoch: 1, labelMs: LABEL_MS }, sequenceNumber) } } };
}

async function run(keys: readonly Item[], parts: Partial<RepairContext> = {}, apply = true) {
  const reader = (table: string): ItemReader =>
    dynamoDbReader(engine().client, { table, keyAttributes: ['pk'] });
  let nowMs = LABEL_MS;
  const clock = {
    now: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms;
    },
  };
  const left: string[] = [];
  const told: string[] = [];
  const announced: string[] = [];
  async function* listed() {
    yield* keys;
  }
  const context: RepairContext = {
    rules: settings,
    source: reader('repaired-source'),
    twin: reader('repaired-twin'),
    ledger: reader(settings.stateTable),
    twinWriter: engine().twinWriter,
    epoch: 1,
    lookAgain: { announce: async (body) => void announced.push(body) },
    clock,
    random: { next: () => 0.5 },
    remainingMs: () => Infinity,
    settleMs: 10_000,
    stop: new AbortController().signal,
    floor: floorOf({ epoch: 1, labelMs: LABEL_MS }),
    pace: paceOf(Infinity, clock),
    ...parts,
  };
  const report = await repair(listed(), context, {
    apply,
    onProgress: () => undefined,
    onItem(item) {
      if (item.kind === 'left') left.push(item.why);
      told.push(`${item.kind} ${item.key['pk']?.S}`);
    },
  });
  return { report, left, told, announced: announced.map(parseAnnouncement) };
}

const twinOf = (key: Item) => engine().get('repaired-twin', key);
const ledgerRowOf = (key: Item) =>
  engine().get(settings.stateTable, ledgerRowKey(settings, canonicalKey(key)));

it('writes what is missing or different, just above what was there', async () => {
  const missing = await planted('a', undefined);
  const different = await planted('b', 'old', '7');

  const { report, left } = await run([missing, different]);

  expect(report).toEqual({ looked: 2, equal: 0, put: 2, deleted: 0, inFlight: 0, left: 0 });
  expect(left).toEqual([]);
  expect(await twinOf(missing)).toMatchObject({ value: { S: 'a' } });
  const version = (await twinOf(different))?.['_ferry']?.M?.['v']?.S ?? '';
  expect(version > versionOf({ epoch: 1, labelMs: LABEL_MS }, '7')).toBe(true);
  expect(version < versionOf({ epoch: 1, labelMs: LABEL_MS }, '8')).toBe(true);
});

it('deletes what is extraneous, remembers it, and announces it', async () => {
  const key = await planted(undefined, 'old', '7');

  const { report, announced } = await run([key]);

  expect(report).toMatchObject({ deleted: 1, left: 0 });
  expect(await twinOf(key)).toBeUndefined();
  const version = `${versionOf({ epoch: 1, labelMs: LABEL_MS }, '7')}~`;
  expect((await ledgerRowOf(key))?.['d']?.S).toBe(version);
  expect(announced).toMatchObject([{ epoch: 1, deletes: [{ key, version }] }]);
});

it('goes on with the next batch after an outage that is over', async () => {
  const keys = Array.from({ length: 1_010 }, (_, count) => ({ pk: { S: `many-${count}` } }));
  await putAll(engine(), 'repaired-source', keys);
  let writes = 0;
  const flaky: TwinWriter = {
    write(request) {
      writes += 1;
      // After so many in a row, the rest of the batch is not tried.
      if (writes <= 10) return Promise.reject(serviceError('ECONNREFUSED'));
      return engine().twinWriter.write(request);
    },
  };

  const { report } = await run(keys, { twinWriter: flaky });

  expect(report).toMatchObject({ looked: 1_010, put: 10, left: 1_000 });
});

it('leaves what it cannot read, and says so', async () => {
  const key = await planted('a', undefined);
  const twin: ItemReader = {
    get: () => Promise.reject(new FerryError('no __proto__', { code: 'item.unreadable' })),
  };

  const { report, left } = await run([key], { twin });

  expect(report).toMatchObject({ looked: 1, equal: 0, put: 0, left: 1 });
  expect(left[0]).toContain('__proto__');
});

it('changes nothing without being told to, and nothing the second time', async () => {
  const key = await planted('a', 'old');

  const dry = await run([key], {}, false);
  expect(dry.report).toMatchObject({ put: 1, equal: 0 });
  expect(await twinOf(key)).toMatchObject({ value: { S: 'old' } });

  await run([key]);
  const repaired = await twinOf(key);
  const again = await run([key]);
  expect(again.report).toMatchObject({ put: 0, equal: 1 });
  expect(await twinOf(key)).toEqual(repaired);
});

it('keeps announcing a delete for as long as the queue throttles', async () => {
  const key = await planted(undefined, 'old', '7');
  let sends = 0;
  const announce = async () => {
    sends += 1;
    if (sends < 20) throw serviceError('ThrottlingException');
  };

  const { report } = await run([key], { lookAgain: { announce } });

  expect(report).toMatchObject({ deleted: 1, left: 0 });
  expect(sends).toBe(20);
});

it.each([
  ['with --apply', true],
  ['in a dry run', false],
])('leaves the twin’s own items, where they are to be kept: %s', async (_, apply) => {
  const keys = [await planted('a', 'mine', ''), await planted(undefined, 'mine', '')];
  const missing = await planted('a', undefined);
  const rules = { rules: { ...settings, unversionedItems: 'keep' as const } };

  const { report, left } = await run([...keys, missing], rules, apply);

  expect(report).toMatchObject({ put: 1, deleted: 0, left: 2 });
  for (const why of left) expect(why).toContain('unversionedItems');
  for (const key of keys) expect(await twinOf(key)).toMatchObject({ value: { S: 'mine' } });
});

it('names what the destination refuses, and goes on with the others', async () => {
  const [refused, fine] = [await planted('poison', undefined), await planted('a', undefined)];
  const twinWriter: TwinWriter = {
    async write(request) {
      if (JSON.stringify(request.input).includes('poison'))
        throw serviceError('ValidationException');
      return engine().twinWriter.write(request);
    },
  };

  const { report, left } = await run([refused, fine], { twinWriter });

  expect(report).toMatchObject({ put: 1, left: 1 });
  expect(left).toEqual(['ValidationException']);
  expect(await twinOf(fine)).toBeDefined();
});

it('lets a record win that arrives between its look and its write', async () => {
  const key = await planted('new', 'old', '7');
  let arrived = false;
  const newer = { ...key, value: { S: 'new' }, _ferry: versionMap('9') };
  const twinWriter: TwinWriter = {
    async write(request) {
      if (!arrived)
        await engine().client.send(new PutItemCommand({ TableName: 'repaired-twin', Item: newer }));
      arrived = true;
      return engine().twinWriter.write(request);
    },
  };

  await run([key], { twinWriter });

  expect(await twinOf(key)).toEqual(newer);
});

it('leaves to the stream what has changed at the source since its look', async () => {
  const key = await planted('first', 'old');
  let reads = 0;
  const source: ItemReader = {
    get: async () => ({ ...key, value: { S: (reads += 1) > 4 ? 'second' : 'first' } }),
  };

  const { report, left } = await run([key], { source });

  expect(report).toMatchObject({ put: 0, left: 1 });
  expect(left).toEqual(['the source has changed']);
  expect(await twinOf(key)).toMatchObject({ value: { S: 'old' } });
});
