import { describe, expect, it } from 'vitest';
import { ObjectSlices, rangeOf } from '../../src/bulk/object-slices.ts';

function slicesOf(sizes: readonly number[], most: number, keyOf = keyed) {
  const slices = new ObjectSlices(most);
  for (const [index, sizeBytes] of sizes.entries()) slices.add({ key: keyOf(index), sizeBytes });
  return slices;
}

const keyed = (index: number) => `aws/lambda/${String(index).padStart(9, '0')}`;

/** Bytes of each slice. */
function bytesOf(sizes: readonly number[], boundaries: readonly string[]): number[] {
  return boundaries.map((_, slice) => {
    const { after = '', upTo = '~' } = rangeOf(boundaries, slice);
    return sizes.reduce((sum, size, index) => {
      const key = keyed(index);
      return key > after && key <= upTo ? sum + size : sum;
    }, 0);
  });
}

describe('slices of a bucket', () => {
  it.each([
    [1, 8],
    [8, 8],
    [9, 8],
    [10_000, 8],
    [100_000, 400],
  ])('hold each of %i objects once, in at most %i slices of about the same size', (count, most) => {
    const sizes = Array.from({ length: count }, (_, index) => 1 + ((index * 7_919) % 1_000));

    const slices = slicesOf(sizes, most);
    const boundaries = slices.boundaries();
    const bytes = bytesOf(sizes, boundaries);

    expect(boundaries.length).toBeLessThanOrEqual(most);
    expect(boundaries.length).toBeGreaterThanOrEqual(Math.min(count, most) / 4);
    expect(bytes.reduce((sum, one) => sum + one, 0)).toBe(slices.bytes);
    expect(slices.objects).toBe(count);
    expect(boundaries.at(-1)).toBe(keyed(count - 1));
    expect(Math.max(...bytes)).toBeLessThan((4 * slices.bytes) / boundaries.length + 1_000);
  });

  it('have boundaries that fit into a state machine’s input, however long the keys are', () => {
    const keyOf = (index: number) => `${keyed(index)}${'x'.repeat(1_000)}`;

    const boundaries = slicesOf(
      Array.from({ length: 5_000 }, () => 5),
      400,
      keyOf,
    ).boundaries();

    expect(JSON.stringify(boundaries).length).toBeLessThan(150_000);
    expect(boundaries.length).toBeGreaterThan(20);
  });

  it('are none of an empty bucket', () => {
    expect(slicesOf([], 8).boundaries()).toEqual([]);
  });
});
