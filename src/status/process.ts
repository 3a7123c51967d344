// The state of a replication that `ferry run` carries, by its rows in the state table: there is no function to ask, and
// figures are where the process publishes them.

import type { Paused } from '../model/control-row.ts';
import type { ProcessLease } from '../model/run-rows.ts';
import { duration } from '../text/duration.ts';
import { utcTime } from './pause.ts';
import type { Verdict } from './verdict-case.ts';

export interface ProcessVitals {
  readonly lease: ProcessLease;
  /** After how long it was seen to be renewed; undefined where it was not, while it was looked at. */
  readonly renewedAfterMs: number | undefined;
  /** How long it was looked at. */
  readonly lookedMs: number;
  /** Of the shard that is furthest behind: everything that had come by then is settled. */
  readonly oldest: { readonly shardId: string; readonly atMs: number } | undefined;
  readonly nowMs: number;
  readonly paused?: Paused | 'unknown' | undefined;
}

/** The position of a shard without records is refreshed every 15 minutes. */
const IDLE_MS = 16 * 60_000;

export function processVerdict(vitals: ProcessVitals): Verdict {
  const { lease, renewedAfterMs, lookedMs, oldest, nowMs, paused } = vitals;
  if (paused !== undefined && paused !== 'unknown') {
    const since = utcTime(paused.sinceMs);
    return {
      level: 'paused',
      text: `since ${since}: the process holds all records until \`ferry resume\``,
    };
  }
  const last = `the last process was ${lease.holder}`;
  if (lease.released)
    return { level: 'stuck', text: `no process carries it: it was stopped, and ${last}` };
  if (renewedAfterMs === undefined)
    return {
      level: 'stuck',
      text: `no process has renewed the lease for ${duration(lookedMs)}, and ${last}`,
    };
  if (oldest === undefined)
    return { level: 'starting', text: `${lease.holder} carries it, and has no positions yet` };
  const ageMs = nowMs - oldest.atMs;
  return ageMs > IDLE_MS
    ? { level: 'behind', text: `by ${duration(ageMs)}, by the position of ${oldest.shardId}` }
    : { level: 'healthy', text: `${lease.holder} carries it, and its positions move` };
}
