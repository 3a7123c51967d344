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
