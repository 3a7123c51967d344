// Several replications at a glance: which of them needs an operator first, and how many are well.

import type { Verdict } from './verdict-case.ts';

/** `unreadable`: what it is like is not known, because it could not be read. */
type FleetLevel = Verdict['level'] | 'unreadable';

/** The worst first: where nothing is applied, then where it is not known, then where it is late, or wrong. */
const LEVELS: readonly FleetLevel[] = [
  'lost',
  'held',
  'stuck',
  'switching',
  'unreadable',
  'behind',
  'outdated',
  'different',
  'unknown',
  'paused',
  'starting',
  'healthy',
];

export interface FleetRow {
  readonly name: string;
  readonly level: FleetLevel;
  /** A sentence without its full stop. */
  readonly text: string;
  /** Of the oldest waiting change; null where it is not known, like the other figures. */
  readonly oldestMs: number | null;
  readonly p99Ms: number | null;
  readonly deadLetters: number | null;
}

/** Of one level, first the one whose changes have waited longest, then the one with the most dead letters. */
export function worstFirst(rows: readonly FleetRow[]): FleetRow[] {
  return rows.toSorted(
    (a, b) =>
      LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level) ||
      (b.oldestMs ?? 0) - (a.oldestMs ?? 0) ||
      (b.deadLetters ?? 0) - (a.deadLetters ?? 0),
  );
}

/** How many have each level, the worst first; and the dead letters of those that could be read. */
export function fleetTotal(rows: readonly FleetRow[]) {
  const levels = LEVELS.flatMap((level) => {
    const count = rows.filter((row) => row.level === level).length;
    return count === 0 ? [] : [[level, count] as const];
  });
  const deadLetters = rows.reduce((sum, row) => sum + (row.deadLetters ?? 0), 0);
  return { replications: rows.length, levels: Object.fromEntries(levels), deadLetters };
}
