// Many seeds of worlds that are switched -> what failed, and what they have been through; and the same of mutants.

import { judgeBy, type MutantResult } from '../mutant-table.ts';
import {
  firstFailing,
  runRange,
  type SeedFailure,
  type SeedRange,
  type SeedsReport,
} from '../seeds.ts';
import type { SwitchMutant } from './mutants.ts';
import { runSwitchPlan, type SwitchRunOptions } from './run.ts';
import { switchPlanOf } from './workload.ts';

/** Kinds of violations that say nothing about the tables: rules are broken before anything is lost. */
const NOT_THE_TABLES: ReadonlySet<string> = new Set([
  'lease',
  'closing',
  'judged',
  'own',
  'stray',
  'epochs',
  'decided',
  'deadline',
  'threw',
]);

/** Where a mistake gives itself away at once, the tables may take longer to show it. */
const TABLES_SEEDS = 500;

export function runSwitchSeeds(range: SeedRange): Promise<SeedsReport> {
  return runRange(range, (seed) => runSwitchPlan(switchPlanOf(seed)));
}

/** The first seed of a range that fails, and why. */
export function firstSwitchFailure(
  range: SeedRange,
  options: SwitchRunOptions,
): Promise<SeedFailure | undefined> {
  return firstFailing(range, (seed) => runSwitchPlan(switchPlanOf(seed), options));
}

export function judgeSwitchMutant(mutation: SwitchMutant, from: number): Promise<MutantResult> {
  const first = (range: SeedRange, ignored?: ReadonlySet<string>) =>
    firstSwitchFailure(range, { mutation, ignored });
  return judgeBy(mutation, from, { first, notTheTwin: NOT_THE_TABLES, twinSeeds: TABLES_SEEDS });
}
