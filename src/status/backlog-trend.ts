// The trend of the oldest age: falling, rising, or as fast as the clock. Several shards publish their ages,
// some more often than others, so the oldest of the last minutes counts, not the latest.

import {
  highestOf,
  isRead,
  lastAbove,
  latest,
  MINUTE_MS,
  periodMsOf,
  type Series,
  type Vitals,
} from '../model/vitals.ts';

export interface Backlog {
  /** Age of the oldest record that waits, in milliseconds; 0 where none is known to wait. */
  readonly ageMs: number;
  readonly trend: 'none' | 'catching-up' | 'standing-still' | 'falling-behind';
  /** Time until nothing waits, at the present rate; absent if the latest age shows that nothing waits. */
  readonly leftMs?: number | undefined;
}

/** In periods: a shard whose invocations take long publishes its age no more often. */
const WINDOW = 5;
export const WINDOW_MS = WINDOW * MINUTE_MS;
/** In periods: the longest invocation, and the time until its figures are there. */
const LONGEST_SILENCE = 20;
/** In periods: CloudWatch shows figures that much later. */
const SETTLED = 2;
/** An age that grows by this share of the time that passes: what is oldest does not move. */
const STANDING_SHARE = 0.8;
/** One that shrinks by less of it will not end today. */
const CATCHING_UP_SHARE = 0.02;

const NOTHING: Backlog = { ageMs: 0, trend: 'none' };

/** @param behindMs an age up to this is no backlog. */
export function backlogOf(vitals: Vitals, behindMs: number): Backlog {
  const { nowMs, own, services } = vitals;
  const windowMs = WINDOW * periodMsOf(vitals);
  const ages = highestOf(own.OldestUnappliedAge, services.IteratorAge);
  const recent = ages.filter(([atMs]) => atMs >= nowMs - windowMs);
  if (recent.length === 0) return silentBacklog(vitals, behindMs);
  const highestMs = highest(recent);
  if (highestMs <= behindMs) return { ageMs: highestMs, trend: 'none' };
  if (isOver(recent, vitals, behindMs)) return { ageMs: highestMs, trend: 'catching-up' };
  const growth = growthOf(recent, ages, { nowMs, windowMs });
  if (growth === undefined) return { ageMs: highestMs, trend: 'falling-behind' };
  if (growth >= STANDING_SHARE) return { ageMs: highestMs, trend: 'standing-still' };
  if (growth > -CATCHING_UP_SHARE) return { ageMs: highestMs, trend: 'falling-behind' };
  const [, lastMs = 0] = latest(recent) ?? [];
  // Another shard, which publishes its age less often, may still wait.
  if (lastMs <= behindMs) return { ageMs: highestMs, trend: 'catching-up' };
  return { ageMs: lastMs, trend: 'catching-up', leftMs: lastMs / -growth };
}

/**
 * Whether what waited has come to its end. A shard that still waited would have told so again after about as long
 * as it had waited by then; others have, or its own minute has a figure of a batch with nothing left.
 */
function isOver(recent: Series, vitals: Vitals, behindMs: number): boolean {
  const { nowMs, leastUnapplied } = vitals;
  const settledMs = SETTLED * periodMsOf(vitals);
  const waitedAtMs = lastAbove(recent, behindMs) ?? 0;
  const waitedMs = valueAt(recent, waitedAtMs) ?? 0;
  const [lastAtMs = 0] = latest(recent) ?? [];
  const leastMs = valueAt(leastUnapplied, waitedAtMs) ?? waitedMs;
  const isLast = lastAtMs === waitedAtMs;
  const untilMs = isLast && leastMs <= behindMs ? nowMs - settledMs : lastAtMs;
  return untilMs - waitedAtMs >= Math.max(settledMs, waitedMs);
}

function valueAt(series: Series | undefined, wantedMs: number): number | undefined {
  return series?.find(([atMs]) => atMs === wantedMs)?.[1];
}

/** Nothing is invoked any more: what was left unfinished then waits now. */
function silentBacklog(vitals: Vitals, behindMs: number): Backlog {
  const { nowMs, own, services, leastUnapplied } = vitals;
  const [atMs, ageMs = 0] = latest(own.OldestUnappliedAge) ?? [];
  const [readAtMs, readMs = 0] = latest(services.IteratorAge) ?? [];
  // Read, and never told of by the function: it has crashed with it.
  const isLost = readAtMs !== undefined && (atMs === undefined || atMs < readAtMs);
  const [fromMs, thenMs] = isLost ? [readAtMs, readMs] : [atMs ?? nowMs, ageMs];
  if (thenMs === 0) return NOTHING;
  // In its last minute, the backlog came to its end: invoked again, the function would have told what is left.
  const periodMs = periodMsOf(vitals);
  const quietMs = (thenMs <= WINDOW * periodMs ? WINDOW : LONGEST_SILENCE) * periodMs;
  const isDone = !isLost && valueAt(leastUnapplied, fromMs) === 0 && isRead(vitals);
  if (isDone && nowMs - fromMs >= quietMs) return NOTHING;
  const nowAgeMs = thenMs + (nowMs - fromMs);
  return { ageMs: nowAgeMs, trend: nowAgeMs > behindMs ? 'standing-still' : 'none' };
}

/** Milliseconds per millisecond, from window to window; within the last one where there is no other. */
function growthOf(
  recent: Series,
  ages: Series,
  { nowMs, windowMs }: { readonly nowMs: number; readonly windowMs: number },
): number | undefined {
  const before = ages.filter(([atMs]) => atMs < nowMs - windowMs && atMs >= nowMs - 2 * windowMs);
  if (before.length > 0) return (highest(recent) - highest(before)) / windowMs;
  const [[firstAtMs, firstMs] = [0, 0]] = recent;
  const [lastAtMs, lastMs] = latest(recent) ?? [0, 0];
  return lastAtMs === firstAtMs ? undefined : (lastMs - firstMs) / (lastAtMs - firstAtMs);
}

function highest(series: Series): number {
  return series.reduce((most, [, value]) => Math.max(most, value), 0);
}
