// `ferry redrive --bulk`: the deployed state machine redrives the objects of the bucket, a slice of them for each
// worker. Then this redrives the few dead letters of the queue.

import { randomBytes } from 'node:crypto';
import { systemClock } from '../aws/system-clock.ts';
import { openBulk } from '../composition/bulk-setup.ts';
import { ObjectSlices } from '../bulk/object-slices.ts';
import {
  estimateRedrive,
  type RedriveEstimate,
  WORKER_RECORDS_PER_SECOND,
} from '../redrive/estimate.ts';
import { segmentsReported } from '../bulk/reports.ts';
import { joinedReport, newReport, type RedriveReport } from '../redrive/report.ts';
import { recordsInBucket, type Waiting } from '../redrive/waiting.ts';
import { RedriveReports } from '../redrive/worker-reports.ts';
import type { ObjectStore, StoredObject } from '../ports.ts';
import { wrongOption } from './arguments.ts';
import { incompleteBulk, perWorker, runInBulk } from './bulk.ts';
import { exitCode, printResult, titleOf, withOpen } from './call.ts';
import type { ParsedOptions } from './command.ts';
import { grouped } from './output.ts';
import { progressReporter } from './progress.ts';
import { type RedriveCall, redriveHere, requireYesOfBulk } from './redrive-here.ts';
import { outcomeFacts } from './redrive-progress.ts';
import { printRedriven } from './redrive-result.ts';
import { costs, figures, type Row } from './rows.ts';
import { workersOf } from './work-options.ts';

/** Begins the names of executions. */
export const RUN_PREFIX = 'redrive-';
/** So that workers which finish early find more. */
const SLICES_PER_WORKER = 4;
const SLICES_MAX = 400;

/** @throws UsageError where `--bulk` is given with options of a run without it. */
export function requireWholeBulk(options: ParsedOptions): void {
  if (!options.has('bulk')) return;
  const given = ['limit', 'bucket', 'letters', 'without-source'].filter(
    (name) => options.has(name) || options.text(name) !== undefined,
  );
  if (given.length === 0) return;
  throw wrongOption(
    `--bulk cannot be used with ${given.map((name) => `--${name}`).join(', ')}.`,
    'The state machine reads the deployed bucket, and needs the source. Run without --bulk.',
  );
}

/** Of a worker's fifteen minutes, what a batch may take. */
const BATCH_SECONDS = 240;

/** @throws UsageError where a batch would not fit into one invocation, which would never finish it. */
function requireRate({ options, replication }: RedriveCall): void {
  const rate = perWorker('rate', options) ?? Infinity;
  const least = Math.ceil(replication.eventSource.batchSize / BATCH_SECONDS);
  if (rate >= least) return;
  throw wrongOption(
    `With --bulk, --rate must be at least ${least} for each worker, got ${rate}.`,
    'Use fewer --workers, or a higher rate.',
  );
}

/** @returns the exit code. */
export async function redriveInBulk(call: RedriveCall): Promise<number> {
  requireRate(call);
  const plan = await planned(call);
  await requireYesOfBulk(plan.waiting, call);
  if (!call.options.has('apply')) return printPlan(plan, call);
  const ofObjects = await redriveObjectsInBulk(plan, call);
  const { report: ofLetters } = await redriveHere(call, { onlyQueue: true });
  // All objects that the workers have found are in the bucket.
  const report = joinedReport({ ...ofObjects, remainingObjects: ofObjects.remaining }, ofLetters);
  return printRedriven({ ...call, report });
}

interface Plan {
  readonly waiting: Waiting;
  readonly slices: ObjectSlices;
  readonly estimate: RedriveEstimate;
  /** A run that goes on already. */
  readonly earlier: string | undefined;
}

function planned(call: RedriveCall): Promise<Plan> {
  const { options, replication, sides } = call;
  return withOpen(openBulk(replication, sides), async ({ runs, bucket }) => {
    const workers = workersOf(options);
    const slices = new ObjectSlices(Math.min(SLICES_MAX, SLICES_PER_WORKER * workers));
    const onObject = (object: StoredObject) => slices.add(object);
    const waiting = await recordsInBucket({ bucket, replication: replication.name, onObject });
    const recordsPerSecond = options.integer('rate');
    const estimate = estimateRedrive(slices, waiting.sample, { workers, recordsPerSecond });
    return { slices, waiting, estimate, earlier: await runs.running(RUN_PREFIX) };
  });
}

async function redriveObjectsInBulk(plan: Plan, call: RedriveCall): Promise<RedriveReport> {
  const { options, io, filter } = call;
  const { slices, estimate, earlier } = plan;
  const boundaries = slices.boundaries();
  if (boundaries.length === 0 && earlier === undefined) return newReport();
  const name = earlier?.split(':').at(-1) ?? `${RUN_PREFIX}${randomBytes(8).toString('hex')}`;
  const segments = boundaries.map((_, slice) => slice);
  const report = progressReporter(io, systemClock, 'records');
  let reports: RedriveReports | undefined;
  let doneBefore: number | undefined;
  return runInBulk(
    call,
    {
      name,
      earlier,
      segments,
      task: {
        operation: 'redrive',
        run: name,
        boundaries,
        filter,
        recordsPerSecond: perWorker('rate', options),
      },
      async onTick(bucket) {
        reports ??= new RedriveReports(name, bucket);
        const sum = await reports.sum();
        doneBefore ??= sum.found;
        report({
          done: sum.found,
          expected: doneBefore + estimate.records,
          facts: outcomeFacts(sum),
        });
      },
    },
    async (bucket) => {
      // Slices of an earlier run are not known here; that it has succeeded says that all are done.
      if (earlier === undefined) await requireAllDone(name, segments.length, bucket);
      return new RedriveReports(name, bucket).sum();
    },
  );
}

async function requireAllDone(run: string, slices: number, bucket: ObjectStore): Promise<void> {
  const done = await segmentsReported(run, bucket);
  if (done === slices) return;
  throw incompleteBulk(
    `The reports of the bulk run cover only ${done} of ${slices} slices.`,
    'The other objects are still in the bucket. Run the command again.',
  );
}

function printPlan({ slices, estimate, earlier }: Plan, call: RedriveCall): number {
  const workers = workersOf(call.options);
  const { objects, bytes } = slices;
  const cost = costs(estimate.dollars, call.replication);
  const dollars = cost.length > 0 ? estimate.dollars : null;
  const facts = {
    objects,
    bytes,
    workers,
    slices: slices.boundaries().length,
    estimate: { ...estimate, dollars },
  };
  printResult(call, { apply: false, ...facts, earlier }, [
    `${titleOf(call.replication)}: estimate of a bulk redrive`,
    ...figures([
      ['objects', grouped(objects)],
      ['bytes', grouped(bytes)],
      ['records', `about ${grouped(estimate.records)}`],
      ['workers', grouped(workers)],
      ['time', `about ${grouped(estimate.minutes)} min`],
      ...cost.map((text): Row => ['cost', `${text} at most`]),
    ]),
    `The time is for ${WORKER_RECORDS_PER_SECOND} records/s per worker.${cost.length > 0 ? ' The cost uses on-demand list prices of us-east-1, with one write per record.' : ''}`,
    ...(earlier === undefined ? [] : [`The execution ${earlier} is running. --apply follows it.`]),
    'Nothing was changed. --apply starts the execution, and then redrives the dead letters of the queue.',
  ]);
  return exitCode(objects === 0 && earlier === undefined);
}
