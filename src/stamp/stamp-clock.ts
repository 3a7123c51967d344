// The clock of a process that stamps its writes: never behind what it has made or met. A stamp that is ahead of the time
// is trusted, because the next write of the same item has to be above it.

import {
  CLOCK_VERSION_PARTS,
  clientUnique,
  clockMsOf,
  clockVersion,
  nextVersion,
} from '../model/clock-version.ts';
import type { Version } from '../model/guard.ts';
import type { Origin } from '../model/rules.ts';

/** In whose name a version is made. */
export interface Stamper {
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
  let last = '';
  const unique = () => clientUnique(process, (count += 1));
  const note = (version: Version) => {
    if (last === '' || timeOf(version) > timeOf(last)) last = version;
    return version;
  };
  return {
    stamp({ epoch, origin }) {
      const digits = unique();
      const ms = Math.floor(now());
      if (last === '' || ms > clockMsOf(last))
        return note(clockVersion({ epoch, ms, counter: 0, origin, unique: digits }));
      return note(inEpoch(epoch, nextVersion(last, origin, digits)));
    },
    above: (version, { origin }) => note(nextVersion(version, origin, unique())),
  };
}

const EPOCH_DIGITS = 4;
/** A version without its epoch: clients of one process may have different ones. */
const timeOf = (version: Version) => version.slice(EPOCH_DIGITS);
const inEpoch = (epoch: number, version: Version) =>
  String(epoch).padStart(EPOCH_DIGITS, '0') + timeOf(version);
