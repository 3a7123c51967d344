import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { longPoll } from '../../../src/local/sqs/long-poll.ts';
import { DEFAULT_SETTINGS } from '../../../src/local/sqs/queue-settings.ts';
import { type ReceivedMessage, SqsQueue } from '../../../src/local/sqs/queue.ts';

// Timers fire only when a test lets them, so what ends a wait is never in doubt.
beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function setUp({ waitMs = 20_000 } = {}) {
  const queue = new SqsQueue({ settings: DEFAULT_SETTINGS, now: Date.now });
  const abort = new AbortController();
  const attempt = vi.fn<() => readonly ReceivedMessage[]>(() => queue.receive(10));
  const poll = () => longPoll({ queue, attempt, waitMs, now: Date.now, signal: abort.signal });
  return { queue, attempt, poll, abort: () => abort.abort() };
}

describe('longPoll', () => {
  it('ends with a message the moment it arrives, and leaves no timer behind', async () => {
    const { queue, poll } = setUp();
    const waiting = poll();

    queue.send('a');

    expect(await waiting).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gives an arriving message to one of those who wait', async () => {
    const { queue, poll } = setUp();
    const first = poll();
    const second = poll();

    queue.send('a');
    const received = await first;
    queue.send('a');

    expect(received).toHaveLength(1);
    expect(await second).toHaveLength(1);
  });

  it('ends when the passing of time makes a message visible', async () => {
    const { queue, poll } = setUp();
    queue.send('a', 10);
    const startedAt = Date.now();
    const waiting = poll();

    await vi.advanceTimersByTimeAsync(10_050);

    expect(await waiting).toHaveLength(1);
    expect(Date.now() - startedAt).toBe(10_050);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('tries to the end of its wait, and then ends empty', async () => {
    const { poll, attempt } = setUp({ waitMs: 1_000 });
    let ended = false;
    const waiting = poll().finally(() => {
      ended = true;
    });

    await vi.advanceTimersByTimeAsync(999);
    expect(ended).toBe(false);
    await vi.advanceTimersByTimeAsync(1);

    expect(await waiting).toEqual([]);
    expect(attempt.mock.calls.length).toBeGreaterThan(10);
  });

  it('tries once when there is nothing to wait for', async () => {
    const { poll, attempt } = setUp({ waitMs: 0 });

    expect(await poll()).toEqual([]);
    expect(attempt).toHaveBeenCalledOnce();
  });

  it('ends at once on a signal, and takes nothing any more', async () => {
    const { queue, poll, attempt, abort } = setUp();
    const waiting = poll();

    abort();
    queue.send('a');

    expect(await waiting).toEqual([]);
    expect(await poll()).toEqual([]);
    expect(attempt).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });
});
