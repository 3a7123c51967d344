// The text of a number -> whether DynamoDB can store it as it is. Never goes through a double.

import { canonicalNumber } from './decimal.ts';

/** DynamoDB's limits: digits that are not leading or trailing zeros, and the exponent of the first one. */
const DIGITS_MAX = 38;
const [EXPONENT_MIN, EXPONENT_MAX] = [-130, 125];

/** @returns what DynamoDB would refuse, or undefined. */
export function numberProblem(text: string): string | undefined {
  const match = /^(?:0|-?(\d+)e(-?\d+))$/.exec(canonicalNumber(text));
  // Without a digit, `canonicalNumber` takes it for zero.
  if (match === null || !/^[+-]?\.?\d/.test(text)) return 'is not a number';
  const [, digits, scale] = match;
  if (digits === undefined) return undefined;
  if (digits.length > DIGITS_MAX)
    return `has ${digits.length} significant digits, and DynamoDB stores ${DIGITS_MAX} at most`;
  const exponent = Number(scale) + digits.length - 1;
  return exponent < EXPONENT_MIN || exponent > EXPONENT_MAX
    ? 'is out of range: DynamoDB stores 0, and sizes from 1E-130 to 9.99E+125'
    : undefined;
}

/** JSON with each number literal as `{"N":"its digits"}`. `json` must be JSON. */
export function withTypedNumbers(json: string): string {
  return json.replaceAll(STRING_OR_NUMBER, (literal) =>
    literal.startsWith('"') ? literal : `{"N":"${literal}"}`,
  );
}

/** Finds both in JSON, so that digits within a string are not taken for a number. */
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
