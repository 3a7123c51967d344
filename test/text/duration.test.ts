import { expect, it } from 'vitest';
import { duration } from '../../src/text/duration.ts';

it.each([
  [0, '0 ms'],
  [850.4, '850 ms'],
  [1_400, '1.4 s'],
  [9_999, '10.0 s'],
  [42_000, '42 s'],
  [119_000, '119 s'],
  [180_000, '3 min'],
  [5 * 3_600_000, '5 h'],
  [3.2 * 86_400_000, '3 days'],
])('says %d ms as people would: %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});
