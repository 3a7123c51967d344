// A workload from figures of CloudWatch and of the table, and the comparison with what was used.

import { describe, expect, it } from 'vitest';
import { compared } from '../../src/cost/actual.ts';
import { billOf } from '../../src/cost/bill.ts';
import { LISTED } from '../../src/cost/prices.ts';
import {
  type GivenWorkload,
  observedWorkload,
  type SourceFigures,
} from '../../src/cost/workload.ts';

const FIGURES: SourceFigures = {
  seconds: 1_000,
  writeUnits: 4_000,
  puts: 1_000,
  updates: 500,
  deletes: 400,
  batches: 0,
  transactions: 0,
  expiries: 100,
  items: 50,
  sizeBytes: 75_000,
};

const NONE: GivenWorkload = {
  writesPerSecond: undefined,
  itemBytes: undefined,
  deleteShare: undefined,
  updateShare: undefined,
  items: undefined,
};

describe('a workload', () => {
  it('is what single requests have written, and what has expired', () => {
    expect(observedWorkload(FIGURES, NONE)).toEqual({
      writesPerSecond: 2,
      itemBytes: 1_500,
      deleteShare: 0.25,
      updateShare: 0.25,
      items: 50,
    });
  });

  it('is by its units where batches do not say how many items they have', () => {
    // 4,000 units are 2,000 items of 2 units.
    const found = observedWorkload({ ...FIGURES, batches: 30, expiries: 0 }, NONE);

    expect(found).toMatchObject({ writesPerSecond: 2, deleteShare: 0.2, updateShare: 0.25 });
  });

  it('has half as many items as units in transactions', () => {
    // 4,000 units: 1,900 items of 2, and 50 of 4.
    const found = observedWorkload({ ...FIGURES, transactions: 30, expiries: 0 }, NONE);

    expect(found.writesPerSecond).toBeCloseTo(1.95, 9);
  });

  it('has no more deletes than what is given leaves', () => {
    const found = observedWorkload({ ...FIGURES, deletes: 1_500 }, { ...NONE, updateShare: 0.7 });

    expect(found).toMatchObject({ updateShare: 0.7 });
    expect(found.deleteShare).toBeCloseTo(0.3, 9);
  });

  it('gives way to what is given', () => {
    const given = { writesPerSecond: 7, itemBytes: 100, deleteShare: 0.9, items: 9 };

    expect(observedWorkload(FIGURES, { ...NONE, ...given })).toEqual({
      ...given,
      updateShare: 1 - 0.9,
    });
  });

  it('of a table without writes has no shares', () => {
    const nothing = { ...FIGURES, writeUnits: 0, puts: 0, updates: 0, deletes: 0, expiries: 0 };

    expect(observedWorkload({ ...nothing, items: 0, sizeBytes: 0 }, NONE)).toEqual({
      writesPerSecond: 0,
      itemBytes: 0,
      deleteShare: 0,
      updateShare: 0,
      items: 0,
    });
  });
});

it('what was used is brought to a month, and priced like the estimate', () => {
  const line = { part: 'writes to the twin', what: 'units', region: 'us-east-1' } as const;
  const bill = billOf(
    [
      { ...line, amount: 3e6, price: 'millionWriteUnits', measure: 'twin write units' },
      { ...line, amount: 1e6, price: 'millionWriteUnits', measure: 'twin write units' },
      { ...line, amount: 1_000, price: 'millionGBSecondsArm', measure: 'function GB-seconds' },
    ],
    LISTED,
  );

  const found = compared(
    bill,
    {
      // A tenth of a month.
      seconds: 262_800,
      twinWriteUnits: 500_000,
      stateWriteUnits: 7,
      invocations: 8,
      durationMs: 400_000,
      logBytes: 9,
      twinBytes: 10,
    },
    { memoryMiB: 512, prices: LISTED },
  );

  expect(found).toEqual([
    {
      measure: 'twin write units',
      estimated: 4e6,
      actual: 5e6,
      estimatedDollars: 2.5,
      actualDollars: 3.125,
    },
    {
      measure: 'function GB-seconds',
      estimated: 1_000,
      // 4,000 s with half a GB.
      actual: 2_000,
      estimatedDollars: expect.closeTo(0.0133334, 7) as number,
      actualDollars: expect.closeTo(0.0266668, 7) as number,
    },
  ]);
});
