// How often a comparison on a schedule is due.

import type { ReconcileConfig } from './schema.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** "7 days" */
export function periodMs({ every }: Pick<ReconcileConfig, 'every'>): number {
  return Number.parseInt(every, 10) * DAY_MS;
}
