// --bulk: the same work, done by the deployed state machine, and followed from here.

import { environmentEndpoint } from '../aws/endpoints.ts';
import { openBulk } from '../composition/bulk-setup.ts';
import { retriesUntil } from '../composition/pair-work.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { bulkInput, type BulkTask } from '../bulk/task.ts';
import { followBulkRun } from '../bulk/follow-run.ts';
import { FerryError } from '../errors.ts';
import type { BulkRuns, ObjectStore } from '../ports.ts';
import { wrongOption } from './arguments.ts';
import { withOpen } from './call.ts';
import type { OptionSpec, ParsedOptions } from './command.ts';
import type { Io } from './output.ts';

export const bulkOption: OptionSpec = {
  help: 'run it on the deployed state machine (needs "bulk": true in the configuration)',
};

export interface BulkCall {
  readonly io: Io;
  readonly replication: ReplicationConfig;
  /** Of the execution. Step Functions starts a name once. */
  readonly name: string;
  /** An earlier execution, to be followed instead if it is still running. */
  readonly earlier?: string | undefined;
  /** Called with the execution that is followed. */
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
export function runInBulk<T>(
  { onTick, ...call }: BulkCall,
  conclude: (bucket: ObjectStore) => Promise<T>,
): Promise<T> {
  const { io } = call;
  return withOpen(openBulkOf(call), async ({ runs, bucket }) => {
    const execution = await startOrJoin(runs, call);
    await followBulkRun(runs, execution, {
      ...retriesUntil(io.interrupted),
      onTick: () => onTick(bucket),
    });
    return conclude(bucket);
  });
}

/** The state machine and its bucket, at the endpoint of S3 that the environment names. */
export function openBulkOf({ replication, io }: Pick<BulkCall, 'replication' | 'io'>) {
  return openBulk(replication, environmentEndpoint('S3', io.environment));
}

async function startOrJoin(
  runs: BulkRuns,
  { io, name, earlier, segments, workers, task, onStarted }: Omit<BulkCall, 'onTick'>,
): Promise<string> {
  if (earlier !== undefined && (await runs.state(earlier)).kind === 'running') {
    io.err(`Following the execution ${earlier}. It continues if this command ends.`);
    return earlier;
  }
  const execution = await runs.start(name, bulkInput({ segments, workers, task }));
  await onStarted?.(execution);
  io.err(`Started the execution ${execution}. It continues if this command ends.`);
  return execution;
}

/**
 * A page has to fit into one invocation, whatever the size of its items.
 * @throws UsageError where a worker's rate would be too low.
 */
export function requireBulkRates(options: ParsedOptions): void {
  for (const [name, least] of LEAST_PER_WORKER) {
    const rate = perWorker(name, options) ?? Infinity;
    if (!options.has('bulk') || rate >= least) continue;
    throw wrongOption(
      `With --bulk, --${name} must be at least ${least} for each worker, got ${rate}.`,
      'Use fewer --workers, or a higher rate.',
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

export function incompleteBulk(message: string, hint: string): FerryError {
  return new FerryError(message, { code: 'bulk.incomplete', hint });
}
