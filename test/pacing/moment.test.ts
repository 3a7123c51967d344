// Ages by two clocks: a wait never ends too early, and a right never lasts too long.

import { describe, expect, it } from 'vitest';
import { ageLeastMs, ageMostMs, waitLeftMs } from '../../src/pacing/moment.ts';

const SINCE = { wallMs: 1_000_000, monotonicMs: 500 };
const WAIT_MS = 24_000;

describe.each([
  {
    name: 'both clocks have gone on',
    wall: 10_000,
    monotonic: 10_000,
    least: 10_000,
    left: 14_000,
  },
  {
    name: 'the wall clock was set forth',
    wall: 90_000,
    monotonic: 10_000,
    least: 10_000,
    left: 14_000,
  },
  {
    name: 'the wall clock was set back',
    wall: -60_000,
    monotonic: 10_000,
    least: -60_000,
    left: 84_000,
  },
  { name: 'the machine has slept', wall: 90_000, monotonic: 3_000, least: 3_000, left: 21_000 },
  { name: 'the wait has just ended', wall: 24_000, monotonic: 24_000, least: 24_000, left: 0 },
  { name: 'a millisecond is left', wall: 24_000, monotonic: 23_999, least: 23_999, left: 1 },
  { name: 'the wait is long over', wall: 99_000, monotonic: 99_000, least: 99_000, left: 0 },
])('where $name', ({ wall, monotonic, least, left }) => {
  const clocks = {
    clock: { now: () => SINCE.wallMs + wall },
    monotonicMs: () => SINCE.monotonicMs + monotonic,
  };

  it('a wait counts what has surely passed', () => {
    expect(ageLeastMs(SINCE, clocks)).toBe(least);
    expect(waitLeftMs(SINCE, WAIT_MS, clocks)).toBe(left);
  });

  it('a right counts what may have passed', () => {
    expect(ageMostMs(SINCE, clocks)).toBe(Math.max(wall, monotonic));
  });
});
