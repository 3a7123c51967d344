// Ferry's own code in simulated worlds whose direction is switched, while everything goes wrong that can. `SEED=812
// SEEDS=1 npx vitest run test/simulation/switching` repeats one; `npm run simulate -- --switching` runs as many as there
// is time for.

import { describe, expect, it } from 'vitest';
import { SWITCH_MUTANTS } from './mutants.ts';
import { runSwitchPlan } from './run.ts';
import { firstSwitchFailure, runSwitchSeeds } from './seeds.ts';
import { shrinkSwitch } from './shrink.ts';
import { switchPlanOf } from './workload.ts';

/** The same worlds every time: `npm run simulate -- --switching` draws others. */
const FIRST_SEED = Number(process.env['SEED'] ?? '1');
const SEEDS = Number(process.env['SEEDS'] ?? '300');

const PAST_FAILURES = [
  [39, 'a switch after a loss wrote the times of one copy over those of the other'],
  [94, 'the same after a switch that was left half open'],
  [1_504, 'a rejoin took three empty reads for the end of a stream, and a newer write for none'],
  [
    41_004_528,
    'a request for an accepted letter was not answered, and its item was left as it was',
  ],
  [31_006_385, 'an epoch began by a clock that was set right after it had been checked'],
  [51_017_247, 'the judge took a copy of an item for another write than its record'],
  [19_001_987, 'an audit beside traffic read without a pause where there was nothing to read'],
] as const;

describe('a simulated world that is switched', () => {
  it(`ends as promised, whatever happens in it (${SEEDS} seeds from ${FIRST_SEED})`, async () => {
    const report = await runSwitchSeeds({ from: FIRST_SEED, count: SEEDS });

    const stories = await Promise.all(report.failures.slice(0, 1).map(storyOf));
    expect(stories.join('\n')).toBe('');
    expect(report.failures).toEqual([]);
  });

  it.each(PAST_FAILURES)('ends as promised where Ferry once failed: seed %i, %s', async (seed) => {
    expect((await runSwitchPlan(switchPlanOf(seed))).violations).toEqual([]);
  });

  it('is the same whenever its seed is the same', async () => {
    const stories = [[], []] as [string[], string[]];
    for (const story of stories) await runSwitchPlan(switchPlanOf(FIRST_SEED), { story });

    expect(stories[0].length).toBeGreaterThan(20);
    expect(stories[0]).toEqual(stories[1]);
  });
});

describe('the judge of switches', () => {
  it.each(SWITCH_MUTANTS.map((mutant) => [mutant.name, mutant] as const))(
    'catches a Ferry with this mistake: %s',
    async (_, mutant) => {
      // Where it was caught before, or wherever it is caught now.
      const before = await firstSwitchFailure(
        { from: mutant.caughtBy, count: 1 },
        { mutation: mutant },
      );
      const everywhere = { from: 1, count: mutant.seedsMax };
      const found = before ?? (await firstSwitchFailure(everywhere, { mutation: mutant }));

      expect(found).toBeDefined();
      // Without the mistake, nothing is wrong there: it is the mistake that is caught.
      expect((await runSwitchPlan(switchPlanOf(found?.seed ?? 0))).violations).toEqual([]);
    },
  );
});

/** What went wrong, in as few lines as possible. */
async function storyOf({ seed }: { readonly seed: number }): Promise<string> {
  const smallest = await shrinkSwitch(switchPlanOf(seed));
  return [`seed ${seed}: ${smallest?.violation}`, ...(smallest?.story ?? [])].join('\n');
}
