// A failing plan -> a smaller one that still fails in the same way, and its story in lines to read.

import type { Plan, Rates } from './plan.ts';
import { runPlan, type RunOptions } from './run.ts';

export interface Smallest {
  readonly plan: Plan;
  readonly violation: string;
  readonly story: readonly string[];
}

/** Leaves out whatever can be left out. Undefined where the plan does not fail. */
export async function shrink(plan: Plan, options: RunOptions = {}): Promise<Smallest | undefined> {
  const first = await violationOf(plan, options);
  if (first === undefined) return undefined;
  const kind = kindOf(first);
  const fails = async (smaller: Plan) =>
    kindOf((await violationOf(smaller, options)) ?? '') === kind;
  let smallest = plan;
  for (let before = Infinity; sizeOf(smallest) < before; ) {
    before = sizeOf(smallest);
    for (const candidatesOf of [withoutFaults, withoutParts]) {
      for (const leaveOut of candidatesOf(smallest)) {
        const smaller = leaveOut(smallest);
        if (await fails(smaller)) smallest = smaller;
      }
    }
  }
  const story: string[] = [];
  const { violations } = await runPlan(smallest, { ...options, story });
  const end = story.findIndex((line) => line.includes('VIOLATION'));
  return { plan: smallest, violation: violations[0] ?? first, story: story.slice(0, end + 1) };
}

async function violationOf(plan: Plan, options: RunOptions): Promise<string | undefined> {
  return (await runPlan(plan, options)).violations[0];
}

function kindOf(violation: string): string {
  return violation.split(':')[0] ?? '';
}

type LeaveOut = (plan: Plan) => Plan;

/** Everything at once first, then kind by kind. */
function withoutFaults({ rates }: Plan): LeaveOut[] {
  const names = (Object.keys(rates) as Array<keyof Rates>).filter((name) => rates[name] > 0);
  const calm = Object.fromEntries(Object.keys(rates).map((name) => [name, 0])) as unknown as Rates;
  const without =
    (name: keyof Rates): LeaveOut =>
    (plan) => ({
      ...plan,
      rates: { ...plan.rates, [name]: 0 },
    });
  const all: LeaveOut = (plan) => ({ ...plan, rates: calm });
  return [...(names.length > 1 ? [all] : []), ...names.map(without), withoutSkew];
}

const withoutSkew: LeaveOut = (plan) => ({
  ...plan,
  settings: { ...plan.settings, skewMs: 0, stepMs: 0 },
});

const LISTS = ['disturbances', 'commands', 'preExisting', 'writes'] as const;

/** Halves of each list first, then ever smaller pieces, from the end. */
function withoutParts(plan: Plan): LeaveOut[] {
  return LISTS.flatMap((name) => {
    const pieces: LeaveOut[] = [];
    for (let size = plan[name].length; size >= 1; size = Math.floor(size / 2))
      for (let at = plan[name].length - size; at >= 0; at -= size)
        pieces.push(withoutSome(name, new Set<unknown>(plan[name].slice(at, at + size))));
    return pieces;
  });
}

function withoutSome(name: (typeof LISTS)[number], some: ReadonlySet<unknown>): LeaveOut {
  return (plan) => ({
    ...plan,
    [name]: (plan[name] as readonly unknown[]).filter((one) => !some.has(one)),
  });
}

function sizeOf(plan: Plan): number {
  const listed = LISTS.reduce((sum, name) => sum + plan[name].length, 0);
  return listed + Object.values(plan.rates).filter((rate) => rate > 0).length;
}
