// Histories with a known end: each write when all before it are on both sides, and two concurrent puts of each item.

import type { Random } from '../../../src/ports.ts';
import { below } from '../../../src/local/seeded-random.ts';
import { SECOND } from '../plan.ts';
import { happens, oneOf } from '../random.ts';
import type { HostClock, PlannedWrite, TwoWayPlan } from './plan.ts';

const SIDES = ['east', 'west'] as const;

/** How far a host's clock is off at most. */
export function clockErrorMs({ hosts }: Pick<TwoWayPlan, 'hosts'>): number {
  const off = ({ skewMs, step }: HostClock) => Math.abs(skewMs) + Math.abs(step.byMs);
  return Math.max(...SIDES.flatMap((side) => hosts[side].map(off)));
}

/** The world waits for quiet before each, so that their times are the least. */
export function sequence(plan: TwoWayPlan, random: Random): Partial<TwoWayPlan> {
  const count = 3 + below(random, 5);
  const gapMs = 2 * clockErrorMs(plan) + 3 * SECOND;
  const keys = ['a', 'b'] as const;
  const writes = Array.from(
    { length: count },
    (_, index): PlannedWrite => ({
      number: index + 1,
      atMs: (index + 1) * gapMs,
      key: oneOf(random, keys),
      kind: oneOf(random, ['put', 'put', 'update', 'delete']),
      side: oneOf(random, SIDES),
      host: happens(random, 0.5) ? 0 : 1,
      lateMs: 0,
    }),
  );
  return { writes, calmAtMs: Math.max(plan.calmAtMs, count * gapMs) };
}

/** Some items are there before, on both sides. Some puts have the same time to the millisecond. */
export function pairs(plan: TwoWayPlan, random: Random): Partial<TwoWayPlan> {
  const gapMs = 2 * clockErrorMs(plan) + 30 * SECOND;
  const writes: PlannedWrite[] = [];
  const add = (one: Omit<PlannedWrite, 'number' | 'host' | 'lateMs'>) =>
    writes.push({ ...one, number: writes.length + 1, host: below(random, 2) as 0 | 1, lateMs: 0 });
  let atMs = 2 * SECOND;
  for (const key of ['a', 'b', 'c'].slice(0, 1 + below(random, 3))) {
    if (happens(random, 0.5)) {
      add({ key, atMs, side: oneOf(random, SIDES), kind: 'put' });
      atMs += gapMs;
    }
    const laterMs = happens(random, 0.4) ? 0 : random.next() * 15;
    const [first, second] = happens(random, 0.5) ? SIDES : (['west', 'east'] as const);
    add({ key, atMs, side: first, kind: oneOf(random, ['put', 'update']) });
    add({ key, atMs: atMs + laterMs, side: second, kind: oneOf(random, ['put', 'update']) });
    atMs += gapMs;
  }
  return { writes, losers: 'keep', calmAtMs: Math.max(plan.calmAtMs, atMs) };
}
