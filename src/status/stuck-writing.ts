// The verdicts about the function and its writes: what fails, waits, is lost, or was given up.

import { duration } from '../text/duration.ts';
import { counted } from '../text/number-text.ts';
import {
  lastAbove,
  latest,
  MINUTE_MS,
  periodMsOf,
  sumSince,
  type Vitals,
} from '../model/vitals.ts';
import {
  ANSWERED,
  behind,
  type Case,
  lastSuccessMs,
  RECENT,
  recentFrom,
  type Rule,
  stuck,
  total,
  type Verdict,
} from './verdict-case.ts';

/** A heartbeat is written every minute, and shows in the figures of its minute. */
const HEARTBEAT_LATE_MS = (RECENT + 1) * MINUTE_MS;
const HOUR_MS = 60 * MINUTE_MS;
/** Invocations count at their end, which may be 15 minutes away. In periods. */
const LONGEST_COUNT = 20;

/** The worst first. */
export const WRITING: readonly Rule[] = [
  destinationFails,
  functionFails,
  everythingIsOlder,
  recordsWait,
  heartbeatIsMissing,
  recordsLost,
  deadLettersWait,
  nothingSucceeds,
];

/** If the source was replaced by one with an older stream, every record is superseded. Only records after the last write count. */
function everythingIsOlder({ vitals }: Case): Verdict | undefined {
  const { own } = vitals;
  const applied = (own.AppliedRecords ?? []).findLast(([, records]) => records > 0);
  const [appliedAtMs = 0] = applied ?? [];
  if (appliedAtMs >= recentFrom(vitals)) return undefined;
  if (sumSince(own.SupersededByNewerItem, appliedAtMs + 1) === 0) return undefined;
  return stuck(
    'every change is older than the item of the twin. If the source was replaced, run `ferry adopt`',
    'records-held',
  );
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
  // If the response of a write is lost, its retry finds the item.
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
    return stuck(
      'Lambda throttles the function, because no concurrency is left',
      'function-throttled',
    );
  if (sumSince(vitals.services.Errors, fromMs) > 0)
    return stuck('the function fails', 'function-errors');
  return undefined;
}

function recordsWait({ vitals, backlog, recent }: Case): Verdict | undefined {
  const { ageMs, trend, leftMs } = backlog;
  if (trend === 'none') return undefined;
  const cause = recent('DestinationThrottles') > 0 ? ', because the destination is throttled' : '';
  const anchor = cause === '' ? 'records-waiting' : 'destination-throttled';
  const recentText = duration(vitals.nowMs - recentFrom(vitals));
  switch (trend) {
    case 'catching-up':
      // The oldest age also falls when Lambda gives up the oldest batches.
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

/** Whether records had any outcome lately. */
function isMoving(vitals: Vitals): boolean {
  const { own, nowMs } = vitals;
  const fromMs = nowMs - LONGEST_COUNT * periodMsOf(vitals);
  const ends = ['AppliedRecords', ...ANSWERED.map(([name]) => name)] as const;
  return ends.some((name) => sumSince(own[name], fromMs) > 0);
}

function heartbeatIsMissing({ vitals, rules }: Case): Verdict | undefined {
  if (!rules.heartbeat) return undefined;
  const { nowMs, own, mapping, heartbeatSinceMs } = vitals;
  const [arrivedAtMs] = latest(own.HeartbeatLatency) ?? [];
  // A heartbeat needs the function that writes it, and the mapping that reads it.
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
  if (lost > 0) return behind('by records that Lambda lost in the last hour', 'batches-lost');
  if (sumSince(services.OnFailureDestinationDeliveredEventCount, 0) === 0) return undefined;
  return behind('by batches that Lambda gave up in the last hour', 'batches-given-up');
}

function deadLettersWait({ vitals: { deadLetters } }: Case): Verdict | undefined {
  if (deadLetters === 0) return undefined;
  return behind(
    `by ${counted(deadLetters, 'dead letter')}; everything else is healthy`,
    'dead-letters',
  );
}

const UNANSWERED = [
  'RetriedRecords',
  'HeldRecords',
  'DestinationThrottles',
  'DestinationUnreachable',
  'DestinationDenied',
] as const;

/** Too few failures, or too recent, to count as a backlog. */
function nothingSucceeds({ vitals: { own, services } }: Case): Verdict | undefined {
  if (total(own, ['AppliedRecords', ...ANSWERED.map(([name]) => name)]) > 0) return undefined;
  const failures =
    total(own, UNANSWERED) + sumSince(services.Errors, 0) + sumSince(services.Throttles, 0);
  if (failures === 0) return undefined;
  return behind('records failed in the last hour, and none was applied', 'records-waiting');
}
