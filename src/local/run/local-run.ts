// The whole of Ferry on one machine: a workload on the source, the function that ships behind a local
// event source mapping, and at the end a comparison of the two tables.

import { once } from 'node:events';
import type { Cleanup } from './cleanup.ts';
import { compareTables } from './compare-tables.ts';
import { endsWithin } from './ends-within.ts';
import { followConfig } from './follow-config.ts';
import { keepConfig } from './kept-config.ts';
import { copySource } from './copy-source.ts';
import { stayed } from '../../redrive/report.ts';
import { type LocalRedrive, localRedrive } from './local-redrive.ts';
import type { LocalWorldOptions } from './local-place.ts';
import { type LocalWorld, startLocalWorld } from './local-world.ts';
import { injectScheduled, ONE_WAY_FAULTS } from '../faults/fault-schedule.ts';
import { type LivePage, openLivePage } from '../page/live-page.ts';
import { RunControls } from '../page/run-controls.ts';
import { resultOf } from './run-result.ts';
import {
  type CountedRun,
  type LocalRunProgress,
  type LocalRunSummary,
  progressOf,
  summaryOf,
} from './run-summary.ts';
import { seededRandom } from '../seeded-random.ts';
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
  /** Called when a fault of `faults` begins, and when it ends. */
  readonly onFault: (line: string) => void;
  /** Port of the live page; a free one if absent. */
  readonly pagePort?: number | undefined;
  /** Where the commands' configuration is written. @default a new folder with `keep`, and nowhere without */
  readonly configPath?: string | undefined;
  readonly onStarted: (world: LocalWorld, places: RunPlaces) => void;
  /** Called when the function was deployed with the projection of that file, by its digest. */
  readonly onDeployed: (digest: string | undefined) => void;
  readonly onVerified: (summary: LocalRunSummary) => void;
  readonly onProgress: (progress: LocalRunProgress) => void;
}

/** Where a run can be met. */
export interface RunPlaces {
  readonly pageUrl: string;
  readonly configPath: string | undefined;
}

const PROGRESS_INTERVAL_MS = 500;
const NAP_MS = 100;

/** Runs until the workload is over or `stop`, and leaves nothing behind, also when it fails. */
export async function localRun(options: LocalRunOptions): Promise<LocalRunSummary> {
  const { clock, pagePort, onStarted } = options;
  const cleanups: Cleanup[] = [];
  try {
    const page = await openLivePage({ clock, port: pagePort });
    cleanups.push(() => page.close());
    const world = await startLocalWorld(options, cleanups);
    // Before its world ends: the page asks it for counts.
    cleanups.push(() => page.freeze());
    const configPath = keepConfigOf(world, options, cleanups);
    onStarted(world, { pageUrl: page.url, configPath });
    const run = replicate(newRun(world, page, options));
    // Without its engine or its stream, a run would try for ever.
    const { source, destination, mapping } = world;
    return await Promise.race([run, source.lost, destination.lost, mapping.lost]);
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

/** @returns the path of the file; it goes with its world. */
function keepConfigOf(
  world: LocalWorld,
  options: LocalRunOptions,
  cleanups: Cleanup[],
): string | undefined {
  const { keep, configPath } = options;
  if (!keep && configPath === undefined) return undefined;
  const config = keepConfig(world, configPath);
  cleanups.push(() => config.remove(), followConfig(config.path, world, options));
  return config.path;
}

interface Run extends CountedRun {
  readonly world: LocalWorld;
  readonly options: LocalRunOptions;
  readonly page: LivePage;
  readonly controls: RunControls;
  readonly redrive: LocalRedrive;
  readonly startMs: number;
  writes: number;
  writesPerSecond: number;
}

function newRun(world: LocalWorld, page: LivePage, options: LocalRunOptions): Run {
  const { clock, credentials, onProblem } = options;
  const redrive = localRedrive(world, credentials);
  const { faults } = world;
  const onChange = () => page.refresh();
  const controls = new RunControls({ faults, redrive, onChange, onProblem });
  const counts = { writes: 0, writesPerSecond: 0 };
  const run = { world, options, page, controls, redrive, startMs: clock.now(), ...counts };
  page.show({ world, controls, writes: () => run.writes });
  return run;
}

async function replicate(run: Run): Promise<LocalRunSummary> {
  const { options, page, controls } = run;
  const { stop, keep, onVerified, onProgress } = options;
  const timer = setInterval(() => onProgress(progressOf(run)), PROGRESS_INTERVAL_MS);
  try {
    page.phase('writing');
    controls.open();
    await Promise.all([feed(run), injectFaults(run)]);
    const summary = await settle(run);
    if (!keep || stop.aborted) {
      await page.end(resultOf(summary));
      return summary;
    }
    onVerified(summary);
    page.phase('replicating', resultOf(summary));
    controls.open();
    if (!stop.aborted) await once(stop, 'abort');
    const last = await settle(run);
    await page.end(resultOf(last));
    return last;
  } finally {
    clearInterval(timer);
  }
}

async function injectFaults({ world, options, startMs }: Run): Promise<void> {
  if (!options.faults) return;
  const { clock, durationSeconds, stop } = options;
  const onFault = (line: string) => {
    const seconds = ((clock.now() - startMs) / 1000).toFixed(1);
    options.onFault(`${seconds.padStart(6)} s  ${line}`);
  };
  const durationMs = durationSeconds * 1000;
  await injectScheduled({ schedule: ONE_WAY_FAULTS, world, clock, durationMs, stop, onFault });
}

/**
 * Writes to the run's own source. Of a table that was given, it copies the items, and lets its owner write. A copy, be it
 * of nothing, also notes the projection that has written the twin.
 */
async function feed(run: Run): Promise<void> {
  const { world, options } = run;
  const { credentials, clock, durationSeconds, stop, sourceTable } = options;
  const untilMs = clock.now() + durationSeconds * 1000;
  if (sourceTable !== undefined || world.projection !== undefined)
    await copySource(world, { credentials, clock, stop });
  if (sourceTable === undefined) return writeAll(run);
  while (!stop.aborted && clock.now() < untilMs) await clock.sleep(NAP_MS);
}

async function writeAll(run: Run): Promise<void> {
  const { world, options } = run;
  run.writesPerSecond = await writeLoop({
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

/** A source that others write to may never come to rest. */
const SETTLE_MS_MAX = 60_000;

/** Takes the page's faults back, waits until the stream is read to its end, and compares the tables. */
async function settle(run: Run): Promise<LocalRunSummary> {
  const { world, options, page, controls, startMs } = run;
  page.phase('settling');
  await controls.close();
  await atRest(run, world.settled());
  const redriven = await redriveAtTheEnd(run);
  await atRest(run, world.lookedAgain());
  const durationSeconds = (options.clock.now() - startMs) / 1000;
  page.phase('comparing');
  const report = await compareTables(world, options.clock);
  return summaryOf(run, { report, durationSeconds, redriven });
}

/** Where others may be writing, the wait has a limit. */
async function atRest({ options }: Run, rest: Promise<void>): Promise<void> {
  const { clock, keep, sourceTable, onProblem } = options;
  if (!keep && sourceTable === undefined) return rest;
  if (await endsWithin(SETTLE_MS_MAX, rest, clock)) return;
  onProblem(
    `The stream is not at its end after ${SETTLE_MS_MAX / 1000} s, because the source is still written to. The tables are compared all the same.`,
  );
}

/**
 * With scheduled faults, the run ends with a redrive. Users of the page redrive there, and of a kept run with
 * `ferry redrive`: the run only counts what still waits.
 */
async function redriveAtTheEnd(run: Run): Promise<LocalRunSummary['redriven']> {
  const { redrive, controls, options } = run;
  const { faults, keep } = options;
  const isPractice = keep && wasPutAside(run);
  if (!faults && !isPractice && !controls.used()) return undefined;
  const left = faults && !keep ? stayed(await redrive.applyToAll()) : await redrive.waiting();
  return { ...redrive.totals, left };
}

/** Whether any record was ever put aside, redriven since or not. */
function wasPutAside({ world: { mapping, tally } }: Run): boolean {
  return tally.sum('DeadLetteredRecords') + mapping.counts.givenUp > 0;
}
