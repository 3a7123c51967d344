// Markers: told from items by their keys alone, in whatever form the key of a table has.

import { describe, expect, it } from 'vitest';
import { canHaveMarkers, isMarker, markerKeys, nonceOf } from '../../src/model/marker.ts';

const text = { name: 'pk', type: 'S' } as const;
const binary = { name: 'pk', type: 'B' } as const;
const number = { name: 'sk', type: 'N' } as const;

describe('the key of a marker', () => {
  it.each([
    ['a text', [text]],
    ['binary', [binary]],
    ['a text and a number', [text, number]],
    ['a text and binary', [text, { name: 'sk', type: 'B' }]],
  ] as const)('is known in a table whose key is %s', (_, keys) => {
    const [first, second, ...others] = markerKeys('abc', [3, 5], keys);

    expect(others).toEqual([]);
    expect(first).not.toEqual(second);
    for (const key of [first, second]) {
      expect(Object.keys(key ?? {})).toEqual(keys.map(({ name }) => name));
      expect(isMarker(key ?? {})).toBe(true);
      expect(nonceOf(key ?? {})).toBe('abc');
    }
  });

  it.each([
    [{ pk: { S: 'ferry-marke' } }],
    [{ pk: { S: 'a-ferry-marker-x-1' } }],
    [{ pk: { N: '7' }, sk: { B: new Uint8Array([102, 101]) } }],
  ])('is not %j', (key) => {
    expect(isMarker(key)).toBe(false);
    expect(nonceOf(key)).toBeUndefined();
  });

  it('has no room in a partition key that is a number', () => {
    expect(
      canHaveMarkers([
        { name: 'pk', type: 'N' },
        { name: 'sk', type: 'S' },
      ]),
    ).toBe(false);
    expect(canHaveMarkers([text, number])).toBe(true);
  });
});
