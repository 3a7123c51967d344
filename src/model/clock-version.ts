// The versions of stamped writes. They have the form of all versions, EEEE.MMMMMMMMMMMMM.N…N, where M is a clock in epoch
// milliseconds, and the 40 digits are a counter (5), the side that made the version (1) and digits that make it unique
// (34). The order of texts is the order of the writes; of equal times, the destination's is the later one.

import type { Version } from './guard.ts';
import type { Origin } from './rules.ts';

export interface ClockStamp {
  readonly epoch: number;
  /** Epoch milliseconds. */
  readonly ms: number;
  readonly counter: number;
  readonly origin: Origin;
  /** At most 34 digits. */
  readonly unique: string;
}

/** Where the parts of a version begin. */
const [MS_AT, COUNTER_AT, ORIGIN_AT, UNIQUE_AT] = [5, 19, 24, 25] as const;
const COUNTER_MAX = 99_999;
const UNIQUE_DIGITS = 34;

export function clockVersion({ epoch, ms, counter, origin, unique }: ClockStamp): Version {
  const [first, second] = [pad(epoch, 4), pad(ms, 13)];
  return `${first}.${second}.${pad(counter, 5)}${origin}${unique.padStart(UNIQUE_DIGITS, '0')}`;
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}

const MS_END = 10 ** (COUNTER_AT - MS_AT - 1);

/** The clock of a record that tells its second; 0 where that makes no sense, and has no room in a version. */
export function clockMsAt(seconds = 0): number {
  const ms = Math.trunc(seconds * 1000);
  return ms < MS_END ? ms : 0;
}

/** The side that made a clock version; undefined for a copy's, which no side has made. */
export function originOf(version: Version): Origin | undefined {
  const digit = version[ORIGIN_AT];
  if (digit === '1') return 1;
  return digit === '2' ? 2 : undefined;
}

/** The clock of a version, in epoch milliseconds. */
export function clockMsOf(version: Version): number {
  return Number(version.slice(MS_AT, COUNTER_AT - 1));
}

/** Of a version of whatever kind. */
export function epochOf(version: Version): number {
  return Number(version.slice(0, MS_AT - 1));
}

/** The least version of a side that is above another one: its counter is one higher. */
export function nextVersion(version: Version, origin: Origin, unique: string): Version {
  return clockVersion({ epoch: epochOf(version), ...nextTick(tickOf(version)), origin, unique });
}

/** What orders the versions of an epoch first. */
export type ClockTick = Pick<ClockStamp, 'ms' | 'counter'>;

export function tickOf(version: Version): ClockTick {
  return { ms: clockMsOf(version), counter: Number(version.slice(COUNTER_AT, ORIGIN_AT)) };
}

export function nextTick({ ms, counter }: ClockTick): ClockTick {
  return counter < COUNTER_MAX ? { ms, counter: counter + 1 } : { ms: ms + 1, counter: 0 };
}

/** Digits of a version that the handler makes: the last of a record's sequence number. Those of clients begin with 9. */
export function uniqueOf(sequenceNumber: string): string {
  return `0${sequenceNumber.slice(1 - UNIQUE_DIGITS).padStart(UNIQUE_DIGITS - 1, '0')}`;
}

/** Whether a function has made a version: it has stamped an item again. */
export function isOfFunction(version: Version): boolean {
  return version[UNIQUE_AT] === '0';
}

/** What makes the versions of one client unique: a random number of the process, and a count. */
export function clientUnique(process: number, count: number): string {
  return `9${pad(process, 16)}${pad(count, UNIQUE_DIGITS - 17)}`;
}

export const CLOCK_VERSION_PARTS = { uniqueAt: UNIQUE_AT, processMax: 10 ** 15 } as const;
