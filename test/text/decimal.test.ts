import { expect, it } from 'vitest';
import { compareNumbers, isExactNumber } from '../../src/text/decimal.ts';
import { parseJson } from '../../src/text/json-text.ts';

it.each([
  '0',
  '-0',
  '0.1',
  '1.50',
  '-7',
  '1e21',
  '1E-130',
  '9007199254740992',
  '0.1000000000000000',
])('a double holds every digit of %s', (text) => {
  expect(isExactNumber(text)).toBe(true);
});

it.each(['0.12345678901234567890', '9007199254740993', '1e400', '1e-400', '0.30000000000000001'])(
  'a double rounds %s, and a file with it is refused',
  (text) => {
    expect(isExactNumber(text)).toBe(false);
    expect(() => parseJson(`{"key":\n{"pk":${text}}}`)).toThrow(
      `line 2, column 7: ${text} would be read as ${Number(text)}`,
    );
  },
);

it('compares numbers by their value, to the last digit', () => {
  const inOrder = [
    '-9.9e125',
    '-10',
    '-2.00000000000000000000000000000000000002',
    '-2.00000000000000000000000000000000000001',
    '-1.5',
    '-1e-130',
    '-0.0',
    '1E-130',
    '0.02',
    '1.49',
    '15e-1',
    '1.51',
    '2',
    '010',
    '12345678901234567890123456789012345678',
    '12345678901234567890123456789012345679',
    '1e+38',
  ];
  const signs = inOrder.map((a) => inOrder.map((b) => Math.sign(compareNumbers(a, b)) + 0));

  expect(signs).toEqual(inOrder.map((_, a) => inOrder.map((__, b) => Math.sign(a - b))));
  expect(compareNumbers('1.50', '+15e-1')).toBeCloseTo(0);
  expect(compareNumbers('-0', '0')).toBeCloseTo(0);
});
