// A receive that waits: tries, and tries again whenever a message may have become visible, until it has
// one, the wait is over or the caller is gone.

import type { SqsQueue } from './queue.ts';

/**
 * Longest time between two tries. Messages also become visible just by the passing of time, and an
 * injected clock may jump.
 */
const RETRY_MS = 50;

interface LongPoll<T> {
  readonly queue: SqsQueue;
  /** One receive; a list with anything in it ends the wait. */
  readonly attempt: () => readonly T[];
  readonly waitMs: number;
  readonly now: () => number;
  /** Ends the wait at once. Nothing is received for a caller that is gone: it would stay hidden. */
  readonly signal: AbortSignal;
}

/** What the first successful attempt received; nothing once the wait is over. */
export async function longPoll<T>(poll: LongPoll<T>): Promise<readonly T[]> {
  const { queue, attempt, waitMs, now, signal } = poll;
  const startedAt = now();
  const startedAtReal = performance.now();
  // By whichever clock is ahead: an injected one may stand still, and the caller waits in real time.
  const remainingMs = () => waitMs - Math.max(now() - startedAt, performance.now() - startedAtReal);
  while (!signal.aborted) {
    const received = attempt();
    if (received.length > 0 || remainingMs() <= 0) return received;
    await arrival(queue, Math.min(remainingMs(), RETRY_MS), signal);
  }
  return [];
}

/** Resolves when a message may have arrived, after `timeoutMs`, or when `signal` aborts. */
function arrival(queue: SqsQueue, timeoutMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      stopListening();
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, timeoutMs);
    const stopListening = queue.onArrival(finish);
    signal.addEventListener('abort', finish);
  });
}
