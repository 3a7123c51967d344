// The clock of a process that stamps its writes: never behind what it has made. A later stamp that it meets is trusted,
// because the next write of that item has to be above it.

import {
  CLOCK_VERSION_PARTS,
  type ClockTick,
  clientUnique,
  clockVersion,
  nextTick,
  nextVersion,
  tickOf,
} from '../model/clock-version.ts';
import type { Version } from '../model/guard.ts';
import type { Origin } from '../model/rules.ts';

/** In whose name a version is made. */
interface Stamper {
  readonly epoch: number;
  readonly origin: Origin;
}

export interface StampClock {
  /** The version of a write: the time, or just above the last one that this clock has made. */
  stamp(stamper: Stamper): Version;
  /** The version of a write that was refused, because the item has this one: just above it, in the later epoch. */
  above(version: Version, stamper: Stamper): Version;
}

export interface StampClockOptions {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** At least 0, and below 1. */
  readonly random: () => number;
}

export function stampClock({ now, random }: StampClockOptions): StampClock {
  const process = Math.floor(random() * CLOCK_VERSION_PARTS.processMax);
  let count = 0;
  let last: ClockTick = { ms: 0, counter: 0 };
  const unique = () => clientUnique(process, (count += 1));
  const nowMs = () => Math.floor(now());
  return {
    stamp({ epoch, origin }) {
      const ms = nowMs();
      last = ms > last.ms ? { ms, counter: 0 } : nextTick(last);
      const { counter } = last;
      return clockVersion({ epoch, ms: last.ms, counter, origin, unique: unique() });
    },
    above(version, { origin }) {
      const next = nextVersion(version, origin, unique());
      const tick = tickOf(next);
      if (isLater(tick, last) && tick.ms <= nowMs() + FOLLOWED_MS) last = tick;
      return next;
    },
  };
}

function isLater(one: ClockTick, other: ClockTick): boolean {
  return one.ms > other.ms || (one.ms === other.ms && one.counter > other.counter);
}

/**
 * A clock follows others that are ahead by up to this, so that its writes of the same items are not refused first. It does
 * not follow one that is wrong: each host that met its stamps would carry them on to all items that it writes.
 */
const FOLLOWED_MS = 5_000;
