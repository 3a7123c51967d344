import { describe, expect, it } from 'vitest';
import {
  type Copy,
  copyPut,
  copyRequest,
  copyResults,
  copyUnits,
  toCopy,
  toGroups,
} from '../../src/backfill/copy.ts';
import { floorOf } from '../../src/model/guard.ts';
import { SETTINGS } from '../fixtures/records.ts';

const FLOOR = floorOf({ epoch: 1, labelMs: Date.parse('2026-01-31T12:00:00.000Z') });
const plan = { rules: SETTINGS, floor: FLOOR };
const reserved = { M: { v: { S: FLOOR }, o: { S: 'us-east-1' } } };

const copyOf = (id: string, bytes = 10) =>
  toCopy({ pk: { S: id } }, { pk: { S: id }, note: { S: 'x'.repeat(bytes) } }, plan);
const copies = (count: number, bytes?: number) =>
  Array.from({ length: count }, (_, index) => copyOf(`order-${index}`, bytes));

describe('toCopy', () => {
  it('gives the item the version below every record of the stream', () => {
    const { key, item } = copyOf('order-1', 3);

    expect(key).toEqual({ pk: { S: 'order-1' } });
    expect(item).toEqual({ pk: { S: 'order-1' }, note: { S: 'xxx' }, _ferry: reserved });
  });

  it('replaces a version that the source got from a twin', () => {
    const source = { pk: { S: 'a' }, _ferry: { M: { v: { S: 'another' } } } };

    expect(toCopy({ pk: { S: 'a' } }, source, plan).item).toEqual({
      pk: { S: 'a' },
      _ferry: reserved,
    });
  });

  it('counts the version as a part of the size', () => {
    const withoutVersion = 'pk'.length + 'order-1'.length + 'note'.length + 10;

    expect(copyOf('order-1').sizeBytes).toBeGreaterThan(withoutVersion + FLOOR.length);
  });
});

describe('toGroups', () => {
  it('keeps to half of the actions that a transaction may have', () => {
    const sizes = toGroups(copies(60)).map((group) => group.length);

    expect(sizes).toEqual([25, 25, 10]);
  });

  it('keeps to the bytes that a transaction may have', () => {
    const groups = toGroups(copies(12, 390_000));

    expect(groups.map((group) => group.length)).toEqual([7, 5]);
    for (const group of groups) expect(bytesOf(group)).toBeLessThan(3_000_001);
  });

  it('keeps every copy, once and in order, however big they are', () => {
    const all = [
      ...copies(3, 390_000),
      ...copies(40),
      ...copies(9, 390_000),
      ...copies(30, 99_000),
    ];

    expect(toGroups(all).flat()).toEqual(all);
  });

  it('makes no group of nothing', () => {
    expect(toGroups([])).toEqual([]);
  });
});

describe('copyRequest', () => {
  it('puts where nothing is, and only if no delete and no failure of its stream is remembered', () => {
    const { TransactItems } = copyRequest([copyOf('order-1', 1)], plan);

    expect(TransactItems).toEqual([
      {
        Put: {
          TableName: 'Orders',
          Item: { pk: { S: 'order-1' }, note: { S: 'x' }, _ferry: reserved },
          ConditionExpression: 'attribute_not_exists(#pk)',
          ExpressionAttributeNames: { '#pk': 'pk' },
        },
      },
      {
        ConditionCheck: {
          TableName: 'ferry-orders-state',
          Key: { id: { S: expect.stringMatching(/^orders#[0-9a-f]{64}$/) as string } },
          ConditionExpression:
            '(attribute_not_exists(#d) OR #d < :floor) AND (attribute_not_exists(#f) OR #f < :floor)',
          ExpressionAttributeNames: { '#d': 'd', '#f': 'f' },
          ExpressionAttributeValues: { ':floor': { S: FLOOR } },
        },
      },
    ]);
  });

  it('asks for each item’s own ledger row', () => {
    const { TransactItems } = copyRequest(copies(25), plan);

    expect(TransactItems.length).toBe(50);
    expect(new Set(TransactItems.map((part) => JSON.stringify(part))).size).toBe(50);
  });
});

it('is one put, before the stream', () => {
  expect(copyPut(copyOf('order-1', 1), SETTINGS)).toEqual({
    TableName: 'Orders',
    Item: { pk: { S: 'order-1' }, note: { S: 'x' }, _ferry: reserved },
    ConditionExpression: 'attribute_not_exists(#pk)',
    ExpressionAttributeNames: { '#pk': 'pk' },
  });
});

describe('copyResults', () => {
  const NONE = 'None';
  const FAILED = 'ConditionalCheckFailed';

  it.each([
    ['copied by nobody, and not to blame', NONE, NONE, 'again'],
    ['there already', FAILED, NONE, 'present'],
    ['deleted since, or failed', NONE, FAILED, 'doubtful'],
    ['there again, after a delete', FAILED, FAILED, 'present'],
    ['there, whatever ails the ledger row', FAILED, 'TransactionConflict', 'present'],
    ['deleted, whatever ails the item', 'ThrottlingError', FAILED, 'doubtful'],
    ['invalid', 'ValidationError', NONE, 'rejected'],
    ['an invalid check', NONE, 'ValidationError', 'rejected'],
    ['too much for its collection', 'ItemCollectionSizeLimitExceeded', NONE, 'rejected'],
    ['busy', 'TransactionConflict', NONE, 'again'],
    ['busy deleting', NONE, 'TransactionConflict', 'again'],
    ['throttled', 'ThrottlingError', NONE, 'again'],
    ['out of capacity', NONE, 'ProvisionedThroughputExceeded', 'again'],
  ])('reads %s', (_, put, check, result) => {
    expect(copyResults([{ code: put }, { code: check }])).toEqual([result]);
  });

  it('tells the copies apart', () => {
    const codes = [NONE, NONE, FAILED, NONE, NONE, FAILED, 'ValidationError', NONE];

    expect(copyResults(codes.map((code) => ({ code })))).toEqual([
      'again',
      'present',
      'doubtful',
      'rejected',
    ]);
  });
});

describe('copyUnits', () => {
  it.each([
    [1, 4],
    [1_024, 4],
    [1_025, 6],
    [400 * 1_024, 802],
  ])('counts twice the put and twice the check: %i bytes, %i units', (sizeBytes, units) => {
    expect(copyUnits([{ sizeBytes }])).toBe(units);
  });

  it('adds up', () => {
    expect(copyUnits([{ sizeBytes: 1 }, { sizeBytes: 1_025 }])).toBe(10);
    expect(copyUnits([])).toBe(0);
  });
});

function bytesOf(group: readonly Copy[]): number {
  return group.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
