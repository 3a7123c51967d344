// Courses of events that matter in a Kinesis stream and are too rare by chance: in some worlds, one of them is played
// among everything else.

import { below } from '../../src/local/seeded-random.ts';
import type { Random } from '../../src/ports.ts';
import type { Motif, Unnumbered } from './motifs.ts';
import {
  DAY,
  type KinesisSettings,
  MINUTE,
  type Plan,
  type PlannedCommand,
  SECOND,
} from './plan.ts';
import { between, happens, oneOf } from './random.ts';

interface KinesisMotif extends Motif {
  readonly kinesis?: Partial<KinesisSettings>;
}

type MakeMotif = (random: Random, atMs: number) => KinesisMotif;

const NONE: KinesisMotif = { writes: [], disturbances: [], commands: [] };
const CHANCE = 0.4;
/** Of an item that nothing else writes to, so that nothing covers up what has gone wrong. */
const KEY = 'k';

export function kinesisMotifOf(random: Random, { writes, startMs }: Plan): KinesisMotif {
  if (writes.length === 0 || !happens(random, CHANCE)) return NONE;
  const make = oneOf(random, MOTIFS);
  const near = writes[below(random, writes.length)]?.atMs ?? startMs;
  return make(random, near + between(random, 0, 2) * SECOND);
}

/** All is delivered once more when a tombstone of a table's stream would be gone. */
const longReplay: MakeMotif = (random, atMs) => {
  const lateMs = atMs + between(random, 18, 40) * DAY;
  return {
    ...NONE,
    writes: [put(atMs), gone(atMs + between(random, 0.5, 3) * SECOND)],
    disturbances: [{ kind: 'replay', atMs: lateMs }],
    kinesis: { retentionMs: 365 * DAY, isFirst: true },
    untilMs: lateMs + 30 * SECOND,
  };
};

/** The delete comes first, while the insert is still young. */
const lateInsert: MakeMotif = (random, atMs) => ({
  ...NONE,
  writes: [
    { ...put(atMs), lateMs: between(random, 3, 25) * SECOND },
    { ...gone(atMs + SECOND), lateMs: 10 },
  ],
});

/** Both come at nearly the same time, in shards that are read side by side. */
const insertBesideDelete: MakeMotif = (random, atMs) => {
  const lateMs = between(random, 2, 90) * SECOND;
  return {
    ...NONE,
    writes: [
      { ...put(atMs), lateMs },
      { ...gone(atMs + 500), lateMs: lateMs - 500 + between(random, -0.8, 0.3) * SECOND },
    ],
    settings: { tombstones: 'checked', slowMs: between(random, 100, 1_500) },
    rates: { stale: 1 },
    kinesis: { shards: 8 },
    untilMs: atMs + 2 * MINUTE,
  };
};

/** An update comes after the delete of its item. */
const lateUpdate: MakeMotif = (random, atMs) => ({
  ...NONE,
  writes: [
    put(atMs),
    { ...put(atMs + SECOND), lateMs: between(random, 4, 300) * SECOND },
    { ...gone(atMs + 2 * SECOND), lateMs: 10 },
  ],
});

/** Two writes in the same microsecond, and the later one may come first. */
const tie: MakeMotif = (random, atMs) => {
  const [first, second] = oneOf<readonly [Make, Make]>(random, [
    [put, put],
    [put, gone],
    [gone, put],
  ]);
  const lateMs = () => between(random, 1, 2_000);
  return {
    ...NONE,
    writes: [
      put(atMs - 4 * SECOND),
      { ...first(atMs), lateMs: lateMs() },
      { ...second(atMs), isTied: true, lateMs: lateMs() },
      ...(happens(random, 0.3) ? [put(atMs + MINUTE)] : []),
    ],
    commands: happens(random, 0.5) ? [repairAt(atMs + 20 * SECOND)] : [],
    untilMs: atMs + MINUTE,
  };
};

/** Times of milliseconds: two writes in one of them. */
const oneMillisecond: MakeMotif = (random, atMs) => {
  const ms = Math.floor(atMs);
  const late = () => ({ lateMs: between(random, 1, 2_000) });
  return {
    ...NONE,
    writes: [
      put(atMs - 4 * SECOND),
      { ...put(ms + 0.2), ...late() },
      { ...(happens(random, 0.5) ? put : gone)(ms + 0.7), ...late() },
    ],
    disturbances: [
      { kind: 'precision', precision: 'MILLISECOND', atMs: oneOf(random, [ms - 100, ms + 0.5]) },
      { kind: 'precision', precision: 'MICROSECOND', atMs: ms + 200 },
    ],
  };
};

/** Several shards bring one item's changes, all of them late, while it is repaired. */
const repairAmongLate: MakeMotif = (random, atMs) => ({
  ...NONE,
  writes: [put, gone, put, gone, put].map((make, index) => ({
    ...make(atMs + index * 300),
    lateMs: between(random, 1, 20) * SECOND,
  })),
  commands: [{ ...repairAt(atMs + between(random, 2, 15) * SECOND), settleMs: 0, slowMs: 1_000 }],
  kinesis: { shards: 4 },
});

/** A late insert is put aside, and redriven when the tombstone of its delete may be gone. */
const oldLetter: MakeMotif = (random, atMs) => {
  const replayMs = atMs + between(random, 15, 29) * DAY;
  const redriveMs = replayMs + between(random, 1, 13) * DAY;
  return {
    ...NONE,
    writes: [put(atMs), gone(atMs + SECOND)],
    disturbances: [
      { kind: 'replay', atMs: replayMs },
      { kind: 'outage', how: 'denied', share: 1, atMs: replayMs - SECOND, forMs: 60 * SECOND },
    ],
    commands: [{ ...repairAt(redriveMs), name: 'redrive-of-motif', kind: 'redrive', limit: 1 }],
    settings: { batchSize: 1, retryAttempts: 1 },
    kinesis: { retentionMs: 30 * DAY, isFirst: true },
    untilMs: redriveMs + 30 * SECOND,
  };
};

const MOTIFS = [
  longReplay,
  lateInsert,
  insertBesideDelete,
  insertBesideDelete,
  lateUpdate,
  tie,
  oneMillisecond,
  repairAmongLate,
  oldLetter,
] as const;

type Make = (atMs: number) => Unnumbered;

function put(atMs: number): Unnumbered {
  return { key: KEY, atMs, kind: 'put', poison: false, malformed: false };
}

function gone(atMs: number): Unnumbered {
  return { ...put(atMs), kind: 'delete' };
}

function repairAt(atMs: number): PlannedCommand {
  return { name: 'repair-of-Kinesis-motif', kind: 'repair', atMs, settleMs: SECOND, slowMs: 20 };
}
