// Short runs of test/chaos/run.ts and test/chaos/run-memory.ts. `npm run soak:run` makes long ones.

import { expect, it } from 'vitest';
import { runChaos } from './run.ts';
import { halvesOf, runMemory } from './run-memory.ts';

const SEED = Number(process.env['SEED'] ?? '20260131');

it(`loses nothing while holders and standbys are killed and frozen (SEED=${SEED})`, async () => {
  const report = await runChaos({
    seed: SEED,
    kills: 3,
    freezes: 1,
    keys: 300,
    onStory: () => undefined,
  });

  expect(report).toMatchObject({
    exitCodes: [0, 0, 0],
    died: [],
    differences: 0,
    left: 0,
    lettersLeft: 0,
    steppedBack: [],
    versionsDown: [],
    stillBack: [],
    passing: 0,
    freezes: 1,
  });
  // Otherwise nothing of interest has happened.
  expect(report.kills.holder + report.kills.standby).toBe(3);
  expect(report.kills.holder).toBeGreaterThan(0);
  expect(report.takeoversMs).toHaveLength(report.kills.holder + 1);
  expect(report.engineKills).toBeGreaterThan(0);
  expect(report.acknowledged).toBeGreaterThan(1_000);
  expect(report.redriven).toBeGreaterThan(0);
  expect(report.struck).toMatchObject({ throttle: expect.toSatisfy(isSome) as unknown });
  expect(report.looks).toBeGreaterThan(50);
}, 600_000);

const isSome = (count: number) => count > 0;

it(`keeps no change in memory (SEED=${SEED})`, async () => {
  const { samples, ...report } = await runMemory({
    seed: SEED,
    seconds: 60,
    writesPerSecond: 200,
    samples: 12,
    onSample: () => undefined,
  });

  expect(report.differences).toBe(0);
  expect(report.writes).toBeGreaterThan(2_000);
  const [first, second] = halvesOf(samples);
  // What the second half has written, kept as text, would be more.
  expect(second).toBeLessThan(first * 1.3 + 4);
}, 300_000);
