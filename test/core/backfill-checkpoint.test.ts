import { describe, expect, it } from 'vitest';
import {
  addCounts,
  type BackfillRun,
  noCounts,
  parseRun,
  parseSegment,
  runKey,
  runRow,
  segmentKey,
  type SegmentProgress,
  segmentRow,
} from '../../src/core/backfill-checkpoint.ts';
import { canonicalKey } from '../../src/core/attribute-value.ts';
import { stateRowKey, type WriteRequest } from '../../src/core/write-request.ts';
import type { Item } from '../../src/ports.ts';
import { SETTINGS } from '../fixtures/records.ts';
import { NOW_MS } from '../fixtures/replication.ts';

const RUN: BackfillRun = {
  run: 'ab12',
  totalSegments: 16,
  streamArn: 'arn:stream',
  startedAt: '2026-01-31T12:00:00.000Z',
};
const counts = {
  items: 7,
  copied: 3,
  present: 2,
  deleted: 1,
  rejected: 1,
  readUnits: 1.5,
  writeUnits: 28,
};

/** What a request stores. */
function stored(request: WriteRequest): Item {
  if (request.operation !== 'PutItem') throw new Error(`${request.operation} stores no row`);
  return request.input.Item ?? {};
}

describe('the row of a run', () => {
  it.each([
    ['unfinished', RUN],
    ['finished', { ...RUN, finishedAt: '2026-01-31T13:00:00.000Z' }],
  ])('reads as it was written, %s', (_, run) => {
    expect(parseRun(stored(runRow(run, SETTINGS, { nowMs: NOW_MS })))).toEqual(run);
  });

  it('lives for 90 days, in the state table', () => {
    const { input } = runRow(RUN, SETTINGS, { nowMs: NOW_MS });

    expect(input).toMatchObject({
      TableName: 'ferry-orders-state',
      Item: { id: { S: 'orders#backfill' }, expiresAt: { N: '1777636801' } },
    });
  });

  it('asks for nothing, unless no other run may be under way', () => {
    expect(runRow(RUN, SETTINGS, { nowMs: NOW_MS }).input).not.toHaveProperty(
      'ConditionExpression',
    );
    expect(runRow(RUN, SETTINGS, { nowMs: NOW_MS, unlessUnderWay: true }).input).toMatchObject({
      ConditionExpression: 'attribute_not_exists(#id) OR attribute_exists(#done) OR #run = :run',
      ExpressionAttributeValues: { ':run': { S: 'ab12' } },
    });
  });

  it.each([
    ['nothing', undefined],
    ['a row of something else', { id: { S: 'orders#backfill' }, d: { S: 'version' } }],
  ])('is none of a run: %s', (_, row) => {
    expect(parseRun(row)).toBeUndefined();
  });
});

describe('the row of a segment', () => {
  const key = { pk: { S: 'a' }, sk: { B: new Uint8Array([0, 255]) }, n: { N: '1.50' } };

  it.each<[string, SegmentProgress]>([
    ['under way', { counts, done: false, next: key }],
    ['done', { counts, done: true, next: undefined }],
  ])('reads as it was written, %s', (_, progress) => {
    const row = stored(segmentRow(progress, { run: 'ab12', segment: 3 }, SETTINGS, NOW_MS));

    expect(row['id']).toEqual({ S: 'orders#backfill#3' });
    expect(parseSegment(row, 'ab12')).toEqual(progress);
  });

  it.each([
    ['no row', undefined, 'ab12'],
    [
      'a row of an earlier run',
      stored(segmentRow({ counts, done: true }, { run: 'old', segment: 0 }, SETTINGS, NOW_MS)),
      'ab12',
    ],
  ])('begins at the beginning: %s', (_, row, run) => {
    expect(parseSegment(row, run)).toEqual({ counts: noCounts(), done: false });
  });

  it('counts nothing for what an older release did not count', () => {
    const row = { run: { S: 'ab12' }, counts: { M: { items: { N: '7' } } }, done: { BOOL: false } };

    expect(parseSegment(row, 'ab12').counts).toEqual({ ...noCounts(), items: 7 });
  });
});

describe('keys', () => {
  it('differ between runs, segments, replications and items', () => {
    const other = { ...SETTINGS, replication: 'orders#backfill' };
    const item = stateRowKey(SETTINGS, canonicalKey({ pk: { S: 'backfill' } }));
    const keys = [
      runKey(SETTINGS),
      segmentKey(SETTINGS, 0),
      segmentKey(SETTINGS, 10),
      runKey(other),
      item,
    ];

    expect(new Set(keys.map((key) => key['id']?.S)).size).toBe(keys.length);
  });
});

describe('counts', () => {
  it('add up, each by itself', () => {
    const sum = noCounts();
    addCounts(sum, counts);
    addCounts(sum, counts);

    expect(sum).toEqual({
      items: 14,
      copied: 6,
      present: 4,
      deleted: 2,
      rejected: 2,
      readUnits: 3,
      writeUnits: 56,
    });
  });
});
