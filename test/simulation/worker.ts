// One thread's share of the work: ranges of seeds, or mutants by their names.

import { parentPort } from 'node:worker_threads';
import { judgeMutant } from './mutant-table.ts';
import { kinesisPlanOf } from './kinesis-plan.ts';
import { MUTANTS } from './mutants.ts';
import { MUTANTS_OF_KINESIS } from './mutants-of-kinesis.ts';
import { runSeeds, type SeedRange } from './seeds.ts';
import { judgeSwitchMutant, runSwitchSeeds } from './switching/seeds.ts';
import { SWITCH_MUTANTS } from './switching/mutants.ts';
import { TWO_WAY_MUTANTS } from './two-way/mutants.ts';
import { judgeTwoWayMutant, runTwoWaySeeds } from './two-way/seeds.ts';
import { planOf } from './workload.ts';

/** Worlds in which the direction is switched, whose source is a Kinesis stream, whose tables are both written, or others. */
export type Worlds = 'ordinary' | 'kinesis' | 'switching' | 'home' | 'stamped';

export type Job = { readonly worlds: Worlds } & (
  | { readonly kind: 'seeds'; readonly range: SeedRange }
  | { readonly kind: 'mutant'; readonly name: string; readonly from: number }
);

// Thousands of errors are thrown and caught in every second; nobody reads their stacks.
Error.stackTraceLimit = 0;

parentPort?.on('message', (job: Job) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  void work(job).then((result) => parentPort?.postMessage(result));
});

async function work(job: Job): Promise<unknown> {
  if (job.worlds === 'switching') return workOnSwitches(job);
  if (job.worlds === 'home' || job.worlds === 'stamped') return workOnBothWays(job, job.worlds);
  const isKinesis = job.worlds === 'kinesis';
  const plan = isKinesis ? kinesisPlanOf : planOf;
  if (job.kind === 'seeds') return runSeeds(job.range, plan);
  const mutants = isKinesis ? MUTANTS_OF_KINESIS : MUTANTS;
  const mutant = mutants.find(({ name }) => name === job.name);
  return mutant === undefined ? undefined : judgeMutant(mutant, job.from, plan);
}

async function workOnSwitches(job: Job): Promise<unknown> {
  if (job.kind === 'seeds') return runSwitchSeeds(job.range);
  const mutant = SWITCH_MUTANTS.find(({ name }) => name === job.name);
  return mutant === undefined ? undefined : judgeSwitchMutant(mutant, job.from);
}

async function workOnBothWays(job: Job, mode: 'home' | 'stamped'): Promise<unknown> {
  if (job.kind === 'seeds') return runTwoWaySeeds(job.range, mode);
  const mutant = TWO_WAY_MUTANTS.find(({ name }) => name === job.name);
  return mutant === undefined ? undefined : judgeTwoWayMutant(mutant, job.from);
}
