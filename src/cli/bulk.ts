// --bulk: the same work, done by the deployed state machine, and followed from here.

import { systemClock } from '../adapters/system-clock.ts';
import { openBulk } from '../composition/bulk-setup.ts';
import type { ReplicationConfig } from '../config.ts';
import type { BulkTask } from '../core/bulk-task.ts';
import { followBulkRun } from '../operations/follow-bulk-run.ts';
import type { ObjectStore } from '../ports.ts';
import type { OptionSpec, ParsedOptions } from './command.ts';
import type { Io } from './output.ts';

export const bulkOption: OptionSpec = {
  help: 'let the deployed state machine do it, for tables that outgrow one machine ("bulk": true)',
};

export interface BulkCall {
  readonly io: Io;
  readonly replication: ReplicationConfig;
  /** Name of the execution: the same name twice is one run. */
  readonly name: string;
  readonly segments: readonly number[];
  readonly workers: number;
  readonly task: BulkTask['task'];
  /** Called every few seconds. */
  readonly onTick: (bucket: ObjectStore) => Promise<void>;
}

/**
 * Resolves when the run has ended well.
 * @throws FerryError `bulk.failed`, or the reason of `io.interrupted`: the run goes on then.
 */
export async function runInBulk<T>(
  { io, replication, name, segments, workers, task, onTick }: BulkCall,
  conclude: (bucket: ObjectStore) => Promise<T>,
): Promise<T> {
  const { runs, bucket, ...setup } = await openBulk(
    replication,
    io.environment['AWS_ENDPOINT_URL_S3'],
  );
  try {
    const execution = await runs.start(name, { segments, workers, task });
    io.err(`Started ${execution}. It goes on without this command, too.`);
    await followBulkRun(runs, execution, {
      clock: systemClock,
      stop: io.interrupted,
      onTick: () => onTick(bucket),
    });
    return await conclude(bucket);
  } finally {
    setup.close();
  }
}

/** Each segment's part of the rate that all of them together may have. */
export function perWorker(name: string, options: ParsedOptions): number | undefined {
  const rate = options.integer(name);
  return rate === undefined ? undefined : rate / (options.integer('workers') ?? 1);
}
