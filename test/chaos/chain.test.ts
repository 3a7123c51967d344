// A short run of test/chaos/chain.ts.

import { expect, it } from 'vitest';
import { chain } from './chain.ts';

const SEED = Number(process.env['SEED'] ?? '20260131');

it(`keeps three tables equal along a chain, whatever strikes it (SEED=${SEED})`, async () => {
  const report = await chain({ seed: SEED, seconds: 2, keys: 200, onStory: () => undefined });

  expect(report).toMatchObject({
    differences: { 'A-B': 0, 'B-C': 0, 'A-C': 0 },
    unclean: [],
    steppedBack: [],
    versionsDown: [],
    left: [0, 0],
    backfill: { finished: true },
    repaired: 1,
  });
  // Otherwise nothing of interest has happened.
  expect(report.backfill.copied).toBeGreaterThan(0);
  expect(report.records.map((count) => count > 300)).toEqual([true, true]);
  expect(report.deadLettered.map((count) => count > 0)).toEqual([true, false]);
  expect(report.looks).toBeGreaterThan(50);
}, 300_000);
