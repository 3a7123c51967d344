// Courses of events that matter and are too rare by chance: in some worlds, one of them is played among
// everything else.

import type { Random } from '../../src/ports.ts';
import { type Disturbance, type PlannedCommand, type PlannedWrite, SECOND } from './plan.ts';
import { between, happens, oneOf } from './random.ts';
import type { Timeline } from './timeline.ts';

export type Unnumbered = Omit<PlannedWrite, 'number'>;

export interface Motif {
  readonly writes: readonly Unnumbered[];
  readonly disturbances: readonly Disturbance[];
  readonly commands: readonly PlannedCommand[];
}

type MakeMotif = (random: Random, atMs: number, key: string) => Motif;

const NONE: Motif = { writes: [], disturbances: [], commands: [] };
const CHANCE = 0.15;
/** Of an item that nobody else writes to, so that nothing covers up what has gone wrong. */
const KEY = 'm';

export function motifOf(random: Random, time: Timeline): Motif {
  if (!happens(random, CHANCE)) return NONE;
  const make = oneOf(random, [staleLetter, hastyRepair, brokenOffRepair] as const);
  return make(random, time(random.next() * 0.7), KEY);
}

/** A letter, a newer write that only a repair can bring, and the letter put back after it. */
const staleLetter: MakeMotif = (_, atMs, key) => ({
  ...NONE,
  writes: [
    { ...put(key, atMs), poison: true },
    { ...put(key, atMs + 4 * SECOND), malformed: true },
  ],
  commands: [repairAt(atMs + 15 * SECOND)],
});

/** A slow repair of an item that is written to meanwhile. */
const hastyRepair: MakeMotif = (random, atMs, key) => ({
  writes: [put(key, atMs), put(key, atMs + between(random, 13, 20) * SECOND)],
  disturbances: [{ kind: 'tamper', key, how: 'replace', atMs: atMs + 4 * SECOND }],
  commands: [{ ...repairAt(atMs + 5 * SECOND), slowMs: 3 * SECOND }],
});

/** A repair that deletes what the stream is about to delete, and is killed on the way. */
const brokenOffRepair: MakeMotif = (random, atMs, key) => ({
  writes: [put(key, atMs), { ...put(key, atMs + 4 * SECOND), kind: 'delete' }],
  disturbances: [{ kind: 'mapping-off', atMs: atMs + 3 * SECOND, forMs: 15 * SECOND }],
  commands: [
    {
      ...repairAt(atMs + 5 * SECOND),
      slowMs: 300,
      killAfterMs: between(random, 1, 4) * SECOND,
    },
  ],
});

function put(key: string, atMs: number): Unnumbered {
  return { key, atMs, kind: 'put', poison: false, malformed: false };
}

function repairAt(atMs: number): PlannedCommand {
  return { name: 'repair-of-motif', kind: 'repair', atMs, settleMs: SECOND, slowMs: 20 };
}
