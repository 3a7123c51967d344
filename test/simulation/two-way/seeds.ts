// Many seeds of worlds whose two tables are both written -> what failed, and what they have been through; and the same of
// mutants.

import { judgeBy, type MutantResult } from '../mutant-table.ts';
import {
  firstFailing,
  runRange,
  type SeedFailure,
  type SeedRange,
  type SeedsReport,
} from '../seeds.ts';
import type { TwoWayMutant } from './mutants.ts';
import type { Mode } from './plan.ts';
import { runTwoWayPlan, type TwoWayRunOptions } from './run.ts';
import { twoWayPlanOf } from './workload.ts';

/** Kinds of violations that say nothing about the tables. */
const NOT_THE_TABLES: ReadonlySet<string> = new Set([
  'own',
  'stray',
  'bound',
  'deadline',
  'threw',
  'requests',
  'conflict',
  'alarm',
  'losers',
]);

const TABLES_SEEDS = 1_000;

export function runTwoWaySeeds(range: SeedRange, mode: Mode): Promise<SeedsReport> {
  return runRange(range, (seed) => runTwoWayPlan(twoWayPlanOf(seed, mode)));
}

/** The first seed of a range that fails, and why. */
export function firstTwoWayFailure(
  range: SeedRange,
  mode: Mode,
  options: TwoWayRunOptions,
): Promise<SeedFailure | undefined> {
  return firstFailing(range, (seed) => runTwoWayPlan(twoWayPlanOf(seed, mode), options));
}

export function judgeTwoWayMutant(mutation: TwoWayMutant, from: number): Promise<MutantResult> {
  const first = (range: SeedRange, ignored?: ReadonlySet<string>) =>
    firstTwoWayFailure(range, mutation.mode, { mutation, ignored });
  return judgeBy(mutation, from, { first, notTheTwin: NOT_THE_TABLES, twinSeeds: TABLES_SEEDS });
}
