// What every rule of a verdict reads, and how most of them state their verdict.

import { type Backlog, backlogOf } from './backlog-trend.ts';
import type { Retention } from '../config/record-age.ts';
import type { TwoWayConfig } from '../config/schema.ts';
import { duration } from '../text/duration.ts';
import { lastAbove, periodMsOf, sumSince, type Vitals } from '../model/vitals.ts';

export interface Verdict {
  /**
   * `held`: nothing is applied, because the control row, or the operator, has to say how to go on. `paused`:
   * nothing is applied, because an operator wanted it. `starting`: nothing is applied yet, because Lambda is
   * about to read the stream. `unknown`: the metrics are those of a healthy replication, but the control row
   * cannot be read, or no reconciliation has ended well for too long. `outdated`: another projection wrote the twin than the one that is deployed. `different`: the
   * last reconciliation left differences. `switching`: an operator changes which Region is active. `lost`: a Region was lost, and has not rejoined.
   */
  readonly level:
    | 'healthy'
    | 'behind'
    | 'stuck'
    | 'held'
    | 'paused'
    | 'starting'
    | 'outdated'
    | 'different'
    | 'switching'
    | 'lost'
    | 'unknown';
  /** A sentence without its full stop. */
  readonly text: string;
  /** Anchor of the runbook's entry. */
  readonly runbook?: string | undefined;
}

export interface VerdictRules {
  /** Up to this age of what waits, the twin counts as up to date. */
  readonly behindMs: number;
  /** Whether a heartbeat is expected every minute. */
  readonly heartbeat: boolean;
  /** The setting for which the stream must have old images, too. @default it need not */
  readonly oldImagesFor?: string | undefined;
  /** Where both tables are written. */
  readonly twoWay?: Pick<TwoWayConfig, 'mode' | 'epoch'> | undefined;
  /** How long the stream keeps a record. @default as the stream of a table */
  readonly retention?: Retention;
  /** How often the tables are compared. @default never */
  readonly reconcileMs?: number | undefined;
}

/** The length of "now", in periods. */
export const RECENT = 5;

/** What stops all records of a shard, and is counted again with every retry. */
type Failure = 'HeldRecords' | 'DestinationDenied' | 'DestinationUnreachable';
/** Periods without the failure, before a success counts as its end. */
const OVER = 2;
const SUCCESSES = ['AppliedRecords', 'SupersededRecords', 'HeartbeatLatency'] as const;

export interface Case {
  readonly vitals: Vitals;
  readonly rules: VerdictRules;
  readonly backlog: Backlog;
  /** How long records have waited, as the end of a sentence. */
  readonly waited: string;
  /** Counts of the last minutes. */
  readonly recent: (name: keyof Vitals['own']) => number;
  /** Whether records failed in this way in the last minutes, and no later minute shows a success. */
  readonly isFailing: (name: Failure) => boolean;
}

/** @returns undefined where it does not apply. */
export type Rule = (one: Case) => Verdict | undefined;

export function caseOf(vitals: Vitals, rules: VerdictRules): Case {
  const fromMs = recentFrom(vitals);
  const recent = (name: keyof Vitals['own']) => sumSince(vitals.own[name], fromMs);
  const backlog = backlogOf(vitals, rules.behindMs);
  const waited = backlog.ageMs > 0 ? `; records have waited for ${duration(backlog.ageMs)}` : '';
  const isFailing = (name: Failure) => recent(name) > 0 && !isOver(name, vitals);
  return { vitals, rules, recent, isFailing, backlog, waited };
}

export function recentFrom(vitals: Vitals): number {
  return vitals.nowMs - RECENT * periodMsOf(vitals);
}

/** A failure that continued would show in a later period. Records that still wait show by their age. */
function isOver(name: Failure, vitals: Vitals): boolean {
  const { own, nowMs } = vitals;
  const failedAtMs = lastAbove(own[name], 0) ?? 0;
  return lastSuccessMs(own) > failedAtMs && nowMs - failedAtMs >= OVER * periodMsOf(vitals);
}

export function lastSuccessMs(own: Vitals['own']): number {
  return Math.max(...SUCCESSES.map((one) => lastAbove(own[one], 0) ?? 0));
}

/** How a record ends without a write. */
export const ANSWERED = [
  ['SupersededRecords', 'superseded'],
  ['CoalescedRecords', 'coalesced'],
  ['SkippedRecords', 'skipped'],
  ['OwnRecords', "Ferry's own"],
  ['DeadLetteredRecords', 'sent to the dead-letter queue'],
] as const;

export function total(own: Vitals['own'], names: ReadonlyArray<keyof Vitals['own']>): number {
  return names.reduce((sum, name) => sum + sumSince(own[name], 0), 0);
}

export function stuck(text: string, runbook: string): Verdict {
  return { level: 'stuck', text, runbook };
}

export function behind(text: string, runbook?: string): Verdict {
  return { level: 'behind', text, runbook };
}
