// Courses of events that matter and are too rare by chance: in some worlds, one of them is played among
// everything else.

import type { Random } from '../../src/ports.ts';
import {
  ACCESS_ERRORS,
  DAY,
  type Disturbance,
  HOUR,
  MINUTE,
  type PlannedCommand,
  type PlannedWrite,
  type Rates,
  SECOND,
  type Settings,
} from './plan.ts';
import { between, happens, oneOf, randomOf } from './random.ts';
import type { Timeline } from './timeline.ts';

export type Unnumbered = Omit<PlannedWrite, 'number'>;

export interface Motif {
  readonly writes: readonly Unnumbered[];
  readonly disturbances: readonly Disturbance[];
  readonly commands: readonly PlannedCommand[];
  /** One at most. */
  readonly preExisting?: readonly string[];
  /** In the place of what chance has chosen. */
  readonly settings?: Partial<Settings>;
  readonly rates?: Partial<Rates>;
  /** When the motif is over: faults go on until then, and poison is poison. */
  readonly untilMs?: number;
}

type MakeMotif = (random: Random, atMs: number, key: string) => Motif;

const NONE: Motif = { writes: [], disturbances: [], commands: [] };
const CHANCE = 0.4;
const ADDED_CHANCE = 0.06;
/** Of an item that nobody else writes to, so that nothing covers up what has gone wrong. */
const KEY = 'm';

export function motifOf(random: Random, time: Timeline): Motif {
  if (!happens(random, CHANCE)) return NONE;
  const make = oneOf(random, MOTIFS);
  return make(random, time(random.next() * 0.7), KEY);
}

/** One that was added later, by a chance of its own, so that the worlds before stay what they were. */
export function addedMotifOf(seed: number, time: Timeline): Motif {
  for (const [name, make] of ADDED) {
    const random = randomOf(seed, name);
    if (happens(random, ADDED_CHANCE)) return make(random, time(random.next() * 0.7), KEY);
  }
  return NONE;
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

/** The same with a delete: what the repair has deleted must stay so when the letter is put back. */
const staleLetterOfDelete: MakeMotif = (_, atMs, key) => ({
  ...NONE,
  writes: [
    put(key, atMs),
    { ...put(key, atMs + 3 * SECOND), poison: true },
    { ...put(key, atMs + 6 * SECOND), kind: 'delete', malformed: true },
  ],
  commands: [repairAt(atMs + 15 * SECOND)],
  untilMs: atMs + 30 * SECOND,
});

/** Two letters, and hours later the older one once more: its failure bound must live as long as it does. */
const letterAgain: MakeMotif = (_, atMs, key) => ({
  ...NONE,
  writes: [
    { ...put(key, atMs), poison: true },
    { ...put(key, atMs + 2 * SECOND), poison: true },
  ],
  disturbances: [
    { kind: 'restart', atMs: atMs + 3 * HOUR, back: 6 },
    { kind: 'restart', atMs: atMs + 3 * HOUR + SECOND, back: 6 },
  ],
  settings: { batchSize: 1, maxRecordAgeSeconds: 72_000 },
  untilMs: atMs + 3 * HOUR + MINUTE,
});

/** A slow repair of an item that is written to meanwhile. */
const hastyRepair: MakeMotif = (random, atMs, key) => ({
  writes: [put(key, atMs), put(key, atMs + between(random, 13, 20) * SECOND)],
  disturbances: [{ kind: 'tamper', key, how: 'replace', atMs: atMs + 4 * SECOND }],
  commands: [{ ...repairAt(atMs + 5 * SECOND), slowMs: 3 * SECOND }],
});

/** Two of them at once, and the item is deleted meanwhile. */
const repairsAtOnce: MakeMotif = (random, atMs, key) => {
  const slow = { slowMs: 2 * SECOND, settleMs: 0 };
  const kind = oneOf(random, ['put', 'delete'] as const);
  return {
    writes: [put(key, atMs), { ...put(key, atMs + between(random, 10, 22) * SECOND), kind }],
    disturbances: [{ kind: 'tamper', key, how: 'delete', atMs: atMs + 4 * SECOND }],
    commands: [
      { ...repairAt(atMs + 5 * SECOND), ...slow },
      { ...repairAt(atMs + between(random, 5, 12) * SECOND), ...slow, name: 'repair-beside' },
    ],
  };
};

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

/** A repair that deletes an item while the put of it is about to be delivered again. */
const repairTooEarly: MakeMotif = (_, atMs, key) => ({
  writes: [put(key, atMs), { ...put(key, atMs + 6 * SECOND), kind: 'delete' }],
  disturbances: [
    { kind: 'mapping-off', atMs: atMs + 2 * SECOND, forMs: 20 * SECOND },
    { kind: 'restart', atMs: atMs + 3 * SECOND, back: 6 },
    { kind: 'restart', atMs: atMs + 3.5 * SECOND, back: 6 },
    { kind: 're-create', atMs: atMs + 4 * SECOND, gapMs: 4 * SECOND, drained: true },
  ],
  commands: [repairAt(atMs + 10 * SECOND)],
});

/** Changes of one item before and behind an expiry that is left out, and not every write goes through. */
const partedByExpiry: MakeMotif = (_, atMs, key) => ({
  writes: [
    put(key, atMs),
    { ...put(key, atMs + 100), kind: 'expire' },
    put(key, atMs + 200),
    put(key, atMs + 300),
  ],
  disturbances: [{ kind: 'mapping-off', atMs: atMs - SECOND, forMs: 3 * SECOND }],
  commands: [],
  settings: { ttlDeletes: 'skip', batchSize: 10 },
  rates: { throttle: 0.4, reset: 0.3 },
});

/** A batch that is put back when no tombstone of its time is left, and the item is written to meanwhile. */
const oldBatch: MakeMotif = (random, atMs, key) => {
  const lateMs = atMs + oneOf(random, [16, 18]) * DAY;
  const gone = { ...put(key, atMs + MINUTE), kind: 'delete' } as const;
  const fresh = put(key, lateMs + between(random, 0, 8) * SECOND);
  return {
    ...givenUp([put(key, atMs), put(key, atMs + SECOND)], atMs),
    writes: [
      put(key, atMs),
      put(key, atMs + SECOND),
      gone,
      ...(happens(random, 0.5) ? [fresh] : []),
    ],
    commands: [redriveAt(lateMs), { ...redriveAt(lateMs + 5 * SECOND), name: 'redrive-beside' }],
    rates: { throttle: 0.3, conflict: 0.5, lostBatch: 0 },
    untilMs: lateMs + 30 * SECOND,
  };
};

/** A batch of which a redrive takes a part. */
const pickedFromBatch: MakeMotif = (random, atMs, key) => {
  const writes = [put(key, atMs), put('n', atMs + 100), put(key, atMs + 200), put('o', atMs + 300)];
  const part = happens(random, 0.5) ? { onlyKey: key } : { limit: 1 };
  return {
    ...givenUp(writes, atMs),
    commands: [{ ...redriveAt(atMs + 40 * SECOND), ...part }],
  };
};

/** An item that only a backfill brings, on a twin where others are at work on everything. */
const quietItem: MakeMotif = (_, atMs) => ({
  ...NONE,
  preExisting: ['p'],
  commands: [{ ...repairAt(atMs), name: 'backfill-of-motif', kind: 'backfill' }],
  rates: { conflict: 1 },
});

/** A slow redrive of an older change, while a repair brings the newest state. */
const repairBesideRedrive: MakeMotif = (random, atMs, key) => {
  const lateMs = atMs + 45 * SECOND;
  const writes = [put(key, atMs), put(key, atMs + 200)];
  return {
    ...givenUp(writes, atMs),
    writes: [put(key, atMs - 5 * SECOND), ...writes],
    settings: { batchSize: 1, retryAttempts: 2 },
    commands: [
      { ...redriveAt(lateMs), limit: 1, slowMs: 3 * SECOND },
      {
        ...repairAt(lateMs + between(random, 4, 24) * SECOND),
        settleMs: 0,
        slowMs: between(random, 20, 1_500),
      },
    ],
    untilMs: lateMs + 40 * SECOND,
  };
};

/** A slow redrive of an insert, while its item is deleted. */
const deleteBesideRedrive: MakeMotif = (random, atMs, key) => {
  const lateMs = atMs + 45 * SECOND;
  const writes = [put(key, atMs)];
  const gone = { ...put(key, lateMs + between(random, 4, 24) * SECOND), kind: 'delete' } as const;
  return {
    ...givenUp(writes, atMs),
    writes: [...writes, gone],
    settings: { batchSize: 1, retryAttempts: 2 },
    commands: [{ ...redriveAt(lateMs), slowMs: 3 * SECOND }],
    untilMs: lateMs + 40 * SECOND,
  };
};

/** A slow repair of an item whose record is lost, while it is deleted. */
const deleteBesideRepair: MakeMotif = (random, atMs, key) => ({
  writes: [
    put(key, atMs + 3 * SECOND),
    { ...put(key, atMs + between(random, 12, 34) * SECOND), kind: 'delete' },
  ],
  disturbances: [{ kind: 're-create', atMs: atMs + SECOND, gapMs: 4 * SECOND, drained: true }],
  commands: [{ ...repairAt(atMs + 9 * SECOND), slowMs: 2 * SECOND, settleMs: 0 }],
});

/** Changes that wait in an old stream, and a repair under the new one, whose first record is lost. */
const repairAboveOldStream: MakeMotif = (_, atMs, key) => ({
  writes: [put(key, atMs + 2 * SECOND), put(key, atMs + 5 * SECOND)],
  disturbances: [
    { kind: 'mapping-off', atMs: atMs + SECOND, forMs: 20 * SECOND },
    { kind: 're-create', atMs: atMs + 4 * SECOND, gapMs: 2 * SECOND, drained: true },
  ],
  commands: [repairAt(atMs + 9 * SECOND)],
});

/** An item is deleted, its tombstone is lost, and all is delivered again, into the bucket. */
const forgottenDelete: MakeMotif = (_, atMs, key) => {
  const replayMs = atMs + 9 * MINUTE;
  return {
    writes: [put(key, atMs), { ...put(key, atMs + 2 * SECOND), kind: 'delete' }],
    disturbances: [
      { kind: 'anew', tables: ['state'], isSudden: false, atMs: atMs + 10 * SECOND },
      { kind: 'outage', how: 'denied', share: 1, atMs: replayMs - SECOND, forMs: 60 * SECOND },
      { kind: 'replay', atMs: replayMs },
    ],
    commands: [{ ...redriveAt(replayMs + 90 * SECOND), limit: 1 }],
    settings: { batchSize: 1, retryAttempts: 1, timeoutMs: 60 * SECOND },
    untilMs: replayMs + 120 * SECOND,
  };
};

/** A deleted item that is written again, whose record is lost, on a twin that is copied. */
const copyAboveDelete: MakeMotif = (_, atMs, key) => ({
  writes: [
    put(key, atMs),
    { ...put(key, atMs + 2 * SECOND), kind: 'delete' },
    { ...put(key, atMs + 4 * SECOND), malformed: true },
  ],
  disturbances: [],
  commands: [{ ...repairAt(atMs + 20 * SECOND), name: 'backfill-of-motif', kind: 'backfill' }],
  preExisting: ['p'],
});

/** An insert that waits for capacity while its item is deleted by the poller that has taken over. */
const overtakenInsert: MakeMotif = (random, atMs, key) => ({
  writes: [put(key, atMs), { ...put(key, atMs + between(random, 0, 3) * SECOND), kind: 'delete' }],
  disturbances: [{ kind: 'overlap', back: 2, atMs: atMs + between(random, 0.3, 4) * SECOND }],
  commands: [],
  settings: { throttledTable: 'twin', batchSize: 10, tombstones: 'checked' },
  rates: { throttle: between(random, 0.5, 0.8), overlap: 0.5, stale: 0.5 },
  untilMs: atMs + 30 * SECOND,
});

/** The same where the other invocation dies, and a redrive deletes the item. */
const overtakenByRedrive: MakeMotif = (random, atMs, key) => ({
  writes: [
    put(key, atMs),
    { ...put(key, atMs + between(random, 0.6, 1.2) * SECOND), kind: 'delete' },
  ],
  disturbances: [{ kind: 'overlap', back: 2, atMs: atMs + 1.3 * SECOND }],
  commands: [redriveAt(atMs + between(random, 2, 5) * SECOND)],
  settings: {
    throttledTable: 'twin',
    batchSize: 10,
    retryAttempts: 0,
    bisect: false,
    tombstones: 'checked',
  },
  rates: { throttle: 0.6, crash: 0.5, lostBatch: 0, overlap: 0 },
  untilMs: atMs + 30 * SECOND,
});

/** What the twin will never take, behind changes that have to be delivered again. */
const poisonBehindTimeout: MakeMotif = (random, atMs, key) => ({
  ...NONE,
  writes: [
    // By then, the function knows its control row.
    put('n', atMs - 6 * SECOND),
    put('n', atMs),
    put('o', atMs + 50),
    ...[key, 'q', 'r'].map((one) => ({ ...put(one, atMs + 100), poison: true })),
  ],
  disturbances: [
    { kind: 'mapping-off', atMs: atMs - SECOND, forMs: 2 * SECOND },
    {
      kind: 'outage',
      how: 'silent',
      share: between(random, 0.2, 0.5),
      atMs: atMs - SECOND,
      forMs: 20 * SECOND,
    },
  ],
  settings: { batchSize: 10, parallelizationFactor: 1 },
  rates: { lostAck: 0, timeout: 0, crash: 0 },
  untilMs: atMs + MINUTE,
});

/** A redrive of a batch for which some requests to the twin are refused: the keys are revoked in one place before another. */
const deniedMidway: MakeMotif = (random, atMs, key) => {
  const lateMs = atMs + 45 * SECOND;
  const motif = givenUp([put(key, atMs), put('n', atMs + 100), put('o', atMs + 200)], atMs);
  return {
    ...motif,
    disturbances: [
      ...motif.disturbances,
      {
        kind: 'access',
        who: 'commands',
        isOfBoth: false,
        error: oneOf(random, ACCESS_ERRORS),
        share: 0.3,
        atMs: lateMs,
        forMs: 30 * SECOND,
      },
    ],
    commands: [0, 5, 10].map((later) => ({
      ...redriveAt(lateMs + later * SECOND),
      name: `redrive-of-motif-${later}`,
    })),
    rates: { lostBatch: 0, throttle: 0, timeout: 0 },
    untilMs: lateMs + MINUTE,
  };
};

const ADDED = [
  ['added motif', poisonBehindTimeout],
  ['denied', deniedMidway],
] as const;

const MOTIFS = [
  overtakenByRedrive,
  overtakenByRedrive,
  repairBesideRedrive,
  deleteBesideRedrive,
  deleteBesideRepair,
  repairAboveOldStream,
  forgottenDelete,
  copyAboveDelete,
  overtakenInsert,
  staleLetter,
  staleLetterOfDelete,
  letterAgain,
  hastyRepair,
  repairsAtOnce,
  brokenOffRepair,
  repairTooEarly,
  partedByExpiry,
  oldBatch,
  pickedFromBatch,
  quietItem,
] as const;

/** The twin refuses everybody until Lambda has put the records of these writes into the bucket. */
function givenUp(writes: readonly Unnumbered[], atMs: number): Motif {
  return {
    writes,
    disturbances: [
      { kind: 'mapping-off', atMs: atMs - SECOND, forMs: 3 * SECOND },
      { kind: 'outage', how: 'denied', share: 1, atMs: atMs - SECOND, forMs: 25 * SECOND },
    ],
    commands: [],
    settings: { batchSize: 10, retryAttempts: 2 },
  };
}

function put(key: string, atMs: number): Unnumbered {
  return { key, atMs, kind: 'put', poison: false, malformed: false };
}

function repairAt(atMs: number): PlannedCommand {
  return { name: 'repair-of-motif', kind: 'repair', atMs, settleMs: SECOND, slowMs: 20 };
}

function redriveAt(atMs: number): PlannedCommand {
  return { ...repairAt(atMs), name: 'redrive-of-motif', kind: 'redrive' };
}
