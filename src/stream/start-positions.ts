// Stored positions and the shards that the stream lists -> where each shard starts, and what may have been lost. Pure.

import type { Shard, StoredPosition } from '../ports.ts';
import type { TrimmedPosition } from './context.ts';

export interface Start {
  /** Of shards that are listed. A closed one is not read again. */
  readonly positions: ReadonlyMap<string, StoredPosition>;
  readonly trimmed: readonly TrimmedPosition[];
  /** Shards that are not listed any more: their rows may go. */
  readonly unlisted: readonly string[];
}

/**
 * A shard that was not read to its end, and is gone, has lost records. So may one that is read from its beginning by a
 * process that was not there for as long as the stream keeps records: the beginning may be another by now. Of a
 * position behind a record, the service says so when it is opened.
 */
export function startOf(
  listed: readonly Shard[],
  stored: ReadonlyMap<string, StoredPosition>,
  { nowMs, retentionMs }: { readonly nowMs: number; readonly retentionMs: number },
): Start {
  const ids = new Set(listed.map(({ shardId }) => shardId));
  const unlisted = [...stored.keys()].filter((shardId) => !ids.has(shardId));
  const lost = unlisted.filter((shardId) => stored.get(shardId)?.closed === false);
  const newestAtMs = Math.max(...[...stored.values()].map(({ atMs }) => atMs));
  const isOutlived = (shardId: string) => {
    const { after, closed = false, atMs = newestAtMs } = stored.get(shardId) ?? {};
    return after === undefined && !closed && stored.size > 0 && atMs <= nowMs - retentionMs;
  };
  const outlived = [...ids].filter(isOutlived);
  return {
    positions: new Map([...stored].filter(([shardId]) => ids.has(shardId))),
    trimmed: [...lost, ...outlived].map((shardId) => ({
      shardId,
      after: stored.get(shardId)?.after,
    })),
    unlisted,
  };
}
