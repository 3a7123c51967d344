// A short run of test/chaos/two-way.ts in each mode. `npm run soak:two-way` makes a long one.

import { describe, expect, it } from 'vitest';
import { twoWay, WRITES_PER_WRITE_MAX } from './two-way.ts';

const SEED = Number(process.env['SEED'] ?? '20260131');

describe.each(['home', 'stamped'] as const)('both directions, by %s', (mode) => {
  it(`become equal, and no write causes another one without end (SEED=${SEED})`, async () => {
    const report = await twoWay({
      mode,
      seed: SEED,
      seconds: 4,
      writesPerSecond: 150,
      items: 500,
      kills: 2,
      onStory: () => undefined,
    });

    expect(report).toMatchObject({
      differences: 0,
      lost: 0,
      strays: 0,
      unaccounted: 0,
      letters: 0,
      writesAtRest: 0,
    });
    for (const count of [report.ferryWritesPerWrite, ...report.inCalm])
      expect(count).toBeLessThanOrEqual(WRITES_PER_WRITE_MAX);
    // Otherwise nothing of interest has happened.
    expect(report.writes).toBeGreaterThan(300);
    expect(report.ferryWrites).toBeGreaterThan(100);
    // At home, writes never meet.
    expect(report.conflicts > 0).toBe(mode === 'stamped');
  });
});
