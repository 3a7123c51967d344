// Ferry's own code in a simulated world in which everything goes wrong that can: each seed is one world,
// and the same seed is always the same world. `SEED=812 SEEDS=1 npx vitest run test/simulation` repeats one;
// `npm run simulate` runs as many as there is time for.

import { describe, expect, it } from 'vitest';
import { missingSituations } from './coverage.ts';
import { NOT_THE_TWIN } from './mutant-table.ts';
import { MUTANTS } from './mutants.ts';
import { versions } from './mutations.ts';
import { PAST_FAILURES } from './past-failures.ts';
import { runPlan } from './run.ts';
import { firstFailure, runSeeds } from './seeds.ts';
import { shrink } from './shrink.ts';
import { planOf } from './workload.ts';

/** Other worlds every day, the same ones all day. */
const FIRST_SEED = Number(process.env['SEED'] ?? Math.floor(Date.now() / 86_400_000) * 100_000);
const SEEDS = Number(process.env['SEEDS'] ?? '2000');
describe('a simulated world', () => {
  it(`ends as promised, whatever happens in it (${SEEDS} seeds from ${FIRST_SEED})`, async () => {
    const report = await runSeeds({ from: FIRST_SEED, count: SEEDS });

    const stories = await Promise.all(report.failures.slice(0, 1).map(storyOf));
    expect(stories.join('\n')).toBe('');
    // Otherwise nothing of interest has happened.
    expect(SEEDS < 1000 ? [] : missingSituations(report.worldsWith, SEEDS)).toEqual([]);
  });

  it('is the same whenever its seed is the same', async () => {
    const stories = [[], []] as [string[], string[]];
    for (const story of stories) await runPlan(planOf(FIRST_SEED), { story });

    expect(stories[0].length).toBeGreaterThan(20);
    expect(stories[0]).toEqual(stories[1]);
  });

  it.each(PAST_FAILURES)('ends as promised where it once did not: $what', async (past) => {
    const mutation = MUTANTS.find(({ name }) => name === past.mutant);

    const { violations } = await runPlan(past.plan);
    const again = await runPlan(past.plan, { mutation, ignored: NOT_THE_TWIN });

    expect(violations).toEqual([]);
    expect(again.violations).toHaveLength(1);
  });
});

describe('the judge', () => {
  it.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))(
    'catches a Ferry with this mistake: %s',
    async (_, mutant) => {
      // Where it was caught before, or wherever it is caught now.
      const before = await firstFailure({ from: mutant.caughtBy, count: 1 }, { mutation: mutant });
      const everywhere = { from: 1, count: mutant.seedsMax };
      const found = before ?? (await firstFailure(everywhere, { mutation: mutant }));

      expect(found).toBeDefined();
      // Without the mistake, nothing is wrong there: it is the mistake that is caught.
      expect((await runPlan(planOf(found?.seed ?? 0))).violations).toEqual([]);
    },
  );

  it('finds nothing wrong with requests that are rewritten as they were', async () => {
    const mutation = { rewrite: versions((version) => version) };
    for (const seed of [1, 2]) {
      const { violations } = await runPlan(planOf(seed), { mutation });
      expect(violations).toEqual([]);
    }
  });

  it('tells a failure in as few events as it takes', async () => {
    const mutation = MUTANTS.find(({ name }) => name === 'no tombstones');
    const plan = planOf(mutation?.caughtBy ?? 0);

    const smallest = await shrink(plan, { mutation });

    expect(smallest?.violation).toMatch(/^history: /);
    expect(smallest?.plan.writes.length).toBeLessThan(plan.writes.length);
    expect(smallest?.story.at(-1)).toContain('VIOLATION');
  });
});

/** What went wrong, in as few lines as possible. */
async function storyOf({ seed }: { readonly seed: number }): Promise<string> {
  const smallest = await shrink(planOf(seed));
  return [`seed ${seed}: ${smallest?.violation}`, ...(smallest?.story ?? [])].join('\n');
}
