import { describe, expect, it } from 'vitest';
import { canonicalKey, decodeItem, itemJson } from '../../src/model/attribute-value.ts';
import {
  differenceLine,
  mentionLine,
  parseReportLine,
} from '../../src/verify/difference-report.ts';

const key = { pk: { B: Buffer.from([0, 255]) }, sk: { N: '1' } };
const difference = {
  key,
  kind: 'different' as const,
  attributes: ['a', 'b'],
  source: { ...key, a: { S: 'secret' } },
  destination: { ...key, b: { BS: [new Uint8Array([1])] } },
};

describe('itemJson', () => {
  it.each([
    ['a Buffer', { a: { B: Buffer.from([1, 254]) } }],
    ['other bytes', { a: { B: new Uint8Array([1, 254]) } }],
    ['a view of bytes', { a: { B: new Uint8Array([9, 1, 254, 9]).subarray(1, 3) } }],
    ['a set of bytes', { a: { BS: [Buffer.from([1]), new Uint8Array([2])] } }],
    ['bytes within', { a: { M: { b: { L: [{ B: Buffer.from([7]) }] } } } }],
    ['no bytes', { a: { S: 'text' }, b: { NULL: true } }],
  ])('keeps %s', (_, item) => {
    const back = decodeItem(JSON.parse(itemJson(item)), 'item');

    expect(itemJson(back)).toBe(itemJson(item));
    expect(itemJson(item)).not.toContain('"type":"Buffer"');
  });
});

describe('a line of the report', () => {
  it('names key and attributes, and no contents', () => {
    const line = differenceLine(difference, { values: false });

    expect(JSON.parse(line)).toEqual({
      kind: 'different',
      key: { pk: { B: 'AP8=' }, sk: { N: '1' } },
      attributes: ['a', 'b'],
    });
  });

  it('has the contents for those who ask', () => {
    expect(differenceLine(difference, { values: true })).toContain('secret');
  });

  it('is read back', () => {
    const line = parseReportLine(differenceLine(difference, { values: true }));

    expect(line).toMatchObject({
      kind: 'key',
      difference: { kind: 'different', attributes: ['a', 'b'] },
    });
    expect(itemJson(line?.kind === 'key' ? line.key : {})).toBe(itemJson(key));
  });

  it('tells of items in another way, too', () => {
    const line = parseReportLine(mentionLine('in-flight', key));

    expect(line?.kind === 'key' ? canonicalKey(line.key) : '').toBe(canonicalKey(key));
  });

  it.each(['', 'text', '[]', '7', '{}', '{"key":{"pk":{"X":1}}}', '{"key":null}'])(
    'is not %s',
    (text) => {
      expect(parseReportLine(text)).toBeUndefined();
    },
  );
});
