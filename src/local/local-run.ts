// The whole of Ferry on one machine: a workload on the source, the function that ships behind a local
// event source mapping, and at the end a comparison of the two tables.

import { openRedrive } from '../composition/redrive-context.ts';
import { redrive } from '../operations/redrive.ts';
import type { VerifyReport } from '../operations/verify.ts';
import { compareTables } from './compare-tables.ts';
import {
  type Cleanup,
  type LocalWorld,
  type LocalWorldOptions,
  startLocalWorld,
} from './local-world.ts';
import { playFaults } from './fault-story.ts';
import type { Percentiles } from './metrics-tally.ts';
import { seededRandom } from './seeded-random.ts';
import { createWorkload } from './workload.ts';
import { writeLoop } from './write-loop.ts';

export interface LocalRunOptions extends LocalWorldOptions {
  readonly writesPerSecond: number;
  readonly durationSeconds: number;
  readonly items: number;
  readonly seed: number;
  /** Ends the workload early; settling, comparing and cleaning up still happen. */
  readonly stop: AbortSignal;
  /** Keeps replicating after the first comparison, until `stop`. */
  readonly keep: boolean;
  /** Injects faults while the workload runs, and redrives after it. */
  readonly faults: boolean;
  /** Called with each turn of the fault story. */
  readonly onStory: (line: string) => void;
  readonly onStarted: (world: LocalWorld) => void;
  readonly onVerified: (summary: LocalRunSummary) => void;
  readonly onProgress: (progress: LocalRunProgress) => void;
}

export interface LocalRunProgress {
  readonly writes: number;
  readonly records: number;
  readonly applied: number;
  readonly superseded: number;
  readonly coalesced: number;
  readonly skipped: number;
  readonly deadLettered: number;
  /** Of the records applied since the last progress. */
  readonly latestLatencyMs: Percentiles | undefined;
}

/** The last line of `ferry local --json`. Fields are added, never renamed. */
export interface LocalRunSummary {
  readonly writes: number;
  /** Stream records handed to the function, each counted once. */
  readonly records: number;
  readonly applied: number;
  readonly superseded: number;
  readonly coalesced: number;
  readonly skipped: number;
  readonly deadLettered: number;
  /** Records given up to the on-failure destination. */
  readonly givenUp: number;
  /** Records handed over again after a failure. */
  readonly retried: number;
  readonly items: number;
  readonly differences: number;
  /** Items that kept changing while they were compared. */
  readonly unconfirmed: number;
  /** With faults: what became of the dead letters and given-up batches. */
  readonly redriven?: {
    readonly applied: number;
    readonly superseded: number;
    readonly left: number;
  };
  /** Milliseconds from the write call to the item's arrival; all zero if nothing was applied. */
  readonly latencyMs: Percentiles;
  readonly recordsPerSecond: number;
  readonly durationSeconds: number;
  readonly engine: string;
  readonly seed: number;
}

const PROGRESS_INTERVAL_MS = 500;

/** Runs until the workload is over or `stop`, and leaves nothing behind, also when it fails. */
export async function localRun(options: LocalRunOptions): Promise<LocalRunSummary> {
  const cleanups: Cleanup[] = [];
  try {
    const world = await startLocalWorld(options, cleanups);
    options.onStarted(world);
    const run = replicate({ world, options, startMs: options.clock.now(), writes: 0 });
    // Without its engine a run would try for ever.
    return await Promise.race([run, world.source.lost, world.destination.lost]);
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

interface Run {
  readonly world: LocalWorld;
  readonly options: LocalRunOptions;
  readonly startMs: number;
  writes: number;
}

async function replicate(run: Run): Promise<LocalRunSummary> {
  const { stop, keep, onVerified, onProgress } = run.options;
  const timer = setInterval(() => onProgress(progressOf(run)), PROGRESS_INTERVAL_MS);
  try {
    await Promise.all([writeAll(run), playStory(run)]);
    const summary = await settle(run);
    if (!keep || stop.aborted) return summary;
    onVerified(summary);
    await aborted(stop);
    return await settle(run);
  } finally {
    clearInterval(timer);
  }
}

async function playStory({ world, options, startMs }: Run): Promise<void> {
  if (!options.faults) return;
  const { clock, durationSeconds, stop, onStory } = options;
  const tell = (line: string) => {
    const seconds = ((clock.now() - startMs) / 1000).toFixed(1);
    onStory(`${seconds.padStart(6)} s  ${line}`);
  };
  await playFaults({ world, clock, durationMs: durationSeconds * 1000, stop, tell });
}

async function writeAll(run: Run): Promise<void> {
  const { world, options } = run;
  await writeLoop({
    client: world.source.client,
    table: world.replication.source.table,
    nextWrite: createWorkload({
      random: seededRandom(options.seed),
      schema: world.schema,
      items: options.items,
      timestampAttribute: world.replication.timestampAttribute ?? '',
    }),
    clock: options.clock,
    writesPerSecond: options.writesPerSecond,
    durationMs: options.durationSeconds * 1000,
    stop: options.stop,
    onWritten: () => {
      run.writes += 1;
    },
  });
}

/** Waits until the stream is read to its end, and compares the tables. */
async function settle(run: Run): Promise<LocalRunSummary> {
  const { world, options, startMs } = run;
  await world.mapping.settled();
  const redriven = options.faults ? await redriveAll(run) : undefined;
  const durationSeconds = (options.clock.now() - startMs) / 1000;
  const report = await compareTables(world, options.clock);
  return summaryOf(run, { report, durationSeconds, redriven });
}

interface Ending {
  readonly report: VerifyReport;
  readonly durationSeconds: number;
  readonly redriven: LocalRunSummary['redriven'];
}

/** As `ferry redrive --apply` does it. */
async function redriveAll({ world, options }: Run): Promise<LocalRunSummary['redriven']> {
  const { failures, replication } = world;
  const { context, ...opened } = await openRedrive({
    replication,
    queueUrl: failures.queueUrl,
    bucket: failures.bucketName,
    objectEndpoint: failures.objectEndpoint,
    credentials: options.credentials,
  });
  const { applied, superseded, left } = await redrive(context, {
    apply: true,
    filter: {},
    limit: Infinity,
    recordsPerSecond: Infinity,
    hiddenSeconds: 300,
    stop: new AbortController().signal,
    onProgress: () => undefined,
  });
  opened.close();
  return { applied, superseded, left };
}

function progressOf(run: Run): LocalRunProgress {
  return { ...countsOf(run), latestLatencyMs: run.world.tally.latestLatencies() };
}

function countsOf({ writes, world: { mapping, tally } }: Run) {
  return {
    writes,
    records: mapping.counts.received,
    applied: tally.sum('AppliedRecords'),
    superseded: tally.sum('SupersededRecords'),
    coalesced: tally.sum('CoalescedRecords'),
    skipped: tally.sum('SkippedRecords'),
    deadLettered: tally.sum('DeadLetteredRecords'),
  };
}

function summaryOf(run: Run, { report, durationSeconds, redriven }: Ending): LocalRunSummary {
  const { source, destination, mapping, tally } = run.world;
  return {
    ...countsOf(run),
    givenUp: mapping.counts.givenUp,
    retried: tally.sum('RetriedRecords'),
    items: report.items,
    differences: report.missing + report.different + report.extraneous,
    unconfirmed: report.inFlight + report.unreadable,
    ...(redriven === undefined ? {} : { redriven }),
    latencyMs: tally.latencies() ?? { p50: 0, p90: 0, p99: 0, max: 0 },
    recordsPerSecond: Math.round(mapping.counts.received / durationSeconds),
    durationSeconds: Math.round(durationSeconds * 100) / 100,
    engine: [...new Set([source.engine, destination.engine])].join(' -> '),
    seed: run.options.seed,
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
