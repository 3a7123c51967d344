// Writes at their times, shown with a clock that the test moves.

import { expect, it } from 'vitest';
import { isMissed } from '../../src/local/latency/reached-rate.ts';
import { TimedWriter } from '../../src/local/latency/timed-writer.ts';

/** A clock on which only sleeping takes time. */
function sleepingClock() {
  let nowMs = 0;
  return {
    now: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += Math.max(ms, 0.5);
      await new Promise(setImmediate);
    },
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

const never = new AbortController().signal;

it('sends each write when it is due, and counts those that are answered', async () => {
  const clock = sleepingClock();
  const sent: Array<[dueMs: number, nowMs: number]> = [];
  const writer = new TimedWriter({
    rate: 100,
    planned: 5,
    clock,
    stop: never,
    send: async (dueMs) => void sent.push([dueMs, clock.now()]),
  });

  await writer.run();

  expect(sent.map(([dueMs]) => dueMs)).toEqual([0, 10, 20, 30, 40]);
  for (const [dueMs, nowMs] of sent) expect(nowMs - dueMs).toBeLessThan(1);
  expect(writer.answered).toBe(5);
  expect(isMissed(writer.reachedRate, 100)).toBe(false);
});

it('does not wait for answers, and keeps the times of writes that a stall has held up', async () => {
  const clock = sleepingClock();
  const due: number[] = [];
  const writer = new TimedWriter({
    rate: 100,
    planned: 6,
    clock,
    stop: never,
    send: async (dueMs) => {
      due.push(dueMs);
      // The process stands still for a while, in the middle of the second write.
      if (due.length === 2) clock.pass(1_000);
    },
  });

  await writer.run();

  expect(due).toEqual([0, 10, 20, 30, 40, 50]);
  expect(writer.lateMsMax).toBeGreaterThan(980);
  expect(isMissed(writer.reachedRate, 100)).toBe(true);
});

it('holds 64 writes at most, and lets no more time than a minute be caught up', async () => {
  const clock = sleepingClock();
  const answers: Array<() => void> = [];
  let open = 0;
  let openMax = 0;
  const writer = new TimedWriter({
    rate: 1_000,
    planned: 200,
    clock,
    stop: never,
    send: async () => {
      open += 1;
      openMax = Math.max(openMax, open);
      await new Promise<void>((resolve) => answers.push(resolve));
      open -= 1;
    },
  });

  const running = writer.run();
  await expect.poll(() => answers.length).toBe(64);
  clock.pass(100_000);
  for (const answer of answers) answer();
  await running;

  expect(openMax).toBe(64);
  expect(writer.answered).toBe(64);
});

it('ends with the first error, and at once when it is stopped', async () => {
  const clock = sleepingClock();
  const plan = { rate: 100, planned: 1_000, clock };
  const failing = new TimedWriter({
    ...plan,
    stop: never,
    send: () => Promise.reject(new Error('no such table')),
  });
  const stop = new AbortController();
  const stopped: TimedWriter = new TimedWriter({
    ...plan,
    stop: stop.signal,
    send: async () => {
      if (stopped.answered === 2) stop.abort();
    },
  });

  await expect(failing.run()).rejects.toThrow('no such table');
  await stopped.run();

  expect(stopped.answered).toBe(3);
});
