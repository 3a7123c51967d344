import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeItem } from '../../src/core/attribute-value.ts';
import { wireText } from '../../src/core/wire-text.ts';
import { attributes } from '../fixtures/arbitrary-items.ts';
import { wireJson } from '../fixtures/wire.ts';

it('writes what JSON.stringify writes, whatever the names and texts', () => {
  const value = fc.jsonValue();
  fc.assert(
    fc.property(value, (one) => {
      expect(JSON.parse(wireText(one))).toEqual(JSON.parse(JSON.stringify(one)));
    }),
  );
});

it('writes bytes as base64 text, also of a part of a larger buffer', () => {
  const whole = new Uint8Array([1, 2, 3, 4]);

  expect(wireText({ B: whole.subarray(1, 3), BS: [Buffer.from('x')] })).toBe(
    '{"B":"AgM=","BS":["eA=="]}',
  );
});

it('leaves out what is not there, and keeps an attribute called __proto__', () => {
  const item = JSON.parse('{"__proto__":{"S":"kept"}}') as object;

  expect(wireText({ TableName: 't', Item: item, More: undefined })).toBe(
    '{"TableName":"t","Item":{"__proto__":{"S":"kept"}}}',
  );
  expect(wireText({})).toBe('{}');
});

it('refuses what has no place in a request', () => {
  expect(() => wireText({ when: () => 0 })).toThrow('function has no place');
});

it('writes items that read as they were', () => {
  fc.assert(
    fc.property(attributes, (item) => {
      const text = wireText(decodeItem(item, 'item'));
      expect(wireJson(JSON.parse(text) as object)).toBe(wireJson(item));
    }),
  );
});
