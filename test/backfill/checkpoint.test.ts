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
} from '../../src/backfill/checkpoint.ts';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { ledgerRowKey } from '../../src/model/ledger-row.ts';
import type { WriteRequest } from '../../src/model/write-request.ts';
import type { Item } from '../../src/ports.ts';
import { SETTINGS } from '../fixtures/records.ts';
import { NOW_MS } from '../fixtures/replication.ts';

const RUN: BackfillRun = {
  run: 'ab12',
  totalSegments: 16,
  streamArn: 'arn:stream',
  destination: 'arn:table (id)',
  startedAt: '2026-01-31T12:00:00.000Z',
};
const counts = {
  items: 12,
  copied: 3,
  present: 2,
  deleted: 1,
  rejected: 1,
  leftOut: 3,
  rewritten: 2,
  resynchronized: 2,
  removed: 4,
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
    ['in bulk', { ...RUN, execution: 'arn:execution' }],
    ['before the stream', { ...RUN, beforeStream: true }],
    ['with a projection', { ...RUN, projection: 'd'.repeat(64) }],
    ['that compares', { ...RUN, projection: 'd'.repeat(64), reproject: true }],
  ])('reads as it was written, %s', (_, run) => {
    expect(parseRun(stored(runRow(run, SETTINGS, { nowMs: NOW_MS, overwrite: 'always' })))).toEqual(
      run,
    );
  });

  it('lives for 90 days, in the state table', () => {
    const { input } = runRow(RUN, SETTINGS, { nowMs: NOW_MS, overwrite: 'always' });

    expect(input).toMatchObject({
      TableName: 'ferry-orders-state',
      Item: { id: { S: 'orders#backfill' }, expiresAt: { N: '1777636801' } },
    });
  });

  it('asks for nothing, unless no other run may be under way', () => {
    const input = (overwrite: 'always' | 'unless-under-way' | 'if-own') =>
      runRow(RUN, SETTINGS, { nowMs: NOW_MS, overwrite }).input;

    expect(input('always')).not.toHaveProperty('ConditionExpression');
    expect(input('unless-under-way')).toMatchObject({
      ConditionExpression: 'attribute_not_exists(#id) OR attribute_exists(#done) OR #run = :run',
      ExpressionAttributeValues: { ':run': { S: 'ab12' } },
    });
    expect(input('if-own')).toMatchObject({
      ConditionExpression: '#run = :run',
      ExpressionAttributeNames: { '#run': 'run' },
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

    expect(row['id']).toEqual({ S: 'orders#backfill#ab12#3' });
    expect(parseSegment(row)).toEqual(progress);
  });

  it('begins at the beginning where there is no row', () => {
    expect(parseSegment(undefined)).toEqual({ counts: noCounts(), done: false });
  });

  it('counts nothing for what an older release did not count', () => {
    const row = { counts: { M: { items: { N: '7' } } }, done: { BOOL: false } };

    expect(parseSegment(row).counts).toEqual({ ...noCounts(), items: 7 });
  });
});

describe('keys', () => {
  it('differ between runs, segments, replications and items', () => {
    const other = { ...SETTINGS, replication: 'orders#backfill' };
    const item = ledgerRowKey(SETTINGS, canonicalKey({ pk: { S: 'backfill' } }));
    const keys = [
      runKey(SETTINGS),
      segmentKey(SETTINGS, { run: 'a', segment: 0 }),
      segmentKey(SETTINGS, { run: 'a', segment: 10 }),
      segmentKey(SETTINGS, { run: 'b', segment: 0 }),
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
      items: 24,
      copied: 6,
      present: 4,
      leftOut: 6,
      rewritten: 4,
      removed: 8,
      deleted: 2,
      rejected: 2,
      resynchronized: 4,
      readUnits: 3,
      writeUnits: 56,
    });
  });
});
