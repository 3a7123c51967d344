// Announced deletes, looked at again: what came back goes, and nothing else does.

import { describe, expect, it } from 'vitest';
import { announcementBodies } from '../../src/model/announcement.ts';
import { putControlRow } from '../../src/model/control-item.ts';
import { type ControlRow, nextEpoch } from '../../src/model/control-row.ts';
import { versionOf } from '../../src/model/guard.ts';
import type { ReadRequest } from '../../src/model/read-request.ts';
import type { WriteRequest } from '../../src/model/write-request.ts';
import { lookAgain, type LookAgainContext } from '../../src/look-again/look-again.ts';
import type { TwinReader, Item, ReadReply, WriteReply } from '../../src/ports.ts';
import { LEASE_MS } from '../../src/config/names.ts';
import { switchedRow } from '../../src/model/switch-rows.ts';
import { type Copies, epoch, HERE, leaseOver, rowOf, THERE } from '../fixtures/switched.ts';
import { controlRow, scripted, scriptedReader, serviceError } from '../fixtures/replication.ts';
import { SETTINGS } from '../fixtures/records.ts';

const SERIES = { epoch: 1, labelMs: 1_769_860_800_000 };
const v = (sequenceNumber: number) => versionOf(SERIES, String(sequenceNumber));
const key = (id: string): Item => ({ pk: { S: id } });
const held = (id: string, version?: string): Item => ({
  ...key(id),
  ...(version === undefined ? {} : { _ferry: { M: { v: { S: version } } } }),
});
const message = (
  deletes: ReadonlyArray<readonly [id: string, sequenceNumber: number]>,
  { epoch = 1, replication = 'orders', messageId = 'm-1' } = {},
) => {
  const announced = deletes.map(([id, number]) => ({ key: key(id), version: v(number) }));
  const [body = ''] = announcementBodies({ replication, epoch, deletes: announced });
  return { messageId, body };
};

function rowItem(row = controlRow()): Item {
  const request = putControlRow(row, SETTINGS);
  return (request.input as { Item: Item }).Item;
}

interface SceneParts {
  readonly twin?: readonly Item[];
  readonly row?: Item | undefined;
  readonly read?: (request: ReadRequest, index: number) => ReadReply | undefined;
  readonly write?: (request: WriteRequest) => WriteReply;
  readonly remainingMs?: () => number;
}

function scene({ twin = [], row = rowItem(), read, write, remainingMs }: SceneParts = {}) {
  const batches: ReadRequest[] = [];
  const twinReader: TwinReader = scriptedReader((request) => {
    if (request.operation === 'GetItem')
      return { items: row === undefined ? [] : [row], unprocessed: [] };
    batches.push(request);
    return read?.(request, batches.length - 1) ?? { items: twin, unprocessed: [] };
  });
  const twinWriter = scripted((request) => write?.(request) ?? { kind: 'written' });
  const context: LookAgainContext = {
    rules: SETTINGS,
    twinReader,
    twinWriter,
    clock: { now: () => 0, sleep: async () => undefined },
    random: { next: () => 0.5 },
    remainingMs: remainingMs ?? (() => 60_000),
    log: () => undefined,
  };
  return { context, batches, deleted: twinWriter.requests };
}

describe('what is looked at', () => {
  it('is read consistently, by its key and its version alone', async () => {
    const { context, batches } = scene();

    await lookAgain([message([['a', 5]])], context);

    expect(batches).toEqual([
      {
        operation: 'BatchGetItem',
        input: {
          RequestItems: {
            Orders: {
              Keys: [key('a')],
              ConsistentRead: true,
              ProjectionExpression: '#a0, #a1',
              ExpressionAttributeNames: { '#a0': 'pk', '#a1': '_ferry' },
            },
          },
        },
      },
    ]);
  });

  it('goes a hundred keys at a time, each key once', async () => {
    const { context, batches } = scene({ read: () => ({ items: [], unprocessed: [] }) });
    const ids = Array.from({ length: 250 }, (_, n) => [`k${n}`, 5] as const);

    const report = await lookAgain([message([...ids, ['k0', 9]])], context);

    const sizes = batches.map(
      ({ input }) =>
        (input as { RequestItems: Record<string, { Keys: [] }> }).RequestItems['Orders']?.Keys
          .length,
    );
    expect(sizes).toEqual([100, 100, 50]);
    expect(report).toMatchObject({ failed: [], looked: 251 });
  });

  it('is asked for again where the table had no capacity', async () => {
    const { context, batches } = scene({
      read: (_, index) =>
        index === 0
          ? { items: [], unprocessed: [key('a')] }
          : { items: [held('a', v(3))], unprocessed: [] },
    });

    const report = await lookAgain([message([['a', 5]])], context);

    expect(batches).toHaveLength(2);
    expect(report).toMatchObject({ failed: [], revenants: 1 });
  });
});

describe('messages', () => {
  it('are dealt with a few at a time', async () => {
    let open = 0;
    let most = 0;
    const { context } = scene();
    const twinReader = scriptedReader(async (request) => {
      if (request.operation === 'GetItem') return { items: [rowItem()], unprocessed: [] };
      open += 1;
      most = Math.max(most, open);
      await Promise.resolve();
      open -= 1;
      return { items: [], unprocessed: [] };
    });
    const messages = Array.from({ length: 10 }, (_, n) =>
      message([[`k${n}`, 5]], { messageId: `m-${n}` }),
    );

    const report = await lookAgain(messages, { ...context, twinReader });

    expect(report).toMatchObject({ failed: [], looked: 10 });
    expect(most).toBe(4);
  });
});

describe('what is deleted', () => {
  it.each([
    ['older than its delete', held('a', v(3)), 1],
    ['a copy, which was read at the source', held('a', versionOf(SERIES, '0')), 0],
    ['the delete’s own version', held('a', v(5)), 0],
    ['newer', held('a', v(6)), 0],
    ['without a version', held('a'), 0],
    ['with a version that Ferry never wrote', held('a', 'yesterday'), 0],
  ])('an item that is %s', async (_, item, revenants) => {
    const { context, deleted } = scene({ twin: [item] });

    const report = await lookAgain([message([['a', 5]])], context);

    expect(report).toEqual({ failed: [], looked: 1, revenants, dropped: 0 });
    expect(deleted).toHaveLength(revenants);
  });

  it('only while it is older still', async () => {
    const { context, deleted } = scene({
      twin: [held('a', v(3))],
      write: () => ({ kind: 'refused', by: 'item' }),
    });

    const report = await lookAgain([message([['a', 5]])], context);

    expect(deleted[0]?.input).toMatchObject({
      TransactItems: [
        {
          Delete: {
            Key: key('a'),
            ConditionExpression: '#f.#v < :d',
            ExpressionAttributeValues: { ':d': { S: v(5) } },
          },
        },
        {
          ConditionCheck: {
            ConditionExpression: '#d >= :d',
            ExpressionAttributeValues: { ':d': { S: v(5) } },
          },
        },
      ],
    });
    expect(report).toMatchObject({ failed: [], revenants: 0 });
  });

  it('under the newest of several deletes', async () => {
    const { context, deleted } = scene({ twin: [held('a', v(6))] });

    await lookAgain(
      [
        message([
          ['a', 9],
          ['a', 5],
        ]),
      ],
      context,
    );

    expect(deleted[0]?.input).toMatchObject({
      TransactItems: [{ Delete: { ExpressionAttributeValues: { ':d': { S: v(9) } } } }, {}],
    });
  });
});

describe('a message comes back', () => {
  it.each<[string, SceneParts]>([
    [
      'the twin cannot be read',
      {
        read: () => {
          throw serviceError('InternalServerError');
        },
      },
    ],
    [
      'the twin throttles for long',
      {
        read: () => {
          throw serviceError('ThrottlingException');
        },
      },
    ],
    [
      'a delete fails',
      {
        twin: [held('a', v(3))],
        write: () => {
          throw serviceError('AccessDeniedException');
        },
      },
    ],
    ['there is no control row', { row: undefined }],
    ['the control row is of another format', { row: { ...rowItem(), format: { N: '3' } } }],
    [
      'the control row names another reserved attribute',
      { row: { ...rowItem(), reserved: { S: '_other' } } },
    ],
    ['time is short', { remainingMs: () => 1_000 }],
  ])('where %s', async (_, parts) => {
    const { context } = scene(parts);

    // Not merged with the defaults where it is given as absent.
    const noRow = 'row' in parts && parts.row === undefined;
    const twinReader = noRow
      ? scriptedReader(() => ({ items: [], unprocessed: [] }))
      : context.twinReader;
    const report = await lookAgain([message([['a', 5]])], { ...context, twinReader });

    expect(report).toMatchObject({ failed: ['m-1'], revenants: 0 });
  });

  it('where the control row does not know its epoch', async () => {
    const { context, deleted } = scene({ twin: [held('a', v(3))] });

    const report = await lookAgain([message([['a', 5]], { epoch: 2 })], context);

    expect(report).toEqual({ failed: ['m-1'], looked: 0, revenants: 0, dropped: 0 });
    expect(deleted).toEqual([]);
  });

  it('where it is not an announcement, and the others are dealt with', async () => {
    const { context } = scene({ twin: [held('a', v(3))] });

    const report = await lookAgain(
      [{ messageId: 'm-0', body: 'hello' }, message([['a', 5]])],
      context,
    );

    expect(report).toEqual({ failed: ['m-0'], looked: 1, revenants: 1, dropped: 0 });
  });
});

describe('a message is dropped', () => {
  it('where its epoch has ended', async () => {
    const { reserved, destinationId, ledgerId, epochs } = controlRow();
    const streamArn = epochs[0]?.streams[0] ?? '';
    const identity = { region: 'us-east-1', reserved, destinationId, ledgerId, streamArn };
    const row = nextEpoch(controlRow(), { ...identity, tag: 'next', nowMs: 1 });
    const { context, deleted } = scene({ twin: [held('a', v(3))], row: rowItem(row) });

    const report = await lookAgain([message([['a', 5]])], context);

    expect(report).toEqual({ failed: [], looked: 0, revenants: 0, dropped: 1 });
    expect(deleted).toEqual([]);
  });

  it('where it belongs to another replication', async () => {
    const { context, deleted } = scene({ twin: [held('a', v(3))] });

    const report = await lookAgain([message([['a', 5]], { replication: 'others' })], context);

    expect(report).toMatchObject({ failed: [], dropped: 1 });
    expect(deleted).toEqual([]);
  });
});

describe('under the lease of a replication that can be switched', () => {
  const away = rowOf(epoch(1, HERE, 0, { to: 1000, end: 'drained' }), epoch(2, THERE, 1000));
  const back = rowOf(...away.epochs.slice(0, 1), epoch(2, THERE, 1000), epoch(3, HERE, 2000));
  const closing = switchedRow(back, { tag: 'closed', closing: true });

  /** A scene with a deleted item that has come back. */
  function leased(copies: Copies) {
    const { context, batches, deleted } = scene({ twin: [held('a', v(3))] });
    const clock = { now: () => nowMs, sleep: async () => undefined };
    let nowMs = 0;
    const lease = leaseOver(copies, clock);
    const pass = (ms: number) => {
      nowMs += ms;
    };
    return { context: { ...context, lease }, batches, deleted, pass };
  }
  const of = (epochNumber: number) => message([['a', 5]], { epoch: epochNumber });
  const both = (row: ControlRow): Copies => ({ source: row, destination: row });

  it('a deleted item of the open epoch is removed', async () => {
    const { context, deleted } = leased(both(back));

    expect(await lookAgain([of(3)], context)).toMatchObject({ failed: [], revenants: 1 });
    expect(deleted).toHaveLength(1);
  });

  it.each([
    ['before a switch there and back', back],
    ['after which the other Region became active', away],
  ])('a message of an epoch %s is dropped', async (_, row) => {
    const { context, batches, deleted } = leased(both(row));

    expect(await lookAgain([of(1)], context)).toMatchObject({ failed: [], dropped: 1 });
    expect([...batches, ...deleted]).toEqual([]);
  });

  it.each<[string, Copies]>([
    ['one copy is closing', { source: back, destination: closing }],
    ['a copy cannot be read', { source: back, destination: serviceError('TimeoutError') }],
    ['the copies show different epochs', { source: back, destination: away }],
  ])('messages come back while %s', async (_, copies) => {
    const { context, deleted } = leased(copies);

    expect(await lookAgain([of(3), of(1)], context)).toMatchObject({ failed: ['m-1', 'm-1'] });
    expect(deleted).toEqual([]);
  });

  it('nothing is deleted once the copies are closed', async () => {
    const copies = both(back);
    const { context, deleted, pass } = leased(copies);
    const { twinReader } = context;
    const slow: TwinReader = {
      ...twinReader,
      async read(request) {
        Object.assign(copies, both(closing));
        pass(LEASE_MS);
        return twinReader.read(request);
      },
    };

    const report = await lookAgain([of(3)], { ...context, twinReader: slow });

    expect(report).toMatchObject({ failed: ['m-1'], revenants: 0 });
    expect(deleted).toEqual([]);
  });

  it('messages come back under another reserved attribute', async () => {
    const { context } = leased(both({ ...back, reserved: '_old' }));

    expect(await lookAgain([of(3)], context)).toMatchObject({ failed: ['m-1'] });
  });
});
