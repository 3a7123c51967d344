// Batches of a replication that can be switched: each record is judged by its time and by both copies of the control
// row, and only what belongs to the open epoch is written.

import { describe, expect, it } from 'vitest';
import { HELD_ANSWER_MS, LEASE_MS } from '../../src/config/names.ts';
import type { ControlRow } from '../../src/model/control-row.ts';
import { versionOf } from '../../src/model/guard.ts';
import { ledgerRowKey } from '../../src/model/ledger-row.ts';
import { markerKeys } from '../../src/model/marker.ts';
import { parseStrandedLine } from '../../src/model/stranded.ts';
import { switchedRow } from '../../src/model/switch-rows.ts';
import { replicateBatch } from '../../src/replicate/replicate-batch.ts';
import { streamRecord } from '../fixtures/records.ts';
import { NOW_MS, scripted, serviceError } from '../fixtures/replication.ts';
import {
  changed,
  type Copies,
  epoch,
  HERE,
  rowOf,
  switchedInvocation,
  THERE,
} from '../fixtures/switched.ts';

const NOW = Math.floor(NOW_MS / 1000);
/** This Region was active until 1000, the other one until 2000, and this one is active again. */
const THERE_AND_BACK = rowOf(
  epoch(1, HERE, 0, { to: 1000, end: 'drained' }),
  epoch(2, THERE, 1000, { to: 2000, end: 'drained' }),
  epoch(3, HERE, 2000),
);
const SWITCHED_AWAY = rowOf(epoch(1, HERE, 0, { to: 1000, end: 'drained' }), epoch(2, THERE, 1000));
const LOST = rowOf(epoch(1, HERE, 0, { to: 2000, end: 'lost' }), epoch(2, THERE, 1000));
const NEVER_ACTIVE = rowOf(epoch(1, THERE, 0));

const both = (row: ControlRow): Copies => ({ source: row, destination: row });
const at = (createdAtSeconds: number, sequenceNumber: string, id = `order-${sequenceNumber}`) =>
  changed({ createdAtSeconds, sequenceNumber, id });
const versioned = (version: string) => ({ _ferry: { M: { v: { S: version } } } });
const THEIRS = versionOf({ epoch: 2, labelMs: 1 }, '5');
const LATER = versionOf({ epoch: 2, labelMs: 1 }, '6');

async function run(raw: readonly unknown[], setup: Parameters<typeof switchedInvocation>[0]) {
  const twinWriter = scripted(() => ({ kind: 'written' }));
  let sleptMs = 0;
  const clock = {
    now: () => NOW_MS,
    sleep: async (ms: number) => {
      sleptMs += ms;
    },
  };
  const context = switchedInvocation({ ...setup, parts: { twinWriter, clock, ...setup.parts } });
  const summary = await replicateBatch(raw, context);
  return { summary, context, requests: twinWriter.requests, sleptMs };
}

describe('a record', () => {
  it.each<[string, ControlRow, number, object]>([
    ['of the open epoch is applied', THERE_AND_BACK, NOW, { applied: 1 }],
    ['of a drained epoch is superseded', THERE_AND_BACK, 500, { superseded: 1 }],
    ['of the time as the twin is no application’s', THERE_AND_BACK, 1500, { stray: 1 }],
    ['of a lost epoch is stranded', LOST, 1500, { stranded: 1 }],
    ['after the other Region became active is foreign', SWITCHED_AWAY, NOW, { stray: 1 }],
    ['where the Region was never active is foreign', NEVER_ACTIVE, NOW, { stray: 1 }],
  ])('%s', async (_, row, seconds, counts) => {
    const { summary, requests } = await run([at(seconds, '1')], { copies: both(row) });

    expect(summary).toMatchObject({ batchItemFailures: [], retried: 0, counts });
    expect(requests).toHaveLength('applied' in counts ? 1 : 0);
  });

  it('of the open epoch is written with the version of that epoch', async () => {
    const { requests } = await run([at(NOW, '7')], { copies: both(THERE_AND_BACK) });

    expect(JSON.stringify(requests)).toMatch(/"0003\.\d{13}\.0{39}7"/);
  });

  it('is counted with its cause', async () => {
    const { summary } = await run([at(500, '1')], { copies: both(THERE_AND_BACK) });

    expect(summary).toMatchObject({ superseded: { ended: 1 }, causes: { 'superseded.ended': 1 } });
  });

  it('of a marker is skipped, whatever its time', async () => {
    const [key] = markerKeys('nonce', [0, 1], [{ name: 'pk', type: 'S' }]);
    const batch = [NOW, 500, 1500].map((createdAtSeconds, index) =>
      changed({ keys: key as object, createdAtSeconds, sequenceNumber: String(index + 1) }),
    );

    const { summary, requests } = await run(batch, { copies: both(THERE_AND_BACK) });

    expect(summary).toMatchObject({ counts: { skipped: 3 }, retried: 0 });
    expect(requests).toEqual([]);
  });

  it('is not coalesced with one of another epoch, and no delete of theirs is announced', async () => {
    const remove = (seconds: number, sequenceNumber: string) =>
      changed({ eventName: 'REMOVE', createdAtSeconds: seconds, sequenceNumber, id: 'one' });
    const batch = [remove(500, '1'), remove(1500, '2'), remove(NOW, '3')];

    const { summary, context } = await run(batch, { copies: both(THERE_AND_BACK) });

    expect(summary.counts).toMatchObject({ superseded: 1, stray: 1, applied: 1 });
    expect(context.announced).toHaveLength(1);
    expect(context.announced[0]).toMatch(/"epoch":3,"deletes":\[\{[^}]*\}\},"v":"0003\.[^{]*$/);
  });

  it('without a time is put aside without a bound: its epoch is not known', async () => {
    const { dynamodb, ...rest } = at(NOW, '1') as { dynamodb: object };
    const timeless = { ...rest, dynamodb: { ...dynamodb, ApproximateCreationDateTime: undefined } };

    const { summary, context, requests } = await run([timeless], { copies: both(THERE_AND_BACK) });

    expect(summary.counts).toMatchObject({ 'dead-lettered': 1 });
    expect(context.letters).toMatchObject([
      { reason: { name: 'TimeMissing' }, version: undefined },
    ]);
    expect(requests).toEqual([]);
  });

  it.each([
    [500, { superseded: 1 }],
    [1500, { stray: 1 }],
    [NOW, { 'dead-lettered': 1 }],
  ])('that makes no sense is judged by its time: %s', async (seconds, counts) => {
    const { dynamodb, ...rest } = at(seconds, '1') as { dynamodb: object };
    const broken = { ...rest, dynamodb: { ...dynamodb, NewImage: 5 } };

    const { summary } = await run([broken], { copies: both(THERE_AND_BACK) });

    expect(summary.counts).toMatchObject(counts);
  });
});

describe('a record that was written while its table was the twin', () => {
  const foreign = (facts: Parameters<typeof changed>[0]) =>
    changed({ createdAtSeconds: 1500, ...facts });
  const rowOfItem = (id: string, d: string) => ({
    ...ledgerRowKey({ replication: 'orders-back' }, streamRecord({ id }).keyText),
    d: { S: d },
  });
  const settings = { remembered: [rowOfItem('order-1', THEIRS)] };

  it.each<[string, Parameters<typeof changed>[0], 'own' | 'stray']>([
    ['a copy', { eventName: 'INSERT', attributes: versioned(THEIRS) }, 'own'],
    ['a put without a version', { eventName: 'INSERT' }, 'stray'],
    ['a newer version', { attributes: versioned(LATER), before: versioned(THEIRS) }, 'own'],
    ['a version over an item without', { attributes: versioned(THEIRS), before: {} }, 'own'],
    [
      'an update that keeps the version',
      { attributes: versioned(THEIRS), before: versioned(THEIRS) },
      'stray',
    ],
    [
      'an old copy over a newer item',
      { attributes: versioned(THEIRS), before: versioned(LATER) },
      'stray',
    ],
    ['a put that takes the version away', { before: versioned(THEIRS) }, 'stray'],
    ['a version that is none', { attributes: versioned('5') }, 'stray'],
    ['a delete that is remembered', { eventName: 'REMOVE', before: versioned(THEIRS) }, 'own'],
    ['a delete of an item without a version', { eventName: 'REMOVE', before: {} }, 'own'],
    ['a delete of a newer item', { eventName: 'REMOVE', before: versioned(LATER) }, 'stray'],
    [
      'a delete without a tombstone',
      { eventName: 'REMOVE', id: 'order-2', before: versioned(THEIRS) },
      'stray',
    ],
    [
      'an expiry of the twin',
      { eventName: 'REMOVE', id: 'order-2', before: versioned(THEIRS), expired: true },
      'own',
    ],
  ])('%s', async (_, facts, kind) => {
    const { summary, requests } = await run([foreign(facts)], {
      copies: both(THERE_AND_BACK),
      ...settings,
    });

    expect(summary).toMatchObject({ counts: { [kind]: 1 }, retried: 0 });
    expect(summary.causes).toEqual(kind === 'own' ? {} : { stray: 1 });
    expect(requests).toEqual([]);
  });

  it('is none of an application’s where it is a heartbeat', async () => {
    const { keyText } = streamRecord({ id: 'heartbeat' });
    const context = switchedInvocation({ copies: both(THERE_AND_BACK) });
    const rules = { ...context.rules, heartbeatKeyText: keyText };
    const parts = { rules: rules as never };

    const { summary } = await run([foreign({ id: 'heartbeat' })], {
      copies: both(THERE_AND_BACK),
      parts,
    });

    expect(summary.counts).toMatchObject({ own: 1 });
  });

  it('costs a read for a hundred deletes, and none for anything else', async () => {
    const remove = (index: number) =>
      foreign({ eventName: 'REMOVE', id: `order-${index}`, sequenceNumber: String(index + 1) });
    const batch = Array.from({ length: 250 }, (_, index) => remove(index));
    const puts = Array.from({ length: 250 }, (_, index) =>
      foreign({ id: `put-${index}`, sequenceNumber: String(index + 1_000) }),
    );

    const { context } = await run([...batch, ...puts], { copies: both(THERE_AND_BACK) });

    expect(context.reads.rows).toBe(3);
  });

  it('comes again where its delete cannot be looked up', async () => {
    const { summary } = await run(
      [at(500, '1'), foreign({ eventName: 'REMOVE', sequenceNumber: '2' })],
      { copies: both(THERE_AND_BACK), remembered: serviceError('AccessDeniedException') },
    );

    expect(summary).toMatchObject({
      batchItemFailures: [{ itemIdentifier: '2' }],
      counts: { superseded: 1, own: 0 },
      causes: { 'unfinished.denied': 1 },
    });
  });
});

describe('a record of a lost epoch', () => {
  it('is kept whole, with its version, before it is acknowledged', async () => {
    const put = changed({
      createdAtSeconds: 1500,
      sequenceNumber: '8',
      attributes: { name: { S: 'new' }, picture: { B: 'AAE=' } },
      before: { name: { S: 'old' } },
    });
    const remove = changed({
      eventName: 'REMOVE',
      createdAtSeconds: 1600,
      sequenceNumber: '9',
      before: { name: { S: 'gone' } },
    });

    const { summary, context } = await run([put, remove], { copies: both(LOST) });

    expect(summary).toMatchObject({ counts: { stranded: 2 }, causes: { stranded: 2 }, retried: 0 });
    const [[key, body]] = [...context.objects] as [[string, string]];
    expect(key).toMatch(/^stranded\/0001\/records\/[0-9a-f]{64}\.jsonl$/);
    const entries = body.trimEnd().split('\n').map(parseStrandedLine);
    expect(entries).toMatchObject([
      {
        kind: 'entry',
        entry: {
          replication: 'orders',
          epoch: 1,
          key: { pk: { S: 'order-1' } },
          version: expect.stringMatching(/^0001\.\d{13}\.0{39}8$/) as string,
          createdAtSeconds: 1500,
          newImage: { name: { S: 'new' } },
          oldImage: { name: { S: 'old' } },
        },
      },
      { kind: 'entry', entry: { eventName: 'REMOVE', oldImage: { name: { S: 'gone' } } } },
    ]);
  });

  it('comes again while it cannot be kept, with all that follows', async () => {
    const { summary } = await run([at(1500, '1'), at(NOW, '2')], {
      copies: both(LOST),
      bucketError: serviceError('SlowDown'),
    });

    expect(summary).toMatchObject({
      batchItemFailures: [{ itemIdentifier: '1' }],
      counts: { stranded: 0 },
      retried: 2,
    });
  });

  it('is not begun to be kept when time is short', async () => {
    const { summary, context } = await run([at(1500, '1')], {
      copies: both(LOST),
      parts: { remainingMs: () => 3_000 },
    });

    expect(summary).toMatchObject({ causes: { 'unfinished.deadline': 1 } });
    expect(context.objects.size).toBe(0);
  });

  it('that makes no sense is put aside, without a bound', async () => {
    const { dynamodb, ...rest } = at(1500, '1') as { dynamodb: object };
    const broken = [
      { ...rest, dynamodb: { ...dynamodb, OldImage: { pk: { X: 1 } } } },
      { ...rest, dynamodb: { ...dynamodb, NewImage: 5, SequenceNumber: '2' } },
    ];

    const { summary, context, requests } = await run(broken, { copies: both(LOST) });

    expect(summary.counts).toMatchObject({ stranded: 0, 'dead-lettered': 2 });
    expect(context.letters.map(({ version }) => version)).toEqual([undefined, undefined]);
    expect(requests).toEqual([]);
  });
});

describe('a batch is held', () => {
  const closing = switchedRow(THERE_AND_BACK, { tag: 'closed', closing: true });
  it.each<[string, Copies, boolean]>([
    ['while one copy is closing', { source: THERE_AND_BACK, destination: closing }, false],
    [
      'while the copies show different epochs',
      { source: THERE_AND_BACK, destination: SWITCHED_AWAY },
      false,
    ],
    [
      'while a copy is missing, though a switch has held the other',
      { source: THERE_AND_BACK, destination: undefined },
      true,
    ],
  ])('%s: from its first open record on', async (_, copies, isUnreadable) => {
    const batch = [at(500, '1'), at(NOW, '2'), at(500, '3')];

    const { summary, requests, sleptMs } = await run(batch, { copies });

    expect(summary).toMatchObject({
      batchItemFailures: [{ itemIdentifier: '2' }],
      counts: { superseded: 1 },
      retried: 2,
      // No operator has to act: the switch ends by itself.
      held: isUnreadable ? 2 : 0,
      isUnreadable,
    });
    expect(sleptMs).toBe(HELD_ANSWER_MS);
    expect(requests).toEqual([]);
  });

  it('while a copy cannot be read, which an operator need not look at', async () => {
    const copies = { source: THERE_AND_BACK, destination: serviceError('TimeoutError') };

    const { summary, context, sleptMs } = await run([at(500, '1'), at(NOW, '2')], { copies });

    expect(summary).toMatchObject({
      batchItemFailures: [{ itemIdentifier: '2' }],
      causes: { 'superseded.ended': 1, 'unfinished.unknown': 1 },
      held: 0,
      isUnreadable: true,
    });
    expect(sleptMs).toBe(HELD_ANSWER_MS);
    expect(context.logged).toContainEqual({
      event: 'batch.held',
      why: 'a control row: ferry-orders-state cannot be read: TimeoutError',
      records: 1,
    });
  });

  it.each<[string, Copies]>([
    ['without any copy', { source: undefined, destination: undefined }],
    [
      'where its own cannot be read',
      { source: serviceError('TimeoutError'), destination: THERE_AND_BACK },
    ],
  ])('as a whole %s, also what belongs to no open epoch', async (_, copies) => {
    const { summary, requests } = await run([at(500, '1'), at(1500, '2')], { copies });

    expect(summary).toMatchObject({
      batchItemFailures: [{ itemIdentifier: '1' }],
      retried: 2,
      isUnreadable: true,
    });
    expect(requests).toEqual([]);
  });

  it('while the replication is paused', async () => {
    const paused = { ...THERE_AND_BACK, paused: { sinceMs: 5, oldestMs: 4 } };

    const { summary, context } = await run([at(500, '1')], {
      copies: { source: THERE_AND_BACK, destination: paused },
    });

    expect(summary).toMatchObject({ held: 1, isUnreadable: false });
    expect(context.logged).toContainEqual(
      expect.objectContaining({ why: 'the replication is paused' }),
    );
  });

  it('where a copy names another reserved attribute', async () => {
    const copies = { source: { ...THERE_AND_BACK, reserved: '_old' }, destination: THERE_AND_BACK };

    expect((await run([at(500, '1')], { copies })).summary).toMatchObject({ held: 1 });
  });

  it.each([NOW, 1500, 500])('of another table of this Region, at %s', async (seconds) => {
    const arn =
      'arn:aws:dynamodb:us-east-1:111122223333:table/Other/stream/2026-01-31T12:00:00.000';
    const record = changed({ createdAtSeconds: seconds, streamArn: arn });

    const { summary, requests } = await run([record], { copies: both(THERE_AND_BACK) });

    expect(summary).toMatchObject({ held: 1 });
    expect(requests).toEqual([]);
  });

  it('and is not, where a missing copy is like the other, which was never switched', async () => {
    const row = { ...rowOf(epoch(1, HERE, 0)), format: 1 };

    const { summary } = await run([at(NOW, '1')], {
      copies: { source: undefined, destination: row },
    });

    expect(summary.counts).toMatchObject({ applied: 1 });
  });
});

describe('under the lease', () => {
  const many = Array.from({ length: 1_000 }, (_, index) => at(NOW, String(index + 1)));

  it('a batch of a thousand records costs two reads, and its writes none', async () => {
    const { summary, context, requests } = await run(many, { copies: both(THERE_AND_BACK) });

    expect(summary.counts).toMatchObject({ applied: 1_000 });
    expect(requests).toHaveLength(1_000);
    expect(context.reads).toEqual({ source: 1, destination: 1, rows: 0 });
  });

  it('nothing more is sent once the copies are closed, and what was not sent comes again', async () => {
    let nowMs = NOW_MS;
    const copies = both(THERE_AND_BACK);
    const closing = switchedRow(THERE_AND_BACK, { tag: 'closed', closing: true });
    const clock = {
      now: () => nowMs,
      sleep: async (ms: number) => {
        nowMs += ms;
      },
    };
    let sent = 0;
    const twinWriter = scripted(() => {
      sent += 1;
      nowMs += 10;
      if (sent === 100) Object.assign(copies, both(closing));
      return { kind: 'written' };
    });

    const { summary } = await run(many, { copies, parts: { twinWriter, clock } });

    // What a lease, and what was under way with the last write of it, lets start.
    expect(sent).toBeGreaterThanOrEqual(100);
    expect(sent).toBeLessThanOrEqual(100 + LEASE_MS / 10 + 64);
    expect(summary.counts.applied).toBe(sent);
    expect(summary.retried).toBe(1_000 - sent);
    expect(summary.causes['unfinished.switching']).toBeGreaterThan(0);
  });

  it('no write is begun when reading the copies has taken its time', async () => {
    let remaining = 60_000;
    let nowMs = NOW_MS;
    const copies = both(THERE_AND_BACK);
    const clock = { now: () => nowMs, sleep: async () => undefined };
    const context = switchedInvocation({ copies, parts: { clock, remainingMs: () => remaining } });
    const { control, twinWriter } = context;
    const admission = await control.admit(new Set(), () => remaining);
    if (admission.kind !== 'admitted' || admission.switched === undefined) throw new Error('held');
    nowMs += LEASE_MS;
    remaining = 10_000;

    const { input, operation } = { operation: 'PutItem' as const, input: { TableName: 't' } };
    const request = { operation, input: { ...input, Item: {} } };
    await expect(admission.switched.twinWriter.write(request)).rejects.toThrow(/no time left/);

    expect(twinWriter).toMatchObject({ requests: [] });
  });
});
