// How often a comparison on a schedule is due.

import type { ReconcileConfig } from './schema.ts';

/** Periods without a run that ended well, after which the twin counts as unproved. */
export const OVERDUE_PERIODS = 2;

const DAY_MS = 24 * 60 * 60 * 1000;

/** "7 days" */
export function periodMs({ every }: Pick<ReconcileConfig, 'every'>): number {
  return Number.parseInt(every, 10) * DAY_MS;
}
