// The control row decides which streams may write, and in which epoch: what is stored is read back as it
// was, what is not understood is not guessed, and nobody writes over a row that has changed.

import { describe, expect, it } from 'vitest';
import type { Item } from '../../src/model/attribute-value.ts';
import { parseControlRow, putControlRow } from '../../src/model/control-item.ts';
import {
  type ControlRow,
  firstRow,
  nextEpoch,
  newestEpoch,
  seriesIn,
  standingOf,
  withPause,
  withProjection,
} from '../../src/model/control-row.ts';
import { floorOf, versionOf } from '../../src/model/guard.ts';

const TABLE = 'arn:aws:dynamodb:us-east-1:111122223333:table/Orders';
const OTHER_TABLE = 'arn:aws:dynamodb:us-east-1:111122223333:table/OrdersCopy';
const FIRST = `${TABLE}/stream/2026-01-31T12:00:00.000`;
const LATER = `${TABLE}/stream/2026-02-28T12:00:00.000`;
const EARLIER = `${TABLE}/stream/2025-12-31T12:00:00.000`;
const OTHER_OLD = `${OTHER_TABLE}/stream/2024-01-01T00:00:00.000`;

const IDENTITY = {
  region: 'us-east-1',
  streamArn: FIRST,
  reserved: '_ferry',
  destinationId: 'twin-1',
  ledgerId: 'ledger-1',
  tag: 'cli-1',
  nowMs: 1_000,
};
const NAMED = { replication: 'orders', stateTable: 'ferry-orders-state' };

const DIGEST = 'd'.repeat(64);
const first = firstRow(IDENTITY);
/** Pointed at another table, whose stream is older. */
const repointed = nextEpoch(first, {
  ...IDENTITY,
  streamArn: OTHER_OLD,
  tag: 'cli-2',
  nowMs: 2_000,
});

describe('the projection that wrote the twin', () => {
  const written = withProjection(first, DIGEST, 'cli-2');

  it('is a change of the row like any other, and leaves no trace once it is removed', () => {
    expect(written).toEqual({ ...first, projection: DIGEST, revision: 2, tag: 'cli-2' });
    expect(withProjection(written, undefined, 'cli-3')).toEqual({
      ...first,
      revision: 3,
      tag: 'cli-3',
    });
  });

  it('outlasts a pause, a resume and another source', () => {
    const paused = withPause(written, { sinceMs: 5_000, oldestMs: 4_000 }, 'cli-3');
    const resumed = withPause(paused, undefined, 'cli-4');
    const adopted = nextEpoch(resumed, { ...IDENTITY, streamArn: OTHER_OLD, tag: 'cli-5' });

    expect([paused, resumed, adopted].map(({ projection }) => projection)).toEqual([
      DIGEST,
      DIGEST,
      DIGEST,
    ]);
  });

  it.each(['destinationId', 'ledgerId'])('is not known of a table made anew: %s', (name) => {
    const adopted = nextEpoch(written, { ...IDENTITY, [name]: 'another', tag: 'cli-3' });

    expect(adopted).not.toHaveProperty('projection');
    expect(adopted.revision).toBe(written.revision + 1);
  });
});

function stored(row: ControlRow): Item {
  const request = putControlRow(row, NAMED);
  if (request.operation !== 'PutItem') throw new Error('a control row is put');
  return request.input.Item as Item;
}

describe('a stored control row', () => {
  it.each([
    ['first', first],
    ['with an ended epoch', repointed],
    ['paused', withPause(first, { sinceMs: 5_000, oldestMs: 4_000 }, 'cli-2')],
    ['of a projected twin', withProjection(first, DIGEST, 'cli-2')],
  ])('is read back as it was: %s', (_, row) => {
    expect(parseControlRow(stored(row))).toEqual({ kind: 'row', row });
  });

  it('is found by the name of the replication, and never expires', () => {
    expect(stored(first)).toMatchObject({ id: { S: 'orders#control' } });
    expect(stored(first)).not.toHaveProperty('expiresAt');
  });

  it('is missing where there is none', () => {
    expect(parseControlRow(undefined)).toEqual({ kind: 'missing' });
  });

  it('is not guessed from another format', () => {
    const newer = { ...stored(first), format: { N: '3' } };

    expect(parseControlRow(newer)).toEqual({
      kind: 'unreadable',
      problem: 'its format is 3; this release reads 1 and 2',
    });
  });

  const epoch = (change: Item): Item => ({
    epochs: { L: [{ M: { ...stored(first)['epochs']?.L?.[0]?.M, ...change } }] },
  });
  it.each<[string, Item]>([
    ['revision', { revision: { S: 'x' } }],
    ['age', { since: { NULL: true } }],
    ['reserved attribute', { reserved: { N: '1' } }],
    ['twin', { destinationId: { NULL: true } }],
    ['state table', { ledgerId: { NULL: true } }],
    ['epochs', { epochs: { L: [] } }],
    ['number of an epoch', epoch({ n: { S: '1' } })],
    ['number of an epoch that a version can have', epoch({ n: { N: '10000' } })],
    ['streams of an epoch', epoch({ streams: { L: [] } })],
    ['time of a pause', { paused: { M: { since: { N: '1' } } } }],
    ['stream that is text', epoch({ streams: { L: [{ N: '1' }] } })],
  ])('is not guessed without its %s', (_, change) => {
    expect(parseControlRow({ ...stored(first), ...change })).toMatchObject({ kind: 'unreadable' });
  });

  it('is not guessed where its epochs are out of order, because the last counts as the newest', () => {
    const { epochs } = repointed;

    expect(parseControlRow(stored({ ...repointed, epochs: epochs.toReversed() }))).toMatchObject({
      kind: 'unreadable',
    });
  });
});

describe('writing a control row', () => {
  it('puts the first one only where there is none', () => {
    expect(putControlRow(first, NAMED).input).toMatchObject({
      TableName: 'ferry-orders-state',
      ConditionExpression: 'attribute_not_exists(#id)',
      ExpressionAttributeNames: { '#id': 'id' },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
  });

  it('puts a later one only over the revision that it was made from', () => {
    expect(putControlRow(repointed, NAMED).input).toMatchObject({
      ConditionExpression: '#revision = :before',
      ExpressionAttributeValues: { ':before': { N: '1' } },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
  });
});

describe('a pause', () => {
  const paused = withPause(first, { sinceMs: 5_000, oldestMs: 4_000 }, 'cli-2');

  it('is a change of the row like any other, and leaves the epochs alone', () => {
    expect(paused).toEqual({
      ...first,
      revision: 2,
      tag: 'cli-2',
      paused: { sinceMs: 5_000, oldestMs: 4_000 },
    });
  });

  it('outlasts an adoption', () => {
    expect(nextEpoch(paused, { ...IDENTITY, tag: 'cli-3' }).paused).toEqual(paused.paused);
  });

  it('leaves no trace once it is over', () => {
    expect(withPause(paused, undefined, 'cli-3')).toEqual({ ...first, revision: 3, tag: 'cli-3' });
  });
});

describe('the next epoch', () => {
  it('ends the one before, and takes over tables, time and writer', () => {
    const anew = nextEpoch(first, {
      ...IDENTITY,
      destinationId: 'twin-2',
      tag: 'cli-2',
      nowMs: 9_000,
    });

    expect(anew).toMatchObject({
      revision: 2,
      tag: 'cli-2',
      destinationId: 'twin-2',
      sinceMs: 9_000,
    });
    expect(anew.epochs).toEqual([
      { ...first.epochs[0], toMs: 9_000, end: 'adopted' },
      { n: 2, region: 'us-east-1', fromMs: 9_000, streams: [FIRST] },
    ]);
  });

  it('does not go back in time with the clock, or old letters would pass for its own', () => {
    expect(nextEpoch(first, { ...IDENTITY, nowMs: 10 })).toMatchObject({ sinceMs: 1_000 });
  });

  it('never takes another reserved attribute: all versions would be lost', () => {
    expect(nextEpoch(first, { ...IDENTITY, reserved: '_other' }).reserved).toBe('_ferry');
  });

  it('wins over all versions of the epochs before, also with an older label', () => {
    const series = seriesIn(repointed)(OTHER_OLD);
    const before = seriesIn(first)(FIRST);
    if (series === undefined || before === undefined) throw new Error('an unknown stream');

    expect(floorOf(series) > versionOf(before, '9'.repeat(40))).toBe(true);
  });

  it('goes on from any number that it is given', () => {
    expect(newestEpoch(nextEpoch(firstRow(IDENTITY, 7), IDENTITY)).n).toBe(8);
  });
});

describe('the standing of a stream', () => {
  it.each([
    ['a listed stream is current', FIRST, first, { kind: 'current', epoch: 1 }],
    [
      'a later stream of a listed table needs no adoption',
      LATER,
      first,
      { kind: 'current', epoch: 1 },
    ],
    ['an earlier stream of a listed table is unknown', EARLIER, first, { kind: 'unknown' }],
    ['another table is unknown, whatever its label', OTHER_OLD, first, { kind: 'unknown' }],
    ['the stream of an ended epoch has ended', FIRST, repointed, { kind: 'ended', epoch: 1 }],
    ['so has a later one of its table', LATER, repointed, { kind: 'ended', epoch: 1 }],
    ['the new one is current', OTHER_OLD, repointed, { kind: 'current', epoch: 2 }],
    ['a stream without a label is no later one', `${TABLE}/stream/x`, first, { kind: 'unknown' }],
  ])('%s', (_, streamArn, row, standing) => {
    expect(standingOf(streamArn, row)).toEqual(standing);
  });

  it('is that of the newest epoch, where a source was left and taken up again', () => {
    const back = nextEpoch(repointed, { ...IDENTITY, nowMs: 3_000 });

    expect(standingOf(FIRST, back)).toEqual({ kind: 'current', epoch: 3 });
    expect(standingOf(OTHER_OLD, back)).toEqual({ kind: 'ended', epoch: 2 });
  });

  it('does not mistake a table for another whose name begins with its own', () => {
    const longer = `${TABLE}2/stream/2026-02-28T12:00:00.000`;

    expect(standingOf(longer, first)).toEqual({ kind: 'unknown' });
  });
});

describe('the series of a stream', () => {
  it('is of the epoch that the stream is listed in', () => {
    const seriesOf = seriesIn(repointed);

    expect(seriesOf(FIRST)).toEqual({ epoch: 1, labelMs: Date.UTC(2026, 0, 31, 12) });
    expect(seriesOf(OTHER_OLD)).toEqual({ epoch: 2, labelMs: Date.UTC(2024, 0, 1) });
    expect(seriesOf(FIRST)).toEqual({ epoch: 1, labelMs: Date.UTC(2026, 0, 31, 12) });
  });

  it('is unknown for a stream that the row does not know', () => {
    expect(seriesIn(first)(OTHER_OLD)).toBeUndefined();
    expect(seriesIn(first)(EARLIER)).toBeUndefined();
  });
});
