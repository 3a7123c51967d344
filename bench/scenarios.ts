// What is measured beside what: destinations, shapes of batches, and the approaches that get each of them.

import type { ApproachName } from './approaches.ts';
import type { BatchShape } from './batches.ts';

export interface Scenario {
  readonly name: string;
  readonly roundTripMs: number;
  readonly shape: BatchShape;
  /** The first is what the others are compared with. */
  readonly approaches: readonly ApproachName[];
}

const DISTINCT: BatchShape = { records: 10_000, keys: 10_000, bytes: 200, deleteShare: 0 };
/** With 120 bytes of names and other values, and the version, just below 1 KB: one write unit. */
const ONE_UNIT_BYTES = 880;

const ALL: readonly ApproachName[] = [
  'ferry',
  'leanest',
  'stock SDK, batch writes, no conditions',
  'stock SDK, all at once',
  'stock SDK, one after the other',
];
const OURS_AND_USUAL: readonly ApproachName[] = ['ferry', 'stock SDK, all at once'];

const shaped = (
  name: string,
  shape: Partial<BatchShape>,
  approaches: readonly ApproachName[] = OURS_AND_USUAL,
): Scenario => ({ name, roundTripMs: 70, shape: { ...DISTINCT, ...shape }, approaches });

export const SCENARIOS: readonly Scenario[] = [
  ...[0, 30, 70, 200].map(
    (roundTripMs): Scenario => ({
      name: `round trip ${roundTripMs} ms`,
      roundTripMs,
      shape: DISTINCT,
      approaches: roundTripMs === 0 ? [...ALL, 'ferry over the SDK'] : ALL,
    }),
  ),
  // Never so old that they are late, however long the measurement takes.
  shaped('inserts that are young', { event: 'INSERT', ageSeconds: -3_600 }, ['ferry']),
  shaped('inserts that are late, as in catching up', { event: 'INSERT' }, [
    'ferry',
    'ferry, strict',
  ]),
  shaped('zipf: 10,000 records of 1,000 items', { keys: 1_000 }, [
    'ferry',
    'ferry, never coalescing',
    'stock SDK, all at once',
  ]),
  shaped('half of them deletes', { deleteShare: 0.5 }, ['ferry', 'ferry over the SDK']),
  shaped('batch of 100', { records: 100, keys: 100 }),
  shaped('batch of 1,000', { records: 1_000, keys: 1_000 }),
  shaped('items of 100 B', { bytes: 120 }),
  shaped('items of 1 KB', { records: 5_000, keys: 5_000, bytes: ONE_UNIT_BYTES }),
  shaped('items of 100 KB', { records: 60, keys: 60, bytes: 100_000 }),
  shaped('a full event in 256 MiB: 10,000 records of 600 B', { bytes: 600 }, ['ferry, 256 MiB']),
];
