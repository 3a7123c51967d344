import { describe, expect, it } from 'vitest';
import { refusalOf } from '../../src/stamp/refusal.ts';
import { stampedPut, stampedUpdate } from '../../src/stamp/stamped-input.ts';
import { hasName, withAssignment } from '../../src/stamp/update-expression.ts';
import { formOf } from '../../src/stamp/value-form.ts';

const [EARLIER, STAMP, LATER] = ['1', '2', '3'].map(
  (ms) => `0001.${ms.padStart(13, '0')}.${'0'.repeat(40)}`,
) as [string, string, string];
const STAMPING = { stamp: STAMP, reservedAttribute: '_ferry' };
const RESERVED = { M: { v: { S: STAMP } } };
const IS_FREE = 'attribute_not_exists(#ferry) OR #ferry.#ferryV < :ferryV';
const NAMES = { '#ferry': '_ferry', '#ferryV': 'v' };

describe('a put', () => {
  it('has the stamp, and the condition that nothing later is there', () => {
    expect(stampedPut({ TableName: 'T', Item: { id: { S: 'a' } } }, STAMPING)).toEqual({
      TableName: 'T',
      Item: { id: { S: 'a' }, _ferry: RESERVED },
      ConditionExpression: IS_FREE,
      ExpressionAttributeNames: NAMES,
      ExpressionAttributeValues: { ':ferryV': { S: STAMP } },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
  });

  it('of a document client has plain values', () => {
    const { Item, ExpressionAttributeValues } = stampedPut({ Item: { id: 'a' } }, STAMPING);

    expect(Item).toEqual({ id: 'a', _ferry: { v: STAMP } });
    expect(ExpressionAttributeValues).toEqual({ ':ferryV': STAMP });
  });

  it('replaces the stamp that its item was read with', () => {
    const read = { id: { S: 'a' }, _ferry: { M: { v: { S: EARLIER }, o: { S: 'us-east-1' } } } };

    expect(stampedPut({ Item: read }, STAMPING).Item['_ferry']).toEqual(RESERVED);
  });

  it('keeps an attribute with the name of the prototype', () => {
    const Item = JSON.parse('{"id":{"S":"a"},"__proto__":{"S":"b"}}') as { id: { S: string } };

    expect(Object.entries(stampedPut({ Item }, STAMPING).Item)).toEqual([
      ...Object.entries(Item),
      ['_ferry', RESERVED],
    ]);
  });

  it('keeps the condition, the names and the values of the caller', () => {
    const input = {
      Item: { id: { S: 'a' } },
      ConditionExpression: '#ferry = :ferryV OR #n > :n',
      ExpressionAttributeNames: { '#ferry': 'f', '#n': 'n' },
      ExpressionAttributeValues: { ':ferryV': { S: 'x' }, ':n': { N: '1' } },
    };

    const put = stampedPut(input, STAMPING);

    expect(put.ConditionExpression).toBe(
      '(#ferry = :ferryV OR #n > :n) AND (attribute_not_exists(#ferry_) OR #ferry_.#ferryV < :ferryV_)',
    );
    expect(put.ExpressionAttributeNames).toEqual({
      ...input.ExpressionAttributeNames,
      '#ferry_': '_ferry',
      '#ferryV': 'v',
    });
    expect(put.ExpressionAttributeValues).toEqual({
      ...input.ExpressionAttributeValues,
      ':ferryV_': { S: STAMP },
    });
  });
});

describe('an update', () => {
  it.each([
    [undefined, 'SET #f = :s'],
    ['', 'SET #f = :s'],
    ['SET a = :a', 'SET #f = :s, a = :a'],
    ['set #a=:a', 'set #f = :s, #a=:a'],
    ['\n  Set\ta = :a, b = :b REMOVE c', '\n  Set #f = :s,\ta = :a, b = :b REMOVE c'],
    ['SET#a=:a', 'SET #f = :s,#a=:a'],
    ['REMOVE a', 'SET #f = :s REMOVE a'],
    ['ADD n :n', 'SET #f = :s ADD n :n'],
    ['DELETE tags :t', 'SET #f = :s DELETE tags :t'],
    ['ADD n :n SET a = :a', 'ADD n :n SET #f = :s, a = :a'],
    [
      'REMOVE #set, offset, a.#set SET b = :set',
      'REMOVE #set, offset, a.#set SET #f = :s, b = :set',
    ],
    ['REMOVE reset DELETE #set :set', 'SET #f = :s REMOVE reset DELETE #set :set'],
  ])('%s becomes %s', (expression = '', expected) => {
    expect(withAssignment(expression, '#f = :s')).toBe(expected);
  });

  it('sets the stamp beside what the caller sets', () => {
    const input = {
      Key: { id: 'a' },
      UpdateExpression: 'ADD #n :n',
      ExpressionAttributeNames: { '#n': 'n' },
      ExpressionAttributeValues: { ':n': 1 },
    };

    const { UpdateExpression, ConditionExpression, ...update } = stampedUpdate(input, STAMPING);

    expect(UpdateExpression).toBe('SET #ferry = :ferryStamp ADD #n :n');
    expect(ConditionExpression).toBe(IS_FREE);
    expect(update.ExpressionAttributeNames).toEqual({ '#n': 'n', ...NAMES });
    expect(update.ExpressionAttributeValues).toEqual({
      ':n': 1,
      ':ferryV': STAMP,
      ':ferryStamp': { v: STAMP },
    });
  });

  it.each([
    ['SET #f = :f', true],
    ['SET a = :a REMOVE #f.#v', true],
    ['SET ferry = :a', true],
    ['SET a.ferry = :a, b.#f = :b, #ferry = :ferry', false],
    ['SET ferryBoat = :a', false],
  ])('“%s” names the reserved attribute: %s', (expression, expected) => {
    expect(hasName(expression, 'ferry', { '#f': 'ferry', '#ferry': 'boat' })).toBe(expected);
  });

  it('that sets the reserved attribute is refused', () => {
    const input = {
      Key: { id: { S: 'a' } },
      UpdateExpression: 'SET #mine = :a',
      ExpressionAttributeNames: { '#mine': '_ferry' },
    };

    expect(() => stampedUpdate(input, STAMPING)).toThrow(/_ferry.*Leave/s);
  });
});

it.each([
  ['typed values', { id: { S: 'a' }, n: { N: '1' }, gone: undefined }, 'typed'],
  ['plain values', { id: 'a', n: 1 }, 'plain'],
  ['plain values, one with the name of a type', { id: 'a', address: { S: 'street' } }, 'plain'],
  ['plain bytes', { id: new Uint8Array([1]) }, 'plain'],
  ['a number in an object of its own', { id: { value: '1' } }, 'plain'],
] as const)('tells %s', (_, values, form) => {
  expect(formOf(values)).toBe(form);
});

describe('a refusal', () => {
  const withVersion = (v: string) => ({ id: { S: 'a' }, _ferry: { M: { v: { S: v } } } });

  it.each([
    ['no item', undefined, 'caller'],
    ['an item without a version', { id: { S: 'a' } }, 'caller'],
    ['an earlier version', withVersion(EARLIER), 'caller'],
    ['this very version', withVersion(STAMP), 'made'],
    ['a later version', withVersion(LATER), 'later'],
    ['just above this version', withVersion(`${STAMP}~`), 'later'],
    ['another text', withVersion('yesterday'), 'not-comparable'],
    ['another type', { id: { S: 'a' }, _ferry: { S: STAMP } }, 'not-comparable'],
  ])('where there is %s', (_, item, kind) => {
    expect(refusalOf(item, STAMP, '_ferry').kind).toBe(kind);
  });
});
