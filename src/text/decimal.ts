// Decimal numbers as text: compared by value, without going through a double.

/** One way to write a number: "1.50" and "15e-1" both become "15e-1". Other text is returned as it is. */
export function canonicalNumber(text: string): string {
  const match = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null) return text;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const significant = (whole + fraction).replace(/^0+/, '');
  const digits = significant.replace(/0+$/, '');
  if (digits === '') return '0';
  const scale = Number(exponent) - fraction.length + (significant.length - digits.length);
  return `${sign === '-' ? '-' : ''}${digits}e${scale}`;
}

/** Whether a double holds the number with every digit that is written. */
export function isExactNumber(text: string): boolean {
  return canonicalNumber(text) === canonicalNumber(String(Number(text)));
}

/** Below zero where the first is the lower one, by value. Both must be numbers. */
export function compareNumbers(first: string, second: string): number {
  const [a, b] = [decimalOf(first), decimalOf(second)];
  if (a.sign !== b.sign || a.sign === 0) return a.sign - b.sign;
  // Digits without zeros around them: as text, they are in the order of their values.
  const size =
    a.magnitude - b.magnitude || (a.digits < b.digits ? -1 : Number(a.digits > b.digits));
  return a.sign * size;
}

function decimalOf(text: string) {
  const [, minus = '', digits = '', scale = '0'] =
    /^(-?)(\d+)(?:e(-?\d+))?$/.exec(canonicalNumber(text)) ?? [];
  const sign = digits === '0' ? 0 : minus === '' ? 1 : -1;
  return { sign, digits, magnitude: Number(scale) + digits.length };
}
