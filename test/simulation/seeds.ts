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

export async function runSeeds(
  { from, count }: SeedRange,
  plan: PlanOf = planOf,
): Promise<SeedsReport> {
  const failures: Array<{ seed: number; violation: string }> = [];
  const worldsWith = new Map<string, number>();
  let events = 0;
  for (let seed = from; seed < from + count; seed += 1) {
    const result = await runPlan(plan(seed));
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

/** The first seed of a range that fails, and why. */
export async function firstFailure(
  { from, count }: SeedRange,
  options: RunOptions,
  plan: PlanOf = planOf,
): Promise<{ seed: number; violation: string } | undefined> {
  for (let seed = from; seed < from + count; seed += 1) {
    const [violation] = (await runPlan(plan(seed), options)).violations;
    if (violation !== undefined) return { seed, violation };
  }
  return undefined;
}
