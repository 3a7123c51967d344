// Reads a bounded piece of a stream into the memory of an audit: of each shard that is not at its end, a few pages.

import type { ShardPage, StreamReader } from '../ports.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import { retry, type RetryContext } from '../pacing/retry.ts';
import type { AuditMemory, ShardProgress } from './audit-memory.ts';

const SHARDS_AT_ONCE = 16;
const PAGES_MAX = 5;
/** The most that DynamoDB Streams gives. */
const PAGE_RECORDS = 1_000;

/** @throws what a request throws and repeating cannot help. */
export async function readOn(
  audit: AuditMemory,
  stream: StreamReader,
  retries: RetryContext,
): Promise<void> {
  audit.list(await retry(() => stream.shards(), retries));
  // The oldest first: of a long stream, they are trimmed while it is read.
  const isParentOpen = ({ parentShardIds }: ShardProgress) =>
    parentShardIds.some((id) => audit.shards.get(id)?.ended === false);
  const tasks = [...audit.shards.values()]
    .filter((shard) => !shard.ended && !isParentOpen(shard))
    .map((shard) => () => readShard(shard, { audit, stream, retries }));
  await inParallel(tasks, SHARDS_AT_ONCE);
}

interface Reading {
  readonly audit: AuditMemory;
  readonly stream: StreamReader;
  readonly retries: RetryContext;
}

async function readShard(shard: ShardProgress, reading: Reading): Promise<void> {
  for (let page = 1; page <= PAGES_MAX && !shard.ended; page += 1) {
    const found = await nextPage(shard, reading);
    if (found === undefined) return;
    for (const record of found.records) reading.audit.takeIn(record, shard);
    shard.iterator = found.nextIterator;
    shard.ended = found.nextIterator === undefined;
    shard.emptyReads = found.records.length === 0 ? shard.emptyReads + 1 : 0;
    if (found.records.length === 0) return;
  }
}

/** @returns undefined where the shard has to be opened again. */
async function nextPage(
  shard: ShardProgress,
  { audit, stream, retries }: Reading,
): Promise<ShardPage | undefined> {
  const { shardId, after } = shard;
  const page = await retry(async () => {
    try {
      shard.iterator ??= await stream.open(shardId, after);
      return await stream.read(shard.iterator, PAGE_RECORDS);
    } catch (error) {
      return reopening(error);
    }
  }, retries);
  if (typeof page !== 'string') return page;
  shard.iterator = undefined;
  // Records behind the last one that was read are gone. From the beginning, what is gone was never looked for.
  if (page === 'TrimmedDataAccessException' && after !== undefined) audit.isTrimmed = true;
  return undefined;
}

/** Errors that another try with the same iterator cannot help. */
function reopening(error: unknown): 'ExpiredIteratorException' | 'TrimmedDataAccessException' {
  const name = error instanceof Error ? error.name : '';
  if (name === 'ExpiredIteratorException' || name === 'TrimmedDataAccessException') return name;
  throw error;
}
