// The wall clock and real chance, for the composition roots to hand on.

import { setTimeout as delay } from 'node:timers/promises';
import type { Clock, Random } from '../ports.ts';

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms) => {
    await delay(ms);
  },
};

export const systemRandom: Random = { next: () => Math.random() };

/** Milliseconds from any beginning: nobody sets it, as the wall clock may be set. It may stop while the machine does. */
export const systemMonotonicMs = (): number => performance.now();
