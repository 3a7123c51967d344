import { describe, expect, it } from 'vitest';
import { ledgerRowKey, raisedVersion } from '../../src/model/ledger-row.ts';
import { putBack, putBackFor, removeBelow, stampAgain } from '../../src/model/near-request.ts';
import { SETTINGS, streamRecord } from '../fixtures/records.ts';
import { at, stamped } from '../fixtures/two-way.ts';

const KEY = { pk: { S: 'order-1' } };
const [ONE, TWO] = [at(1, 1), at(2, 1)];
const ITEM = { ...KEY, ...stamped(ONE) };
const { keyText } = streamRecord();

describe('at the side of the stream', () => {
  it('an item is removed only with an older version', () => {
    expect(removeBelow(KEY, TWO, SETTINGS)).toEqual({
      operation: 'DeleteItem',
      input: {
        TableName: 'Orders',
        Key: KEY,
        ConditionExpression: '#f.#v < :d',
        ExpressionAttributeNames: { '#f': '_ferry', '#v': 'v' },
        ExpressionAttributeValues: { ':d': { S: TWO } },
      },
    });
  });

  it('a stamp replaces the one that was read, and nothing else', () => {
    expect(stampAgain(KEY, TWO, ITEM, SETTINGS)).toEqual({
      operation: 'UpdateItem',
      input: {
        TableName: 'Orders',
        Key: KEY,
        UpdateExpression: 'SET #f = :stamp',
        ConditionExpression: '#f = :f',
        ExpressionAttributeNames: { '#f': '_ferry' },
        ExpressionAttributeValues: { ':f': ITEM._ferry, ':stamp': { M: { v: { S: TWO } } } },
      },
    });
  });

  it('a stamp leaves for which record an item was put back', () => {
    const read = { ...KEY, _ferry: { M: { v: { S: ONE }, s: { S: ONE } } } };

    expect(stampAgain(KEY, TWO, read, SETTINGS).input).toMatchObject({
      ExpressionAttributeValues: { ':stamp': { M: { v: { S: TWO }, s: { S: ONE } } } },
    });
  });

  it.each<[string, Parameters<typeof putBack>[1]['read'], string]>([
    ['another version', ITEM, '#f = :f'],
    ['no version', KEY, 'attribute_exists(#pk) AND attribute_not_exists(#f)'],
  ])('an item is put back over %s, if that is there still', (_, read, ConditionExpression) => {
    const image = { ...KEY, total: { N: '1' }, ...stamped(ONE) };

    expect(putBack(image, { key: KEY, read, version: TWO }, SETTINGS)).toMatchObject({
      operation: 'PutItem',
      input: { Item: { ...KEY, total: { N: '1' }, ...stamped(TWO) }, ConditionExpression },
    });
  });

  it('what was put back tells for which record, and an item with another stamp does not', () => {
    const back = putBack(ITEM, { key: KEY, read: ITEM, version: TWO, sequence: ONE }, SETTINGS);
    const { Item = {} } = back.input as { Item?: typeof ITEM };

    expect(putBackFor(Item, SETTINGS)).toBe(ONE);
    expect(putBackFor(ITEM, SETTINGS)).toBeUndefined();
    expect(putBackFor(KEY, SETTINGS)).toBeUndefined();
  });
});

describe('a delete of this side in the ledger', () => {
  it.each<[string, string | undefined, string, object]>([
    ['nothing', undefined, 'attribute_not_exists(#own)', {}],
    ['an older one', ONE, '#own = :after', { ':after': { S: ONE } }],
  ])('is remembered where the row is as it was read, with %s', (_, after, condition, values) => {
    const decided = { handled: '0001', after };
    const raise = { key: KEY, keyText, attribute: 'd', version: TWO, seen: ONE, decided };

    expect(raisedVersion(raise, SETTINGS, 0)).toMatchObject({
      input: {
        Key: ledgerRowKey(SETTINGS, keyText),
        UpdateExpression: 'SET #own = :v, #key = :key, #expiresAt = :expiresAt, #b = :b, #p = :p',
        ConditionExpression: condition,
        ExpressionAttributeValues: {
          ':v': { S: TWO },
          ':b': { S: ONE },
          ':p': { S: '0001' },
          ...values,
        },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    });
  });
});
