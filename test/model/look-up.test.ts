import { expect, it } from 'vitest';
import { deletesIn, lookUpRequest } from '../../src/model/look-up.ts';
import { ledgerRowKey } from '../../src/model/ledger-row.ts';
import { SETTINGS } from '../fixtures/records.ts';

it('asks for the deletes of ledger rows only, and takes an answer that lags behind', () => {
  const rows = ['["pk"]', '["sk"]'].map((keyText) => ledgerRowKey(SETTINGS, keyText));
  const { operation, input } = lookUpRequest(rows, SETTINGS);

  expect(operation).toBe('BatchGetItem');
  expect(input).toEqual({
    RequestItems: {
      'ferry-orders-state': {
        Keys: rows,
        ConsistentRead: false,
        ProjectionExpression: '#a0, #a1',
        ExpressionAttributeNames: { '#a0': 'id', '#a1': 'd' },
      },
    },
  });
});

it('finds deletes by the ids of their rows, and none in a row that knows only a dead letter', () => {
  const rows = [
    { id: { S: 'a' }, d: { S: 'v2' } },
    { id: { S: 'b' }, f: { S: 'v3' } },
    { d: { S: 'v4' } },
  ];

  expect([...deletesIn(rows)]).toEqual([['a', 'v2']]);
});
