// A short run of test/chaos/chaos.ts. `npm run soak` makes a long one.

import { expect, it } from 'vitest';
import { chaos } from './chaos.ts';

const SEED = Number(process.env['SEED'] ?? '20260131');

it(`loses nothing and takes nothing back while everything is killed (SEED=${SEED})`, async () => {
  const report = await chaos({
    seed: SEED,
    seconds: 5,
    kills: 12,
    keys: 500,
    tombstones: 'checked',
    unknown: 0.0001,
    onStory: () => undefined,
  });

  expect(report).toMatchObject({
    differences: 0,
    unaccounted: 0,
    left: 0,
    steppedBack: [],
    copiedOver: [],
    stillBack: [],
  });
  expect(report.kills).toEqual({
    function: 2,
    overlap: 2,
    source: 2,
    destination: 2,
    redrive: 1,
    verify: 1,
    backfill: 1,
    repair: 1,
  });
  expect(report.backfill.finished).toBe(true);
  // Otherwise nothing of interest has happened.
  expect(Object.entries(report.struck).filter(([, count]) => count === 0)).toEqual([]);
  expect(report.records).toBeGreaterThan(2_000);
  expect(report.deadLettered).toBeGreaterThan(0);
  expect(report.looks).toBeGreaterThan(100);
}, 300_000);
