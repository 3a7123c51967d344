// Where a stream has been read to its end: every closed shard until it has no next iterator, and every open one to a
// marker. A child's marker says nothing of the last records of its parent.

import type { Shard } from '../ports.ts';
import type { ShardProgress } from './audit-memory.ts';

/** Shards without a child. One of them that is closed will have children. */
export function leavesOf<S extends Shard>(shards: Iterable<S>): S[] {
  const all = [...shards];
  const parents = new Set(all.flatMap(({ parentShardIds }) => parentShardIds));
  return all.filter(({ shardId }) => !parents.has(shardId));
}

/** Empty pages in a row after which a shard seems to be read to its tip. Only a marker proves it. */
export const EMPTY_READS = 3;

/**
 * @param isAtTip of an open shard.
 */
export function isReadThrough(
  shards: Iterable<ShardProgress>,
  isAtTip: (leaf: ShardProgress) => boolean,
): boolean {
  const all = [...shards];
  const leaves = new Set(leavesOf(all));
  return all.every((shard) => (leaves.has(shard) ? !shard.ended && isAtTip(shard) : shard.ended));
}

/** For an audit beside the traffic. */
export function isNearTip(
  { emptyReads, newestMs }: ShardProgress,
  nowMs: number,
  withinMs: number,
) {
  return emptyReads >= EMPTY_READS || nowMs - (newestMs ?? -Infinity) <= withinMs;
}
