// One plan -> what has come of it.

import { SECOND } from '../plan.ts';
import { clockErrorMs } from './histories.ts';
import { mergeUnequal } from './merging.ts';
import { redriveAll, scheduleCommands } from './operators.ts';
import { contentsOf } from './judge-end.ts';
import type { Disturbance, PlannedWrite } from './plan.ts';
import { SIDES, type TwoWayWorldOptions, TwoWayWorld } from './world.ts';
import { raiseEpoch, moveHomes } from './changes.ts';

export type TwoWayRunOptions = Omit<TwoWayWorldOptions, 'plan'>;

export interface TwoWayRunResult {
  readonly violations: readonly string[];
  readonly events: number;
  readonly coverage: ReadonlyMap<string, number>;
}

/** What goes on for ever is cut off here. */
const EVENTS_MAX = 40_000;
/** Nothing that was given up lands later. */
const QUIET_MS = 75 * SECOND;
const BEATS_MS = 10 * SECOND;

export async function runTwoWayPlan(
  plan: TwoWayWorldOptions['plan'],
  options: TwoWayRunOptions = {},
): Promise<TwoWayRunResult> {
  const world = new TwoWayWorld({ plan, ...options });
  const { scheduler, judge } = world;
  schedule(world);
  if ((await rest(world)) && (await redriven(world))) {
    judge.quiet();
    await mergeUnequal(world);
    if ((await rest(world)) && (await redriven(world))) judge.merged();
    requireNoLetter(world);
    const before = contentsOf(world);
    if (judge.violations.length === 0) {
      world.tell(() => 'everything is delivered again');
      for (const side of SIDES) world.regions[side].mapping?.replay();
      if (await rest(world)) judge.redelivered(before);
    }
  }
  return { violations: judge.violations, events: scheduler.ran, coverage: world.coverage };
}

/** @returns as `rest` does. */
async function redriven(world: TwoWayWorld): Promise<boolean> {
  await redriveAll(world, () => rest(world));
  return world.judge.violations.length === 0;
}

/** Versions cannot tell which of two strays is newer: such a letter is final when its item has been merged. */
function requireNoLetter({ functions, judge }: TwoWayWorld): void {
  if (judge.violations.length > 0) return;
  for (const side of SIDES) {
    const left = functions[side].places.bodies().length;
    if (left > 0) judge.violation(`letters: ${left} of the ${side} stay`);
  }
}

/** @returns whether nothing is left to do, and nothing was wrong. */
async function rest({ scheduler, judge }: TwoWayWorld): Promise<boolean> {
  const eventsMax = scheduler.ran + EVENTS_MAX;
  let isOver = false;
  while (!isOver && judge.violations.length === 0 && scheduler.ran < eventsMax)
    isOver = await scheduler.rest(Math.min(eventsMax, scheduler.ran + 2_000));
  if (judge.violations.length > 0) return false;
  if (!isOver) judge.violation(`end: it goes on after ${scheduler.ran} events`);
  return isOver;
}

function schedule(world: TwoWayWorld): void {
  const { plan, scheduler } = world;
  if (plan.kind === 'sequential') oneByOne(world, [...plan.writes]);
  else for (const write of plan.writes) scheduler.at(write.atMs, () => write_(world, write));
  for (const one of plan.disturbances) scheduler.at(one.atMs, () => disturb(world, one));
  scheduleCommands(world);
  if (plan.epochAtMs !== undefined) scheduler.at(plan.epochAtMs, () => void raiseEpoch(world));
  if (plan.moveAtMs !== undefined) scheduler.at(plan.moveAtMs, () => void moveHomes(world));
  if (plan.settings.hasHeartbeat)
    for (let atMs = plan.startMs; atMs < plan.startMs + 40 * SECOND; atMs += BEATS_MS)
      scheduler.at(atMs, () => world.beat(atMs));
}

function write_(world: TwoWayWorld, write: PlannedWrite): void {
  if (world.isFenced) world.whenOpened.push(() => world.hosts.write(write));
  else world.hosts.write(write);
}

/** Each when all before it are on both sides. */
function oneByOne(world: TwoWayWorld, writes: PlannedWrite[]): void {
  const { scheduler, plan } = world;
  const gapMs = 2 * clockErrorMs(plan) + 3 * SECOND;
  const next = (quietSinceMs: number | undefined, lastMs: number) => {
    const nowMs = scheduler.now();
    const sinceMs = world.isQuiet() ? (quietSinceMs ?? nowMs) : undefined;
    const isDue = sinceMs !== undefined && nowMs - sinceMs >= QUIET_MS && nowMs - lastMs >= gapMs;
    const write = isDue ? writes.shift() : undefined;
    if (write !== undefined) world.hosts.write(write);
    if (writes.length > 0)
      scheduler.after(10 * SECOND, () =>
        next(write === undefined ? sinceMs : undefined, write === undefined ? lastMs : nowMs),
      );
  };
  scheduler.at(plan.startMs, () => next(undefined, -Infinity));
}

function disturb(world: TwoWayWorld, one: Disturbance): void {
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
    case 'replay-both':
      for (const side of SIDES) world.regions[side].mapping?.replay();
      break;
    case 'off':
      region?.mapping?.pause();
      world.scheduler.after(one.forMs, () => region?.mapping?.resume());
      break;
    case 'parted':
      break;
  }
}
