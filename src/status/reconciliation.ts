// What comparisons on a schedule say of the twin: that items differ, or that none has ended well for too long.

import { OVERDUE_PERIODS } from '../config/reconcile-period.ts';
import type { Reconciliation } from '../model/reconciliation-row.ts';
import type { Vitals } from '../model/vitals.ts';
import { counted } from '../text/number-text.ts';
import { duration } from '../text/duration.ts';
import { utcTime } from './pause.ts';
import type { Case, Verdict } from './verdict-case.ts';

/** The row, if it could be read. */
export function reconciliationOf({ reconciliation }: Vitals): Reconciliation | undefined {
  return typeof reconciliation === 'string' ? undefined : reconciliation;
}

/** A direction that is not active keeps the row of its last run, which says nothing any more. */
export function differing({ vitals, rules: { reconcileMs } }: Case): Verdict | undefined {
  const good = reconciliationOf(vitals)?.good;
  if (reconcileMs === undefined || good === undefined || good.left === 0) return undefined;
  const { endedAtMs, left, unreadable } = good;
  const among = unreadable === 0 ? '' : `, with ${counted(unreadable, 'unreadable item')}`;
  const text = `the reconciliation of ${utcTime(endedAtMs)} left ${counted(left, 'difference')}${among}`;
  return { level: 'different', text, runbook: 'tables-that-differ' };
}

/** The metrics say nothing of items that are lost. */
export function unproved({ vitals, rules: { reconcileMs } }: Case): Verdict | undefined {
  const { reconciliation, nowMs } = vitals;
  if (reconcileMs === undefined || reconciliation === undefined) return undefined;
  if (typeof reconciliation === 'string')
    return unknown(`the row of the last reconciliation cannot be read (${reconciliation})`);
  const { sinceMs, failed } = reconciliation;
  if (!isOverdue(sinceMs, { nowMs, reconcileMs })) return undefined;
  const why = failed === undefined ? '' : `. The last one failed: ${failed.reason}`;
  return unknown(
    `no reconciliation has ended well for ${duration(nowMs - sinceMs)}${why}`,
    'reconciliation-overdue',
  );
}

function unknown(text: string, runbook?: string): Verdict {
  return { level: 'unknown', text, runbook };
}

export function isOverdue(
  sinceMs: number,
  { nowMs, reconcileMs }: { readonly nowMs: number; readonly reconcileMs: number },
): boolean {
  return nowMs - sinceMs >= OVERDUE_PERIODS * reconcileMs;
}
