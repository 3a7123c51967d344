import { describe, expect, it } from 'vitest';
import { canonicalKey, type Item } from '../../src/model/attribute-value.ts';
import { firstRow, nextEpoch } from '../../src/model/control-row.ts';
import { above, floorOf, type SeriesOf, versionOf } from '../../src/model/guard.ts';
import {
  floorIn,
  isForeign,
  isInOrder,
  type Replay,
  replay,
  type ReplayPlan,
  seriesOfFailed,
} from '../../src/redrive/replay.ts';
import { PROJECTION } from '../fixtures/projected-changes.ts';
import { type RecordFacts, SETTINGS, STREAM_ARN, streamRecord } from '../fixtures/records.ts';
import { controlRow } from '../fixtures/replication.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const NOW_MS = Date.UTC(2026, 1, 20);
const LABEL_MS = Date.parse('2026-01-31T12:00:00.000Z');
const KEY = { pk: { S: 'order-1' } };

const v = (sequenceNumber: string) => versionOf({ epoch: 1, labelMs: LABEL_MS }, sequenceNumber);
const COPY = floorOf({ epoch: 1, labelMs: LABEL_MS });

/** The twin's item; without a version, one that Ferry has not written. */
const twin = (version?: string): Item => ({
  ...KEY,
  ...(version === undefined ? {} : { _ferry: { M: { v: { S: version } } } }),
});
const row = (deleted: string, failed?: string): Item => ({
  id: { S: 'row' },
  d: { S: deleted },
  ...(failed === undefined ? {} : { f: { S: failed } }),
});

type States = Pick<ReplayPlan, 'twin' | 'ledgerRow'>;
const EMPTY: States = { twin: undefined, ledgerRow: undefined };

function decide(
  facts: RecordFacts,
  states: Partial<States>,
  rules: Partial<ReplayPlan> = {},
): Replay {
  return replay({
    ...EMPTY,
    ...states,
    record: streamRecord({ sequenceNumber: '5', ...facts }),
    rules: SETTINGS,
    ttlDeletes: 'replicate',
    withoutSource: false,
    nowMs: NOW_MS,
    ...rules,
  });
}

const PUT = { eventName: 'MODIFY' };
const DELETE = { eventName: 'REMOVE' };
const KEEP = { rules: { ...SETTINGS, unversionedItems: 'keep' as const } };
const SKIP = { ttlDeletes: 'skip' as const };
const WITHOUT_SOURCE = { withoutSource: true };

/** The parts of the transaction, by what they do. */
function partsOf(decision: Replay) {
  const { request } = decision.kind === 'write' ? decision : {};
  const parts = request?.operation === 'TransactWriteItems' ? request.input.TransactItems : [];
  return (parts ?? []).map((part) => Object.keys(part)[0]);
}

function tombstoneIn(decision: Replay): string | undefined {
  const { request } = decision.kind === 'write' ? decision : {};
  if (request?.operation !== 'TransactWriteItems') return undefined;
  const { Update } = request.input.TransactItems?.[1] ?? {};
  return Update?.ExpressionAttributeValues?.[':new']?.S;
}

describe('a redriven put', () => {
  it.each<[string, Partial<States>, string]>([
    ['itself is there', { twin: twin(v('5')) }, 'redelivery'],
    ['a newer item is there', { twin: twin(v('6')) }, 'newer'],
    ['a newer item is there that was re-synchronised', { twin: twin(above([v('5')])) }, 'newer'],
    ['its item was deleted since', { ledgerRow: row(v('6')) }, 'deleted'],
    [
      'its item was deleted since, and an older one is there',
      { twin: twin(v('4')), ledgerRow: row(v('6')) },
      'deleted',
    ],
  ])('is superseded if %s', (_, states, cause) => {
    expect(decide(PUT, states)).toEqual({ kind: 'superseded', cause });
  });

  it.each<[string, Partial<States>]>([
    ['the item is a copy', { twin: twin(COPY) }],
    ['the item was re-synchronised', { twin: twin(above([v('3')])) }],
    ['the tombstone was re-synchronised', { ledgerRow: row(above([v('3')])) }],
    [
      'the item is of another epoch',
      { twin: twin(versionOf({ epoch: 0, labelMs: LABEL_MS }, '9')) },
    ],
    [
      'the tombstone is of another epoch',
      { ledgerRow: row(versionOf({ epoch: 0, labelMs: 1 }, '9')) },
    ],
    [
      'an item is there, and its tombstone was re-synchronised',
      { twin: twin(v('4')), ledgerRow: row(above([v('3')])) },
    ],
  ])('asks the source if nobody knows what the twin contains: %s', (_, states) => {
    expect(decide(PUT, states)).toEqual({ kind: 'resynchronize' });
    expect(decide(PUT, states, WITHOUT_SOURCE)).toMatchObject({ kind: 'write' });
  });

  it('asks the source on an empty place if expiries are skipped, which leave no tombstone', () => {
    expect(decide(PUT, {}, SKIP)).toEqual({ kind: 'resynchronize' });
    expect(decide(PUT, { ledgerRow: row(v('3')) }, SKIP)).toEqual({ kind: 'resynchronize' });
    expect(decide(PUT, { twin: twin(v('4')) }, SKIP)).toMatchObject({ kind: 'write' });
    expect(decide(PUT, {}, { ...SKIP, ...WITHOUT_SOURCE })).toMatchObject({ kind: 'write' });
  });

  it('asks the source on an empty place if an earlier projection may have left the item out', () => {
    const filters = { rules: { ...SETTINGS, projection: PROJECTION } };
    const drops = { rules: { ...SETTINGS, projection: { ...PROJECTION, filters: false } } };

    expect(decide(PUT, {}, filters)).toEqual({ kind: 'resynchronize' });
    expect(decide(PUT, { twin: twin(v('4')) }, filters)).toMatchObject({ kind: 'write' });
    expect(decide(PUT, {}, { ...filters, ...WITHOUT_SOURCE })).toMatchObject({ kind: 'write' });
    // The one before may have left items out.
    expect(decide(PUT, {}, drops)).toEqual({ kind: 'resynchronize' });
    expect(decide(DELETE, {}, filters)).toMatchObject({ kind: 'write', outcome: 'applied' });
  });

  it.each<[string, Partial<States>]>([
    ['nothing is there', {}],
    ['an older item is there', { twin: twin(v('4')) }],
    ['an older delete is known', { ledgerRow: row(v('4')) }],
    ['an item is there that is not Ferry’s', { twin: twin() }],
  ])('is written if %s, only while that is so', (_, states) => {
    const decision = decide(PUT, states);

    expect(decision).toMatchObject({ kind: 'write', outcome: 'applied' });
    expect(partsOf(decision)).toEqual(['Put', 'ConditionCheck']);
    expect(decision).not.toHaveProperty('deleted');
  });

  it('has the version and the time of its record', () => {
    const decision = decide(PUT, {});
    const { request } = decision.kind === 'write' ? decision : {};

    expect(request?.input).toMatchObject({
      TransactItems: [
        { Put: { Item: { _ferry: { M: { v: { S: v('5') }, t: { N: '1769860800' } } } } } },
        { ConditionCheck: { TableName: SETTINGS.stateTable } },
      ],
    });
  });

  it('leaves an item alone that is not Ferry’s, where such are kept', () => {
    expect(decide(PUT, { twin: twin() }, KEEP)).toEqual({
      kind: 'superseded',
      cause: 'unversioned',
    });
  });

  it('is not written over an item whose reserved attribute holds no version', () => {
    const taken = { ...KEY, _ferry: { S: 'mine' } };

    expect(decide(PUT, { twin: taken })).toEqual({ kind: 'taken' });
    expect(decide(DELETE, { twin: taken })).toEqual({ kind: 'taken' });
  });
});

describe('a redriven delete', () => {
  it.each([
    ['itself', v('5'), 'redelivery'],
    ['a newer one', v('6'), 'newer'],
  ])('is superseded by an item: %s', (_, version, cause) => {
    expect(decide(DELETE, { twin: twin(version) })).toEqual({ kind: 'superseded', cause });
  });

  it.each<[string, Partial<States>]>([
    ['the item is a copy', { twin: twin(COPY) }],
    ['the tombstone was re-synchronised', { ledgerRow: row(above([v('3')])) }],
    [
      'the item is of another epoch',
      { twin: twin(versionOf({ epoch: 0, labelMs: LABEL_MS }, '9')) },
    ],
    [
      'the tombstone is of another epoch',
      { ledgerRow: row(versionOf({ epoch: 0, labelMs: 1 }, '9')) },
    ],
    ['the tombstone was re-synchronised above it', { ledgerRow: row(above([v('6')])) }],
  ])('asks the source if nobody knows what the twin contains: %s', (_, states) => {
    expect(decide(DELETE, states)).toEqual({ kind: 'resynchronize' });
  });

  it.each<[string, Partial<States>, string]>([
    ['an older item', { twin: twin(v('4')) }, 'Delete'],
    ['an older item and an older delete', { twin: twin(v('4')), ledgerRow: row(v('3')) }, 'Delete'],
    ['an item that is not Ferry’s', { twin: twin() }, 'Delete'],
    ['nothing', {}, 'ConditionCheck'],
    ['an older delete', { ledgerRow: row(v('4')) }, 'ConditionCheck'],
  ])('is remembered, done and to be announced, where there is %s', (_, states, first) => {
    const decision = decide(DELETE, states);

    expect(decision).toMatchObject({ kind: 'write', outcome: 'applied', deleted: v('5') });
    expect(partsOf(decision)).toEqual([first, 'Update']);
    expect(tombstoneIn(decision)).toBe(v('5'));
  });

  it('does not lower a newer tombstone when it removes an item that is older than both', () => {
    const decision = decide(DELETE, { twin: twin(v('4')), ledgerRow: row(v('6')) });

    expect(decision).toMatchObject({ kind: 'write', outcome: 'superseded', deleted: v('6') });
    expect(partsOf(decision)).toEqual(['Delete', 'Update']);
    expect(tombstoneIn(decision)).toBe(v('6'));
  });

  it.each([
    ['its own', v('5'), 'redelivery'],
    ['a newer one', v('6'), 'deleted'],
  ])(
    'announces the tombstone that it finds, whose writer may have got no further: %s',
    (_, deleted, cause) => {
      expect(decide(DELETE, { ledgerRow: row(deleted) })).toEqual({
        kind: 'superseded',
        cause,
        deleted,
      });
    },
  );

  it('of an item that is not Ferry’s is only remembered, where such are kept', () => {
    const decision = decide(DELETE, { twin: twin() }, KEEP);

    expect(decision).toMatchObject({ kind: 'write', outcome: 'superseded', deleted: v('5') });
    expect(partsOf(decision)).toEqual(['ConditionCheck', 'Update']);
  });

  it('needs no source where expiries are skipped and the twin’s version is known', () => {
    expect(decide(DELETE, {}, SKIP)).toMatchObject({ kind: 'write', outcome: 'applied' });
  });
});

const arn = (table: string, label: string) =>
  `arn:aws:dynamodb:us-east-1:111122223333:table/${table}/stream/${label}`;
const OTHER = arn('Users', '2026-02-10T00:00:00.000');
const LATER = arn('Orders', '2026-02-10T00:00:00.000');
const EARLIER = arn('Orders', '2025-12-01T00:00:00.000');

describe('the place of a dead letter in the order', () => {
  const opened = Date.UTC(2026, 1, 15);
  const control = { ...controlRow(), sinceMs: opened - DAY_MS };
  const failed = (streamArn: string | undefined, failedAtMs = NOW_MS - 60_000) => ({
    streamArn,
    failedAtMs,
  });

  it.each([
    ['of the listed stream', failed(STREAM_ARN), true],
    ['of a later stream of its table', failed(LATER), true],
    ['that names no stream', failed(undefined), true],
    ['of an earlier stream of its table', failed(EARLIER), false],
    ['put aside at the beginning of the order', failed(STREAM_ARN, control.sinceMs), true],
    ['put aside before', failed(STREAM_ARN, control.sinceMs - 1), false],
  ])('is known, or not: %s', (_, one, expected) => {
    expect(isInOrder(one, control, NOW_MS, SETTINGS)).toBe(expected);
  });

  it('is forgotten a day before a tombstone is', () => {
    const always = controlRow();

    expect(isInOrder(failed(STREAM_ARN, NOW_MS - 14 * DAY_MS), always, NOW_MS, SETTINGS)).toBe(
      true,
    );
    expect(isInOrder(failed(STREAM_ARN, NOW_MS - 14 * DAY_MS - 1), always, NOW_MS, SETTINGS)).toBe(
      false,
    );
  });

  it('is lost with its epoch', () => {
    const adopted = pointedAt(OTHER);

    expect(isInOrder(failed(STREAM_ARN), adopted, NOW_MS, SETTINGS)).toBe(false);
    expect(isInOrder(failed(OTHER), adopted, NOW_MS, SETTINGS)).toBe(true);
  });

  it('is lost for what was written before an epoch that follows another', () => {
    const adopted = pointedAt(OTHER);
    const before = { ...failed(OTHER), writtenAtMs: adopted.sinceMs - 1 };
    const first = { ...failed(STREAM_ARN), writtenAtMs: control.sinceMs - 1 };

    expect(isInOrder(before, adopted, NOW_MS, SETTINGS)).toBe(false);
    expect(isInOrder(first, control, NOW_MS, SETTINGS)).toBe(true);
  });
});

describe('a stream', () => {
  it('is foreign if its table belongs to no epoch', () => {
    const adopted = pointedAt(OTHER);

    expect(isForeign(OTHER, controlRow())).toBe(true);
    for (const own of [STREAM_ARN, LATER, EARLIER, OTHER])
      expect(isForeign(own, adopted)).toBe(false);
    expect(isForeign(arn('Order', '2026-02-10T00:00:00.000'), adopted)).toBe(true);
    expect(isForeign('nonsense', adopted)).toBe(true);
  });

  it.each<[string, number | undefined, number]>([
    [STREAM_ARN, 1, LABEL_MS],
    [LATER, 1, Date.UTC(2026, 1, 10)],
    [EARLIER, 1, Date.UTC(2025, 11, 1)],
    [OTHER, 2, Date.UTC(2026, 1, 10)],
    [arn('Order', '2026-02-10T00:00:00.000'), undefined, 0],
  ])('gives its records the version of its epoch: %s', (streamArn, epoch, labelMs) => {
    const seriesOf: SeriesOf = seriesOfFailed(pointedAt(OTHER));

    expect(seriesOf(streamArn)).toEqual(epoch === undefined ? undefined : { epoch, labelMs });
  });
});

describe('the floor of what is read at the source', () => {
  const later = floorOf({ epoch: 1, labelMs: Date.UTC(2026, 1, 10) });

  it.each<[string, Array<string | undefined>, string]>([
    ['of the listed stream', [], COPY],
    ['of a later stream', [undefined, LATER], later],
    ['of a later stream, whatever else is named', [LATER, EARLIER, OTHER], later],
    ['of the listed stream beside an earlier one', [EARLIER], COPY],
  ])('is that %s', (_, streamArns, expected) => {
    expect(floorIn(controlRow(), streamArns)).toBe(expected);
  });

  it('is of the newest epoch', () => {
    const expected = floorOf({ epoch: 2, labelMs: Date.UTC(2026, 1, 10) });

    expect(floorIn(pointedAt(OTHER), [STREAM_ARN])).toBe(expected);
  });

  it('is a version also where no label can be read', () => {
    expect(floorIn(controlRow('nonsense'))).toBe(floorOf({ epoch: 1, labelMs: 0 }));
  });
});

/** The row of a replication that was first of `Orders`, and is of another stream now. */
function pointedAt(streamArn: string) {
  const identity = {
    region: 'us-east-1',
    reserved: '_ferry',
    destinationId: 'd',
    ledgerId: 'l',
    tag: 'test',
    nowMs: 0,
  };
  const before = firstRow({ ...identity, streamArn: STREAM_ARN });
  return nextEpoch(before, { ...identity, streamArn });
}

it('compares with the ledger row and the item as they were read', () => {
  const decision = decide(PUT, { twin: twin(v('4')), ledgerRow: row(v('3'), v('5')) });
  const { request } = decision.kind === 'write' ? decision : {};

  expect(request?.input).toMatchObject({
    TransactItems: [
      {
        Put: {
          ConditionExpression: '#f = :f',
          ExpressionAttributeValues: { ':f': { M: { v: { S: v('4') } } } },
        },
      },
      {
        ConditionCheck: {
          ConditionExpression: '#d = :d AND #f = :f',
          ExpressionAttributeValues: { ':d': { S: v('3') }, ':f': { S: v('5') } },
        },
      },
    ],
  });
  expect(canonicalKey(KEY)).toBe(streamRecord().keyText);
});
