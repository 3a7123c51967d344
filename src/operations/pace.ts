// Holds long work to a rate: capacity units, or records, per second.

import type { Clock } from '../ports.ts';

export interface Pace {
  /** Resolves once all that was spent is paid for, or the work is to stop. */
  ready(): Promise<void>;
  /** What has been used; the next to ask has to wait for it. */
  spend(units: number): void;
}

/** So that a stop is noticed within a second, however long the wait. */
const NAP_MS = 1_000;

/** @param perSecond Infinity for no limit. */
export function paceOf(perSecond: number, clock: Clock, stop?: AbortSignal): Pace {
  let paidAtMs = 0;
  return {
    async ready() {
      for (;;) {
        const waitMs = paidAtMs - clock.now();
        if (waitMs <= 0 || stop?.aborted === true) return;
        await clock.sleep(Math.min(waitMs, NAP_MS));
      }
    },
    spend(units) {
      paidAtMs = Math.max(paidAtMs, clock.now()) + (units * 1000) / perSecond;
    },
  };
}
