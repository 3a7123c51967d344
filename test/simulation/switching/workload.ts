// A seed -> a plan: which writes, which switches, and what goes wrong meanwhile. Each part draws from chances of its
// own, so that leaving one out changes no other.

import { withHalfOpen, withLoss } from './losses.ts';
import { withMotif } from './motifs.ts';
import type { Random } from '../../../src/ports.ts';
import { below } from '../../../src/local/seeded-random.ts';
import { HOUR, MINUTE, type Rates, SECOND, type Settings } from '../plan.ts';
import { between, happens, oneOf, randomOf, swarm } from '../random.ts';
import { START_MS } from '../timeline.ts';
import type {
  Disturbance,
  PlannedCommand,
  PlannedSwitch,
  PlannedWrite,
  Side,
  SwitchPlan,
} from './plan.ts';

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'] as const;
const SIDES = ['east', 'west'] as const;
/** A planned switch takes about 70 s. */
const SWITCH_MS = 75 * SECOND;

const HALF_OPEN = 0.04;
/** Of the others. */
const LOST = 0.2;
/** Of the others. */
const MOTIF = 0.35;

export function switchPlanOf(seed: number): SwitchPlan {
  const plan = plannedSwitches(seed);
  const random = randomOf(seed, 'lost');
  if (happens(random, HALF_OPEN)) return shifted(withHalfOpen(plan, random));
  if (happens(random, LOST)) return shifted(withLoss(plan, random));
  return shifted(happens(random, MOTIF) ? withMotif(plan, random) : plan);
}

function plannedSwitches(seed: number): SwitchPlan {
  const random = randomOf(seed, 'switching');
  const switches = switchesOf(randomOf(seed, 'switches'));
  const lastMs = Math.max(...switches.map(({ atMs }) => atMs)) + SWITCH_MS;
  const lengthMs = lastMs + between(random, 10, 40) * SECOND;
  const disturbances = disturbancesOf(randomOf(seed, 'disturbances'), lengthMs, switches);
  const endsMs = disturbances.map((one) => one.atMs + ('forMs' in one ? one.forMs : 0));
  const plan: SwitchPlan = {
    seed,
    startMs: START_MS,
    settings: settingsOf(randomOf(seed, 'settings')),
    rates: ratesOf(randomOf(seed, 'rates')),
    lag: lagOf(randomOf(seed, 'lag')),
    skewMs: swarm(random, 0.4, 1_900),
    fence: {
      delayMs: swarm(random, 0.4, 20 * SECOND),
      leaks: swarm(random, 0.35, 0.5),
      isPromised: happens(random, 0.25),
    },
    isCopyMissing: happens(random, 0.3),
    isQuick: happens(random, 0.7),
    writes: writesOf(randomOf(seed, 'writes'), lengthMs),
    switches,
    disturbances,
    commands: commandsOf(randomOf(seed, 'commands'), switches),
    calmAtMs: Math.max(lengthMs, ...endsMs),
  };
  return plan;
}

/** A poller that takes over begins with short delays: an outage of hours would be nothing but invocations. */
function withoutOverlaps({ disturbances, rates }: SwitchPlan): Rates {
  const isLong = disturbances.some((one) => 'forMs' in one && one.forMs > HOUR);
  return isLong ? { ...rates, overlap: 0 } : rates;
}

/** Times were counted from 0 on. */
function shifted(plan: SwitchPlan): SwitchPlan {
  const shift = <T extends { readonly atMs: number }>(one: T): T => ({
    ...one,
    atMs: one.atMs + START_MS,
  });
  return {
    ...plan,
    rates: withoutOverlaps(plan),
    calmAtMs: plan.calmAtMs + START_MS,
    writes: plan.writes.map(shift),
    switches: plan.switches.map(({ rejoinAtMs, ...one }) => ({
      ...shift(one),
      ...(rejoinAtMs !== undefined && { rejoinAtMs: rejoinAtMs + START_MS }),
    })),
    disturbances: plan.disturbances.map(shift),
    commands: plan.commands.map(shift),
  };
}

function switchesOf(random: Random): PlannedSwitch[] {
  const count = 1 + below(random, 3);
  let atMs = between(random, 8, 40) * SECOND;
  return Array.from({ length: count }, (_, index): PlannedSwitch => {
    const one = switchOf(random, atMs, index % 2 === 0 ? 'west' : 'east');
    atMs += SWITCH_MS + between(random, -20, 90) * SECOND;
    return one;
  });
}

function switchOf(random: Random, atMs: number, target: Side): PlannedSwitch {
  const kills = happens(random, 0.35) ? 1 + below(random, 2) : 0;
  return {
    atMs,
    target,
    isLost: false,
    killAfterMs: Array.from({ length: kills }, () => between(random, 0, SWITCH_MS)),
    restartAfterMs: between(random, 0.2, 30) * SECOND,
    doubledAfterMs: happens(random, 0.15) ? between(random, 0, SWITCH_MS) : undefined,
    cancelAfterMs: happens(random, 0.12) ? between(random, 0, SWITCH_MS) : undefined,
    slowMs: oneOf(random, [20, 60, 200, 2_000]),
    ...clockOf(random),
  };
}

/** Off by a little, by about what an epoch's beginning allows for, or by minutes. */
function clockOf(random: Random): Pick<PlannedSwitch, 'clockOffMs' | 'clockJump'> {
  const most = oneOf(random, [0.3, 5, 300]) * SECOND;
  const clockOffMs = happens(random, 0.2) ? between(random, -1, 1) * most : 0;
  const afterMs = between(random, 0, SWITCH_MS);
  const byMs = between(random, -60, 60) * SECOND;
  return { clockOffMs, ...(happens(random, 0.04) && { clockJump: { afterMs, byMs } }) };
}

function settingsOf(random: Random): Settings {
  return {
    tombstones: oneOf(random, ['checked', 'checked', 'strict']),
    ttlDeletes: 'replicate',
    batchSize: oneOf(random, [1, 1, 3, 10]),
    parallelizationFactor: oneOf(random, [1, 2]),
    retryAttempts: -1,
    bisect: happens(random, 0.5),
    maxRecordAgeSeconds: 20 * 3600,
    timeoutMs: 30 * SECOND,
    concurrency: oneOf(random, [1, 4, 16]),
    unversionedItems: 'replace',
    keyShape: oneOf(random, ['S', 'S', 'S', 'composite', 'N']),
    slowMs: oneOf(random, [10, 50, 300]),
    hasHeartbeat: false,
    totalSegments: 1,
    pageItems: 3,
    firstSequenceNumber: '0',
    skewMs: 0,
    stepMs: happens(random, 0.5) ? between(random, -8, 4) * SECOND : 0,
  };
}

function ratesOf(random: Random): Rates {
  return {
    throttle: swarm(random, 0.3, 0.3),
    timeout: swarm(random, 0.4, 0.15),
    reset: swarm(random, 0.4, 0.2),
    conflict: swarm(random, 0.2, 0.2),
    crash: swarm(random, 0.4, 0.15),
    lostAck: swarm(random, 0.4, 0.2),
    lostBatch: 0,
    veryLate: 0,
    queueDuplicate: 0,
    overlap: swarm(random, 0.35, 0.4),
    stale: swarm(random, 0.4, 0.5),
  };
}

function lagOf(random: Random): SwitchPlan['lag'] {
  return {
    recordMs: swarm(random, 0.6, 6 * SECOND),
    shardMs: swarm(random, 0.4, 8 * SECOND),
    often: random.next(),
  };
}

function writesOf(random: Random, lengthMs: number): PlannedWrite[] {
  const count = 8 + below(random, 28);
  const keys = 1 + below(random, KEYS.length);
  const strays = swarm(random, 0.3, 0.15);
  const poison = swarm(random, 0.2, 0.2);
  return Array.from({ length: count }, () => random.next() * lengthMs)
    .toSorted((a, b) => a - b)
    .map((atMs, index) => ({
      number: index + 1,
      atMs,
      key: KEYS[below(random, keys)] ?? 'a',
      kind: oneOf(random, ['put', 'put', 'update', 'update', 're-put', 'delete', 'delete']),
      from: oneOf(random, SIDES),
      isStray: happens(random, strays),
      poison: happens(random, poison),
    }));
}

function disturbancesOf(
  random: Random,
  lengthMs: number,
  switches: readonly PlannedSwitch[],
): Disturbance[] {
  const some = (chance: number, max: number) =>
    happens(random, chance) ? 1 + below(random, max) : 0;
  const list = <T>(count: number, make: () => T) => Array.from({ length: count }, make);
  /** Often while a switch is under way. */
  const at = () => {
    const one = switches[below(random, switches.length)];
    return happens(random, 0.6) && one !== undefined
      ? one.atMs + random.next() * SWITCH_MS
      : random.next() * lengthMs;
  };
  const side = () => oneOf(random, SIDES);
  return [
    ...list(some(0.35, 3), (): Disturbance => ({ kind: 'split', atMs: at(), side: side() })),
    ...list(some(0.25, 3), (): Disturbance => ({ kind: 'roll-over', atMs: at(), side: side() })),
    ...list(
      some(0.3, 3),
      (): Disturbance => ({ kind: 'restart', atMs: at(), side: side(), back: 6 }),
    ),
    ...list(some(0.25, 2), (): Disturbance => ({ kind: 'replay', atMs: at(), side: side() })),
    ...list(
      some(0.15, 2),
      (): Disturbance => ({
        kind: 'unreadable',
        atMs: at(),
        forMs: between(random, 2, 40) * SECOND,
        side: side(),
      }),
    ),
    ...list(
      some(0.15, 1),
      (): Disturbance => ({
        kind: 'refusing',
        atMs: at(),
        forMs: between(random, 2, 60) * SECOND,
        side: side(),
      }),
    ),
    ...list(
      some(0.08, 1),
      (): Disturbance => ({
        kind: 'partition',
        atMs: at(),
        forMs: between(random, 5, 90) * SECOND,
      }),
    ),
    ...list(
      some(0.05, 1),
      (): Disturbance => ({
        kind: 'down',
        atMs: at(),
        forMs: oneOf(random, [30 * SECOND, 10 * MINUTE, 21 * HOUR]),
        side: side(),
      }),
    ),
  ];
}

function commandsOf(random: Random, switches: readonly PlannedSwitch[]): PlannedCommand[] {
  const count = happens(random, 0.3) ? 1 + below(random, 2) : 0;
  return Array.from({ length: count }, (_, index): PlannedCommand => {
    const one = switches[below(random, switches.length)];
    return {
      kind: oneOf(random, ['backfill', 'redrive']),
      name: `command-${index}`,
      atMs: (one?.atMs ?? 0) + between(random, -10, SWITCH_MS / SECOND) * SECOND,
      slowMs: oneOf(random, [20, 200, 3_000]),
      killAfterMs: happens(random, 0.2) ? random.next() * 20 * SECOND : undefined,
    };
  });
}
