// A rate that was asked for, and the one that was reached.

export interface Pace {
  /** Per second. */
  readonly asked: number;
  /** Begun, the first at once. */
  readonly count: number;
  /** From the first to the last. */
  readonly elapsedMs: number;
}

/** Per second, to a tenth; what is begun early for once does not make it more than what was asked for. */
export function reachedRate({ asked, count, elapsedMs }: Pace): number {
  // The last one has its share of the time after it.
  const reached = count / (elapsedMs / 1000 + 1 / asked);
  return Math.min(asked, Math.round(reached * 10) / 10);
}

/** Timers of a busy machine are late by less. */
const MISSED_SHARE = 0.95;

export function isMissed(reached: number, asked: number): boolean {
  return reached < asked * MISSED_SHARE;
}
