// Courses of events that matter and are too rare by chance: in some worlds, one of them is played among everything else.

import type { Random } from '../../../src/ports.ts';
import { SECOND } from '../plan.ts';
import { between, oneOf } from '../random.ts';
import type { Side } from '../switching/plan.ts';
import type { PlannedWrite, TwoWayPlan, WriteKind } from './plan.ts';

type Motif = (plan: TwoWayPlan, random: Random) => Partial<TwoWayPlan>;

export function withMotif(plan: TwoWayPlan, random: Random): TwoWayPlan {
  const motifs: [Motif, ...Motif[]] =
    plan.mode === 'home'
      ? [latePut, latePut, reCreated]
      : [latePut, reCreated, slowReCreation, oldPutOverDelete, deletesOnBoth, sameTimes];
  return { ...plan, ...oneOf(random, motifs)(plan, random) };
}

/** Of an item that nothing else writes to, and whose home is its side. */
function story(plan: TwoWayPlan, random: Random) {
  const name = oneOf(random, ['m', 'n']);
  const writes: PlannedWrite[] = [];
  const side: Side = oneOf(random, ['east', 'west']);
  const other: Side = side === 'east' ? 'west' : 'east';
  const key = plan.mode === 'home' ? `${side}#${name}` : name;
  const add = (kind: WriteKind, atMs: number, at: Side = side, host: 0 | 1 = 0) => {
    const number = 1000 + writes.length;
    writes.push({ number, atMs, key, kind, side: at, host, lateMs: random.next() * 5 });
  };
  return { side, other, add, writes };
}

/** An insert that is given up lands when its item has been deleted. */
const latePut: Motif = (plan, random) => {
  const { add, writes } = story(plan, random);
  const atMs = between(random, 0.5, 4) * SECOND;
  add('put', atMs);
  add('delete', atMs + between(random, 0.1, 14) * SECOND);
  return {
    rates: { ...plan.rates, timeout: 0.3, reset: 0.2, veryLate: 0.5 },
    writes: [...plan.writes, ...writes],
  };
};

/** Deleted and made again at once, more than once. */
const reCreated: Motif = (plan, random) => {
  const { add, writes } = story(plan, random);
  let atMs = between(random, 0.5, 4) * SECOND;
  add('put', atMs);
  for (let count = 0; count < 3; count += 1) {
    atMs += random.next() ** 3 * 6 * SECOND;
    add('delete', atMs);
    add('put', atMs + random.next() ** 3 * SECOND);
  }
  return { writes: [...plan.writes, ...writes] };
};

/** Made again by a host whose clock is slow, with a put of the other side under way. */
const slowReCreation: Motif = (plan, random) => {
  const { add, writes, side, other } = story(plan, random);
  const atMs = between(random, 0.5, 4) * SECOND;
  add('put', atMs, side, 1);
  add('delete', atMs + between(random, 0.1, 5) * SECOND);
  add('put', atMs + between(random, 5, 6) * SECOND);
  add('put', atMs + between(random, 0.1, 6) * SECOND, other);
  const slow = { skewMs: -between(random, 2, 30) * SECOND, step: { atMs: 0, byMs: 0 } };
  const hosts = { ...plan.hosts, [side]: [slow, plan.hosts[side][1]] };
  return { hosts, writes: [...plan.writes, ...writes] };
};

/** A put waits while its side cannot be read, the other side deletes what it had replaced, and a newer one follows. */
const oldPutOverDelete: Motif = (plan, random) => {
  const { add, writes, side, other } = story(plan, random);
  const atMs = between(random, 0.5, 2) * SECOND;
  const offMs = between(random, 3, 30) * SECOND;
  add('put', atMs, other);
  add('update', atMs + 4 * SECOND);
  add('delete', atMs + between(random, 4, 7) * SECOND, other);
  add('put', atMs + between(random, 6, 8 + offMs / SECOND) * SECOND);
  const off = { kind: 'off', side, atMs: atMs + 3.9 * SECOND, forMs: offMs } as const;
  return {
    disturbances: [...plan.disturbances, off],
    writes: [...plan.writes, ...writes],
    calmAtMs: Math.max(plan.calmAtMs, off.atMs + offMs, ...writes.map((one) => one.atMs)),
  };
};

/** Both sides delete, and make the item again. */
const deletesOnBoth: Motif = (plan, random) => {
  const { add, writes, side, other } = story(plan, random);
  const atMs = between(random, 0.5, 4) * SECOND;
  add('put', atMs);
  for (const at of [side, other]) {
    add('delete', atMs + between(random, 3, 5) * SECOND, at);
    add('put', atMs + between(random, 3, 6) * SECOND, at);
  }
  return { writes: [...plan.writes, ...writes] };
};

/** Both sides put with the same time, to the millisecond, and again. */
const sameTimes: Motif = (plan, random) => {
  const { add, writes, side, other } = story(plan, random);
  const right = { skewMs: 0, step: { atMs: 0, byMs: 0 } };
  const hosts = { east: [right, right], west: [right, right] } as const;
  let atMs = Math.ceil(between(random, 500, 4_000));
  for (let count = 0; count < 2; count += 1) {
    add('put', atMs + 0.1, side);
    add('put', atMs + 0.2, other);
    atMs += Math.ceil(random.next() ** 3 * 5_000);
  }
  return { hosts, writes: [...plan.writes, ...writes] };
};
