// What a status says of the twin itself: the last comparison on a schedule, and what protects the twin from loss.

import type { GoodRun, Reconciliation } from '../model/reconciliation-row.ts';
import { periodMs } from '../config/reconcile-period.ts';
import { utcTime } from '../status/pause.ts';
import { isOverdue, reconciliationOf } from '../status/reconciliation.ts';
import { duration } from '../text/duration.ts';
import { CONFIDENCE, type Sample, sampleBounds, sampleSentence } from '../verify/confidence.ts';
import { counted, grouped } from './output.ts';
import type { RemarkRow } from './rows.ts';
import type { Status } from './status-figures.ts';

export function twinRows(status: Status): RemarkRow[] {
  const { protection } = status.vitals;
  return [
    ...(status.replication.reconcile === undefined ? [] : reconciliationRows(status)),
    ...(protection === undefined
      ? []
      : [
          ['point-in-time recovery', ...protectionCells(protection.pointInTimeRecovery)] as const,
          ['deletion protection', ...protectionCells(protection.deletionProtection)] as const,
        ]),
  ];
}

/** Of the twin. */
function protectionCells(found: boolean | string): readonly [string, string] {
  if (typeof found === 'string') return ['not known', found];
  return [found ? 'on' : 'off', found ? '' : '`ferry init` says how to enable it'];
}

function reconciliationRows({ vitals, replication }: Status): RemarkRow[] {
  const { nowMs, reconciliation } = vitals;
  if (typeof reconciliation === 'string')
    return [['last reconciliation', 'not known', reconciliation]];
  const { good, failed, running } = reconciliation ?? NOTHING;
  const ago = (atMs: number) => `${duration(nowMs - atMs)} ago`;
  return [
    good === undefined
      ? ['last reconciliation', '-', `one is due every ${replication.reconcile?.every}`]
      : ['last reconciliation', ago(good.endedAtMs), resultOf(good)],
    ...(failed === undefined
      ? []
      : [['failed reconciliation', ago(failed.endedAtMs), failed.reason] as const]),
    ...(running === undefined
      ? []
      : [['reconciliation', 'in progress', `since ${utcTime(running.startedAtMs)}`] as const]),
  ];
}

const NOTHING: Partial<Reconciliation> = {};

/** "0 of 12,400 sampled items differ: with 95 % confidence fewer than 0.03 % do" */
function resultOf(run: GoodRun): string {
  const { differences, repaired, left } = run;
  const { items, undecided } = sampleOf(run);
  const found = isSample(run)
    ? sampleSentence(sampleOf(run))
    : `${grouped(differences)} of ${counted(items, 'item')} ${differences === 1 ? 'differs' : 'differ'}`;
  return [
    found,
    ...(differences === 0 ? [] : [`${grouped(repaired)} repaired, ${grouped(left)} left`]),
    ...(undecided === 0 ? [] : [`${grouped(undecided)} undecided`]),
  ].join('; ');
}

function isSample({ ranges, rangesTotal }: GoodRun): boolean {
  return ranges < rangesTotal;
}

function sampleOf({ ranges, largestRange, differences, ...run }: GoodRun): Sample {
  const undecided = run.inFlight + run.unreadable;
  const differing = differences + undecided;
  const items = Math.max(run.items, run.destinationItems, differing);
  return { ranges, items, largestRange, differing, undecided };
}

/** For scripts. Fields are added, never renamed. */
export function twinFacts(status: Status) {
  const { reconciliation = null, protection } = status.vitals;
  const asFact = (found: boolean | string) => (typeof found === 'string' ? null : found);
  return {
    reconciliation: typeof reconciliation === 'string' ? 'unknown' : reconciliationFacts(status),
    protection:
      protection === undefined
        ? null
        : {
            pointInTimeRecovery: asFact(protection.pointInTimeRecovery),
            deletionProtection: asFact(protection.deletionProtection),
          },
  };
}

/** Null where the tables are not compared on a schedule, or have not been yet. */
function reconciliationFacts({ vitals, replication: { reconcile } }: Status) {
  const found = reconciliationOf(vitals);
  if (reconcile === undefined || found === undefined) return null;
  const { sinceMs, good, failed, running } = found;
  const rule = { nowMs: vitals.nowMs, reconcileMs: periodMs(reconcile) };
  return {
    since: utcTime(sinceMs),
    overdue: isOverdue(sinceMs, rule),
    last: good === undefined ? null : goodFacts(good),
    failed:
      failed === undefined ? null : { ...timesOf(failed), run: failed.run, reason: failed.reason },
    running:
      running === undefined ? null : { run: running.run, startedAt: utcTime(running.startedAtMs) },
  };
}

function goodFacts(good: GoodRun) {
  const { startedAtMs: _, endedAtMs: __, ...run } = good;
  const sample = isSample(good)
    ? { confidence: CONFIDENCE, ...sampleBounds(sampleOf(good)) }
    : null;
  return { ...run, ...timesOf(good), sample };
}

function timesOf(run: Pick<GoodRun, 'startedAtMs' | 'endedAtMs'>) {
  return { startedAt: utcTime(run.startedAtMs), endedAt: utcTime(run.endedAtMs) };
}
