// A failing plan of both directions -> a smaller one that still fails in the same way, and its story in lines to read.

import type { Rates } from '../plan.ts';
import type { HostClock, TwoWayPlan } from './plan.ts';
import { runTwoWayPlan, type TwoWayRunOptions } from './run.ts';

export interface SmallestTwoWay {
  readonly plan: TwoWayPlan;
  readonly violation: string;
  readonly story: readonly string[];
}

type LeaveOut = (plan: TwoWayPlan) => TwoWayPlan;

const LISTS = ['disturbances', 'commands', 'poisons', 'writes'] as const;

/** Leaves out whatever can be left out. Undefined where the plan does not fail. */
export async function shrinkTwoWay(
  plan: TwoWayPlan,
  options: TwoWayRunOptions = {},
): Promise<SmallestTwoWay | undefined> {
  const kindOf = async (one: TwoWayPlan) =>
    (await runTwoWayPlan(one, options)).violations[0]?.split(':')[0];
  const kind = await kindOf(plan);
  if (kind === undefined) return undefined;
  let smallest = plan;
  for (let size = Infinity; sizeOf(smallest) < size; ) {
    size = sizeOf(smallest);
    for (const leaveOut of [...withoutFaults(smallest), ...withoutParts(smallest)]) {
      const smaller = leaveOut(smallest);
      if ((await kindOf(smaller)) === kind) smallest = smaller;
    }
  }
  const story: string[] = [];
  const { violations } = await runTwoWayPlan(smallest, { ...options, story });
  const end = story.findIndex((line) => line.includes('VIOLATION'));
  return { plan: smallest, violation: violations[0] ?? kind, story: story.slice(0, end + 1) };
}

function sizeOf({ rates, ...plan }: TwoWayPlan): number {
  const faults = Object.values(rates).filter((rate) => rate > 0).length;
  return LISTS.reduce((sum, name) => sum + plan[name].length, faults);
}

const RIGHT: HostClock = { skewMs: 0, step: { atMs: 0, byMs: 0 } };

function withoutFaults({ rates }: TwoWayPlan): LeaveOut[] {
  const names = (Object.keys(rates) as Array<keyof Rates>).filter((name) => rates[name] > 0);
  const ofRates = names.map(
    (name): LeaveOut =>
      (plan) => ({ ...plan, rates: { ...plan.rates, [name]: 0 } }),
  );
  const inTime: LeaveOut = (plan) => ({ ...plan, lag: { recordMs: 0, shardMs: 0, often: 0 } });
  const straight: LeaveOut = (plan) => ({
    ...plan,
    hosts: { east: [RIGHT, RIGHT], west: [RIGHT, RIGHT] },
  });
  const plain: LeaveOut = (plan) => ({
    ...plan,
    writes: plan.writes.map((one) => ({
      ...one,
      lateMs: 1,
      againMs: undefined,
      ttlMs: undefined,
    })),
  });
  const quiet: LeaveOut = (plan) => ({
    ...plan,
    settings: { ...plan.settings, hasHeartbeat: false, stepMs: 0, slowMs: 10 },
  });
  return [...ofRates, inTime, straight, plain, quiet];
}

/** Halves of each list first, then ever smaller pieces, from the end. */
function withoutParts(plan: TwoWayPlan): LeaveOut[] {
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
