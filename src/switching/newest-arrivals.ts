// When the newest changes were made that have come from a lost Region, by the versions in the stream of the other side:
// the estimate of what is missing there. An idle table has old ones.

import type { Item, ShardPage, StreamReader } from '../ports.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import { retry, type RetryContext } from '../pacing/retry.ts';
import { integerIn } from '../model/stored-number.ts';
import { EMPTY_READS, leavesOf } from './shards.ts';
import type { NewestArrival } from './step.ts';

interface ShardReading {
  readonly shardId: string;
  iterator: string | undefined;
  emptyReads: number;
  isDone: boolean;
  atMs: number | undefined;
}

export type ArrivalReading = Map<string, ShardReading>;

const SHARDS_AT_ONCE = 16;
/** Of each shard and piece. */
const PAGES_MAX = 10;
const PAGE_RECORDS = 1_000;

/**
 * Reads a piece of each open shard, oldest first: the others are older.
 * @returns whether all have been read to their tips.
 * @throws what a request throws and repeating cannot help.
 */
export async function readArrivals(
  reading: ArrivalReading,
  { stream, reserved }: { readonly stream: StreamReader; readonly reserved: string },
  retries: RetryContext,
): Promise<boolean> {
  for (const { shardId } of leavesOf(await retry(() => stream.shards(), retries)))
    if (!reading.has(shardId)) reading.set(shardId, newReading(shardId));
  const open = [...reading.values()].filter(({ isDone }) => !isDone);
  const tasks = open.map((shard) => async () => {
    for (let page = 1; page <= PAGES_MAX && !shard.isDone; page += 1) {
      shard.iterator ??= await retry(() => stream.open(shard.shardId), retries);
      const { iterator } = shard;
      takeIn(shard, await retry(() => stream.read(iterator, PAGE_RECORDS), retries), reserved);
    }
  });
  await inParallel(tasks, SHARDS_AT_ONCE);
  return open.every(({ isDone }) => isDone);
}

function newReading(shardId: string): ShardReading {
  return { shardId, iterator: undefined, emptyReads: 0, isDone: false, atMs: undefined };
}

function takeIn(shard: ShardReading, { records, nextIterator }: ShardPage, reserved: string): void {
  for (const { dynamodb } of records) {
    const stamp = (dynamodb?.NewImage as Item | undefined)?.[reserved]?.M?.['t'];
    const seconds = integerIn(stamp);
    if (seconds !== undefined) shard.atMs = Math.max(shard.atMs ?? 0, seconds * 1000);
  }
  shard.iterator = nextIterator;
  shard.emptyReads = records.length === 0 ? shard.emptyReads + 1 : 0;
  shard.isDone = nextIterator === undefined || shard.emptyReads >= EMPTY_READS;
}

export function arrivalsOf(reading: ArrivalReading): readonly NewestArrival[] {
  return [...reading.values()].map(({ shardId, atMs, isDone: isWhole }) => ({
    shardId,
    atMs,
    isWhole,
  }));
}

/** Since the newest change that has come over; undefined where none has. */
export function rpoSeconds(arrivals: readonly NewestArrival[], nowMs: number): number | undefined {
  const known = arrivals.flatMap(({ atMs }) => atMs ?? []);
  return known.length === 0 ? undefined : Math.max(0, (nowMs - Math.max(...known)) / 1000);
}
