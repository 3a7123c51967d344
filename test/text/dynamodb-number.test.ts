import { describe, expect, it } from 'vitest';
import { numberProblem, withTypedNumbers } from '../../src/text/dynamodb-number.ts';

const NINES = '9'.repeat(38);

describe('a number that DynamoDB stores', () => {
  it.each([
    '0',
    '-0',
    '0.000',
    '1E-130',
    '-1e-130',
    `9.${NINES.slice(1)}E+125`,
    `${NINES}${'0'.repeat(88)}`,
    `000${NINES}000`,
    `0.${'0'.repeat(20)}${NINES}`,
    '0.12345678901234567890',
    '+7',
  ])('is %s', (text) => {
    expect(numberProblem(text)).toBeUndefined();
  });
});

describe('a number that DynamoDB refuses', () => {
  it.each([
    ['9.99E+126', 'out of range'],
    ['9.99E-131', 'out of range'],
    [`1${'0'.repeat(126)}`, 'out of range'],
    [`${NINES}9`, '39 significant digits'],
    [`0.1${'0'.repeat(37)}1`, '39 significant digits'],
    ['', 'not a number'],
    ['.', 'not a number'],
    ['e7', 'not a number'],
    ['-', 'not a number'],
    ['NaN', 'not a number'],
    ['Infinity', 'not a number'],
    ['0x10', 'not a number'],
    ['1 ', 'not a number'],
  ])('is %s', (text, problem) => {
    expect(numberProblem(text)).toContain(problem);
  });
});

describe('the numbers of a JSON text', () => {
  it('are typed as they stand, and digits in strings are left alone', () => {
    const json = '{"a\\"1":0.12345678901234567890,"b":["2 \\\\",-1.5E+3],"c":true}';

    expect(JSON.parse(withTypedNumbers(json))).toEqual({
      'a"1': { N: '0.12345678901234567890' },
      b: ['2 \\', { N: '-1.5E+3' }],
      c: true,
    });
  });
});
