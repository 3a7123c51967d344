// The list of a stream's shards, page after page. A page that is throttled is asked for again: to start over would cost
// the pages before it once more, and with hundreds of shards it would never end.

import { FerryError } from '../errors.ts';
import { classifyFailure, retryDelayMs } from '../model/write-failure.ts';
import type { Clock, Random, Shard } from '../ports.ts';

export interface ShardsPage {
  readonly shards: readonly Shard[];
  /** Where the next page begins; absent on the last. */
  readonly next?: string | undefined;
}

export interface Waiting {
  readonly clock: Clock;
  readonly random: Random;
}

/** Of 100 shards each, or of 1,000; no stream comes near it, so more of them means an endless answer. */
const PAGES_MAX = 1_000;
/** All readers of an account share ten a second. */
const PAGE_GAP_MS = 100;
const TRIES_MAX = 8;

/**
 * Each shard once, whatever changes between the pages.
 * @param waiting without it, there is one try of each page.
 */
export async function listShards(
  page: (from: string | undefined) => Promise<ShardsPage>,
  waiting?: Waiting,
): Promise<Shard[]> {
  const found = new Map<string, Shard>();
  let from: string | undefined;
  for (let pages = 1; pages <= PAGES_MAX; pages += 1) {
    const { shards, next } = await triedPage(() => page(from), waiting);
    for (const shard of shards) found.set(shard.shardId, shard);
    if (next === undefined) return [...found.values()];
    from = next;
    await waiting?.clock.sleep(PAGE_GAP_MS);
  }
  throw unreadable(`the list of shards does not end after ${PAGES_MAX} pages`);
}

async function triedPage<T>(page: () => Promise<T>, waiting: Waiting | undefined): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await page();
    } catch (error) {
      const isThrottled = classifyFailure(error).kind === 'throttled';
      if (!isThrottled || waiting === undefined || tries === TRIES_MAX) throw error;
      await waiting.clock.sleep(PAGE_GAP_MS + retryDelayMs(tries, waiting.random.next()));
    }
  }
}

export function unreadable(why: string): FerryError {
  return new FerryError(`The stream gave an answer that Ferry cannot read: ${why}.`, {
    code: 'stream.unreadable',
    hint: 'Check that the endpoint is the one of the stream, and that the AWS SDK here is up to date.',
  });
}
