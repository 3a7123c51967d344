// The wall clock and real chance, for the composition roots to hand on.

import { setTimeout as delay } from 'node:timers/promises';
import type { Clock, Random } from '../ports.ts';

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms) => {
    await delay(ms);
  },
};

/** The same, for a process whose end none of its sleeps may hold up. */
export const backgroundClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms) => {
    await delay(ms, undefined, { ref: false });
  },
};

export const systemRandom: Random = { next: () => Math.random() };

/** Milliseconds from any beginning. It cannot be set, as the wall clock can, and may stop while the machine does. */
export const systemMonotonicMs = (): number => performance.now();
