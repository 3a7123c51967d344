// `ferry redrive --bulk`: the deployed state machine redrives the objects of the bucket, a slice of them for each
// worker; then this redrives the letters of the queue, of which there are few.

import { randomBytes } from 'node:crypto';
import { environmentEndpoint } from '../aws/endpoints.ts';
import { systemClock } from '../aws/system-clock.ts';
import { openBulk } from '../composition/bulk-setup.ts';
import { ON_FAILURE_OBJECT_PREFIX } from '../config/names.ts';
import { ObjectSlices } from '../bulk/object-slices.ts';
import { parseFailureMessage } from '../model/failure-message.ts';
import {
  estimateRedrive,
  type RedriveEstimate,
  type SampledObject,
  WORKER_RECORDS_PER_SECOND,
} from '../redrive/estimate.ts';
import { FerryError, UsageError } from '../errors.ts';
import { segmentsReported } from '../bulk/reports.ts';
import { redriveQueue } from '../redrive/redrive.ts';
import { objectText } from '../redrive/unpack.ts';
import { joinedReport, newReport, type RedriveReport } from '../redrive/report.ts';
import { RedriveReports } from '../redrive/worker-reports.ts';
import type { ObjectStore } from '../ports.ts';
import { perWorker, runInBulk } from './bulk.ts';
import type { ParsedOptions } from './command.ts';
import { alignedRows, EXIT, grouped } from './output.ts';
import { money, progressReporter } from './progress.ts';
import { type RedriveCall, withRedrive } from './redrive-here.ts';
import { printRedriven } from './redrive-result.ts';

/** Begins the names of executions. */
const RUN_PREFIX = 'redrive-';
/** So that workers that are done early find more. */
const SLICES_PER_WORKER = 4;
const SLICES_MAX = 400;

/** @throws UsageError where `--bulk` is given with what only a run from here can do. */
export function requireWholeBulk(options: ParsedOptions): void {
  if (!options.has('bulk')) return;
  const given = ['limit', 'bucket', 'without-source'].filter(
    (name) => options.has(name) || options.text(name) !== undefined,
  );
  if (given.length === 0) return;
  throw new UsageError(
    `--bulk cannot be used with ${given.map((name) => `--${name}`).join(', ')}.`,
    {
      code: 'usage.options',
      hint: 'The state machine works on the deployed bucket, and needs the source. Leave out --bulk.',
    },
  );
}

/** Of a worker's fifteen minutes, what a batch may take. */
const BATCH_SECONDS = 240;

/** @throws UsageError where a batch would not fit into the life of a function, and begin anew each time. */
function requireRate({ options, replication }: RedriveCall): void {
  const rate = perWorker('rate', options) ?? Infinity;
  const least = Math.ceil(replication.eventSource.batchSize / BATCH_SECONDS);
  if (rate >= least) return;
  throw new UsageError(
    `With --bulk, --rate must be at least ${least} for each of the workers, got ${rate}.`,
    { code: 'usage.options', hint: 'Use fewer --workers, or a higher rate.' },
  );
}

/** @returns the exit code. */
export async function redriveInBulk(call: RedriveCall): Promise<number> {
  requireRate(call);
  const plan = await planned(call);
  if (!call.options.has('apply')) return printPlan(plan, call);
  const ofObjects = await redriveObjectsInBulk(plan, call);
  const { report: ofLetters } = await withRedrive(call, async (context, options, outlook) => {
    const onProgress = () => undefined;
    return { report: await redriveQueue(context, { ...options, onProgress }), outlook };
  });
  const { io, options, replication, filter } = call;
  return printRedriven({
    io,
    name: replication.name,
    apply: true,
    json: options.has('json'),
    filter,
    // All that the workers have met are objects.
    report: joinedReport({ ...ofObjects, remainingObjects: ofObjects.remaining }, ofLetters),
  });
}

interface Plan {
  readonly slices: ObjectSlices;
  readonly estimate: RedriveEstimate;
  /** A run that goes on already. */
  readonly earlier: string | undefined;
}

async function planned({ options, io, replication }: RedriveCall): Promise<Plan> {
  const { runs, bucket, ...setup } = await openBulk(
    replication,
    environmentEndpoint('S3', io.environment),
  );
  try {
    const workers = options.integer('workers') ?? 1;
    const slices = new ObjectSlices(Math.min(SLICES_MAX, SLICES_PER_WORKER * workers));
    let first: string | undefined;
    for await (const objects of bucket.list(ON_FAILURE_OBJECT_PREFIX)) {
      first ??= objects[0]?.key;
      for (const object of objects) slices.add(object);
    }
    const sample = await sampled(first, bucket, replication.name);
    const recordsPerSecond = options.integer('rate');
    const estimate = estimateRedrive(slices, sample, { workers, recordsPerSecond });
    return { slices, estimate, earlier: await runs.running(RUN_PREFIX) };
  } finally {
    setup.close();
  }
}

async function sampled(
  key: string | undefined,
  bucket: ObjectStore,
  replication: string,
): Promise<SampledObject> {
  const body = key === undefined ? undefined : await objectText(key, bucket);
  if (body?.kind !== 'text') return { bytes: 0, records: 0 };
  const message = parseFailureMessage(body.text, replication);
  const records = message.kind === 'records' ? message.records.length : 0;
  return { bytes: Buffer.byteLength(body.text), records };
}

async function redriveObjectsInBulk(plan: Plan, call: RedriveCall): Promise<RedriveReport> {
  const { options, io, replication, filter } = call;
  const { slices, estimate, earlier } = plan;
  const boundaries = slices.boundaries();
  if (boundaries.length === 0 && earlier === undefined) return newReport();
  const name = earlier?.split(':').at(-1) ?? `${RUN_PREFIX}${randomBytes(8).toString('hex')}`;
  const segments = boundaries.map((_, slice) => slice);
  const report = progressReporter(io, systemClock, 'records');
  let reports: RedriveReports | undefined;
  let doneBefore: number | undefined;
  return runInBulk(
    {
      io,
      replication,
      name,
      earlier,
      segments,
      workers: options.integer('workers') ?? 1,
      task: {
        operation: 'redrive',
        run: name,
        boundaries,
        filter,
        recordsPerSecond: perWorker('rate', options),
      },
      async onTick(bucket) {
        reports ??= new RedriveReports(name, bucket);
        const { found, applied, superseded, failing } = await reports.sum();
        doneBefore ??= found;
        report({
          done: found,
          expected: doneBefore + estimate.records,
          facts: [
            `applied ${grouped(applied)}`,
            `superseded ${grouped(superseded)}`,
            `failing ${grouped(failing)}`,
          ],
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
  throw new FerryError(`The reports of the bulk run cover ${done} of ${slices} slices.`, {
    code: 'bulk.incomplete',
    hint: 'What was not redriven is where it was. Run the command again.',
  });
}

/** What would be started. */
function printPlan({ slices, estimate, earlier }: Plan, call: RedriveCall): number {
  const { options, io, replication } = call;
  const workers = options.integer('workers') ?? 1;
  const { objects, bytes } = slices;
  if (options.has('json')) {
    const facts = { objects, bytes, workers, slices: slices.boundaries().length, estimate };
    io.out(JSON.stringify({ replication: replication.name, apply: false, ...facts, earlier }));
  } else {
    const rows: Array<readonly [string, string]> = [
      ['objects', grouped(objects)],
      ['bytes', grouped(bytes)],
      ['records', `about ${grouped(estimate.records)}`],
      ['workers', grouped(workers)],
      ['time', `about ${grouped(estimate.minutes)} min`],
      ['cost', `${money(estimate.dollars)} at most`],
    ];
    io.out(`A bulk redrive of ${replication.name} would take`);
    for (const line of alignedRows(rows)) io.out(line);
    io.out(
      `Time at ${WORKER_RECORDS_PER_SECOND} records/s and worker; on-demand list prices of us-east-1, each record written by itself.`,
    );
    if (earlier !== undefined) io.out(`${earlier} is running: --apply follows it.`);
    io.out('Nothing was changed. With --apply it starts, and the letters of the queue follow.');
  }
  return objects > 0 || earlier !== undefined ? EXIT.differences : EXIT.done;
}
