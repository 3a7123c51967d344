// The answer to "is it well, and if not, what is it": one line, by the first of these rules that applies.
// The worse comes first; each that is not "healthy" names its entry in the runbook.

import { type Backlog, backlogOf } from './backlog-trend.ts';
import { duration } from '../text/duration.ts';
import { counted } from '../text/number-text.ts';
import { horizonOf, utcTime } from './pause.ts';
import {
  isRead,
  lastAbove,
  latest,
  MINUTE_MS,
  periodMsOf,
  sumSince,
  type Vitals,
} from '../model/vitals.ts';

export interface Verdict {
  /**
   * `held`: nothing is applied, because the control row, or the operator, has to say how to go on. `paused`:
   * nothing is applied, because an operator wanted it. `starting`: nothing is applied yet, because Lambda is
   * about to read the stream. `unknown`: the metrics are those of a healthy replication, but the control row
   * cannot be read.
   */
  readonly level: 'healthy' | 'behind' | 'stuck' | 'held' | 'paused' | 'starting' | 'unknown';
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
}

/** What counts as now, in periods. */
const RECENT = 5;
/** A heartbeat is written every minute, and shows in the figures of its minute. */
const HEARTBEAT_LATE_MS = (RECENT + 1) * MINUTE_MS;
/** Lambda creates or enables a mapping within minutes. */
const STARTING_MS_MAX = 60 * MINUTE_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** Invocations count at their end, which may be 15 minutes away. In periods. */
const LONGEST_COUNT = 20;

/** What stops all records of a shard, and is seen again with every try. */
type Failure = 'HeldRecords' | 'DestinationDenied' | 'DestinationUnreachable';
/** Periods without the failure, before a success counts as its end. */
const OVER = 2;
const SUCCESSES = ['AppliedRecords', 'SupersededRecords', 'HeartbeatLatency'] as const;

interface Case {
  readonly vitals: Vitals;
  readonly rules: VerdictRules;
  readonly backlog: Backlog;
  /** How long records have waited, to be said after a cause. */
  readonly waited: string;
  /** Counts of the last minutes. */
  readonly recent: (name: keyof Vitals['own']) => number;
  /** Whether records have failed so in the last minutes, and no later minute shows that it is over. */
  readonly isFailing: (name: Failure) => boolean;
}

export function verdictOf(vitals: Vitals, rules: VerdictRules): Verdict {
  const fromMs = recentFrom(vitals);
  const recent = (name: keyof Vitals['own']) => sumSince(vitals.own[name], fromMs);
  const backlog = backlogOf(vitals, rules.behindMs);
  const waited = backlog.ageMs > 0 ? `; records have waited for ${duration(backlog.ageMs)}` : '';
  const isFailing = (name: Failure) => recent(name) > 0 && !isOver(name, vitals);
  const one = { vitals, rules, recent, isFailing, backlog, waited };
  for (const rule of RULES) {
    const verdict = rule(one);
    if (verdict !== undefined) return verdict;
  }
  return healthy(one);
}

function recentFrom(vitals: Vitals): number {
  return vitals.nowMs - RECENT * periodMsOf(vitals);
}

/** If it went on, a later period would show it. What still waits is told by its age. */
function isOver(name: Failure, vitals: Vitals): boolean {
  const { own, nowMs } = vitals;
  const failedAtMs = lastAbove(own[name], 0) ?? 0;
  return lastSuccessMs(own) > failedAtMs && nowMs - failedAtMs >= OVER * periodMsOf(vitals);
}

function lastSuccessMs(own: Vitals['own']): number {
  return Math.max(...SUCCESSES.map((one) => lastAbove(own[one], 0) ?? 0));
}

const RULES: ReadonlyArray<(one: Case) => Verdict | undefined> = [
  isPaused,
  recordsHeld,
  isStarting,
  nobodyReads,
  readsAnotherStream,
  cannotRead,
  destinationFails,
  functionFails,
  everythingIsOlder,
  recordsWait,
  heartIsSilent,
  recordsLost,
  deadLettersWait,
  nothingSucceeds,
  cannotTell,
];

/** Before anything else: whatever else it may look like, somebody wanted it. */
function isPaused({ vitals: { paused, mapping, nowMs } }: Case): Verdict | undefined {
  if (paused === undefined || paused === 'unknown') return undefined;
  const since = utcTime(paused.sinceMs);
  const runbook = 'paused-replication';
  if (mapping !== undefined && mapping.state !== 'Disabled' && mapping.state !== 'Disabling') {
    const text = `paused since ${since}, but the event source mapping is ${mapping.state.toLowerCase()}: records are held back until \`ferry resume\``;
    return { level: 'held', text, runbook };
  }
  const { lostAfterMs } = horizonOf(paused, Infinity);
  const loss =
    nowMs < lostAfterMs
      ? `changes are lost after ${utcTime(lostAfterMs)}`
      : `changes have been lost since ${utcTime(lostAfterMs)}`;
  return { level: 'paused', text: `since ${since}; ${loss}`, runbook };
}

/** Before anything that is not wanted: everything that it may look like besides comes from this. */
function recordsHeld({ isFailing, waited }: Case): Verdict | undefined {
  if (!isFailing('HeldRecords')) return undefined;
  const cause = 'the control row does not let their stream write, or nearly all are rejected';
  return {
    level: 'held',
    text: `records are held back: ${cause}${waited}`,
    runbook: 'records-held',
  };
}

/**
 * Of another source with an older stream, every record is answered for, and nothing is written. Only what
 * came after the last write counts: conflicts beside writes are none of this.
 */
function everythingIsOlder({ vitals }: Case): Verdict | undefined {
  const { own } = vitals;
  const applied = (own.AppliedRecords ?? []).findLast(([, records]) => records > 0);
  const [appliedAtMs = 0] = applied ?? [];
  if (appliedAtMs >= recentFrom(vitals)) return undefined;
  if (sumSince(own.SupersededByNewerItem, appliedAtMs + 1) === 0) return undefined;
  return stuck(
    'every change is older than what the twin has: another source? `ferry adopt`',
    'records-held',
  );
}

/** The mapping of a new deployment, or one that was disabled. */
function isStarting({ vitals: { mapping, nowMs }, waited }: Case): Verdict | undefined {
  if (mapping?.state !== 'Creating' && mapping?.state !== 'Enabling') return undefined;
  if (nowMs - (mapping.changedAtMs ?? nowMs) > STARTING_MS_MAX) return undefined;
  const text = `the event source mapping is ${mapping.state.toLowerCase()}${waited}`;
  return { level: 'starting', text };
}

function nobodyReads({ vitals, waited }: Case): Verdict | undefined {
  const { mapping, paused } = vitals;
  if (mapping === undefined) return stuck('nothing reads the stream', 'records-waiting');
  if (isRead(vitals)) return undefined;
  const doubt =
    paused === 'unknown' ? ' (the control row, which says if that is a pause, cannot be read)' : '';
  return stuck(
    `the reader on the stream is ${mapping.state.toLowerCase()}${doubt}${waited}`,
    'records-waiting',
  );
}

function readsAnotherStream({ vitals: { mapping, streamArn } }: Case): Verdict | undefined {
  if (streamArn === undefined) return stuck('the source has no stream', 'stream-replaced');
  if (mapping?.streamArn === streamArn) return undefined;
  return stuck('the source has a new stream, and the old one is read', 'stream-replaced');
}

/** Lambda's own words begin so where it has no rights to the stream, or to its key. */
function cannotRead({ vitals: { mapping } }: Case): Verdict | undefined {
  if (mapping?.lastResult.startsWith('PROBLEM') !== true) return undefined;
  return stuck(`Lambda cannot read the stream: ${mapping.lastResult}`, 'records-waiting');
}

function destinationFails({
  vitals: { own },
  isFailing,
  backlog,
  waited,
}: Case): Verdict | undefined {
  if (isFailing('DestinationDenied'))
    return stuck(`the destination denies the writes${waited}`, 'destination-denied');
  const isDown = isFailing('DestinationUnreachable') && backlog.trend !== 'catching-up';
  // A write whose answer was lost is found to be there when it is tried again.
  const failedAtMs = lastAbove(own.DestinationUnreachable, 0) ?? 0;
  const isMoving = lastSuccessMs(own) >= failedAtMs && backlog.trend === 'none';
  if (isDown && !isMoving)
    return stuck(`the destination cannot be reached${waited}`, 'destination-unreachable');
  return undefined;
}

function functionFails({ vitals, recent }: Case): Verdict | undefined {
  const fromMs = recentFrom(vitals);
  if (recent('AppliedRecords') > 0) return undefined;
  if (sumSince(vitals.services.Throttles, fromMs) > 0)
    return stuck('Lambda has no concurrency left for the function', 'function-throttled');
  if (sumSince(vitals.services.Errors, fromMs) > 0)
    return stuck('the function fails', 'function-errors');
  return undefined;
}

function recordsWait({ vitals, backlog, recent }: Case): Verdict | undefined {
  const { ageMs, trend, leftMs } = backlog;
  if (trend === 'none') return undefined;
  const cause = recent('DestinationThrottles') > 0 ? ', because the destination throttles' : '';
  const anchor = cause === '' ? 'records-waiting' : 'destination-throttled';
  const recentText = duration(vitals.nowMs - recentFrom(vitals));
  switch (trend) {
    case 'catching-up':
      // What waits gets younger, too, when Lambda gives up what is oldest.
      if (!isMoving(vitals))
        return behind(`by ${duration(ageMs)}, and no record is applied${cause}`, anchor);
      return leftMs === undefined
        ? behind(`by up to ${duration(ageMs)} in the last ${recentText}, and nearly caught up`)
        : behind(`by ${duration(ageMs)} and catching up, about ${duration(leftMs)} left`);
    case 'falling-behind':
      return behind(`by ${duration(ageMs)}, and not catching up${cause}`, anchor);
    case 'standing-still':
      return recent('AppliedRecords') > 0 && cause === ''
        ? stuck(
            `some records have waited for ${duration(ageMs)} while others are applied: a shard is stuck`,
            'records-waiting',
          )
        : stuck(`records have waited for ${duration(ageMs)}${cause}`, anchor);
  }
}

/** Whether records have come to an end lately, in whatever way. */
function isMoving(vitals: Vitals): boolean {
  const { own, nowMs } = vitals;
  const fromMs = nowMs - LONGEST_COUNT * periodMsOf(vitals);
  const ends = ['AppliedRecords', ...ANSWERED.map(([name]) => name)] as const;
  return ends.some((name) => sumSince(own[name], fromMs) > 0);
}

function heartIsSilent({ vitals, rules }: Case): Verdict | undefined {
  if (!rules.heartbeat) return undefined;
  const { nowMs, own, mapping, heartbeatSinceMs } = vitals;
  const [arrivedAtMs] = latest(own.HeartbeatLatency) ?? [];
  // No heartbeat arrives before there is a function that writes it and a mapping that reads it.
  const startedAtMs = Math.max(mapping?.changedAtMs ?? 0, heartbeatSinceMs ?? 0);
  const dueMs = nowMs - HEARTBEAT_LATE_MS;
  if (startedAtMs >= dueMs || (arrivedAtMs ?? 0) >= dueMs) return undefined;
  const sinceMs = arrivedAtMs ?? Math.max(startedAtMs, nowMs - HOUR_MS);
  const since = sinceMs > nowMs - HOUR_MS ? duration(nowMs - sinceMs) : 'an hour or more';
  return stuck(`no heartbeat has arrived for ${since}`, 'heartbeat-missing');
}

function recordsLost({ vitals: { services } }: Case): Verdict | undefined {
  const lost =
    sumSince(services.DroppedEventCount, 0) + sumSince(services.DestinationDeliveryFailures, 0);
  if (lost > 0) return behind('by records that Lambda has lost in the last hour', 'batches-lost');
  if (sumSince(services.OnFailureDestinationDeliveredEventCount, 0) === 0) return undefined;
  return behind('by batches that Lambda gave up in the last hour', 'batches-given-up');
}

function deadLettersWait({ vitals: { deadLetters } }: Case): Verdict | undefined {
  if (deadLetters === 0) return undefined;
  return behind(`by ${counted(deadLetters, 'dead letter')}; all else is well`, 'dead-letters');
}

/** How a record is done with without a write. */
const ANSWERED = [
  ['SupersededRecords', 'superseded'],
  ['CoalescedRecords', 'coalesced'],
  ['SkippedRecords', 'skipped'],
  ['DeadLetteredRecords', 'sent to the dead-letter queue'],
] as const;
const UNANSWERED = [
  'RetriedRecords',
  'HeldRecords',
  'DestinationThrottles',
  'DestinationUnreachable',
  'DestinationDenied',
] as const;

/** Too little, or for too short a time, to count as a backlog. */
function nothingSucceeds({ vitals: { own, services } }: Case): Verdict | undefined {
  if (total(own, ['AppliedRecords', ...ANSWERED.map(([name]) => name)]) > 0) return undefined;
  const failures =
    total(own, UNANSWERED) + sumSince(services.Errors, 0) + sumSince(services.Throttles, 0);
  if (failures === 0) return undefined;
  return behind(
    'records have failed in the last hour, and none has been applied',
    'records-waiting',
  );
}

/** Whether the replication is paused, or another stream was adopted, stands in the row alone. */
function cannotTell({ vitals }: Case): Verdict | undefined {
  const { paused, controlProblem, latency, own } = vitals;
  if (paused !== 'unknown') return undefined;
  const why = controlProblem === undefined ? '' : ` (${controlProblem})`;
  const otherwise = wellBeing(latest(latency.p99)?.[1], own);
  return {
    level: 'unknown',
    text: `the control row at the destination cannot be read from here${why}; by its metrics, the replication is healthy: ${otherwise}`,
  };
}

function healthy({ vitals: { latency, own } }: Case): Verdict {
  return { level: 'healthy', text: wellBeing(latest(latency.p99)?.[1], own) };
}

function wellBeing(p99: number | undefined, own: Vitals['own']): string {
  const isApplied = total(own, ['AppliedRecords']) > 0;
  if (isApplied && p99 !== undefined) return `99 of 100 records arrive within ${duration(p99)}`;
  if (isApplied) return 'records are applied; none of the last hour has a known latency';
  const ends = ANSWERED.filter(([name]) => total(own, [name]) > 0).map(([, end]) => end);
  if (ends.length > 0) return `the records of the last hour were ${ends.join(', or ')}`;
  return 'nothing has been written in the last hour';
}

function total(own: Vitals['own'], names: ReadonlyArray<keyof Vitals['own']>): number {
  return names.reduce((sum, name) => sum + sumSince(own[name], 0), 0);
}

function stuck(text: string, runbook: string): Verdict {
  return { level: 'stuck', text, runbook };
}

function behind(text: string, runbook?: string): Verdict {
  return { level: 'behind', text, runbook };
}
