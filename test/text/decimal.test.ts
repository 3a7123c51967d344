import { expect, it } from 'vitest';
import { isExactNumber } from '../../src/text/decimal.ts';
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
