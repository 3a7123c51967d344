import { expect, it } from 'vitest';
import { paceOf } from '../../src/pacing/pace.ts';

function virtualClock() {
  let nowMs = 1_000_000;
  return {
    now: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms;
    },
    passed: () => nowMs - 1_000_000,
  };
}

it('gives everybody their turn, also those who ask at once', async () => {
  const clock = virtualClock();
  const pace = paceOf(10, clock);

  await Promise.all(Array.from({ length: 21 }, () => pace.take(1)));

  expect(clock.passed()).toBe(2_000);
});

it('makes whoever asks next pay for what was spent', async () => {
  const clock = virtualClock();
  const pace = paceOf(100, clock);
  const waits: number[] = [];

  for (const units of [50, 0, 300, 1]) {
    await pace.ready();
    waits.push(clock.passed());
    pace.spend(units);
  }

  expect(waits).toEqual([0, 500, 500, 3_500]);
});

it('saves nothing up while nobody asks', async () => {
  const clock = virtualClock();
  const pace = paceOf(1, clock);
  await pace.take(1);
  await clock.sleep(60_000);

  await pace.take(5);
  await pace.take(1);

  expect(clock.passed()).toBe(65_000);
});

it('lets a stop through within a second', async () => {
  const clock = virtualClock();
  const stop = new AbortController();
  const pace = paceOf(1, clock);
  await pace.take(1_000);
  const waiting = pace.ready(stop.signal);
  stop.abort();
  await waiting;

  expect(clock.passed()).toBeLessThanOrEqual(1_000);
});

it('without a limit nobody waits', async () => {
  const clock = virtualClock();
  const pace = paceOf(Infinity, clock);
  await pace.take(1e9);
  pace.spend(1e9);
  await pace.ready();

  expect(clock.passed()).toBe(0);
});
