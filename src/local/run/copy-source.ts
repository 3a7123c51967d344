// The items of a table that was given -> its twin in a local world, as `ferry backfill --apply` copies them.

import { randomBytes } from 'node:crypto';
import { type Credentials, fixedCredentials, sidesOf } from '../../aws/access.ts';
import { copyContext, openPairWriting, retriesUntil } from '../../composition/pair-work.ts';
import { openTablePair } from '../../composition/table-pair.ts';
import { backfill } from '../../backfill/backfill.ts';
import { projectionOf } from '../../backfill/projection.ts';
import { openBackfill } from '../../backfill/run.ts';
import type { Clock } from '../../ports.ts';
import type { LocalWorld } from './local-world.ts';

export interface LocalCopyOptions {
  readonly credentials: Credentials;
  readonly clock: Clock;
  /** Ends the copy; what is missing then shows in the comparison. */
  readonly stop: AbortSignal;
}

const WORKERS = 4;
const REQUESTS_PER_WORKER = 5;
const PAGE_ITEMS = 1_000;

export async function copySource(
  { replication, projection, failures, streamArn }: LocalWorld,
  { credentials, clock, stop }: LocalCopyOptions,
): Promise<void> {
  const retries = retriesUntil(stop, clock);
  const concurrency = WORKERS * REQUESTS_PER_WORKER;
  const sides = sidesOf(replication, fixedCredentials(credentials));
  const pair = await openTablePair({ replication, sides, concurrency, writes: true, projection });
  try {
    const queueUrl = failures.lookAgainQueueUrl;
    const setup = { replication, pair, streamArn, retries, queueUrl, sides, apply: true };
    const context = {
      ...copyContext(await openPairWriting(setup), {}),
      pageItems: PAGE_ITEMS,
      // They show as differences in the end.
      onRejected: () => undefined,
    };
    const fresh = {
      run: randomBytes(8).toString('hex'),
      totalSegments: WORKERS,
      streamArn,
      destination: pair.facts.destination.arn,
      startedAt: new Date(clock.now()).toISOString(),
      ...projectionOf({ wanted: projection?.digest, written: undefined, isAsked: false }),
    };
    const { run } = await openBackfill(fresh, false, context);
    await backfill(run, context, { workers: WORKERS, onProgress: () => undefined });
  } catch (error) {
    if (error !== stop.reason) throw error;
  } finally {
    pair.close();
  }
}
