// How long ago something was, by two clocks: the wall clock may be set, and the monotonic one stops while a machine
// sleeps. A wait must not end too early, and a right must not last too long: each takes the clock that is safe for it.

import type { Clock } from '../ports.ts';

export interface Moment {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

export interface TwoClocks {
  readonly clock: Pick<Clock, 'now'>;
  readonly monotonicMs: () => number;
}

export function momentNow({ clock, monotonicMs }: TwoClocks): Moment {
  return { wallMs: clock.now(), monotonicMs: monotonicMs() };
}

/** At least as long as it really is, unless both clocks err: for what must not last too long. */
export function ageMostMs(since: Moment, clocks: TwoClocks): number {
  return Math.max(...agesOf(since, clocks));
}

/** At most as long as it really is, unless both clocks err: for what must not end too early. */
export function ageLeastMs(since: Moment, clocks: TwoClocks): number {
  return Math.min(...agesOf(since, clocks));
}

/** Of a wait that began at `since`, in whole milliseconds; 0 where it is over. */
export function waitLeftMs(since: Moment, waitMs: number, clocks: TwoClocks): number {
  return Math.max(0, Math.ceil(waitMs - ageLeastMs(since, clocks)));
}

function agesOf(since: Moment, clocks: TwoClocks): readonly [number, number] {
  const now = momentNow(clocks);
  return [now.wallMs - since.wallMs, now.monotonicMs - since.monotonicMs];
}
