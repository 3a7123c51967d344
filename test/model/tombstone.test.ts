import { describe, expect, it } from 'vitest';
import { TOMBSTONE_LIFE_SECONDS } from '../../src/config/names.ts';
import { GuardedPut } from '../../src/model/guarded-put.ts';
import type { PutRecord, RemoveRecord } from '../../src/model/stream-record.ts';
import { failureBound, keepLedgerRow } from '../../src/model/ledger-row.ts';
import { guardedDelete, putTransaction, tombstone } from '../../src/model/tombstone.ts';
import { SETTINGS, streamRecord } from '../fixtures/records.ts';

const NOW_MS = 1_800_000_000_500;
const putRecord = (facts: Parameters<typeof streamRecord>[0] = {}) =>
  streamRecord(facts) as PutRecord;
const removeRecord = (id?: string) =>
  streamRecord({ eventName: 'REMOVE', ...(id === undefined ? {} : { id }) }) as RemoveRecord;
const EXPIRES_AT = { N: String(1_800_000_000 + TOMBSTONE_LIFE_SECONDS) };

describe('a guarded put', () => {
  it('puts the whole image with its version, where the place is free', () => {
    const record = putRecord({ attributes: { total: { N: '1.50' } } });

    const { operation, input } = new GuardedPut(record, SETTINGS, 'free');

    expect({ operation, input }).toEqual({
      operation: 'PutItem',
      input: {
        TableName: 'Orders',
        Item: {
          pk: { S: 'order-1' },
          total: { N: '1.50' },
          _ferry: {
            M: { v: { S: record.version }, t: { N: '1769860800' }, o: { S: 'us-east-1' } },
          },
        },
        ConditionExpression: 'attribute_not_exists(#pk) OR attribute_not_exists(#f) OR #f.#v < :v',
        ExpressionAttributeNames: { '#pk': 'pk', '#f': '_ferry', '#v': 'v' },
        ExpressionAttributeValues: { ':v': { S: record.version } },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    });
  });

  it.each([
    ['replace', 'attribute_exists(#pk) AND (attribute_not_exists(#f) OR #f.#v < :v)'],
    ['keep', 'attribute_exists(#pk) AND (#f.#v < :v)'],
  ] as const)('of an update asks for an item that is there (%s)', (unversionedItems, condition) => {
    const target = { ...SETTINGS, unversionedItems };

    const { input } = new GuardedPut(putRecord(), target, 'older-item');

    expect(input.ConditionExpression).toBe(condition);
  });

  it('replaces a reserved attribute that came along from another twin', () => {
    const record = putRecord({ attributes: { _ferry: { S: 'foreign' } } });

    const { input } = new GuardedPut(record, SETTINGS, 'free');

    expect(input).toMatchObject({ Item: { _ferry: { M: { o: { S: 'us-east-1' } } } } });
  });
});

describe('a delete', () => {
  const record = removeRecord();

  it('is remembered, unless a newer one is', () => {
    expect(tombstone(record, SETTINGS, NOW_MS)).toMatchObject({
      operation: 'UpdateItem',
      input: {
        TableName: 'ferry-orders-state',
        ConditionExpression: 'attribute_not_exists(#own) OR #own <= :v',
        ExpressionAttributeNames: { '#own': 'd', '#expiresAt': 'expiresAt' },
        ExpressionAttributeValues: { ':v': { S: record.version }, ':expiresAt': EXPIRES_AT },
      },
    });
  });

  it('is done under the guard', () => {
    expect(guardedDelete(record, SETTINGS)).toMatchObject({
      operation: 'DeleteItem',
      input: {
        TableName: 'Orders',
        Key: { pk: { S: 'order-1' } },
        ConditionExpression: 'attribute_not_exists(#pk) OR attribute_not_exists(#f) OR #f.#v < :v',
        ExpressionAttributeValues: { ':v': { S: record.version } },
      },
    });
  });

  it('has a ledger row for each item of each replication, whose key fits whatever the item’s', () => {
    const rowOf = (id: string, replication = 'orders') => {
      const request = tombstone(removeRecord(id), { ...SETTINGS, replication }, NOW_MS);
      return request.operation === 'UpdateItem' ? (request.input.Key?.['id']?.S ?? '') : '';
    };

    expect(new Set([rowOf('a'), rowOf('b'), rowOf('a', 'other')]).size).toBe(3);
    expect(rowOf('x'.repeat(2_048)).length).toBeLessThan(200);
  });
});

describe('a put whose item may have been deleted since', () => {
  it('asks the ledger row, in one transaction', () => {
    const record = putRecord();

    const check = {
      TableName: 'ferry-orders-state',
      Key: { id: { S: expect.stringMatching(/^orders#[0-9a-f]{64}$/) } },
      ConditionExpression: 'attribute_not_exists(#d) OR #d < :v',
      ExpressionAttributeNames: { '#d': 'd' },
      ExpressionAttributeValues: { ':v': { S: record.version } },
    };
    const { input } = new GuardedPut(record, SETTINGS, 'free');
    expect(putTransaction(record, SETTINGS)).toEqual({
      operation: 'TransactWriteItems',
      input: { TransactItems: [{ Put: input }, { ConditionCheck: check }] },
    });
  });
});

describe('failureBound', () => {
  it('never lowers a bound, and prolongs the row where a higher one is known', () => {
    const record = streamRecord();

    expect(failureBound(record, record.version, SETTINGS, NOW_MS)).toMatchObject({
      input: {
        ConditionExpression: 'attribute_not_exists(#own) OR #own <= :v',
        ExpressionAttributeNames: { '#own': 'f' },
        ExpressionAttributeValues: { ':v': { S: record.version }, ':expiresAt': EXPIRES_AT },
      },
    });
    expect(keepLedgerRow(record, SETTINGS, NOW_MS).input).not.toHaveProperty('ConditionExpression');
  });
});
