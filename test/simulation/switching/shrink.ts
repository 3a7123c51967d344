// A failing plan of a switch -> a smaller one that still fails in the same way, and its story in lines to read.

import type { Rates } from '../plan.ts';
import type { SwitchPlan } from './plan.ts';
import { runSwitchPlan, type SwitchRunOptions } from './run.ts';

export interface SmallestSwitch {
  readonly plan: SwitchPlan;
  readonly violation: string;
  readonly story: readonly string[];
}

type LeaveOut = (plan: SwitchPlan) => SwitchPlan;

const LISTS = ['disturbances', 'commands', 'switches', 'writes'] as const;

/** Leaves out whatever can be left out. Undefined where the plan does not fail. */
export async function shrinkSwitch(
  plan: SwitchPlan,
  options: SwitchRunOptions = {},
): Promise<SmallestSwitch | undefined> {
  const kindOf = async (one: SwitchPlan) =>
    (await runSwitchPlan(one, options)).violations[0]?.split(':')[0];
  const kind = await kindOf(plan);
  if (kind === undefined) return undefined;
  let smallest = plan;
  for (const leaveOut of [...withoutFaults(plan), ...withoutParts(plan)]) {
    const smaller = leaveOut(smallest);
    if (smaller.switches.length > 0 && (await kindOf(smaller)) === kind) smallest = smaller;
  }
  const story: string[] = [];
  const { violations } = await runSwitchPlan(smallest, { ...options, story });
  const end = story.findIndex((line) => line.includes('VIOLATION'));
  return { plan: smallest, violation: violations[0] ?? kind, story: story.slice(0, end + 1) };
}

function withoutFaults({ rates }: SwitchPlan): LeaveOut[] {
  const names = (Object.keys(rates) as Array<keyof Rates>).filter((name) => rates[name] > 0);
  const ofRates = names.map(
    (name): LeaveOut =>
      (plan) => ({ ...plan, rates: { ...plan.rates, [name]: 0 } }),
  );
  const straight: LeaveOut = (plan) => ({
    ...plan,
    skewMs: 0,
    lag: { recordMs: 0, shardMs: 0, often: 0 },
  });
  return [...ofRates, straight, (plan) => ({ ...plan, isQuick: true })];
}

/** Halves of each list first, then ever smaller pieces, from the end. */
function withoutParts(plan: SwitchPlan): LeaveOut[] {
  return LISTS.flatMap((name) => {
    const pieces: LeaveOut[] = [];
    for (let size = plan[name].length; size >= 1; size = Math.floor(size / 2))
      for (let at = plan[name].length - size; at >= 0; at -= size) {
        const some = new Set<unknown>(plan[name].slice(at, at + size));
        pieces.push((one) => ({
          ...one,
          [name]: (one[name] as readonly unknown[]).filter((part) => !some.has(part)),
        }));
      }
    return pieces;
  });
}
