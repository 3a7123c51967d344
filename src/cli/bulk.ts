// --bulk: the same work, done by the deployed state machine, and followed from here.

import { environmentEndpoint } from '../aws/endpoints.ts';
import { systemClock, systemRandom } from '../aws/system-clock.ts';
import { openBulk } from '../composition/bulk-setup.ts';
import type { ReplicationConfig } from '../config/config.ts';
import type { BulkTask } from '../bulk/task.ts';
import { followBulkRun } from '../bulk/follow-run.ts';
import { UsageError } from '../errors.ts';
import type { BulkRuns, ObjectStore } from '../ports.ts';
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
  /** An earlier execution, to be followed instead if it is still running. */
  readonly earlier?: string | undefined;
  /** Told of the execution that is followed. */
  readonly onStarted?: (execution: string) => Promise<void>;
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
  { onTick, ...call }: BulkCall,
  conclude: (bucket: ObjectStore) => Promise<T>,
): Promise<T> {
  const { io, replication } = call;
  const { runs, bucket, ...setup } = await openBulk(
    replication,
    environmentEndpoint('S3', io.environment),
  );
  try {
    const execution = await startOrJoin(runs, call);
    await followBulkRun(runs, execution, {
      clock: systemClock,
      random: systemRandom,
      stop: io.interrupted,
      onTick: () => onTick(bucket),
    });
    return await conclude(bucket);
  } finally {
    setup.close();
  }
}

async function startOrJoin(
  runs: BulkRuns,
  { io, name, earlier, segments, workers, task, onStarted }: Omit<BulkCall, 'onTick'>,
): Promise<string> {
  if (earlier !== undefined && (await runs.state(earlier)).kind === 'running') {
    io.err(`Following ${earlier}. It goes on without this command, too.`);
    return earlier;
  }
  const execution = await runs.start(name, { segments, workers, task });
  await onStarted?.(execution);
  io.err(`Started ${execution}. It goes on without this command, too.`);
  return execution;
}

/**
 * A page has to fit into the life of a function, whatever the size of its items.
 * @throws UsageError where the workers would have too little each.
 */
export function requireBulkRates(options: ParsedOptions): void {
  for (const [name, least] of LEAST_PER_WORKER) {
    const rate = perWorker(name, options) ?? Infinity;
    if (!options.has('bulk') || rate >= least) continue;
    throw new UsageError(
      `With --bulk, --${name} must be at least ${least} for each of the workers, got ${rate}.`,
      { code: 'usage.options', hint: 'Use fewer --workers, or a higher rate.' },
    );
  }
}

const LEAST_PER_WORKER = [
  ['write-units', 50],
  ['read-units', 50],
] as const;

/** Each segment's part of the rate that all of them together may have. */
export function perWorker(name: string, options: ParsedOptions): number | undefined {
  const rate = options.integer(name);
  return rate === undefined ? undefined : rate / (options.integer('workers') ?? 1);
}
