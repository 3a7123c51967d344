// How the age of what waits goes on: falling, rising, or as fast as the clock.

import { highestOf, latest, MINUTE_MS, type Vitals } from './vitals.ts';

export interface Backlog {
  /** Age of the oldest record that waits, now; 0 where none is known to wait. */
  readonly ageMs: number;
  readonly trend: 'none' | 'catching-up' | 'standing-still' | 'falling-behind';
  /** Time until nothing waits, if it goes on like this; only while catching up. */
  readonly leftMs?: number | undefined;
}

/** The trend is that of the last minutes. */
const LOOK_BACK_MS = 10 * MINUTE_MS;
/** An age that grows by this share of the time that passes: what is oldest does not move. */
const STANDING_SHARE = 0.8;
/** One that shrinks by less of it will not end today. */
const CATCHING_UP_SHARE = 0.02;
/** After so long without a figure, nothing is invoked: what waited then waits now. */
const SILENT_MS = 3 * MINUTE_MS;

/** @param behindMs an age up to this is no backlog. */
export function backlogOf(vitals: Vitals, behindMs: number): Backlog {
  const { nowMs, own, services } = vitals;
  const ages = highestOf(own.OldestUnappliedAge, services.IteratorAge);
  const [lastAtMs = nowMs, lastMs = 0] = latest(ages) ?? [];
  const isSilent = nowMs - lastAtMs > SILENT_MS;
  const ageMs = lastMs > 0 && isSilent ? lastMs + (nowMs - lastAtMs) : lastMs;
  if (ageMs <= behindMs) return { ageMs, trend: 'none' };
  if (isSilent) return { ageMs, trend: 'standing-still' };
  const [firstAtMs, firstMs] = ages.find(([atMs]) => atMs >= lastAtMs - LOOK_BACK_MS) ?? [
    lastAtMs,
    lastMs,
  ];
  const passedMs = lastAtMs - firstAtMs;
  if (passedMs === 0) return { ageMs, trend: 'falling-behind' };
  const growth = (lastMs - firstMs) / passedMs;
  if (growth >= STANDING_SHARE) return { ageMs, trend: 'standing-still' };
  if (growth > -CATCHING_UP_SHARE) return { ageMs, trend: 'falling-behind' };
  return { ageMs, trend: 'catching-up', leftMs: ageMs / -growth };
}
