// How the age of what waits goes on: falling, rising, or as fast as the clock. Several shards tell their ages,
// some more often than others: the oldest of the last minutes counts, not the latest.

import { highestOf, latest, MINUTE_MS, type Series, type Vitals } from './vitals.ts';

export interface Backlog {
  /** Age of the oldest record that waits, in milliseconds; 0 where none is known to wait. */
  readonly ageMs: number;
  readonly trend: 'none' | 'catching-up' | 'standing-still' | 'falling-behind';
  /** Time until nothing waits, if it goes on like this; only while the latest age tells that anything waits. */
  readonly leftMs?: number | undefined;
}

/** A shard whose invocations take long tells its age that seldom. */
const WINDOW_MS = 5 * MINUTE_MS;
/** An age that grows by this share of the time that passes: what is oldest does not move. */
const STANDING_SHARE = 0.8;
/** One that shrinks by less of it will not end today. */
const CATCHING_UP_SHARE = 0.02;

const NOTHING: Backlog = { ageMs: 0, trend: 'none' };

/** @param behindMs an age up to this is no backlog. */
export function backlogOf(vitals: Vitals, behindMs: number): Backlog {
  const { nowMs, own, services } = vitals;
  const ages = highestOf(own.OldestUnappliedAge, services.IteratorAge);
  const recent = ages.filter(([atMs]) => atMs >= nowMs - WINDOW_MS);
  if (recent.length === 0) return silentBacklog(vitals, behindMs);
  const highestMs = highest(recent);
  if (highestMs <= behindMs) return { ageMs: highestMs, trend: 'none' };
  const growth = growthOf(recent, ages, nowMs);
  if (growth === undefined) return { ageMs: highestMs, trend: 'falling-behind' };
  if (growth >= STANDING_SHARE) return { ageMs: highestMs, trend: 'standing-still' };
  if (growth > -CATCHING_UP_SHARE) return { ageMs: highestMs, trend: 'falling-behind' };
  const [, lastMs = 0] = latest(recent) ?? [];
  // Another shard, which tells its age less often, may still wait.
  if (lastMs <= behindMs) return { ageMs: highestMs, trend: 'catching-up' };
  return { ageMs: lastMs, trend: 'catching-up', leftMs: lastMs / -growth };
}

/** Nothing is invoked any more: what was left unfinished then waits now. */
function silentBacklog({ nowMs, own, services }: Vitals, behindMs: number): Backlog {
  const [atMs, ageMs = 0] = latest(own.OldestUnappliedAge) ?? [];
  const [readAtMs, readMs = 0] = latest(services.IteratorAge) ?? [];
  // Read, and never told of by the function: it has crashed with it.
  const isLost = readAtMs !== undefined && (atMs === undefined || atMs < readAtMs);
  const [fromMs, thenMs] = isLost ? [readAtMs, readMs] : [atMs ?? nowMs, ageMs];
  if (thenMs === 0) return NOTHING;
  const nowAgeMs = thenMs + (nowMs - fromMs);
  return { ageMs: nowAgeMs, trend: nowAgeMs > behindMs ? 'standing-still' : 'none' };
}

/** Milliseconds per millisecond, from window to window; within the last one where there is no other. */
function growthOf(recent: Series, ages: Series, nowMs: number): number | undefined {
  const before = ages.filter(([atMs]) => atMs < nowMs - WINDOW_MS && atMs >= nowMs - 2 * WINDOW_MS);
  if (before.length > 0) return (highest(recent) - highest(before)) / WINDOW_MS;
  const [[firstAtMs, firstMs] = [0, 0]] = recent;
  const [lastAtMs, lastMs] = latest(recent) ?? [0, 0];
  return lastAtMs === firstAtMs ? undefined : (lastMs - firstMs) / (lastAtMs - firstAtMs);
}

function highest(series: Series): number {
  return series.reduce((most, [, value]) => Math.max(most, value), 0);
}
