// Holds long work to a rate: capacity units, or records, per second.

import type { Clock } from '../ports.ts';

export interface Pace {
  /** Resolves when it is the caller's turn to use so many units, or soon after `stop`. */
  take(units: number, stop?: AbortSignal): Promise<void>;
  /** Where the units are known only afterwards: resolves once all that was spent is paid for. */
  ready(stop?: AbortSignal): Promise<void>;
  /** What has been used; the next caller has to wait for it. Below zero for what was taken in vain. */
  spend(units: number): void;
}

/** So that a stop is noticed within a second, however long the wait. */
const NAP_MS = 1_000;

/** @param perSecond Infinity for no limit. */
export function paceOf(perSecond: number, clock: Clock): Pace {
  let paidAtMs = 0;
  const spend = (units: number) => {
    const fromMs = Math.max(paidAtMs, clock.now());
    paidAtMs = fromMs + (units * 1000) / perSecond;
    return fromMs;
  };
  const waitUntil = async (time: () => number, stop: AbortSignal | undefined) => {
    for (;;) {
      const waitMs = time() - clock.now();
      if (waitMs <= 0 || stop?.aborted === true) return;
      await clock.sleep(Math.min(waitMs, NAP_MS));
    }
  };
  return {
    take(units, stop) {
      const turnMs = spend(units);
      return waitUntil(() => turnMs, stop);
    },
    ready: (stop) => waitUntil(() => paidAtMs, stop),
    spend,
  };
}
