// A backfill against a real engine: what is copied and what is left alone, what the destination refuses, and
// what goes wrong on the way: faults, stops, pages that have grown old, and two that start at once.

import { CreateTableCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import { dynamoDbReader } from '../../src/aws/dynamodb-reader.ts';
import {
  dynamoDbTwinWriter,
  dynamoDbTransactions,
  writeClient,
} from '../../src/aws/dynamodb-table.ts';
import { parseAnnouncement } from '../../src/model/announcement.ts';
import { LEDGER_ATTRIBUTES } from '../../src/config/names.ts';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import type { BackfillRun } from '../../src/backfill/checkpoint.ts';
import { floorOf, versionOf } from '../../src/model/guard.ts';
import type { WriteRules } from '../../src/model/rules.ts';
import { ledgerRowKey } from '../../src/model/ledger-row.ts';
import { startFaultProxy } from '../../src/local/faults/fault-proxy.ts';
import { seededRandom } from '../../src/local/seeded-random.ts';
import { backfill, continueSegment } from '../../src/backfill/backfill.ts';
import { finishBackfill, openBackfill } from '../../src/backfill/run.ts';
import type { BackfillContext, RejectedCopy } from '../../src/backfill/context.ts';
import { PLAIN_PAGE_LIFE_MS } from '../../src/backfill/copy-page.ts';
import { paceOf } from '../../src/pacing/pace.ts';
import type {
  Clock,
  TwinWriter,
  Item,
  ItemReader,
  ReadableTable,
  TransactionWriter,
} from '../../src/ports.ts';
import { type KeyColumn, useEngine } from '../fixtures/engine.ts';
import { SETTINGS } from '../fixtures/records.ts';
import { NOW_MS, serviceError } from '../fixtures/replication.ts';
import { contents, putAll } from '../fixtures/two-regions.ts';
import { wireCall, wireJson } from '../fixtures/wire.ts';

const SEED = Number(process.env['SEED'] ?? '20260131');
const LABEL_MS = Date.parse('2026-01-31T12:00:00.000Z');
const FLOOR = floorOf({ epoch: 1, labelMs: LABEL_MS });
const ARN = 'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000';
const version = (sequenceNumber: string) =>
  versionOf({ epoch: 1, labelMs: LABEL_MS }, sequenceNumber);
const BY_ID: readonly KeyColumn[] = [{ name: 'pk', type: 'S' }];
const HOUR_MS = 3_600_000;

const engine = useEngine();
let scenes = 0;

describe('a backfill', () => {
  it.each<{ shape: string; keys: readonly KeyColumn[]; keyOf: (n: number) => Item }>([
    { shape: 'a text', keys: BY_ID, keyOf: (n) => ({ pk: { S: `日本 "${n}"` } }) },
    {
      shape: 'a number and bytes',
      keys: [
        { name: 'size', type: 'N' },
        { name: 'hash#', type: 'B' },
      ],
      keyOf: (n) => ({ size: { N: String(n % 3) }, 'hash#': { B: Buffer.from([0, 255, n]) } }),
    },
    {
      shape: 'bytes and a number with a fraction',
      keys: [
        { name: 'status', type: 'B' },
        { name: 'at', type: 'N' },
      ],
      keyOf: (n) => ({ status: { B: Buffer.from([n % 4]) }, at: { N: `-${n}.5` } }),
    },
  ])('copies a table exactly whose key is $shape', async ({ keys, keyOf }) => {
    const items = range(60).map((n) => ({
      ...keyOf(n),
      total: { N: '12345678901234567890.123456789' },
      tags: { SS: ['b', 'a'] },
      nested: { M: { empty: { S: '' }, list: { L: [{ NULL: true }, { B: Buffer.from([n]) }] } } },
    }));
    const scene = await sceneOf(items, { keys });

    const progress = await scene.run();

    expect(progress).toMatchObject({ items: 60, copied: 60, present: 0, deleted: 0, rejected: 0 });
    expect(progress).toMatchObject({ segmentsDone: 3, totalSegments: 3 });
    expect(await scene.twinWithoutVersions([FLOOR], keys)).toEqual(await scene.sourceItems(keys));
  });

  it('groups big items by their size, and counts the units that they take', async () => {
    // Ten of them are more than a transaction may have.
    const scene = await sceneOf(range(12).map((n) => order(n, 390_000)));
    const sizes: number[] = [];
    const transactions = counted(scene.context().transactions, (input) => {
      sizes.push((input.TransactItems ?? []).length / 2);
    });
    const source = inOnePage(scene.context().source);

    const progress = await scene.run({ source, transactions }, { totalSegments: 1, workers: 1 });

    expect(progress).toMatchObject({ items: 12, copied: 12 });
    expect(Math.max(...sizes)).toBe(7);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(12);
    expect(progress.writeUnits).toBeGreaterThanOrEqual(12 * 2 * 381);
    expect(progress.readUnits).toBeGreaterThanOrEqual((12 * 390_000) / 4_096);
    expect(await scene.twinWithoutVersions()).toEqual(await scene.sourceItems());
  });

  it('does not touch items that the twin has, older or newer ones', async () => {
    const scene = await sceneOf(range(30).map((n) => order(n)));
    const there = [
      { ...order(3), total: { N: '-1' } },
      { ...order(4), total: { N: '-2' }, _ferry: { M: { v: { S: version('7') } } } },
      {
        ...order(5),
        total: { N: '-3' },
        _ferry: { M: { v: { S: floorOf({ epoch: 1, labelMs: 1 }) } } },
      },
    ];
    await putAll(engine(), scene.target.destinationTable, there);

    const progress = await scene.run();

    expect(progress).toMatchObject({ items: 30, copied: 27, present: 3, deleted: 0, rejected: 0 });
    const twin = await scene.twin();
    for (const item of there) expect(twin.get(item.pk.S)).toEqual(item);
  });

  it('asks the source again where a delete or a failure of the stream is remembered', async () => {
    const scene = await sceneOf(range(30).map((n) => order(n)));
    const [of, nine] = [LEDGER_ATTRIBUTES, version('9')];
    await scene.putLedgerRow(order(6), { [of.deleted]: nine });
    await scene.putLedgerRow(order(7), { [of.failed]: nine });
    await scene.putLedgerRow(order(8), { [of.deleted]: nine });
    // Deleted after its page was read.
    const source = without(scene.context().source, 'order-8');

    const progress = await scene.run({ source });

    expect(progress).toMatchObject({ items: 30, copied: 29, deleted: 1, resynchronized: 3 });
    expect(progress).toMatchObject({ present: 0, rejected: 0 });
    const twin = await scene.twin();
    expect(twin.has('order-8')).toBe(false);
    for (const id of ['order-6', 'order-7'])
      expect(twin.get(id)?.['_ferry']?.M?.['v']?.S).toBe(`${nine}~`);
  });

  it('copies beside what is remembered of an earlier stream', async () => {
    const scene = await sceneOf(range(10).map((n) => order(n)));
    const earlier = versionOf({ epoch: 1, labelMs: LABEL_MS - 1 }, '9');
    await scene.putLedgerRow(order(6), { [LEDGER_ATTRIBUTES.deleted]: earlier });
    await scene.putLedgerRow(order(7), { [LEDGER_ATTRIBUTES.failed]: earlier });

    expect(await scene.run()).toMatchObject({ items: 10, copied: 10, resynchronized: 0 });
    expect(await scene.twinWithoutVersions()).toEqual(await scene.sourceItems());
  });

  it('keeps an item of the twin where expiries are skipped, and announces what it deletes otherwise', async () => {
    const announced: string[] = [];
    const lookAgain = { announce: async (body: string) => void announced.push(body) };
    for (const ttlDeletes of ['skip', 'replicate'] as const) {
      const scene = await sceneOf([order(1)]);
      await scene.putLedgerRow(order(1), { [LEDGER_ATTRIBUTES.deleted]: version('9') });
      const source = without(scene.context().source, 'order-1');
      // Made again by the stream in between, and expired at the source since.
      const twin = appearing(scene.context(), { ...order(1), ...stamped('10') });

      const progress = await scene.run({ source, twin, ttlDeletes, lookAgain });

      expect(progress).toMatchObject({ copied: 0, deleted: 1, resynchronized: 1 });
      expect((await scene.twin()).has('order-1')).toBe(ttlDeletes === 'skip');
    }
    expect(announced.map(parseAnnouncement)).toMatchObject([
      { epoch: 1, deletes: [{ version: `${version('10')}~` }] },
    ]);
  });

  it('does it again without a change', async () => {
    const scene = await sceneOf(range(20).map((n) => order(n)));
    await scene.run();
    const before = await scene.twin();

    const progress = await scene.run();

    expect(progress).toMatchObject({ items: 20, copied: 0, present: 20 });
    expect(await scene.twin()).toEqual(before);
  });
});

describe('what the destination refuses', () => {
  it('is told once, and copied around: an index with a key of another type', async () => {
    const items = range(60).map((n) => ({
      ...order(n),
      // The destination's index wants a number.
      rank: n % 20 === 3 ? { S: 'first' } : { N: String(n) },
    }));
    const scene = await sceneOf(items, { rankIndex: true });

    const progress = await scene.run({}, { totalSegments: 1, workers: 1 });

    expect(progress).toMatchObject({ items: 60, copied: 57, present: 0, rejected: 3 });
    expect(new Set(scene.rejected.map(({ key }) => key['pk']?.S))).toEqual(
      new Set(['order-3', 'order-23', 'order-43']),
    );
    expect(scene.rejected.length).toBe(3);
    for (const { reason } of scene.rejected) expect(reason).toMatch(/^Validation\w+: .*rank/);
    expect((await scene.twin()).size).toBe(57);
  });

  it('is told once, and copied around: an item that is too large with a version', async () => {
    const full = 400 * 1_024 - 'pk'.length - 'order-2'.length - 'total'.length - 2 - 'note'.length;
    const items = range(20).map((n) => order(n, n === 2 ? full - 20 : 10));
    const scene = await sceneOf(items);

    const progress = await scene.run();

    expect(progress).toMatchObject({ items: 20, copied: 19, rejected: 1 });
    expect(scene.rejected).toMatchObject([
      { key: { pk: { S: 'order-2' } }, reason: expect.stringMatching(/size/) as string },
    ]);
    expect((await scene.twin()).has('order-2')).toBe(false);
  });

  it('is counted, and the rest goes on: an item that the SDK cannot read', async () => {
    const scene = await sceneOf(range(20).map((n) => order(n)));
    const Item = JSON.parse('{"pk":{"S":"odd"},"__proto__":{"S":"x"}}') as object;
    await wireCall(engine().endpoint, 'PutItem', { TableName: scene.sourceTable, Item });

    const progress = await scene.run();

    expect(progress).toMatchObject({ items: 21, copied: 20, rejected: 1 });
    expect(scene.rejected).toMatchObject([
      { key: { pk: { S: 'odd' } }, reason: expect.stringContaining('__proto__') as string },
    ]);
  });
});

describe('what goes wrong on the way', () => {
  it(`changes nothing in the result: throttling, failures, resets, late ones (seed ${SEED})`, async () => {
    const scene = await sceneOf(range(200).map((n) => order(n)));
    await putAll(
      engine(),
      scene.target.destinationTable,
      range(20).map((n) => ({
        ...order(n),
        _ferry: { M: { v: { S: FLOOR }, o: { S: 'us-east-1' } } },
      })),
    );
    for (const n of range(20)) {
      const deleted = version('9');
      await scene.putLedgerRow(order(180 + n), { [LEDGER_ATTRIBUTES.deleted]: deleted });
    }
    const proxy = await startFaultProxy({
      upstream: engine().endpoint,
      random: seededRandom(SEED),
    });
    const client = writeClient({ region: 'eu-west-1', endpoint: proxy.endpoint, concurrency: 16 });
    try {
      proxy.inject({ kind: 'throttle', share: 0.1 });
      proxy.inject({ kind: 'error', share: 0.1 });
      proxy.inject({ kind: 'reset', share: 0.1 });
      proxy.inject({ kind: 'late', share: 0.1, ms: 10 });

      const progress = await scene.run({
        transactions: dynamoDbTransactions(client),
        twinWriter: dynamoDbTwinWriter(client),
        pageItems: 4,
      });

      const { throttle, error, reset, late } = proxy.counts.injected;
      for (const strikes of [throttle, error, reset, late]) expect(strikes).toBeGreaterThan(0);
      // A copy whose answer was lost is there when it is tried again.
      expect(progress.copied + progress.present).toBe(200);
      expect(progress).toMatchObject({ items: 200, deleted: 0, rejected: 0, segmentsDone: 3 });
      expect(progress.resynchronized).toBe(20);
    } finally {
      await proxy.stop({ landLate: true });
      client.destroy();
    }
    expect(await scene.twinWithoutVersions([FLOOR, `${version('9')}~`])).toEqual(
      await scene.sourceItems(),
    );
  });

  it('ends all segments, if trying again cannot help', async () => {
    const scene = await sceneOf(range(90).map((n) => order(n)));
    let calls = 0;
    const transactions = counted(scene.context().transactions, () => {
      calls += 1;
      if (calls === 4) throw serviceError('AccessDeniedException', 'no more');
    });

    const run = scene.run({ transactions, pageItems: 5 });

    await expect(run).rejects.toThrow('no more');
    // Those under way were finished, and no more were begun.
    const callsThen = calls;
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toBe(callsThen);
    expect(calls).toBeLessThan(8);
    expect((await scene.open()).resumed).toBe(true);
  });
});

describe('a backfill that is stopped', () => {
  it('ends soon, and goes on behind the pages that were done', async () => {
    const scene = await sceneOf(range(150).map((n) => order(n)));
    const stop = new AbortController();
    const pages: string[] = [];
    const source = scanned(scene.context().source, (position) => pages.push(position));
    let copies = 0;
    const transactions = counted(scene.context().transactions, () => {
      copies += 1;
      if (copies === 9) stop.abort(new Error('enough'));
    });
    const { run } = await scene.open();
    const first = backfill(
      run,
      scene.context({ source, transactions, stop: stop.signal, pageItems: 7 }),
      { workers: 2, onProgress: () => undefined },
    );
    await expect(first).rejects.toThrow('enough');
    expect(copies).toBeLessThan(13);
    const before = pages.splice(0);

    const { run: again, resumed } = await scene.open();
    const progress = await scene.resume(again, { source, pageItems: 7 });

    expect({ again, resumed }).toEqual({ again: run, resumed: true });
    // Only those that were not done are read again: one of each worker at most.
    expect(before.length).toBeGreaterThan(4);
    expect(pages.filter((page) => before.includes(page)).length).toBeLessThanOrEqual(2);
    expect(progress.copied + progress.present).toBe(150);
    expect(progress.items).toBe(150);
    expect(await scene.twinWithoutVersions()).toEqual(await scene.sourceItems());
  });

  it('reads nothing more, also where pages are empty', async () => {
    const scene = await sceneOf([]);
    const stop = new AbortController();
    const pages: string[] = [];
    const source = scanned(scene.context().source, (position) => {
      pages.push(position);
      stop.abort(new Error('enough'));
    });
    const { run } = await scene.open();

    const running = scene.resume(run, { source, stop: stop.signal }, { workers: 1 });

    await expect(running).rejects.toThrow('enough');
    expect(pages.length).toBe(1);
  });
});

describe('a page that has grown old', () => {
  it('is read again, and written as it is by then', async () => {
    const scene = await sceneOf(range(8).map((n) => order(n)));
    const clock = virtualClock();
    const pages: string[] = [];
    const source = scanned(scene.context().source, (position) => {
      pages.push(position);
      // The machine sleeps once, between the read and the copy.
      if (pages.length === 1) clock.pass(HOUR_MS + 1);
    });
    const changed = { ...order(5), total: { N: '555' } };
    const late: ReadableTable = {
      ...source,
      async scan(position) {
        const page = await source.scan(position);
        if (pages.length === 1) await putAll(engine(), scene.sourceTable, [changed]);
        return page;
      },
    };

    const progress = await scene.run({ clock, source: late }, { totalSegments: 1, workers: 1 });

    expect(pages.length).toBeGreaterThan(1);
    expect(progress).toMatchObject({ items: 8, copied: 8, present: 0 });
    expect((await scene.twin()).get('order-5')).toMatchObject({ total: { N: '555' } });
  });

  it('pays for every try before it is sent, and gets back what was not used', async () => {
    const scene = await sceneOf(range(60).map((n) => order(n)));
    const inner = scene.context().transactions;
    const events: Array<number | 'sent'> = [];
    const transactions: TransactionWriter = {
      transact(input) {
        events.push('sent');
        return inner.transact(input);
      },
    };
    const writePace = {
      take: async (units: number) => void events.push(units),
      ready: async () => undefined,
      spend: (units: number) => void events.push(units),
    };

    const { writeUnits } = await scene.run(
      { transactions, writePace },
      { totalSegments: 1, workers: 1 },
    );

    const units = events.filter((event) => event !== 'sent');
    expect(units.reduce((sum, one) => sum + one, 0)).toBe(writeUnits);
    // Groups go out side by side: at any time, as many have been paid for as have been sent.
    let paid = 0;
    for (const event of events) {
      paid += event === 'sent' ? -1 : Number(event > 0);
      expect(paid).toBeGreaterThanOrEqual(0);
    }
    expect(events.filter((event) => event === 'sent').length).toBe(3);
  });

  it('does not age while its turn is awaited', async () => {
    const scene = await sceneOf(range(8).map((n) => order(n)));
    const clock = virtualClock();
    // More than two hours between any two pages.
    const readPace = paceOf(0.5 / (2 * 3_600), clock);

    const progress = await scene.run(
      { clock, readPace, pageItems: 3 },
      { totalSegments: 2, workers: 2 },
    );

    expect(progress).toMatchObject({ items: 8, copied: 8, present: 0 });
    expect(clock.now() - NOW_MS).toBeGreaterThan(2 * HOUR_MS);
  });

  it.each([
    ['is throttled', () => Promise.reject(serviceError('ThrottlingException'))],
    ['keeps meeting other transactions', conflicted],
  ])('is not written after its hour, however long it %s', async (_, answer) => {
    const scene = await sceneOf(range(4).map((n) => order(n)));
    const clock = virtualClock();
    const sentAtMs: number[] = [];
    const inner = scene.context().transactions;
    let isHard = true;
    const transactions: TransactionWriter = {
      async transact(input) {
        sentAtMs.push(clock.now() - NOW_MS);
        if (clock.now() - NOW_MS > 2 * HOUR_MS) isHard = false;
        if (!isHard) return inner.transact(input);
        clock.pass(HOUR_MS / 4);
        return answer(input);
      },
    };
    const readAtMs: number[] = [];
    const source = scanned(scene.context().source, () => readAtMs.push(clock.now() - NOW_MS));

    const progress = await scene.run(
      { clock, source, transactions },
      { totalSegments: 1, workers: 1 },
    );

    expect(progress).toMatchObject({ items: 4, copied: 4 });
    for (const sent of sentAtMs) {
      const read = readAtMs.findLast((ms) => ms <= sent) ?? 0;
      expect(sent - read).toBeLessThanOrEqual(HOUR_MS);
    }
  });

  it('tells its refused items once, and counts what both tries cost', async () => {
    const items = range(10).map((n) => ({
      ...order(n),
      rank: n === 3 ? { S: 'first' } : { N: String(n) },
    }));
    const scene = await sceneOf(items, { rankIndex: true });
    const clock = virtualClock();
    const inner = scene.context().transactions;
    let calls = 0;
    const transactions: TransactionWriter = {
      async transact(input) {
        const reply = await inner.transact(input);
        calls += 1;
        // Just after the first answer that names the culprit.
        if (reply.kind === 'cancelled' && calls === 1) clock.pass(HOUR_MS + 1);
        return reply;
      },
    };

    const progress = await scene.run({ clock, transactions }, { totalSegments: 1, workers: 1 });

    expect(progress).toMatchObject({ items: 10, copied: 9, rejected: 1 });
    expect(scene.rejected.length).toBe(1);
    expect(progress.writeUnits).toBeGreaterThan(9 * 4);
  });
});

describe('a copy that its ledger row refuses', () => {
  /** One item whose delete is remembered, so that its key is re-synchronised. */
  const refused = async () => {
    const scene = await sceneOf([order(1), order(2)]);
    await scene.putLedgerRow(order(1), { [LEDGER_ATTRIBUTES.deleted]: version('9') });
    return scene;
  };

  it('is told if the destination does not take it, and the others are copied', async () => {
    const scene = await refused();
    const twinWriter: TwinWriter = {
      async write(request) {
        if (request.operation !== 'TransactWriteItems') return engine().twinWriter.write(request);
        throw serviceError('ValidationException', 'too large');
      },
    };

    const progress = await scene.run({ twinWriter });

    expect(progress).toMatchObject({ items: 2, copied: 1, rejected: 1, resynchronized: 1 });
    expect(scene.rejected).toEqual([
      { key: { pk: { S: 'order-1' } }, reason: 'ValidationException: too large' },
    ]);
  });

  it('ends the run if trying again cannot help, so that its page is copied again', async () => {
    const scene = await refused();
    const denied = () => Promise.reject(serviceError('AccessDeniedException', 'no more'));
    const twin = { ...scene.context().twin, get: denied };
    const lookAgain = {
      announce: () => Promise.reject(serviceError('AccessDeniedException', 'no more')),
    };
    const source = without(scene.context().source, 'order-1');
    const { run } = await scene.open();

    await expect(scene.resume(run, { twin })).rejects.toThrow('no more');
    await expect(scene.resume(run, { source, lookAgain })).rejects.toThrow('announcement: denied');

    expect(await scene.resume(run)).toMatchObject({ items: 2, resynchronized: 1 });
    expect((await scene.twin()).size).toBe(2);
  });

  it('ends the run where somebody has adopted since, perhaps another source', async () => {
    const scene = await sceneOf([order(1), order(2)]);
    const later = versionOf({ epoch: 2, labelMs: LABEL_MS }, '9');
    await scene.putLedgerRow(order(1), { [LEDGER_ATTRIBUTES.deleted]: later });

    await expect(scene.run()).rejects.toMatchObject({ code: 'control.stream' });

    expect((await scene.twin()).has('order-1')).toBe(false);
  });

  it('is copied again while something newer comes by at every attempt', async () => {
    const scene = await refused();
    let rows = 0;
    const ledger: ItemReader = {
      async get(key) {
        const row = await scene.context().ledger.get(key);
        // A bound that rises with each of the first looks.
        if (row?.['d'] !== undefined && (rows += 1) <= 12) {
          const failed = version(String(9 + rows));
          await scene.putLedgerRow(order(1), {
            [LEDGER_ATTRIBUTES.deleted]: version('9'),
            [LEDGER_ATTRIBUTES.failed]: failed,
          });
        }
        return row;
      },
    };

    const progress = await scene.run({ ledger });

    expect(progress).toMatchObject({ items: 2, copied: 2, resynchronized: 1 });
    expect((await scene.twin()).get('order-1')?.['_ferry']?.M?.['v']?.S).toBe(`${version('21')}~`);
  });
});

describe('a backfill before the stream', () => {
  const BEFORE = { beforeStream: true };
  /** No transactions, and no reads of the twin: a plain write is all that an item costs. */
  const none = { transact: () => Promise.reject(new Error('nobody asks for transactions')) };

  it('copies with plain puts, at the price of a plain write', async () => {
    const scene = await sceneOf(range(60).map((n) => order(n)));

    const progress = await scene.run({ transactions: none }, BEFORE);

    expect(progress).toMatchObject({ items: 60, copied: 60, present: 0, writeUnits: 60 });
    expect(await scene.twinWithoutVersions()).toEqual(await scene.sourceItems());
  });

  it('overwrites nothing, and counts what is there', async () => {
    const scene = await sceneOf(range(20).map((n) => order(n)));
    const there = { ...order(3), total: { N: '-1' }, ...stamped('7') };
    await putAll(engine(), scene.target.destinationTable, [there]);

    const progress = await scene.run({ transactions: none }, BEFORE);

    expect(progress).toMatchObject({ items: 20, copied: 19, present: 1 });
    expect((await scene.twin()).get('order-3')).toEqual(there);
  });

  it('tells what the destination refuses, and goes on around it', async () => {
    const items = range(20).map((n) => ({
      ...order(n),
      rank: n === 3 ? { S: 'first' } : { N: String(n) },
    }));
    const scene = await sceneOf(items, { rankIndex: true });

    const progress = await scene.run({ transactions: none }, BEFORE);

    expect(progress).toMatchObject({ items: 20, copied: 19, rejected: 1 });
    expect(scene.rejected).toMatchObject([
      { reason: expect.stringMatching(/^Validation\w+: /) as string },
    ]);
  });

  it('reads a page again that has grown old', async () => {
    const scene = await sceneOf(range(8).map((n) => order(n)));
    const clock = virtualClock();
    let pages = 0;
    const source = scanned(scene.context().source, () => {
      pages += 1;
      if (pages === 1) clock.pass(PLAIN_PAGE_LIFE_MS + 1);
    });

    const progress = await scene.run(
      { clock, source, transactions: none },
      { ...BEFORE, totalSegments: 1, workers: 1 },
    );

    expect(pages).toBeGreaterThan(1);
    expect(progress).toMatchObject({ items: 8, copied: 8, writeUnits: 8 });
  });

  it('goes on as it began, whoever continues it', async () => {
    const scene = await sceneOf(range(8).map((n) => order(n)));
    const { run } = await scene.open(1, true);

    const again = await scene.open(1, true);
    const done = await continueSegment(again.run, 0, scene.context({ transactions: none }));

    expect(again).toEqual({ run, resumed: true });
    expect(done).toBe(true);
  });

  it('copies nothing more once somebody else has finished it, because the stream is applied then', async () => {
    const scene = await sceneOf(range(8).map((n) => order(n)));
    const { run } = await scene.open(1, true);
    let isFinished = false;
    const source = scanned(scene.context().source, async () => {
      if (!isFinished) await finishBackfill(run, { rejected: 0 }, scene.context());
      isFinished = true;
    });

    const copying = scene.resume(run, { source, transactions: none });

    await expect(copying).rejects.toMatchObject({ code: 'backfill.superseded' });
    expect((await scene.twin()).size).toBe(0);
  });

  it.each([
    [true, false],
    [false, true],
  ])(
    'is not continued in the other mode: begun with %s, continued with %s',
    async (begun, then) => {
      const scene = await sceneOf([]);
      await scene.open(1, begun);

      await expect(scene.open(1, then)).rejects.toMatchObject({ code: 'backfill.mode-changed' });
    },
  );

  it('is not continued after the stream has forgotten when it began', async () => {
    const scene = await sceneOf([]);
    const { run } = await scene.open(1, true);
    const clock = virtualClock();
    clock.pass(24 * HOUR_MS + 1);

    const opening = openBackfill(run, false, scene.context({ clock }));

    await expect(opening).rejects.toMatchObject({ code: 'backfill.too-late' });
  });
});

describe('opening a backfill', () => {
  const runOf = (run: string, more: Partial<BackfillRun> = {}) => ({
    run,
    totalSegments: 3,
    streamArn: ARN,
    destination: 'twin-1',
    startedAt: '2026-01-31T12:00:00.000Z',
    ...more,
  });

  it('begins, goes on with what is unfinished, and begins anew after the end', async () => {
    const scene = await sceneOf(range(3).map((n) => order(n)));
    const context = scene.context();

    const first = await openBackfill(runOf('a'), false, context);
    const second = await openBackfill(runOf('b', { totalSegments: 9 }), false, context);
    await scene.resume(second.run);
    const third = await openBackfill(runOf('c'), false, context);

    expect(first).toEqual({ run: runOf('a'), resumed: false });
    expect(second).toEqual({ run: runOf('a'), resumed: true });
    expect(third).toEqual({ run: runOf('c'), resumed: false });
  });

  it('forgets an unfinished one with `restart`, and reads everything again', async () => {
    const scene = await sceneOf(range(3).map((n) => order(n)));
    const context = scene.context();
    const { run } = await openBackfill(runOf('a'), false, context);
    await backfill(run, context, { workers: 1, onProgress: () => undefined });
    await openBackfill(runOf('b'), false, context);

    const restarted = await openBackfill(runOf('c', { streamArn: `${ARN}1` }), true, context);
    const progress = await scene.resume(restarted.run);

    expect(restarted.resumed).toBe(false);
    expect(progress).toMatchObject({ items: 3, copied: 0, present: 3 });
  });

  it('refuses to go on with the copies of another stream', async () => {
    const scene = await sceneOf([]);
    await openBackfill(runOf('a'), false, scene.context());

    const opening = openBackfill(runOf('b', { streamArn: `${ARN}1` }), false, scene.context());

    await expect(opening).rejects.toMatchObject({ code: 'backfill.stream-changed' });
  });

  it('refuses to go on with the copies to another table, also of the same name', async () => {
    const scene = await sceneOf([]);
    await openBackfill(runOf('a'), false, scene.context());

    const opening = openBackfill(runOf('b', { destination: 'twin-2' }), false, scene.context());

    await expect(opening).rejects.toMatchObject({ code: 'backfill.destination-changed' });
  });

  it('leaves its successor alone, and works no more for one that has been replaced', async () => {
    const scene = await sceneOf(range(30).map((n) => order(n)));
    const context = scene.context({ pageItems: 5 });
    const { run: old } = await openBackfill(runOf('a'), false, context);
    const { run } = await openBackfill(runOf('b'), true, context);

    await finishBackfill(old, { rejected: 0 }, context);
    const working = continueSegment(old, 0, context);

    await expect(working).rejects.toMatchObject({ code: 'backfill.superseded' });
    expect(await openBackfill(runOf('c'), false, context)).toEqual({ run, resumed: true });
    expect(await scene.resume(run)).toMatchObject({ items: 30, copied: 30 });
  });

  it('lets one of two begin that start at once, and tells the other', async () => {
    const scene = await sceneOf([]);
    const begin = (run: string) => openBackfill(runOf(run), false, atOnce(scene.context()));
    const atOnce = meeting(2);

    const [one, two] = await Promise.allSettled([begin('a'), begin('b')]);

    const kinds = [one, two].map(({ status }) => status).toSorted();
    expect(kinds).toEqual(['fulfilled', 'rejected']);
    const refused = [one, two].find(({ status }) => status === 'rejected');
    expect(refused).toMatchObject({ reason: { code: 'backfill.started-twice' } });
  });

  it('is not refused because its own first answer was lost', async () => {
    const scene = await sceneOf([]);
    const { twinWriter } = engine();
    let calls = 0;
    const forgetful = {
      async write(request: Parameters<typeof twinWriter.write>[0]) {
        const reply = await twinWriter.write(request);
        calls += 1;
        if (calls === 1) throw serviceError('TimeoutError');
        return reply;
      },
    };

    const opened = await openBackfill(runOf('a'), false, scene.context({ twinWriter: forgetful }));

    expect(opened).toEqual({ run: runOf('a'), resumed: false });
  });
});

interface SceneOptions {
  readonly keys?: readonly KeyColumn[];
  /** An index at the destination, by the attribute `rank`, a number. */
  readonly rankIndex?: boolean;
}

interface RunOptions {
  readonly totalSegments?: number;
  readonly workers?: number;
  readonly beforeStream?: boolean;
}

/** A source with `items`, an empty twin, and what a backfill needs. */
async function sceneOf(items: readonly Item[], { keys = BY_ID, rankIndex }: SceneOptions = {}) {
  const name = `scene-${(scenes += 1)}`;
  const sourceTable = `${name}-source`;
  const target: WriteRules = {
    ...SETTINGS,
    replication: name,
    destinationTable: `${name}-twin`,
  };
  await engine().createTable(sourceTable, keys);
  if (rankIndex === true) await createWithIndex(target.destinationTable);
  else await engine().createTable(target.destinationTable, keys);
  await putAll(engine(), sourceTable, items);
  const keyAttributes = keys.map((key) => key.name);
  const reader = (table: string, attributes = keyAttributes) =>
    dynamoDbReader(engine().client, { table, keyAttributes: attributes });
  const rejected: RejectedCopy[] = [];
  let runs = 0;

  const context = (parts: Partial<BackfillContext> = {}): BackfillContext => {
    const clock = parts.clock ?? virtualClock();
    return {
      rules: target,
      floor: FLOOR,
      clock,
      random: seededRandom(SEED),
      stop: new AbortController().signal,
      source: reader(sourceTable),
      twin: reader(target.destinationTable),
      lookAgain: { announce: async () => undefined },
      epoch: 1,
      ttlDeletes: 'replicate',
      transactions: dynamoDbTransactions(engine().client),
      twinWriter: engine().twinWriter,
      ledger: reader(target.stateTable, [LEDGER_ATTRIBUTES.id]),
      readPace: paceOf(Infinity, clock),
      writePace: paceOf(Infinity, clock),
      pageItems: 1_000,
      onRejected: (one) => rejected.push(one),
      ...parts,
    };
  };
  const open = (totalSegments = 3, beforeStream = false) =>
    openBackfill(
      {
        run: `run-${(runs += 1)}`,
        totalSegments,
        streamArn: ARN,
        destination: 'twin',
        startedAt: new Date(NOW_MS).toISOString(),
        ...(beforeStream ? { beforeStream } : {}),
      },
      false,
      context(),
    );
  const resume = (
    run: BackfillRun,
    parts: Partial<BackfillContext> = {},
    { workers = 2 }: { workers?: number } = {},
  ) => backfill(run, context(parts), { workers, onProgress: () => undefined });
  const textOf = (columns: readonly KeyColumn[]) => (item: Item) =>
    columns === BY_ID
      ? (item['pk']?.S ?? '')
      : wireJson(Object.fromEntries(columns.map((column) => [column.name, item[column.name]])));
  const twin = (columns = BY_ID) => contents(engine(), target.destinationTable, textOf(columns));

  return {
    target,
    sourceTable,
    rejected,
    context,
    open,
    resume,
    async run(
      parts: Partial<BackfillContext> = {},
      { totalSegments = 3, workers = 2, beforeStream = false }: RunOptions = {},
    ) {
      const { run } = await open(totalSegments, beforeStream);
      return resume(run, parts, { workers });
    },
    twin,
    sourceItems: async (columns = BY_ID) =>
      asTexts(await contents(engine(), sourceTable, textOf(columns))),
    async twinWithoutVersions(versions = [FLOOR], columns = BY_ID) {
      const found = new Map<string, Item>();
      for (const [key, { _ferry, ...item }] of await twin(columns)) {
        expect(versions).toContain(_ferry?.M?.['v']?.S);
        expect(_ferry?.M?.['o']).toEqual({ S: 'us-east-1' });
        found.set(key, item);
      }
      return asTexts(found);
    },
    async putLedgerRow({ pk }: Item, versions: Record<string, string>) {
      const key = ledgerRowKey(target, canonicalKey({ pk: pk ?? { NULL: true } }));
      const row = Object.entries(versions).map(([field, version]) => [field, { S: version }]);
      const Item = { ...key, ...Object.fromEntries(row) } as Item;
      await engine().client.send(
        new PutItemCommand({ TableName: target.stateTable, Item: { ...Item } }),
      );
    },
  };
}

const stamped = (sequenceNumber: string) => ({
  _ferry: { M: { v: { S: version(sequenceNumber) }, o: { S: 'us-east-1' } } },
});

/** The item has gone since its page was read. */
function without(table: ReadableTable, id: string): ReadableTable {
  return {
    ...table,
    get: async (key) => (key['pk']?.S === id ? undefined : table.get(key)),
  };
}

/** The twin shows an item as soon as it is looked at. */
function appearing({ twin, rules: target }: BackfillContext, item: Item): ReadableTable {
  return {
    ...twin,
    async get(key) {
      await putAll(engine(), target.destinationTable, [item]);
      return twin.get(key);
    },
  };
}

/** Each item as text in which nothing is out of order. */
function asTexts(items: Map<string, Item>): Map<string, string> {
  return new Map([...items].map(([key, item]) => [key, wireJson(item)]));
}

async function createWithIndex(TableName: string): Promise<void> {
  await engine().client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'rank', AttributeType: 'N' },
      ],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'by-rank',
          KeySchema: [{ AttributeName: 'rank', KeyType: 'HASH' }],
          Projection: { ProjectionType: 'KEYS_ONLY' },
        },
      ],
    }),
  );
}

function order(number: number, bytes = 10) {
  return {
    pk: { S: `order-${number}` },
    total: { N: String(number) },
    note: { S: 'x'.repeat(bytes) },
  };
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Told of each request before it is sent. */
function counted(
  transactions: TransactionWriter,
  onRequest: (input: Parameters<TransactionWriter['transact']>[0]) => void,
): TransactionWriter {
  return {
    async transact(input) {
      onRequest(input);
      return transactions.transact(input);
    },
  };
}

/** Told of each page before it is read. */
function scanned(table: ReadableTable, onPage: (position: string) => unknown): ReadableTable {
  return {
    ...table,
    async scan(position) {
      await onPage(`${position.segment} ${wireJson(position.after)}`);
      return table.scan(position);
    },
  };
}

/** The service's own pages have at most 1 MB, less than a transaction may have. */
function inOnePage(table: ReadableTable): ReadableTable {
  return {
    ...table,
    async scan(position) {
      const pages = [await table.scan(position)];
      for (let after = pages[0]?.next; after !== undefined; after = pages.at(-1)?.next)
        pages.push(await table.scan({ ...position, after }));
      const items = pages.flatMap((page) => page.items);
      const readUnits = pages.reduce((sum, page) => sum + page.readUnits, 0);
      return { items, unreadable: [], readUnits };
    },
  };
}

/** A transaction that met another one. */
async function conflicted({ TransactItems = [] }: Parameters<TransactionWriter['transact']>[0]) {
  const reasons = TransactItems.map((_, part) => ({
    code: part === 0 ? 'TransactionConflict' : 'None',
    message: '',
  }));
  return { kind: 'cancelled' as const, reasons };
}

function virtualClock(): Clock & { pass(ms: number): void } {
  let nowMs = NOW_MS;
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { now: () => nowMs, pass, sleep: async (ms) => pass(ms) };
}

/** Contexts whose first reads of the state table all happen before anybody goes on. */
function meeting(count: number): (context: BackfillContext) => BackfillContext {
  let arrived = 0;
  let open = () => undefined as void;
  const all = new Promise<void>((resolve) => (open = resolve));
  return (context) => ({
    ...context,
    ledger: {
      async get(key) {
        const row = await context.ledger.get(key);
        arrived += 1;
        if (arrived === count) open();
        await all;
        return row;
      },
    },
  });
}
