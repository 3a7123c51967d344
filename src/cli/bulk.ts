// --bulk: the same work, done by the deployed state machine, and followed from here.

import { openBulk } from '../composition/bulk-setup.ts';
import { retriesUntil } from '../composition/pair-work.ts';
import { bulkInput, type BulkTask } from '../bulk/task.ts';
import { followBulkRun } from '../bulk/follow-run.ts';
import { FerryError } from '../errors.ts';
import type { BulkRuns, ObjectStore } from '../ports.ts';
import { wrongOption } from './arguments.ts';
import { type Call, withOpen } from './call.ts';
import type { ParsedOptions } from './command.ts';
import { workersOf } from './work-options.ts';

export interface BulkWork {
  /** Of the execution. Step Functions starts a name once. */
  readonly name: string;
  /** An earlier execution, to be followed instead if it is still running. */
  readonly earlier?: string | undefined;
  /** Called with the execution that is followed. */
  readonly onStarted?: (execution: string) => Promise<void>;
  readonly segments: readonly number[];
  readonly task: BulkTask['task'];
  /** Called every few seconds. */
  readonly onTick: (bucket: ObjectStore) => Promise<void>;
}

/**
 * Resolves when the run has ended well.
 * @throws FerryError `bulk.failed`, or the reason of `io.interrupted`: the run goes on then.
 */
export function runInBulk<T>(
  call: Call,
  work: BulkWork,
  conclude: (bucket: ObjectStore) => Promise<T>,
): Promise<T> {
  return withOpen(openBulk(call.replication, call.sides), async ({ runs, bucket }) => {
    const execution = await startOrJoin(runs, call, work);
    await followBulkRun(runs, execution, {
      ...retriesUntil(call.io.interrupted),
      onTick: () => work.onTick(bucket),
    });
    return conclude(bucket);
  });
}

async function startOrJoin(
  runs: BulkRuns,
  { io, options }: Call,
  { name, earlier, segments, task, onStarted }: BulkWork,
): Promise<string> {
  if (earlier !== undefined && (await runs.state(earlier)).kind === 'running') {
    io.err(`Following the execution ${earlier}. It continues if this command ends.`);
    return earlier;
  }
  const workers = workersOf(options);
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
  return rate === undefined ? undefined : rate / workersOf(options);
}

export function incompleteBulk(message: string, hint: string): FerryError {
  return new FerryError(message, { code: 'bulk.incomplete', hint });
}
