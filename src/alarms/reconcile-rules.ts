// Alarms of comparisons on a schedule.

import { OVERDUE_PERIODS, periodMs } from '../config/reconcile-period.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { type AlarmDraft, own } from './rule.ts';

/**
 * The figures come once a day, but not to the minute: in periods of a day, CloudWatch would find a day without any. It
 * looks back for seven days at most, in periods of an hour or longer.
 */
const DAILY = { statistic: 'Maximum', periodSeconds: 3_600 } as const;
const HOURS = 26;

export function reconcileAlarms({ reconcile }: ReplicationConfig): AlarmDraft[] {
  if (reconcile === undefined) return [];
  const { every, repair, repairItemsMax } = reconcile;
  const left = repair ? ` that it did not repair (at most ${repairItemsMax} are repaired)` : '';
  return [
    {
      anchor: 'differences',
      firstStep:
        'Run ferry status. Then run ferry verify, and ferry repair with its report. The alarm stays until the next run finds no difference.',
      meaning: `The last comparison on a schedule found differences between the tables${left}.`,
      metric: own('Differences', DAILY),
      periods: HOURS,
      runbook: 'tables-that-differ',
    },
    {
      anchor: 'reconciliation-overdue',
      firstStep:
        'Run ferry status: it says why the last run has failed. If it says nothing, check that the EventBridge rule of the state machine is enabled.',
      meaning: `No comparison on a schedule has ended well in two periods of ${every}, or none is started any more.`,
      metric: own('ReconciliationAge', DAILY),
      threshold: OVERDUE_PERIODS * periodMs(reconcile),
      periods: HOURS,
      silence: true,
    },
  ];
}
