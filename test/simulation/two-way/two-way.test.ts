// Ferry's own code in simulated worlds whose two tables are both written, while everything goes wrong that can. `SEED=812
// SEEDS=1 npx vitest run test/simulation/two-way` repeats one; `npm run simulate -- --two-way stamped` runs as many as
// there is time for.

import { describe, expect, it } from 'vitest';
import { TWO_WAY_MUTANTS } from './mutants.ts';
import type { Mode } from './plan.ts';
import { runTwoWayPlan } from './run.ts';
import { firstTwoWayFailure, runTwoWaySeeds } from './seeds.ts';
import { shrinkTwoWay } from './shrink.ts';
import { twoWayPlanOf } from './workload.ts';

/** The same worlds every time: `npm run simulate` draws others. */
const FIRST_SEED = Number(process.env['SEED'] ?? '1');
const SEEDS = Number(process.env['SEEDS'] ?? '100');
const MODES: readonly Mode[] = ['home', 'stamped'];

const PAST_FAILURES: ReadonlyArray<readonly [Mode, number, string]> = [
  ['stamped', 205, 'the removal of a late insert passed for a delete, and one later put was lost'],
  ['stamped', 1_796, 'a put was put back over a late one, and had been deleted before that'],
  ['stamped', 1_213, 'the same when everything was delivered again'],
  ['stamped', 2_210, 'an older put was put back over a newer one that had a stamp of Ferry'],
  ['stamped', 1_511, 'a delete that came again in the next epoch passed for a new one'],
  [
    'stamped',
    202_312,
    'an insert that came again gave its first version to what was put there later',
  ],
  ['stamped', 4_032, 'an update was pushed below a delete, and one that had seen it was lost'],
  ['stamped', 203_306, 'a delete was remembered after its batch had been answered'],
  ['stamped', 1_001_642, 'a put that was sent again after its delete was left to one that knew it'],
  ['stamped', 1_010_309, 'the same, and another put had replaced that one'],
  ['stamped', 1_022_781, 'the same, and it was below a delete of the other side, too'],
  ['stamped', 1_038_046, 'what was put back for one record stayed above what came after it'],
  ['stamped', 1_007_094, 'what was put back twice was above the delete that came after it'],
  ['stamped', 1_012_388, 'what was put back, and deleted later, was taken for what came last'],
  ['stamped', 1_011_465, 'a merge preferred a side whose stamp of the epoch before was older'],
];

describe.each(MODES)('a simulated world whose tables are both written, by %s', (mode) => {
  it(`ends as promised, whatever happens in it (${SEEDS} seeds from ${FIRST_SEED})`, async () => {
    const report = await runTwoWaySeeds({ from: FIRST_SEED, count: SEEDS }, mode);

    const stories = await Promise.all(
      report.failures.slice(0, 1).map(({ seed }) => storyOf(seed, mode)),
    );
    expect(stories.join('\n')).toBe('');
    expect(report.failures).toEqual([]);
  });

  it('is the same whenever its seed is the same', async () => {
    const stories = [[], []] as [string[], string[]];
    for (const story of stories) await runTwoWayPlan(twoWayPlanOf(FIRST_SEED, mode), { story });

    expect(stories[0].length).toBeGreaterThan(20);
    expect(stories[0]).toEqual(stories[1]);
  });
});

describe('a world in which Ferry once failed', () => {
  it.each(PAST_FAILURES)('ends as promised: %s, seed %i, %s', async (mode, seed) => {
    expect((await runTwoWayPlan(twoWayPlanOf(seed, mode))).violations).toEqual([]);
  });
});

describe('the judge of both directions', () => {
  it.each(TWO_WAY_MUTANTS.map((mutant) => [mutant.name, mutant] as const))(
    'catches a Ferry with this mistake: %s',
    async (_, mutant) => {
      const { mode, caughtBy, seedsMax } = mutant;
      // Where it was caught before, or wherever it is caught now.
      const before = await firstTwoWayFailure({ from: caughtBy, count: 1 }, mode, {
        mutation: mutant,
      });
      const everywhere = { from: 1, count: seedsMax };
      const found = before ?? (await firstTwoWayFailure(everywhere, mode, { mutation: mutant }));

      expect(found).toBeDefined();
      // Without the mistake, nothing is wrong there: it is the mistake that is caught.
      const { violations } = await runTwoWayPlan(twoWayPlanOf(found?.seed ?? 0, mode));
      expect(violations).toEqual([]);
    },
  );
});

/** What went wrong, in as few lines as possible. */
async function storyOf(seed: number, mode: Mode): Promise<string> {
  const smallest = await shrinkTwoWay(twoWayPlanOf(seed, mode));
  return [`seed ${seed}: ${smallest?.violation}`, ...(smallest?.story ?? [])].join('\n');
}
