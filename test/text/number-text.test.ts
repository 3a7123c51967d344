import { expect, it } from 'vitest';
import { counted, grouped } from '../../src/text/number-text.ts';

it('groups thousands, and keeps fractions short', () => {
  expect([0, 999, 1_000, 1_234_567, 900.5].map(grouped)).toEqual([
    '0',
    '999',
    '1,000',
    '1,234,567',
    '900.5',
  ]);
});

it('counts in the singular and in the plural', () => {
  expect([0, 1, 2, 1_000].map((value) => counted(value, 'item'))).toEqual([
    '0 items',
    '1 item',
    '2 items',
    '1,000 items',
  ]);
  expect(counted(1, 'letter waits', 'letters wait')).toBe('1 letter waits');
});
