// One request to the twin: repeated while it is throttled, and not begun when too little time is left to see it
// through.

import { WRITE_TIME_MS } from '../config/names.ts';
import type { FailedAttempt } from '../model/dead-letter.ts';
import {
  classifyFailure,
  isOverload,
  retryDelayMs,
  type WriteFailure,
} from '../model/write-failure.ts';
import type { WriteRequest } from '../model/write-request.ts';
import type { Clock, Random, TwinWriter, WriteReply } from '../ports.ts';
import type { ConcurrencyLimit } from './concurrency-limit.ts';
import type { DestinationHealth } from './destination-health.ts';

export interface SendContext {
  readonly twinWriter: TwinWriter;
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds that are left for writes. */
  readonly remainingMs: () => number;
  readonly health: DestinationHealth;
  /** With less time left, nothing is sent. @default what a write needs */
  readonly leastMs?: number;
  /** Learns how long answers take, where it sets the pace. */
  readonly limit?: ConcurrencyLimit;
}

/** Tries of a throttled request in one invocation; about six seconds of waiting in all, on average. */
const ATTEMPTS_MAX = 8;

/** The result of a request that was answered, given up or never sent. */
export type SendResult =
  | WriteReply
  | {
      readonly kind: 'failed';
      readonly failure: WriteFailure;
      readonly attempts: readonly FailedAttempt[];
    }
  | { readonly kind: 'no-time' }
  /** Not sent, because the destination is down. */
  | { readonly kind: 'halted' };

/** Sends one request, again and again while it is throttled and time is left. Never rejects. */
export async function send(request: WriteRequest, context: SendContext): Promise<SendResult> {
  const { twinWriter, clock, random, health, limit, remainingMs } = context;
  const { leastMs = WRITE_TIME_MS } = context;
  const attempts: FailedAttempt[] = [];
  for (;;) {
    if (health.isDown()) return { kind: 'halted' };
    if (remainingMs() < leastMs) return { kind: 'no-time' };
    const startMs = clock.now();
    const ticket = limit?.started();
    try {
      const reply = await twinWriter.write(request);
      const nowMs = clock.now();
      limit?.ended(ticket, nowMs - startMs);
      health.note(undefined, nowMs);
      return reply;
    } catch (error) {
      const failure = classifyFailure(error);
      limit?.ended(ticket, isOverload(failure) ? 'overloaded' : 'failed');
      health.note(failure, clock.now());
      attempts.push({ at: new Date(clock.now()).toISOString(), error: failure.name });
      const again = failure.kind === 'throttled' && attempts.length < ATTEMPTS_MAX;
      if (!again) return { kind: 'failed', failure, attempts };
    }
    await clock.sleep(retryDelayMs(attempts.length, random.next()));
  }
}
