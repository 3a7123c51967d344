import { describe, expect, it } from 'vitest';
import { dollars, itemSizeBytes, readUnits, writeUnits } from '../../src/model/capacity.ts';
import { estimateCopy } from '../../src/backfill/estimate.ts';
import type { Item } from '../../src/model/attribute-value.ts';

describe('itemSizeBytes', () => {
  // Name of one byte, and the value as DynamoDB documents its size.
  it.each<[string, Item, number]>([
    ['text in UTF-8', { a: { S: 'é€' } }, 1 + 5],
    ['a name in UTF-8', { é: { S: '' } }, 2],
    ['bytes', { a: { B: new Uint8Array(7) } }, 1 + 7],
    ['a boolean', { a: { BOOL: true } }, 1 + 1],
    ['null', { a: { NULL: true } }, 1 + 1],
    ['a short number', { a: { N: '12' } }, 1 + 2],
    ['a negative number', { a: { N: '-12' } }, 1 + 3],
    ['38 digits', { a: { N: '9'.repeat(38) } }, 1 + 20],
    ['zeros around', { a: { N: '0.00120' } }, 1 + 2],
    ['a list', { a: { L: [{ S: 'ab' }, { N: '1' }] } }, 1 + 3 + (1 + 2) + (1 + 2)],
    ['a map', { a: { M: { b: { S: 'cd' } } } }, 1 + 3 + 1 + (1 + 2)],
    ['a set of texts', { a: { SS: ['ab', 'c'] } }, 1 + 3],
    ['a set of numbers', { a: { NS: ['1', '22'] } }, 1 + 4],
    ['a set of bytes', { a: { BS: [new Uint8Array(3)] } }, 1 + 3],
  ])('counts %s', (_, item, bytes) => {
    expect(itemSizeBytes(item)).toBe(bytes);
  });
});

it('rounds units up, and never to nothing', () => {
  expect([0, 1, 4_096, 4_097].map(readUnits)).toEqual([1, 1, 1, 2]);
  expect([0, 1_024, 1_025].map(writeUnits)).toEqual([1, 1, 2]);
});

it('knows what a million units cost', () => {
  expect(dollars({ read: 1e6, write: 1e6 })).toBeCloseTo(0.75);
});

describe('estimateCopy', () => {
  const small = { pk: { S: 'a' } };

  it('takes from the service how many there are, and from a sample how large', () => {
    expect(estimateCopy({ items: 1_000, sizeBytes: 40_960 }, [small, small])).toMatchObject({
      items: 1_000,
      averageBytes: 3,
      readUnits: 10,
      // Twice a put and twice the check of a ledger row, each of one unit.
      writeUnits: 4_000,
    });
  });

  it('believes its eyes where the service is behind', () => {
    expect(estimateCopy({ items: 0, sizeBytes: 0 }, [small, small])).toMatchObject({ items: 2 });
  });

  it('counts, of tables that are compared, a scan of both and each of their items', () => {
    const small = { pk: { S: 'a' } };
    const estimate = (readsTwin: boolean) =>
      estimateCopy({ items: 1_000, sizeBytes: 40_960 }, [small], { readsTwin }).readUnits;

    expect(estimate(true)).toBe(2 * (estimate(false) + 1_000));
  });

  it('makes nothing of nothing', () => {
    expect(estimateCopy({ items: 0, sizeBytes: 0 }, [])).toEqual({
      items: 0,
      averageBytes: 0,
      readUnits: 0,
      writeUnits: 0,
      dollars: 0,
    });
  });
});
