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

/** Milliseconds from any beginning. It cannot be set, as the wall clock can, and may stop while the machine does. */
export const systemMonotonicMs = (): number => performance.now();
