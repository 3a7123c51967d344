// A workload at a steady rate, on a clock that the test moves.

import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { expect, it } from 'vitest';
import { writeLoop } from '../../src/local/run/write-loop.ts';

/** A source that answers after so long. */
async function run(answerMs: number, writesPerSecond: number, stopMs = Infinity) {
  let nowMs = 0;
  const stop = new AbortController();
  const clock = {
    now: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms;
      if (nowMs >= stopMs) stop.abort();
      await new Promise(setImmediate);
    },
  };
  const answered = async () => {
    const dueMs = nowMs + answerMs;
    const isDue = () => nowMs >= dueMs;
    // When nothing is written any more, no sleep moves the clock.
    for (let still = 0, seenMs = nowMs; !isDue() && still < 100; still += 1) {
      await new Promise(setImmediate);
      if (seenMs !== nowMs) still = 0;
      seenMs = nowMs;
    }
    return {};
  };
  let written = 0;
  const reached = await writeLoop({
    client: { send: answered } as unknown as DynamoDBClient,
    table: 'Orders',
    nextWrite: () => ({ kind: 'delete', key: { pk: { S: 'a' } } }),
    clock,
    writesPerSecond,
    durationMs: 10_000,
    stop: stop.signal,
    onWritten: () => (written += 1),
  });
  return { reached, written };
}

it('reaches the rate of a source that keeps up', async () => {
  expect(await run(20, 100)).toEqual({ reached: 100, written: 1_000 });
});

it('reaches it also when it is stopped early', async () => {
  expect((await run(20, 100, 2_000)).reached).toBeGreaterThan(95);
});

it('tells the rate that a slow source takes, however many writes were asked for', async () => {
  const { reached, written } = await run(100, 5_000);

  // 64 at once, and 100 ms each.
  expect(reached).toBeGreaterThan(500);
  expect(reached).toBeLessThan(650);
  expect(written).toBeGreaterThan(5_000);
});
