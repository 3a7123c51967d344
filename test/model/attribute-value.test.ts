import { describe, expect, it } from 'vitest';
import { canonicalItem, canonicalKey, decodeItem } from '../../src/model/attribute-value.ts';
import { canonicalNumber } from '../../src/text/decimal.ts';

describe('decodeItem', () => {
  it('returns an item without binary values as it is', () => {
    const item = { a: { S: '' }, n: { N: '1.0E+2' }, l: { L: [{ M: { x: { NULL: true } } }] } };

    expect(decodeItem(item, 'NewImage')).toBe(item);
  });

  it('turns base64 text into bytes, at any depth and in sets, and leaves the rest alone', () => {
    const item = {
      b: { B: 'AP8=' },
      l: { L: [{ M: { deep: { BS: ['AQ==', ''] } } }, { N: '1' }] },
    };

    const decoded = decodeItem(item, 'NewImage');

    expect(canonicalItem(decoded)).toBe(
      canonicalItem({
        b: { B: Buffer.from([0, 255]) },
        l: { L: [{ M: { deep: { BS: [Buffer.from([1]), Buffer.from([])] } } }, { N: '1' }] },
      }),
    );
    expect(decoded['b']?.B).toBeInstanceOf(Uint8Array);
    expect(decoded['b']?.B).toHaveLength(2);
  });

  it('makes bytes that JSON writes as the base64 that they came as', () => {
    const item = {
      ['b']: { B: 'AP8=' },
      l: { L: [{ M: { deep: { BS: ['AQ==', ''] }, ['"']: { S: '\u2028"\\' } } }, { N: '1.50' }] },
    };

    expect(JSON.stringify(decodeItem(item, 'NewImage'))).toBe(JSON.stringify(item));
  });

  it('takes a map of very many attributes with one binary among them', () => {
    const many = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, index) => [`a${index}`, { S: 'x' }] as const),
    );
    const item = { ...many, last: { B: 'AQ==' } };
    const decoded = decodeItem({ map: { M: item } }, 'NewImage');

    expect(Object.keys(decoded['map']?.M ?? {})).toEqual(Object.keys(item));
  });

  it('keeps an attribute called __proto__', () => {
    const item = JSON.parse('{"__proto__": {"S": "kept"}, "b": {"B": "AQ=="}}') as object;

    expect(JSON.stringify(Object.keys(decodeItem(item, 'NewImage')))).toBe('["__proto__","b"]');
  });

  it.each([
    ['no map at all', 'text', 'NewImage must be a map of attributes'],
    ['a value without a type', { a: {} }, 'NewImage.a must have exactly one type'],
    ['a value with two types', { a: { S: 'x', N: '1' } }, 'NewImage.a must have exactly one type'],
    ['an unknown type', { a: { X: 1 } }, 'NewImage.a is not a value of type X'],
    ['a number that is no text', { a: { N: 1 } }, 'NewImage.a is not a value of type N'],
    ['a set with a wrong member', { a: { SS: ['x', 1] } }, 'NewImage.a is not a value of type SS'],
    ['text that is not base64', { a: { L: [{ B: '*' }] } }, 'NewImage.a[0] must be base64 text'],
    [
      'base64 with rubbish in it',
      { a: { BS: ['AQ==', 'A Q=='] } },
      'NewImage.a must be base64 text',
    ],
  ])('refuses %s and says where', (_, item, message) => {
    expect(() => decodeItem(item, 'NewImage')).toThrow(message);
  });

  it('refuses nesting that would exhaust the stack', () => {
    let value: object = { S: 'bottom' };
    for (let depth = 0; depth < 5_000; depth += 1) value = { L: [value] };

    expect(() => decodeItem({ a: value }, 'NewImage')).toThrow('nested too deeply');
  });
});

describe('canonicalNumber', () => {
  it.each([
    ['1', '1e0'],
    ['1.0', '1e0'],
    ['100', '1e2'],
    ['1E+2', '1e2'],
    ['-0.0150', '-15e-3'],
    ['0', '0'],
    ['-0.00', '0'],
    ['99999999999999999999999999999999999999', '99999999999999999999999999999999999999e0'],
    ['1E-130', '1e-130'],
    ['not a number', 'not a number'],
  ])('writes %s as %s', (text, canonical) => {
    expect(canonicalNumber(text)).toBe(canonical);
  });
});

describe('canonicalItem', () => {
  it.each([
    ['numbers by value', { n: { N: '1.50' } }, { n: { N: '15e-1' } }, true],
    [
      'numbers that differ in the 38th digit',
      { n: { N: `${'1'.repeat(37)}2` } },
      { n: { N: '1'.repeat(38) } },
      false,
    ],
    ['sets in another order', { s: { SS: ['a', 'b'] } }, { s: { SS: ['b', 'a'] } }, true],
    ['number sets by value', { s: { NS: ['1', '2.0'] } }, { s: { NS: ['2', '1.0'] } }, true],
    [
      'binary sets in another order',
      { s: { BS: [Buffer.from('a'), Buffer.from('b')] } },
      { s: { BS: [Buffer.from('b'), Buffer.from('a')] } },
      true,
    ],
    [
      'lists in another order',
      { l: { L: [{ N: '1' }, { N: '2' }] } },
      { l: { L: [{ N: '2' }, { N: '1' }] } },
      false,
    ],
    [
      'maps in another order',
      { m: { M: { a: { S: '1' }, b: { S: '2' } } } },
      { m: { M: { b: { S: '2' }, a: { S: '1' } } } },
      true,
    ],
    ['the same digits of another type', { v: { N: '1' } }, { v: { S: '1' } }, false],
    ['a missing attribute', { a: { S: '' }, b: { NULL: true } }, { a: { S: '' } }, false],
    [
      'equal bytes in different containers',
      { b: { B: Buffer.from([1]) } },
      { b: { B: new Uint8Array([1]) } },
      true,
    ],
  ] as const)('compares %s', (_, a, b, same) => {
    expect(canonicalItem(a as never) === canonicalItem(b as never)).toBe(same);
  });
});

describe('canonicalKey', () => {
  it('is the same whatever the order of the attributes', () => {
    expect(canonicalKey({ pk: { S: 'a' }, sk: { N: '1' } })).toBe(
      canonicalKey({ sk: { N: '1.0' }, pk: { S: 'a' } }),
    );
  });

  it('cannot be confused by separators inside values', () => {
    const texts = ['a","b', 'a', '"a"', 'a\\', ''].map((text) =>
      canonicalKey({ pk: { S: text }, sk: { S: 'x' } }),
    );

    expect(new Set(texts).size).toBe(texts.length);
  });

  it('tells types apart', () => {
    expect(canonicalKey({ pk: { S: 'MQ==' } })).not.toBe(
      canonicalKey({ pk: { B: Buffer.from('1') } }),
    );
  });
});
