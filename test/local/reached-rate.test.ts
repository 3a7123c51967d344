import { describe, expect, it } from 'vitest';
import { isMissed, reachedRate } from '../../src/local/latency/reached-rate.ts';

describe('the rate that was reached', () => {
  it.each([
    ['what was asked for', { asked: 100, count: 3_000, elapsedMs: 29_990 }, 100],
    [
      'less, where each write waited for the one before',
      { asked: 5_000, count: 27_000, elapsedMs: 30_000 },
      900,
    ],
    ['never more, with one write alone', { asked: 1, count: 1, elapsedMs: 0 }, 1],
    [
      'what was asked for, when it was stopped early',
      { asked: 20, count: 65, elapsedMs: 3_200 },
      20,
    ],
    ['told to a tenth', { asked: 2, count: 10, elapsedMs: 8_000 }, 1.2],
    ['nothing where nothing was written', { asked: 100, count: 0, elapsedMs: 10_000 }, 0],
  ])('is %s', (_, pace, reached) => {
    expect(reachedRate(pace)).toBe(reached);
  });

  it('is missed by more than what timers are late by', () => {
    expect(isMissed(96, 100)).toBe(false);
    expect(isMissed(94, 100)).toBe(true);
    expect(isMissed(1, 1)).toBe(false);
  });
});
