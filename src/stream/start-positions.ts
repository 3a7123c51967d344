// Stored positions and the shards that the stream lists -> where each shard starts, and what has been lost. Pure.

import type { Shard, StoredPosition } from '../ports.ts';
import type { TrimmedPosition } from './context.ts';

export interface Start {
  readonly stored: ReadonlyMap<string, StoredPosition>;
  /** Since when a shard may be there that has no position, epoch milliseconds; undefined without any position. */
  readonly sinceMs: number | undefined;
  /** Positions of shards that are gone, and were not read to their end. */
  readonly lost: readonly TrimmedPosition[];
  /** Shards that are not listed any more: their rows may go. */
  readonly unlisted: readonly string[];
}

export function startOf(
  listed: readonly Shard[],
  stored: ReadonlyMap<string, StoredPosition>,
): Start {
  const ids = new Set(listed.map(({ shardId }) => shardId));
  const unlisted = [...stored].filter(([shardId]) => !ids.has(shardId));
  const times = [...stored.values()].map(({ atMs }) => atMs);
  return {
    stored,
    // Each new shard gets a position at once, so it came after the newest one that there is.
    sinceMs: times.length === 0 ? undefined : Math.max(...times),
    lost: unlisted
      .filter(([, { closed }]) => !closed)
      .map(([shardId, { after }]) => ({ shardId, after })),
    unlisted: unlisted.map(([shardId]) => shardId),
  };
}

export type Reached = Omit<StoredPosition, 'closed'>;

interface Limits {
  readonly nowMs: number;
  /** How long the stream keeps records now. */
  readonly retentionMs: number;
}

/**
 * Whether the beginning of a shard may be gone that none of its records has been read of: the stream starts at the
 * oldest record that it has, and does not say whether there were others. Of a position behind a record, it does.
 */
export function isOutlived(position: Reached, { nowMs, retentionMs }: Limits): boolean {
  const isReached = position.after === undefined;
  return isReached && (nowMs - position.atMs >= retentionMs || wasOutlived(position, nowMs));
}

/** Whether records behind a position may have gone before the stream was made to keep them for longer. */
export function wasOutlived({ atMs, keptMs = Infinity }: Reached, nowMs: number): boolean {
  return nowMs - atMs >= keptMs;
}
