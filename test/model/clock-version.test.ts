import { describe, expect, it } from 'vitest';
import {
  clientUnique,
  clockMsOf,
  clockVersion,
  epochOf,
  nextVersion,
  originOf,
  uniqueOf,
} from '../../src/model/clock-version.ts';
import { versionIn, versionOf } from '../../src/model/guard.ts';

const MS = 1_769_860_801_234;
const BASE = { epoch: 2, ms: MS, counter: 7, origin: 1, unique: '9'.repeat(34) } as const;

describe('a clock version', () => {
  it('has the form of all versions', () => {
    const version = clockVersion(BASE);

    expect(version).toBe(`0002.1769860801234.000071${'9'.repeat(34)}`);
    expect(versionIn({ M: { v: { S: version } } })).toBe(version);
  });

  it('tells its parts', () => {
    const version = clockVersion({ ...BASE, origin: 2, unique: '5' });

    expect([epochOf(version), clockMsOf(version), originOf(version)]).toEqual([2, MS, 2]);
    expect(version.endsWith(`2${'5'.padStart(34, '0')}`)).toBe(true);
  });

  it.each([
    ['epoch', { epoch: 3, ms: 0 }],
    ['clock', { ms: MS + 1, counter: 0 }],
    ['counter', { counter: 8, unique: '0' }],
    ['side', { origin: 2, unique: '0' }],
  ] as const)('is ordered by its %s', (_, later) => {
    expect(clockVersion({ ...BASE, ...later }) > clockVersion(BASE)).toBe(true);
  });

  it('of a stream has no origin', () => {
    const sequence = versionOf({ epoch: 1, labelMs: MS }, '100000000000000000001');

    expect(originOf(sequence)).toBeUndefined();
    expect(originOf(versionOf({ epoch: 1, labelMs: MS }, '0'))).toBeUndefined();
  });
});

describe('the next version of a side', () => {
  it.each([
    ['has the next counter', BASE, `0002.1769860801234.000082${'5'.padStart(34, '0')}`],
    [
      'has the next millisecond where the counter is used up',
      { ...BASE, counter: 99_999 },
      `0002.1769860801235.000002${'5'.padStart(34, '0')}`,
    ],
  ] as const)('%s', (_, before, expected) => {
    const version = clockVersion(before);

    const next = nextVersion(version, 2, '5');

    expect(next).toBe(expected);
    expect(next > version).toBe(true);
  });

  it('is above one that ends with a tilde, too', () => {
    const version = `${clockVersion(BASE)}~`;

    expect(nextVersion(version, 1, '0') > version).toBe(true);
  });
});

describe('what makes a version unique', () => {
  it.each(['7', '100000000000000000001', '9'.repeat(40)])(
    'of a record begins with 0, and ends with its number: %s',
    (number) => {
      const unique = uniqueOf(number);

      expect(unique).toMatch(/^0\d{33}$/);
      expect(unique.endsWith(number.slice(-33))).toBe(true);
    },
  );

  it('of a client begins with 9, and counts', () => {
    const [one, next] = [clientUnique(123, 8), clientUnique(123, 9)];

    expect(one).toMatch(/^9\d{33}$/);
    expect(next > one).toBe(true);
    expect(clientUnique(124, 8)).not.toBe(one);
  });
});
