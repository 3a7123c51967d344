import { describe, expect, it } from 'vitest';
import { TOMBSTONE_LIFE_SECONDS } from '../../src/contract.ts';
import { failureBound, keepStateRow, toWriteRequests } from '../../src/core/write-request.ts';
import { SETTINGS, streamRecord } from '../fixtures/records.ts';

const NOW_MS = 1_800_000_000_500;
const rules = (target = SETTINGS) => ({ target, arrival: 'in-order' as const, nowMs: NOW_MS });
const EXPIRES_AT = { N: String(1_800_000_000 + TOMBSTONE_LIFE_SECONDS) };

describe('toWriteRequests', () => {
  it('puts the whole image with its version, under the guard', () => {
    const record = streamRecord({ attributes: { total: { N: '1.50' } } });

    const requests = toWriteRequests(record, rules());

    expect(requests.map(({ operation, input }) => ({ operation, input }))).toEqual([
      {
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
          ConditionExpression:
            'attribute_not_exists(#pk) OR attribute_not_exists(#f) OR #f.#v < :v',
          ExpressionAttributeNames: { '#pk': 'pk', '#f': '_ferry', '#v': 'v' },
          ExpressionAttributeValues: { ':v': { S: record.version } },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        },
      },
    ]);
  });

  it('replaces a reserved attribute that came along from another twin', () => {
    const [request] = toWriteRequests(
      streamRecord({ attributes: { _ferry: { S: 'foreign' } } }),
      rules(),
    );

    expect(request).toMatchObject({
      input: { Item: { _ferry: { M: { o: { S: 'us-east-1' } } } } },
    });
  });

  it('remembers a delete before doing it', () => {
    const record = streamRecord({ eventName: 'REMOVE' });

    const requests = toWriteRequests(record, rules());

    expect(requests).toMatchObject([
      {
        operation: 'UpdateItem',
        input: {
          TableName: 'ferry-orders-state',
          ConditionExpression: 'attribute_not_exists(#own) OR #own <= :v',
          ExpressionAttributeNames: { '#own': 'd', '#expiresAt': 'expiresAt' },
          ExpressionAttributeValues: { ':v': { S: record.version }, ':expiresAt': EXPIRES_AT },
        },
      },
      { operation: 'DeleteItem', input: { TableName: 'Orders', Key: { pk: { S: 'order-1' } } } },
    ]);
    expect(requests[1]).toMatchObject({
      input: { ExpressionAttributeValues: { ':v': { S: record.version } } },
    });
  });

  it('gives each item of each replication a state row of its own, whose key fits whatever the item’s', () => {
    const rowOf = (id: string, replication = 'orders') => {
      const record = streamRecord({ eventName: 'REMOVE', id });
      const [tombstone] = toWriteRequests(record, rules({ ...SETTINGS, replication }));
      return tombstone?.operation === 'UpdateItem' ? (tombstone.input.Key?.['id']?.S ?? '') : '';
    };

    expect(new Set([rowOf('a'), rowOf('b'), rowOf('a', 'other')]).size).toBe(3);
    expect(rowOf('x'.repeat(2_048)).length).toBeLessThan(200);
  });
});

describe('a put that arrives out of order', () => {
  it('asks the state row whether its item has been deleted since, in one transaction', () => {
    const record = streamRecord();
    const [put] = toWriteRequests(record, rules());

    const requests = toWriteRequests(record, { ...rules(), arrival: 'out-of-order' });

    const check = {
      TableName: 'ferry-orders-state',
      Key: { id: { S: expect.stringMatching(/^orders#[0-9a-f]{64}$/) } },
      ConditionExpression: 'attribute_not_exists(#d) OR #d < :v',
      ExpressionAttributeNames: { '#d': 'd' },
      ExpressionAttributeValues: { ':v': { S: record.version } },
    };
    expect(requests).toEqual([
      {
        operation: 'TransactWriteItems',
        input: { TransactItems: [{ Put: put?.input }, { ConditionCheck: check }] },
      },
    ]);
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
    expect(keepStateRow(record, SETTINGS, NOW_MS).input).not.toHaveProperty('ConditionExpression');
  });
});
