// The redrives of a local run, as `ferry redrive` does them: from its queue and bucket, through the guard,
// to the destination that the function writes to, faults included.

import { type Credentials, fixedCredentials, sidesOf } from '../../aws/access.ts';
import { openRedrive } from '../../composition/redrive-context.ts';
import { ON_FAILURE_OBJECT_PREFIX } from '../../config/names.ts';
import { redrive, type RedriveOptions } from '../../redrive/redrive.ts';
import { type RedriveReport, stayed } from '../../redrive/report.ts';
import type { LocalWorld } from './local-world.ts';

export interface LocalRedrive {
  /** Over all redrives of this run. */
  readonly totals: {
    readonly applied: number;
    readonly superseded: number;
    readonly coalesced: number;
    readonly resynchronized: number;
  };
  /** Puts back what can be put back. For when no new dead letters come. */
  applyToAll(): Promise<RedriveReport>;
  /**
   * The same for as many as wait now: while their cause lasts, new ones keep coming. Stopped, it leaves
   * the rest where it is.
   */
  applyToWaiting(stop: AbortSignal): Promise<RedriveReport>;
  /** Records that wait for a redrive. Changes nothing; for when no new dead letters come. */
  waiting(): Promise<number>;
}

export function localRedrive(world: LocalWorld, credentials: Credentials): LocalRedrive {
  const totals = { applied: 0, superseded: 0, coalesced: 0, resynchronized: 0 };
  const never = new AbortController().signal;
  const apply = async (stop: AbortSignal, limit: number) => {
    const report = await redriveOnce(world, credentials, { apply: true, stop, limit });
    totals.applied += report.applied;
    totals.superseded += report.superseded;
    totals.coalesced += report.coalesced;
    totals.resynchronized += report.resynchronized;
    return report;
  };
  return {
    totals,
    applyToAll: () => apply(never, Infinity),
    async applyToWaiting(stop) {
      return apply(stop, await recordsWaiting(world));
    },
    async waiting() {
      const look = { apply: false, stop: never, limit: Infinity };
      return stayed(await redriveOnce(world, credentials, look));
    },
  };
}

/** A message is a record. How many a given-up batch has is not known before it is read. */
async function recordsWaiting({ failures: { queue, bucket } }: LocalWorld): Promise<number> {
  for await (const batches of bucket.list(ON_FAILURE_OBJECT_PREFIX)) {
    if (batches.length > 0) return Infinity;
  }
  return queue.size();
}

async function redriveOnce(
  { failures, replication, projection, faults }: LocalWorld,
  credentials: Credentials,
  options: Pick<RedriveOptions, 'apply' | 'stop' | 'limit'>,
): Promise<RedriveReport> {
  const destination = { ...replication.destination, endpoint: faults.endpoint };
  const { context, ...opened } = await openRedrive({
    replication,
    projection,
    sides: sidesOf({ ...replication, destination }, fixedCredentials(credentials)),
    apply: options.apply,
    stop: options.stop,
    queueUrl: failures.queueUrl,
    bucket: failures.bucketName,
    lookAgainQueueUrl: failures.lookAgainQueueUrl,
  });
  try {
    return await redrive(context, {
      ...options,
      filter: {},
      recordsPerSecond: Infinity,
      hiddenSeconds: 300,
      onProgress: () => undefined,
    });
  } finally {
    opened.close();
  }
}
