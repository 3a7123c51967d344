// What a replay does with an item, by what the active side has of it now: every case, and the condition of its write.

import { expect, it } from 'vitest';
import type { Item } from '../../src/model/attribute-value.ts';
import { planOf } from '../../src/switching/stranded-replay.ts';
import { SETTINGS } from '../fixtures/records.ts';

const KEY = { pk: { S: 'a' } };
const VERSION = '0001.1769860800000.0000000000000000000000000000000000000007';
const stamp = { _ferry: { M: { v: { S: VERSION } } } };
const lost: Item = { ...KEY, value: { S: 'late' }, ...stamp };
const active: Item = { ...KEY, value: { S: 'old' }, ...stamp };
const plan = (saved: object, there: Item | undefined, chosen = false) =>
  planOf({ key: KEY, ...saved }, there, { rules: SETTINGS, chosen });

it('puts the item without a version, if every attribute is still as it was read', () => {
  const { kind, request } = { request: undefined, ...plan({ lost, active }, active) };

  expect(kind).toBe('put');
  expect(request).toEqual({
    operation: 'PutItem',
    input: {
      TableName: SETTINGS.destinationTable,
      Item: { ...KEY, value: { S: 'late' } },
      ConditionExpression: 'attribute_exists(#pk) AND #a0 = :a0 AND #a1 = :a1',
      ExpressionAttributeNames: { '#pk': 'pk', '#a0': 'value', '#a1': '_ferry' },
      ExpressionAttributeValues: { ':a0': { S: 'old' }, ':a1': stamp._ferry },
    },
  });
});

it('puts it onto an empty place', () => {
  const { request } = { request: undefined, ...plan({ lost }, undefined) };

  expect(request?.input).toMatchObject({
    ConditionExpression: 'attribute_not_exists(#pk)',
    ExpressionAttributeNames: { '#pk': 'pk' },
  });
});

it('deletes what the lost side had deleted', () => {
  const { kind, request } = { request: undefined, ...plan({ active }, active) };

  expect(kind).toBe('deleted');
  expect(request).toMatchObject({ operation: 'DeleteItem', input: { Key: KEY } });
});

it('writes no values where the item has its key only', () => {
  const { request } = { request: undefined, ...plan({ lost, active: KEY }, KEY) };

  expect(request?.input).not.toHaveProperty('ExpressionAttributeValues');
});

it.each([
  ['the same item is there', { lost, active }, { ...KEY, value: { S: 'late' } }, 'equal'],
  ['none is there, and none is wanted', { active }, undefined, 'equal'],
  ['another one is there by now', { lost, active }, { ...KEY, value: { S: 'since' } }, 'left'],
  ['it has been deleted since', { lost, active }, undefined, 'left'],
  ['one has been put since', { lost }, { ...KEY, value: { S: 'since' } }, 'left'],
] as const)('%s', (_, saved, there, expected) => {
  expect(plan(saved, there).kind).toBe(expected);
});

it('puts it over what was written since, if it is chosen', () => {
  expect(plan({ lost, active }, { ...KEY, value: { S: 'since' } }, true).kind).toBe('put');
});

it('leaves an item that has too many attributes for a condition', () => {
  const many = Object.fromEntries(
    Array.from({ length: 141 }, (_, index) => [`a${index}`, { S: '' }]),
  );
  const wide = { ...KEY, ...many };

  expect(plan({ lost, active: wide }, wide)).toEqual({
    kind: 'left',
    why: 'it has more than 140 attributes to compare',
  });
});
