// One seed -> a plan: what the application writes, and when operators begin which commands.

import type { Random } from '../../src/ports.ts';
import { below } from '../../src/local/seeded-random.ts';
import { compatible, disturbancesOf, ratesOf, settingsOf } from './faults.ts';
import { addedMotifOf, motifOf, type Unnumbered } from './motifs.ts';
import { type Plan, type PlannedCommand, type PlannedWrite, SECOND } from './plan.ts';
import { between, happens, oneOf, randomOf, swarm } from './random.ts';
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
    chosen.writes.length + chosen.commands.length > 0
      ? chosen
      : addedMotifOf(randomOf(seed, 'added motif'), time);
  const { untilMs = 0 } = motif;
  const writes = numbered([...writesOf(random, { time, keys, poison }), ...motif.writes]);
  return {
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
