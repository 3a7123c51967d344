// Ferry's own code in simulated worlds whose source sends its changes to a Kinesis stream, while everything goes wrong
// that can. `SEED=812 SEEDS=1 npx vitest run test/simulation/kinesis.test.ts` repeats one; `npm run simulate -- --kinesis`
// runs as many as there is time for.

import { describe, expect, it } from 'vitest';
import { IN_KINESIS, missingSituations } from './coverage.ts';
import { kinesisPlanOf } from './kinesis-plan.ts';
import { MUTANTS_OF_KINESIS } from './mutants-of-kinesis.ts';
import { runPlan } from './run.ts';
import { firstFailure, runSeeds } from './seeds.ts';
import { shrink } from './shrink.ts';

/** The same worlds every time: `npm run simulate -- --kinesis` draws others. */
const FIRST_SEED = Number(process.env['SEED'] ?? '1');
const SEEDS = Number(process.env['SEEDS'] ?? '400');

describe('a simulated world with a Kinesis stream', () => {
  it(`ends as promised, whatever happens in it (${SEEDS} seeds from ${FIRST_SEED})`, async () => {
    const report = await runSeeds({ from: FIRST_SEED, count: SEEDS }, kinesisPlanOf);

    const stories = await Promise.all(report.failures.slice(0, 1).map(storyOf));
    expect(stories.join('\n')).toBe('');
    // Otherwise nothing of interest has happened.
    const missing = missingSituations(report.worldsWith, SEEDS, IN_KINESIS);
    expect(SEEDS < 400 ? [] : missing).toEqual([]);
  });

  it('ends as promised where an adoption came between two records of one time', async () => {
    expect((await runPlan(kinesisPlanOf(61_010_087))).violations).toEqual([]);
  });

  it('is the same whenever its seed is the same', async () => {
    const stories = [[], []] as [string[], string[]];
    for (const story of stories) await runPlan(kinesisPlanOf(FIRST_SEED), { story });

    expect(stories[0].length).toBeGreaterThan(20);
    expect(stories[0]).toEqual(stories[1]);
  });
});

describe('the judge of worlds with a Kinesis stream', () => {
  it.each(MUTANTS_OF_KINESIS.map((mutant) => [mutant.name, mutant] as const))(
    'catches a Ferry with this mistake: %s',
    async (_, mutant) => {
      // Where it was caught before, or wherever it is caught now.
      const before = { from: mutant.caughtBy, count: 1 };
      const everywhere = { from: 1, count: mutant.seedsMax };
      const found =
        (await firstFailure(before, { mutation: mutant }, kinesisPlanOf)) ??
        (await firstFailure(everywhere, { mutation: mutant }, kinesisPlanOf));

      expect(found).toBeDefined();
      // Without the mistake, nothing is wrong there: it is the mistake that is caught.
      expect((await runPlan(kinesisPlanOf(found?.seed ?? 0))).violations).toEqual([]);
    },
  );
});

/** What went wrong, in as few lines as possible. */
async function storyOf({ seed }: { readonly seed: number }): Promise<string> {
  const smallest = await shrink(kinesisPlanOf(seed));
  return [`seed ${seed}: ${smallest?.violation}`, ...(smallest?.story ?? [])].join('\n');
}
