// Plans that once failed, as small as they could be made. They stay, because chance may not find them again.

import { type Plan, type Rates, SECOND, type Settings } from './plan.ts';
import { START_MS } from './timeline.ts';

export interface PastFailure {
  readonly what: string;
  /** The mutant that has the mistake again. */
  readonly mutant: string;
  readonly plan: Plan;
}

const NO_FAULTS: Rates = {
  throttle: 0,
  timeout: 0,
  reset: 0,
  conflict: 0,
  crash: 0,
  lostAck: 0,
  lostBatch: 0,
  veryLate: 0,
  queueDuplicate: 0,
  overlap: 0,
  stale: 0,
};

const put = { key: 'm', kind: 'put', poison: false, malformed: false } as const;

const SETTINGS: Settings = {
  batchSize: 10,
  parallelizationFactor: 1,
  retryAttempts: -1,
  bisect: true,
  maxRecordAgeSeconds: 72_000,
  timeoutMs: 60 * SECOND,
  slowMs: 20,
  concurrency: 16,
  ttlDeletes: 'replicate',
  tombstones: 'checked',
  unversionedItems: 'replace',
  keyShape: 'S',
  hasHeartbeat: false,
  totalSegments: 1,
  pageItems: 3,
  firstSequenceNumber: '1000',
  skewMs: 0,
  stepMs: 0,
};

/**
 * The put of an insert is throttled and waits; the poller of its invocation is replaced, and the next one
 * puts the item and deletes it. The try after the throttling found an empty place, and the item was back.
 */
const overlap: PastFailure = {
  what: 'an insert that is tried again beside the invocation that has deleted its item',
  mutant: '2 look before, no announcement',
  plan: {
    seed: 52,
    startMs: START_MS,
    settings: { ...SETTINGS, throttledTable: 'twin' },
    rates: { ...NO_FAULTS, throttle: 0.6 },
    preExisting: [],
    writes: [
      { ...put, number: 10, atMs: START_MS + 5_000 },
      { ...put, number: 12, atMs: START_MS + 6_000, kind: 'delete' },
    ],
    disturbances: [{ kind: 'overlap', atMs: START_MS + 6_500, back: 2 }],
    commands: [],
    fixedAtMs: START_MS,
    calmAtMs: START_MS + 30_000,
  },
};

/**
 * An item is deleted, and its tombstone is lost with the state table. After the adoption, everything is
 * delivered again, and put aside for its age. A redrive of the put found neither item nor tombstone.
 */
const forgottenDelete: PastFailure = {
  what: 'a put that is redriven in a later epoch, whose delete was forgotten in the one before',
  mutant: '23 letters of what was written before the epoch replayed',
  plan: {
    seed: 98,
    startMs: START_MS,
    settings: {
      ...SETTINGS,
      batchSize: 1,
      retryAttempts: 1,
      maxRecordAgeSeconds: 60,
      tombstones: 'strict',
    },
    rates: NO_FAULTS,
    preExisting: [],
    writes: [
      { ...put, number: 10, atMs: START_MS + 3_635 },
      { ...put, key: 'a', number: 11, atMs: START_MS + 4_319 },
      { ...put, number: 12, atMs: START_MS + 5_635, kind: 'delete' },
    ],
    disturbances: [
      { kind: 'anew', tables: ['state'], isSudden: false, atMs: START_MS + 13_635 },
      { kind: 'replay', atMs: START_MS + 543_635 },
    ],
    // The put alone: together with the delete, there would be nothing to decide.
    commands: [
      {
        name: 'redrive',
        kind: 'redrive',
        atMs: START_MS + 600_000,
        limit: 1,
        settleMs: 0,
        slowMs: 20,
      },
    ],
    fixedAtMs: START_MS + 663_635,
    calmAtMs: START_MS + 663_635,
  },
};

export const PAST_FAILURES: readonly PastFailure[] = [overlap, forgottenDelete];
