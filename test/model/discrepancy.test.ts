import { describe, expect, it } from 'vitest';
import { findDiscrepancy } from '../../src/model/discrepancy.ts';

const item = (total: string, extra: object = {}) => ({
  pk: { S: 'a' },
  total: { N: total },
  ...extra,
});

const rules = { reservedAttribute: '_ferry' };

describe('findDiscrepancy', () => {
  it.each([
    ['both absent', undefined, undefined, undefined],
    ['only in the source', item('1'), undefined, 'missing'],
    ['only in the destination', undefined, item('1'), 'extraneous'],
    ['equal', item('1'), item('1.0'), undefined],
    ['equal but for the version', item('1'), item('1', { _ferry: { M: {} } }), undefined],
    ['different', item('1'), item('2'), 'different'],
    ['one attribute more', item('1'), item('1', { more: { NULL: true } }), 'different'],
  ])('tells %s', (_, source, destination, expected) => {
    expect(findDiscrepancy(source as never, destination as never, rules)).toBe(expected);
  });
});
