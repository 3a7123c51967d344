// `npm run simulate -- --seeds 100000 [--seed S] [--mutants] [--kinesis | --switching | --two-way MODE] [--threads N]`:
// many seeds on all cores; a failing one is made smaller, and its story told. `--seed S` alone repeats one seed,
// `--kinesis` takes the worlds whose source is a Kinesis stream, `--switching` those in which the direction is switched,
// `--two-way home` and `--two-way stamped` those whose two tables are both written. Exits with 1 if anything failed, or
// if what must come up in new seeds came up in too few.

import { availableParallelism, tmpdir } from 'node:os';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import { IN_KINESIS, missingSituations } from './coverage.ts';
import { kinesisPlanOf } from './kinesis-plan.ts';
import { MUTANT_HEADER, type MutantResult, mutantLine, mutantNames } from './mutant-table.ts';
import { MUTANTS_OF_KINESIS } from './mutants-of-kinesis.ts';
import { planOf } from './workload.ts';
import { addSeeds, noSeeds, type SeedsReport } from './seeds.ts';
import { shrink } from './shrink.ts';
import { missingInSwitches } from './switching/coverage.ts';
import { SWITCH_MUTANTS } from './switching/mutants.ts';
import { shrinkSwitch } from './switching/shrink.ts';
import { switchPlanOf } from './switching/workload.ts';
import { missingInBothWays } from './two-way/coverage.ts';
import { TWO_WAY_MUTANTS } from './two-way/mutants.ts';
import { shrinkTwoWay } from './two-way/shrink.ts';
import { twoWayPlanOf } from './two-way/workload.ts';
import type { Job, Worlds } from './worker.ts';

/** Small enough that all threads end at about the same time. */
const SEEDS_PER_JOB = 250;
const STORIES_MAX = 3;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    mutants: { type: 'boolean', default: false },
    kinesis: { type: 'boolean', default: false },
    switching: { type: 'boolean', default: false },
    'two-way': { type: 'string' },
    threads: { type: 'string', default: String(availableParallelism()) },
  },
});
const worlds = worldsOf(values['two-way']);
const first = Number(values.seed ?? Math.floor(Date.now() / 1000) % 1_000_000_000);
/** Seeds that somebody has chosen may be of a kind. */
const isFresh = values.seed === undefined;
const isOne = values.seed !== undefined && values.seeds === undefined && !values.mutants;
const directory = mkdtempSync(join(tmpdir(), 'ferry-simulation-'));
try {
  process.exitCode = (await (values.mutants ? simulateMutants() : simulateSeeds())) ? 0 : 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}

function worldsOf(mode: string | undefined): Worlds {
  if (mode !== undefined && mode !== 'home' && mode !== 'stamped')
    throw new Error(`--two-way takes home or stamped, got ${mode}`);
  return mode ?? (values.switching ? 'switching' : values.kinesis ? 'kinesis' : 'ordinary');
}

async function simulateSeeds(): Promise<boolean> {
  const count = isOne ? 1 : Number(values.seeds ?? 10_000);
  console.log(`seeds ${first} to ${first + count - 1}`);
  const jobs: Job[] = [];
  for (let from = first; from < first + count; from += SEEDS_PER_JOB) {
    const range = { from, count: Math.min(SEEDS_PER_JOB, first + count - from) };
    jobs.push({ kind: 'seeds', range, worlds });
  }
  const startMs = performance.now();
  let report = noSeeds();
  await onAllThreads(jobs, (part) => {
    report = addSeeds(report, part as SeedsReport);
  });
  printSeeds(report, (performance.now() - startMs) / 1000);
  for (const { seed } of report.failures.slice(0, STORIES_MAX)) await printStory(seed);
  return report.failures.length === 0 && (!isFresh || missingOf(report).length === 0);
}

/** A few worlds need not have been through everything. */
function missingOf({ worlds: count, worldsWith }: SeedsReport): string[] {
  if (count < 1000) return [];
  if (worlds === 'switching') return missingInSwitches(worldsWith, count);
  if (worlds === 'home' || worlds === 'stamped')
    return missingInBothWays(worlds, worldsWith, count);
  const wanted = worlds === 'kinesis' ? IN_KINESIS : undefined;
  return missingSituations(worldsWith, count, wanted);
}

function printSeeds(report: SeedsReport, seconds: number): void {
  const { worlds: count, events, failures, worldsWith } = report;
  const rate = (count / seconds).toFixed(0);
  console.log(
    `${count} worlds, ${events} events, ${seconds.toFixed(1)} s: ${rate} worlds per second`,
  );
  if (!isOne)
    for (const [situation, seen] of [...worldsWith].toSorted(([, a], [, b]) => b - a))
      console.log(`${String(seen).padStart(9)}  ${situation}`);
  const missing = missingOf(report);
  for (const line of missing) console.log(`too rare: ${line}`);
  for (const { seed, violation } of failures) console.log(`FAILED  seed ${seed}: ${violation}`);
  if (failures.length === 0 && missing.length === 0) console.log('All went as promised.');
}

async function printStory(seed: number): Promise<void> {
  const smallest = await smallestOf(seed);
  console.log(`\nseed ${seed}, made smaller: ${smallest?.violation}`);
  for (const line of smallest?.story ?? []) console.log(line);
}

function smallestOf(seed: number) {
  switch (worlds) {
    case 'switching':
      return shrinkSwitch(switchPlanOf(seed));
    case 'home':
    case 'stamped':
      return shrinkTwoWay(twoWayPlanOf(seed, worlds));
    case 'kinesis':
      return shrink(kinesisPlanOf(seed));
    case 'ordinary':
      return shrink(planOf(seed));
  }
}

async function simulateMutants(): Promise<boolean> {
  const from = Number(values.seed ?? 1);
  const jobs = namesOfMutants().map((name): Job => ({ kind: 'mutant', name, from, worlds }));
  console.log(MUTANT_HEADER);
  let isFine = true;
  await onAllThreads(jobs, (part) => {
    const result = part as MutantResult;
    console.log(mutantLine(result));
    isFine &&= result.byAnything !== undefined;
  });
  return isFine;
}

function namesOfMutants(): string[] {
  if (worlds === 'switching') return SWITCH_MUTANTS.map(({ name }) => name);
  if (worlds === 'home' || worlds === 'stamped')
    return TWO_WAY_MUTANTS.filter(({ mode }) => mode === worlds).map(({ name }) => name);
  return mutantNames(worlds === 'kinesis' ? MUTANTS_OF_KINESIS : undefined);
}

/** Hands out jobs one by one, and results as they come. */
async function onAllThreads(jobs: Job[], onResult: (result: unknown) => void): Promise<void> {
  const entry = await bundledWorker();
  const queue = jobs.values();
  const threads = Math.min(Number(values.threads), jobs.length);
  await Promise.all(Array.from({ length: threads }, () => onOneThread(entry, queue, onResult)));
}

function onOneThread(
  entry: string,
  queue: Iterator<Job>,
  onResult: (result: unknown) => void,
): Promise<void> {
  const worker = new Worker(entry);
  return new Promise((resolve, reject) => {
    const next = () => {
      const { value, done } = queue.next();
      if (done === true) void worker.terminate().then(() => resolve());
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      else worker.postMessage(value);
    };
    worker.on('message', (result: unknown) => {
      onResult(result);
      next();
    });
    worker.on('error', reject);
    next();
  });
}

/** One file of plain JavaScript starts at once, and runs a third faster than what is compiled on the way. */
async function bundledWorker(): Promise<string> {
  const outfile = join(directory, 'worker.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'worker.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
  });
  return outfile;
}
