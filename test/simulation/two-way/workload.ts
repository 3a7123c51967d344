// A seed -> a plan: who writes what, and what goes wrong meanwhile. Each part draws from chances of its own, so that
// leaving one out changes no other.

import type { Random } from '../../../src/ports.ts';
import { below } from '../../../src/local/seeded-random.ts';
import { DAY, HOUR, MINUTE, type Rates, SECOND, type Settings } from '../plan.ts';
import { between, happens, oneOf, randomOf, swarm } from '../random.ts';
import { START_MS } from '../timeline.ts';
import type { Side } from '../switching/plan.ts';
import { withCommands } from './commands-planned.ts';
import { withMotif } from './motifs.ts';
import type {
  Disturbance,
  HostClock,
  Mode,
  PlannedWrite,
  TwoWayPlan,
  WorldKind,
  WriteKind,
} from './plan.ts';
import { pairs, sequence } from './histories.ts';

const SIDES = ['east', 'west'] as const;

const KEYS = ['a', 'b', 'c', 'd'] as const;

const KINDS: Readonly<Record<Mode, readonly [WorldKind, ...WorldKind[]]>> = {
  stamped: [
    ...Array.from({ length: 9 }, () => 'hostile' as const),
    ...(['sequential', 'sequential', 'pair', 'pair', 'strays', 'strays', 'lost', 'epoch'] as const),
  ] as unknown as [WorldKind, ...WorldKind[]],
  home: ['hostile', 'hostile', 'hostile', 'hostile', 'strays', 'strays', 'lost', 'moved'],
};

export function twoWayPlanOf(seed: number, mode: Mode): TwoWayPlan {
  const random = randomOf(seed, `two-way ${mode}`);
  const kind = oneOf(random, KINDS[mode]);
  const base = basePlan(seed, mode, kind);
  const plan = { ...base, ...historyOf(base, randomOf(seed, 'writes')) };
  const isPlain = kind === 'hostile' || kind === 'strays';
  if (!isPlain) return shifted(plan);
  return shifted(withCommands(happens(random, 0.3) ? withMotif(plan, random) : plan));
}

function basePlan(seed: number, mode: Mode, kind: WorldKind): TwoWayPlan {
  const random = randomOf(seed, 'two-way');
  const lengthMs = between(random, 5, 40) * SECOND;
  const disturbances = disturbancesOf(randomOf(seed, 'disturbances'), lengthMs, kind);
  const endsMs = disturbances.map((one) => one.atMs + ('forMs' in one ? one.forMs : 0));
  const settings = settingsOf(randomOf(seed, 'settings'), kind);
  return {
    seed,
    mode,
    kind,
    startMs: START_MS,
    settings,
    rates: ratesOf(randomOf(seed, 'rates'), kind),
    losers: happens(random, 0.7) ? 'keep' : 'count',
    lag: {
      recordMs: swarm(random, 0.5, 4 * SECOND),
      shardMs: swarm(random, 0.3, 4 * SECOND),
      often: random.next(),
    },
    hosts: hostsOf(randomOf(seed, 'hosts')),
    ttl: ttlOf(random, settings.ttlDeletes === 'skip' || mode === 'home'),
    writes: [],
    disturbances,
    poisons: [],
    commands: [],
    ...(kind === 'epoch' && { epochAtMs: between(random, 0.2, 0.9) * lengthMs }),
    ...(kind === 'moved' && { moveAtMs: between(random, 0.2, 0.9) * lengthMs }),
    calmAtMs: Math.max(lengthMs, ...endsMs),
  };
}

/** Where homes are on both sides, or deletes by TTL are skipped, both tables have it. */
function ttlOf(random: Random, isOfBoth: boolean): TwoWayPlan['ttl'] {
  const [east, west] = [happens(random, 0.5), happens(random, 0.5)];
  return isOfBoth ? { east: true, west: true } : { east, west };
}

/** Times were counted from 0 on. */
function shifted(plan: TwoWayPlan): TwoWayPlan {
  const shift = <T extends { readonly atMs: number }>(one: T): T => ({
    ...one,
    atMs: one.atMs + START_MS,
  });
  const clock = ({ skewMs, step }: HostClock): HostClock => ({ skewMs, step: shift(step) });
  const { hosts, epochAtMs, moveAtMs } = plan;
  return {
    ...plan,
    hosts: {
      east: [clock(hosts.east[0]), clock(hosts.east[1])],
      west: [clock(hosts.west[0]), clock(hosts.west[1])],
    },
    writes: plan.writes.map(shift),
    disturbances: plan.disturbances.map(shift),
    poisons: plan.poisons.map(shift),
    commands: plan.commands.map(shift),
    calmAtMs: plan.calmAtMs + START_MS,
    ...(epochAtMs !== undefined && { epochAtMs: epochAtMs + START_MS }),
    ...(moveAtMs !== undefined && { moveAtMs: moveAtMs + START_MS }),
  };
}

function hostsOf(random: Random): TwoWayPlan['hosts'] {
  const most = happens(random, 0.5) ? oneOf(random, [0.05, 2, 20]) * SECOND : 0;
  const ahead = happens(random, 0.15) ? HOUR : 0;
  const jumps = swarm(random, 0.25, 30) * SECOND;
  const host = (isAhead: boolean): HostClock => ({
    skewMs: isAhead ? ahead : between(random, -1, 1) * most,
    step: { atMs: random.next() * 30 * SECOND, byMs: between(random, -1, 1) * jumps },
  });
  return { east: [host(false), host(false)], west: [host(false), host(true)] };
}

function settingsOf(random: Random, kind: WorldKind): Settings {
  return {
    tombstones: 'checked',
    ttlDeletes: happens(random, 0.12) ? 'skip' : 'replicate',
    batchSize: oneOf(random, [1, 3, 10, 10]),
    parallelizationFactor: oneOf(random, [1, 1, 2]),
    retryAttempts: -1,
    bisect: happens(random, 0.5),
    maxRecordAgeSeconds: kind === 'lost' ? oneOf(random, [-1, 20 * 3600]) : -1,
    timeoutMs: 60 * SECOND,
    concurrency: oneOf(random, [1, 4, 16]),
    unversionedItems: 'replace',
    keyShape: 'S',
    slowMs: oneOf(random, [10, 50, 300]),
    hasHeartbeat: happens(random, 0.15),
    totalSegments: 1,
    pageItems: 3,
    firstSequenceNumber: '0',
    skewMs: 0,
    stepMs: happens(random, 0.3) ? between(random, -8, 4) * SECOND : 0,
  };
}

/** A home that moves waits for what is under way, and for nothing later. */
function ratesOf(random: Random, kind: WorldKind): Rates {
  const rates: Rates = {
    throttle: swarm(random, 0.3, 0.25),
    timeout: swarm(random, 0.4, 0.15),
    reset: swarm(random, 0.4, 0.2),
    conflict: 0,
    crash: swarm(random, 0.4, 0.25),
    lostAck: swarm(random, 0.4, 0.2),
    lostBatch: 0,
    veryLate: swarm(random, 0.4, 0.5),
    queueDuplicate: 0,
    overlap: swarm(random, 0.35, 0.4),
    stale: swarm(random, 0.4, 0.5),
  };
  return kind === 'lost' ? { ...rates, overlap: 0 } : rates;
}

function historyOf(plan: TwoWayPlan, random: Random): Partial<TwoWayPlan> {
  switch (plan.kind) {
    case 'sequential':
      return sequence(plan, random);
    case 'pair':
      return pairs(plan, random);
    case 'hostile':
    case 'strays':
    case 'lost':
    case 'epoch':
    case 'moved':
      return { writes: writesOf(plan, random) };
  }
}

/** In bursts: what is written far apart is never concurrent. */
function writesOf(plan: TwoWayPlan, random: Random): PlannedWrite[] {
  const { mode, kind } = plan;
  const count = 4 + below(random, 16);
  const keys = 1 + below(random, KEYS.length);
  const strays = kind === 'strays' ? 0.1 + random.next() * 0.3 : 0;
  const deletes = oneOf(random, [0.15, 0.35, 0.5]);
  const late = swarm(random, 0.3, 8) * SECOND;
  const again = swarm(random, 0.3, 0.4);
  const expire = swarm(random, 0.35, 0.5);
  const bursts = Array.from({ length: 1 + below(random, 6) }, () => random.next() * plan.calmAtMs);
  const widthMs = oneOf(random, [0.02, 0.5, 4]) * SECOND;
  const at = () => (oneOf(random, bursts as [number, ...number[]]) ?? 0) + random.next() * widthMs;
  const lengthMs = Math.min(plan.calmAtMs, 2 * DAY);
  return Array.from({ length: count }, () => Math.min(at(), lengthMs))
    .toSorted((a, b) => a - b)
    .map((atMs, index): PlannedWrite => {
      const name = KEYS[below(random, keys)] ?? 'a';
      const isStray = happens(random, strays);
      const kindOf: WriteKind = happens(random, deletes)
        ? 'delete'
        : isStray && mode === 'stamped'
          ? oneOf(random, ['plain-put', 'plain-update', 'old-copy'])
          : oneOf(random, mode === 'home' ? ['put', 'update', 'old-copy'] : ['put', 'update']);
      const side = oneOf(random, SIDES);
      const home = happens(random, 0.5) ? 'east' : 'west';
      return {
        number: index + 1,
        atMs,
        key: mode === 'home' ? `${isStray ? otherThan(side) : side}#${name}` : name,
        kind: kindOf,
        side,
        host: home === 'east' ? 0 : 1,
        lateMs: happens(random, 0.3) ? random.next() * late : random.next() * 5,
        ...(happens(random, again) && { againMs: random.next() * 3 * SECOND }),
        ...(happens(random, expire) && { ttlMs: random.next() * 20 * SECOND }),
      };
    });
}

function otherThan(side: Side): Side {
  return side === 'east' ? 'west' : 'east';
}

function disturbancesOf(random: Random, lengthMs: number, kind: WorldKind): Disturbance[] {
  const some = (chance: number, max: number) =>
    happens(random, chance) ? 1 + below(random, max) : 0;
  const list = <T>(count: number, make: () => T) => Array.from({ length: count }, make);
  const at = () => random.next() * lengthMs;
  const side = () => oneOf(random, SIDES);
  const long = kind === 'lost' ? [26 * HOUR, 50 * HOUR] : [5 * SECOND, 30 * SECOND, 10 * MINUTE];
  const forMs = () => oneOf(random, long as [number, ...number[]]);
  const lost = kind === 'lost' ? 1 : 0.3;
  return [
    ...list(some(0.3, 2), (): Disturbance => ({ kind: 'split', atMs: at(), side: side() })),
    ...list(some(0.2, 2), (): Disturbance => ({ kind: 'roll-over', atMs: at(), side: side() })),
    ...list(
      some(0.3, 3),
      (): Disturbance => ({ kind: 'restart', atMs: at(), side: side(), back: below(random, 6) }),
    ),
    ...list(some(0.2, 2), (): Disturbance => ({ kind: 'replay', atMs: at(), side: side() })),
    ...list(some(0.1, 1), (): Disturbance => ({ kind: 'replay-both', atMs: at() })),
    ...list(
      some(lost, 2),
      (): Disturbance => ({
        kind: happens(random, 0.6) ? 'off' : 'parted',
        atMs: at(),
        side: side(),
        forMs: forMs(),
      }),
    ),
  ];
}
