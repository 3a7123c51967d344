// One seed -> a plan: what the application writes, and when operators begin which commands.

import type { Random } from '../../src/ports.ts';
import { below } from '../../src/local/seeded-random.ts';
import { compatible, disturbancesOf, ratesOf, settingsOf } from './faults.ts';
import { addedMotifOf, motifOf, type Unnumbered } from './motifs.ts';
import {
  ACCESS_ERRORS,
  type Disturbance,
  HOUR,
  type Plan,
  type PlannedCommand,
  type PlannedWrite,
  SECOND,
} from './plan.ts';
import { rulesOf } from './projecting.ts';
import { between, happens, hashOf, oneOf, randomOf, swarm } from './random.ts';
import { START_MS, type Timeline, timeline } from './timeline.ts';

const KEYS = ['a', 'b', 'c', 'd', 'e'] as const;

/** Of the redrives that operators begin: how many take only a part of what is there. */
const PICKING = 0.4;
/** Of the backfills: how many are left to a state machine. */
const BULK = 0.5;

export function planOf(seed: number): Plan {
  const random = randomOf(seed, 'plan');
  const time = timeline(random);
  const keys = KEYS.slice(0, 1 + below(random, KEYS.length));
  const poison = swarm(random, 0.4, 0.3);
  const fixedAtMs = time(between(random, 0.3, 1));
  const chosen = motifOf(random, time);
  const motif =
    chosen.writes.length + chosen.commands.length > 0 ? chosen : addedMotifOf(seed, time);
  const { untilMs = 0 } = motif;
  const writes = numbered([...writesOf(random, { time, keys, poison }), ...motif.writes]);
  const plan: Plan = {
    seed,
    startMs: START_MS,
    settings: { ...settingsOf(random), ...motif.settings },
    rates: { ...ratesOf(random), ...motif.rates },
    preExisting: [
      ...(happens(random, 0.4) ? keys.filter(() => happens(random, 0.7)) : []),
      ...(motif.preExisting ?? []),
    ],
    writes,
    disturbances: inOrder(
      compatible([...disturbancesOf(random, { time, keys }), ...motif.disturbances]),
    ),
    commands: inOrder(
      inBulk(seed, [...commandsOf(random, { time, keys, writes }), ...motif.commands]),
    ),
    fixedAtMs: Math.max(fixedAtMs, untilMs),
    calmAtMs: Math.max(time(1), untilMs),
  };
  const projected = projecting(seed, plan, time);
  const whole = { ...projected, disturbances: withAccess(seed, projected, time) };
  return isChain(seed, whole) ? { ...whole, next: nextOf(seed, whole, { time, keys }) } : whole;
}

/** Worlds that were added later are made by chances of their own, so that the others stay what they were. */
const CHAINS = 0.08;
const WITHOUT_ACCESS = 0.1;

const PROJECTIONS = 1 / 3;
const FAILING = 0.2;
/** To a replication that had none, and the other way round. */
const ADDED = 0.1;
const TAKEN_AWAY = 0.1;
const CHANGED = 0.25;
/** Items are not deleted, but leave. */
const LEAVING = 0.4;
const WITHOUT_OLD_IMAGES = 0.06;
const PROJECTED_LETTERS = 0.3;

/** Items that enter and leave, and attributes that are dropped, renamed and set. */
function projecting(seed: number, plan: Plan, time: Timeline): Plan {
  const random = randomOf(seed, 'projection');
  if (!happens(random, PROJECTIONS)) return plan;
  const fails = happens(random, FAILING);
  const hasOldImages = !happens(random, WITHOUT_OLD_IMAGES);
  const first = happens(random, ADDED) ? undefined : rulesOf(seed, 'first rules', fails);
  const deadLetters = happens(random, PROJECTED_LETTERS) ? 'projected' : 'whole';
  const settings = { ...plan.settings, projection: first, hasOldImages, deadLetters } as const;
  const projection = happens(random, TAKEN_AWAY) ? undefined : rulesOf(seed, 'other rules', false);
  const isDue = fails || first === undefined || happens(random, CHANGED);
  const changes: Disturbance[] = isDue
    ? [{ atMs: time(random.next()), kind: 'deploy', change: { projection } }]
    : [];
  const writes = happens(random, LEAVING) ? plan.writes.map(leaving) : plan.writes;
  return { ...plan, settings, writes, disturbances: inOrder([...plan.disturbances, ...changes]) };
}

function leaving(write: PlannedWrite): PlannedWrite {
  if (write.kind === 'expire' || write.malformed) return write;
  return write.kind === 'delete'
    ? { ...write, kind: 'put', poison: false, byService: false, keeps: false }
    : { ...write, keeps: true };
}

/** Credentials that stop working, mostly while somebody is at work. */
function withAccess(seed: number, plan: Plan, time: Timeline): Disturbance[] {
  const random = randomOf(seed, 'access');
  if (!happens(random, WITHOUT_ACCESS)) return [...plan.disturbances];
  const begun = [...plan.writes, ...plan.commands].map(({ atMs }) => atMs);
  const losses = Array.from({ length: 1 + below(random, 3) }, () => {
    const near = begun[below(random, begun.length)] ?? time(random.next());
    const who = oneOf<'functions' | 'commands'>(random, ['functions', 'functions', 'commands']);
    return {
      kind: 'access' as const,
      who,
      isOfBoth: who === 'commands' && happens(random, 0.5),
      atMs: near + between(random, -2, 3) * SECOND,
      forMs: oneOf(random, [200, 2 * SECOND, 20 * SECOND, 90 * SECOND, 2 * HOUR]),
      error: oneOf(random, ACCESS_ERRORS),
      share: oneOf(random, [1, 1, 0.3]),
    };
  });
  return inOrder([...plan.disturbances, ...losses]);
}

/** A twin that is made anew has another stream, which needs another plan. */
function isChain(seed: number, { disturbances }: Plan): boolean {
  const isAnew = (one: Disturbance) => one.kind === 'anew' && one.tables.includes('twin');
  return happens(randomOf(seed, 'chain'), CHAINS) && !disturbances.some(isAnew);
}

/** Settings, faults and commands of its own, at the same time: what it has to do comes from the hop before. */
function nextOf(
  seed: number,
  { settings, writes, ...first }: Plan,
  { time, keys }: Omit<WriteParts, 'poison'>,
): Plan {
  const random = randomOf(seed, 'second hop');
  const { keyShape } = settings;
  const plan: Plan = {
    ...first,
    seed: hashOf(`second hop of ${seed}`),
    settings: { ...settingsOf(random), keyShape, hasHeartbeat: false },
    rates: ratesOf(random),
    preExisting: [],
    writes: [],
    disturbances: inOrder(compatible(disturbancesOf(random, { time, keys }))),
    commands: inOrder(inBulk(seed, commandsOf(random, { time, keys, writes }))),
    broughtPoison: swarm(random, 0.4, 0.3),
  };
  return projecting(plan.seed, plan, time);
}

interface WriteParts {
  readonly time: Timeline;
  readonly keys: readonly string[];
  readonly poison: number;
}

function writesOf(random: Random, { time, keys, poison }: WriteParts): Unnumbered[] {
  const deletes = between(random, 0.1, 0.6);
  const expiries = swarm(random, 0.3, 0.5);
  const malformed = swarm(random, 0.1, 0.1);
  const byServices = swarm(random, 0.2, 0.5);
  // Writes of one second are common, so that whole seconds cannot tell them apart.
  const bursts = Array.from({ length: 1 + below(random, 8) }, () => random.next());
  return Array.from({ length: 4 + below(random, 32) }, (): Unnumbered => {
    const share = happens(random, 0.6)
      ? (bursts[below(random, bursts.length)] ?? 0)
      : random.next();
    const isDelete = happens(random, deletes);
    return {
      atMs: time(Math.min(1, share)) + random.next() * 3 * SECOND,
      key: keys[below(random, keys.length)] ?? 'a',
      kind: isDelete
        ? happens(random, expiries)
          ? ('expire' as const)
          : ('delete' as const)
        : ('put' as const),
      poison: happens(random, poison),
      byService: isDelete && happens(random, byServices),
      malformed: happens(random, malformed),
    };
  });
}

/** In order of time, behind the items that are older than the stream. */
function numbered(writes: readonly Unnumbered[]): PlannedWrite[] {
  return inOrder(writes).map((write, index) => ({ ...write, number: KEYS.length + 2 + index }));
}

function inOrder<T extends { readonly atMs: number }>(planned: readonly T[]): T[] {
  return planned.toSorted((a, b) => a.atMs - b.atMs);
}

const COMMANDS = ['redrive', 'redrive', 'repair', 'repair', 'backfill', 'verify'] as const;

function commandsOf(
  random: Random,
  { time, keys, writes }: Omit<WriteParts, 'poison'> & { writes: readonly PlannedWrite[] },
): PlannedCommand[] {
  const count = happens(random, 0.7) ? 1 + below(random, 5) : 0;
  const slowMs = swarm(random, 0.4, 3 * SECOND);
  // Most of what can go wrong goes wrong beside writes.
  const near = () =>
    (writes[below(random, writes.length)]?.atMs ?? 0) + between(random, -3, 6) * SECOND;
  return Array.from({ length: count }, (_, index) => {
    const kind = oneOf(random, COMMANDS);
    return {
      name: `${kind}-${index + 1}`,
      atMs: happens(random, 0.5) ? near() : time(random.next()) + random.next() * 20 * SECOND,
      kind,
      killAfterMs: happens(random, 0.3) ? random.next() ** 3 * 20 * SECOND : undefined,
      settleMs: oneOf(random, [0, 1, 3, 10]) * SECOND,
      slowMs,
      ...(kind === 'redrive' && happens(random, PICKING) ? partOf(random, keys) : {}),
    };
  });
}

/** Some backfills, by a chance of their own. */
function inBulk(seed: number, commands: readonly PlannedCommand[]): PlannedCommand[] {
  const random = randomOf(seed, 'bulk');
  return commands.map((command) =>
    command.kind === 'backfill' && happens(random, BULK) ? { ...command, isBulk: true } : command,
  );
}

function partOf(random: Random, keys: readonly string[]) {
  const onlyKey = keys[below(random, keys.length)];
  return happens(random, 0.5) ? { onlyKey } : { limit: 1 + below(random, 3) };
}
