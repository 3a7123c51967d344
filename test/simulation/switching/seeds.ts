// Many seeds of worlds that are switched -> what failed, and what they have been through; and the same of mutants.

import type { MutantResult } from '../mutant-table.ts';
import type { SeedRange, SeedsReport } from '../seeds.ts';
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
  'deadline',
  'threw',
]);

/** Where a mistake gives itself away at once, the tables may take longer to show it. */
const TABLES_SEEDS = 500;

export async function runSwitchSeeds({ from, count }: SeedRange): Promise<SeedsReport> {
  const failures: Array<{ seed: number; violation: string }> = [];
  const worldsWith = new Map<string, number>();
  let events = 0;
  for (let seed = from; seed < from + count; seed += 1) {
    const result = await runSwitchPlan(switchPlanOf(seed));
    const [violation] = result.violations;
    if (violation !== undefined) failures.push({ seed, violation });
    events += result.events;
    for (const name of result.coverage.keys())
      worldsWith.set(name, (worldsWith.get(name) ?? 0) + 1);
  }
  return { worlds: count, events, failures, worldsWith };
}

/** The first seed of a range that fails, and why. */
export async function firstSwitchFailure(
  { from, count }: SeedRange,
  options: SwitchRunOptions,
): Promise<{ seed: number; violation: string } | undefined> {
  for (let seed = from; seed < from + count; seed += 1) {
    const [violation] = (await runSwitchPlan(switchPlanOf(seed), options)).violations;
    if (violation !== undefined) return { seed, violation };
  }
  return undefined;
}

export async function judgeSwitchMutant(mutant: SwitchMutant, from: number): Promise<MutantResult> {
  const { name, seedsMax } = mutant;
  const byAnything = await caught({ from, count: seedsMax }, mutant);
  const isTables = byAnything !== undefined && !NOT_THE_TABLES.has(byAnything.invariant);
  const range = { from, count: TABLES_SEEDS };
  const byTwin = isTables ? byAnything : await caught(range, mutant, NOT_THE_TABLES);
  return { name, seedsMax, byAnything, byTwin };
}

async function caught(range: SeedRange, mutation: SwitchMutant, ignored?: ReadonlySet<string>) {
  const failure = await firstSwitchFailure(range, { mutation, ignored });
  if (failure === undefined) return undefined;
  const invariant = failure.violation.split(':')[0] ?? '';
  return { seeds: failure.seed - range.from + 1, invariant };
}
