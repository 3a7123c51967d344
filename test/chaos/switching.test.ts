// A short run of test/chaos/switching.ts. `npm run soak:switching` makes a long one.

import { expect, it } from 'vitest';
import { switching } from './switching.ts';

const SEED = Number(process.env['SEED'] ?? '20260131');

it(`loses nothing in a switch in which everything is killed (SEED=${SEED})`, async () => {
  const report = await switching({
    seed: SEED,
    switches: 1,
    keys: 200,
    seconds: 4,
    operatorKills: 1,
    onStory: () => undefined,
  });

  expect(report).toMatchObject({
    lost: [],
    disagreements: [],
    unaccounted: 0,
    letters: 0,
    strays: 0,
    differences: 0,
  });
  expect(report.switches).toHaveLength(1);
  expect(report.switches[0]?.proof?.records).toBeGreaterThan(50);
  // Otherwise nothing of interest has happened.
  expect(report.kills.operator).toBe(1);
});
