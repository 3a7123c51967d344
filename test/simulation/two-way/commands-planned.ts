// What operators do while applications write, and why: some worlds have puts that a table refuses, and their letters are
// redriven; in some, single items are merged while records lag. Each draws from chances of its own.

import type { Random } from '../../../src/ports.ts';
import { below } from '../../../src/local/seeded-random.ts';
import { SECOND } from '../plan.ts';
import { between, happens, oneOf, randomOf } from '../random.ts';
import type { Side } from '../switching/plan.ts';
import type { PlannedCommand, Poison, TwoWayPlan } from './plan.ts';

const SIDES: readonly [Side, Side] = ['east', 'west'];
const SOME: readonly [readonly Side[], ...(readonly Side[])[]] = [['east'], ['west'], SIDES];
const WITH_LETTERS = 0.08;
const WITH_MERGES = 0.06;

export function withCommands(plan: TwoWayPlan): TwoWayPlan {
  const [letters, merges] = [randomOf(plan.seed, 'letters'), randomOf(plan.seed, 'merges')];
  const poisons = happens(letters, WITH_LETTERS) ? poisonsOf(plan, letters) : [];
  const redrives = poisons.length > 0 ? redrivesOf(plan, letters) : [];
  const merged = happens(merges, WITH_MERGES) ? mergesOf(plan, merges) : [];
  return { ...plan, poisons, commands: [...redrives, ...merged] };
}

/** Of one table, or of both. */
function poisonsOf({ calmAtMs }: TwoWayPlan, random: Random): Poison[] {
  const sides = oneOf(random, SOME);
  return sides.map((side) => ({
    side,
    atMs: happens(random, 0.5) ? 0 : random.next() * calmAtMs * 0.5,
    forMs: between(random, 0.1, 1.2) * calmAtMs,
    share: oneOf(random, [0.15, 0.4, 0.8]),
  }));
}

function redrivesOf(plan: TwoWayPlan, random: Random): PlannedCommand[] {
  return Array.from({ length: 1 + below(random, 4) }, () => ({
    kind: 'redrive',
    atMs: someMs(plan, random),
    side: oneOf(random, SIDES),
  }));
}

function mergesOf(plan: TwoWayPlan, random: Random): PlannedCommand[] {
  const keys = [...new Set(plan.writes.map(({ key }) => key))];
  return Array.from({ length: 1 + below(random, 6) }, () => ({
    kind: 'merge',
    atMs: someMs(plan, random),
    key: keys[below(random, keys.length)] ?? '',
  }));
}

/** Soon after a write: later, nothing is left to meet. */
function someMs({ writes }: TwoWayPlan, random: Random): number {
  const { atMs } = writes[below(random, writes.length)] ?? { atMs: 0 };
  return atMs + random.next() ** 2 * 12 * SECOND;
}
