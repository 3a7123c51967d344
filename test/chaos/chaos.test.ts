// A short run of test/chaos/chaos.ts. `npm run soak` makes a long one.

import { expect, it } from 'vitest';
import { chaos } from './chaos.ts';

const SEED = Number(process.env['SEED'] ?? '20260131');

it(`loses nothing and takes nothing back while everything is killed (SEED=${SEED})`, async () => {
  const report = await chaos({
    seed: SEED,
    seconds: 20,
    kills: 10,
    keys: 500,
    onStory: () => undefined,
  });

  expect(report).toMatchObject({ differences: 0, unaccounted: 0, left: 0, steppedBack: [] });
  expect(report.kills).toEqual({ function: 2, source: 2, destination: 2, redrive: 2, verify: 2 });
  // Otherwise nothing of interest has happened.
  expect(report.records).toBeGreaterThan(2_000);
  expect(report.deadLettered).toBeGreaterThan(0);
  expect(report.looks).toBeGreaterThan(100);
}, 180_000);
