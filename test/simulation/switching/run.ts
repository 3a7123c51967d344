// One plan from beginning to end -> what went wrong, and what it has been through.

import { SECOND } from '../plan.ts';
import type { SwitchMutation } from './mutant.ts';
import { Operators } from './operators.ts';
import type { Disturbance, SwitchPlan } from './plan.ts';
import { SwitchWorld } from './world.ts';

export interface SwitchRunOptions {
  readonly mutation?: SwitchMutation | undefined;
  readonly ignored?: ReadonlySet<string> | undefined;
  readonly story?: string[] | undefined;
}

export interface SwitchRunResult {
  readonly violations: readonly string[];
  readonly events: number;
  readonly coverage: ReadonlyMap<string, number>;
}

/** A run that never ends would show itself here. */
const EVENTS_MAX = 25_000;

export async function runSwitchPlan(
  plan: SwitchPlan,
  options: SwitchRunOptions = {},
): Promise<SwitchRunResult> {
  const world = new SwitchWorld({ plan, ...options });
  const operators = new Operators(world);
  const { scheduler, judge } = world;
  for (const write of plan.writes) scheduler.at(write.atMs, () => world.applications.write(write));
  for (const one of plan.disturbances) scheduler.at(one.atMs, () => disturb(world, one));
  for (const one of plan.switches) operators.schedule(one);
  for (const one of plan.commands) operators.command(one);
  scheduler.at(
    plan.calmAtMs + SECOND,
    () => void operators.finish(plan.switches.at(-1)?.target ?? 'west'),
  );
  let isOver = false;
  while (!isOver && judge.violations.length === 0 && scheduler.ran < EVENTS_MAX)
    isOver = await scheduler.rest(EVENTS_MAX);
  if (judge.violations.length === 0) {
    if (!isOver) judge.violation(`end: it goes on after ${scheduler.ran} events`);
    operators.requireEnded();
    judge.finish();
  }
  return { violations: judge.violations, events: scheduler.ran, coverage: world.coverage };
}

function disturb(world: SwitchWorld, one: Disturbance): void {
  world.note(`disturbance ${one.kind}`);
  world.tell(() => `${one.kind}${'side' in one ? ` of the ${one.side}` : ''}`);
  const region = 'side' in one ? world.regions[one.side] : undefined;
  switch (one.kind) {
    case 'split':
    case 'roll-over':
      region?.split(one.kind);
      break;
    case 'restart':
      region?.mapping?.restart(one.back, true);
      break;
    case 'replay':
      region?.mapping?.replay();
      break;
    case 'down':
      region?.mapping?.pause();
      world.scheduler.after(one.forMs, () => region?.mapping?.resume());
      break;
    case 'partition':
    case 'unreadable':
    case 'refusing':
      break;
  }
}
