// Repeats a request that may be repeated: for as long as it is throttled, and a few times when the
// network fails. For work that has no deadline; a handler's requests do not come this way.

import { classifyFailure, type FailureKind, retryDelayMs } from '../model/write-failure.ts';
import { FerryError } from '../errors.ts';
import type { Clock, Random } from '../ports.ts';

export interface RetryContext {
  readonly clock: Clock;
  readonly random: Random;
  /** Ends the waiting: what `retry` then throws is its reason. */
  readonly stop: AbortSignal;
}

/** In a row; with the waits between them, about six seconds. */
const OUTAGE_TRIES_MAX = 8;
/** Kinds of failures that may pass by themselves. */
export const OUTAGES: readonly FailureKind[] = ['unreachable', 'unknown'];

/**
 * @param action must be harmless to repeat, also when an earlier try is applied late.
 * @throws what `action` throws and repeating cannot help, or the reason of `stop`.
 */
export async function retry<T>(
  action: () => Promise<T>,
  { clock, random, stop }: RetryContext,
): Promise<T> {
  let outages = 0;
  for (let attempt = 1; ; attempt += 1) {
    stop.throwIfAborted();
    try {
      return await action();
    } catch (error) {
      if (error instanceof FerryError) throw error;
      const { kind } = classifyFailure(error);
      outages = OUTAGES.includes(kind) ? outages + 1 : 0;
      const again = kind === 'throttled' || (outages > 0 && outages < OUTAGE_TRIES_MAX);
      if (!again) throw error;
    }
    await clock.sleep(retryDelayMs(attempt, random.next()));
  }
}
