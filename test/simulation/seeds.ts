// Many seeds, one after the other -> what failed, and what they have been through.

import type { Plan } from './plan.ts';
import { planOf } from './workload.ts';
import { runPlan, type RunOptions } from './run.ts';

/** Of some kind of worlds. */
export type PlanOf = (seed: number) => Plan;

export interface SeedRange {
  readonly from: number;
  readonly count: number;
}

export interface SeedsReport {
  readonly worlds: number;
  readonly events: number;
  readonly failures: ReadonlyArray<{ readonly seed: number; readonly violation: string }>;
  /** In how many worlds each situation came up. */
  readonly worldsWith: ReadonlyMap<string, number>;
}

/** One world of whatever kind. */
export type RunSeed = (seed: number) => Promise<{
  readonly violations: readonly string[];
  readonly events: number;
  readonly coverage: ReadonlyMap<string, number>;
}>;

export function runSeeds(range: SeedRange, plan: PlanOf = planOf): Promise<SeedsReport> {
  return runRange(range, (seed) => runPlan(plan(seed)));
}

export async function runRange({ from, count }: SeedRange, run: RunSeed): Promise<SeedsReport> {
  const failures: Array<{ seed: number; violation: string }> = [];
  const worldsWith = new Map<string, number>();
  let events = 0;
  for (let seed = from; seed < from + count; seed += 1) {
    const result = await run(seed);
    const [violation] = result.violations;
    if (violation !== undefined) failures.push({ seed, violation });
    events += result.events;
    for (const name of result.coverage.keys())
      worldsWith.set(name, (worldsWith.get(name) ?? 0) + 1);
  }
  return { worlds: count, events, failures, worldsWith };
}

export function addSeeds(a: SeedsReport, b: SeedsReport): SeedsReport {
  const worldsWith = new Map(a.worldsWith);
  for (const [name, count] of b.worldsWith)
    worldsWith.set(name, (worldsWith.get(name) ?? 0) + count);
  return {
    worlds: a.worlds + b.worlds,
    events: a.events + b.events,
    failures: [...a.failures, ...b.failures].toSorted((one, other) => one.seed - other.seed),
    worldsWith,
  };
}

export function noSeeds(): SeedsReport {
  return { worlds: 0, events: 0, failures: [], worldsWith: new Map() };
}

export interface SeedFailure {
  readonly seed: number;
  readonly violation: string;
}

/** The first seed of a range that fails, and why. */
export function firstFailure(
  range: SeedRange,
  options: RunOptions,
  plan: PlanOf = planOf,
): Promise<SeedFailure | undefined> {
  return firstFailing(range, (seed) => runPlan(plan(seed), options));
}

export async function firstFailing(
  { from, count }: SeedRange,
  run: RunSeed,
): Promise<SeedFailure | undefined> {
  for (let seed = from; seed < from + count; seed += 1) {
    const [violation] = (await run(seed)).violations;
    if (violation !== undefined) return { seed, violation };
  }
  return undefined;
}
