// Plans that once failed, as small as they could be made. They stay, because chance may not find them again.

import { type Plan, type Rates, SECOND } from './plan.ts';
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

/**
 * A delete has been remembered, and its request given up. A repair remembers one just above it and gets no
 * further. The record comes again, finds a newer delete remembered, and left it at that: the item stayed.
 */
const deleteLeftToRepair: PastFailure = {
  what: 'a delete that comes again after a repair has remembered a newer one and got no further',
  mutant: 'delete given up where a newer one is known',
  plan: {
    seed: 2391,
    startMs: START_MS,
    settings: {
      batchSize: 1,
      parallelizationFactor: 1,
      retryAttempts: 2,
      bisect: false,
      maxRecordAgeSeconds: 72_000,
      timeoutMs: 30 * SECOND,
      concurrency: 2,
      ttlDeletes: 'replicate',
      tombstones: 'checked',
      unversionedItems: 'replace',
      keyShape: 'S',
      slowMs: 20,
      hasHeartbeat: false,
      totalSegments: 3,
      pageItems: 1,
      firstSequenceNumber: '100000000000000000001',
      skewMs: 0,
      stepMs: 0,
    },
    rates: { ...NO_FAULTS, timeout: 0.131 },
    preExisting: [],
    writes: [
      { ...put, number: 14, atMs: START_MS },
      { ...put, number: 15, atMs: START_MS + 4_000, kind: 'delete' },
    ],
    disturbances: [
      { kind: 'mapping-off', atMs: START_MS + 3_000, forMs: 15_000 },
      { kind: 'restart', atMs: START_MS + 20_035, back: 1 },
    ],
    commands: [
      { name: 'repair-4', kind: 'repair', atMs: START_MS + 17_346, settleMs: 3_000, slowMs: 0 },
    ],
    fixedAtMs: START_MS,
    calmAtMs: START_MS + 50_274,
  },
};

export const PAST_FAILURES: readonly PastFailure[] = [deleteLeftToRepair];
