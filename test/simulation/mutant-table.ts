// Every mutant -> the seeds that it took to catch it: by anything that the judge looks at, and by what
// became of the twin alone, for mistakes that the counters give away at once.

import { MUTANTS, type Mutant } from './mutants.ts';
import { firstFailure, type PlanOf, type SeedFailure, type SeedRange } from './seeds.ts';

/** Kinds of violations that say nothing about the twin's contents. */
export const NOT_THE_TWIN: ReadonlySet<string> = new Set([
  'counters',
  'calm',
  'answer',
  'threw',
  'deadline',
  'order',
  'memory',
  'time',
  'control',
  'letters',
  'floor',
  'cost',
  'held',
  'leak',
]);

/** Where a mistake gives itself away at once, the twin may take longer to show it. */
const TWIN_SEEDS = 2_000;

export interface MutantResult {
  readonly name: string;
  readonly seedsMax: number;
  /** Seeds needed, and the invariant; absent where it was not caught. */
  readonly byAnything?: { readonly seeds: number; readonly invariant: string } | undefined;
  readonly byTwin?: { readonly seeds: number; readonly invariant: string } | undefined;
}

export function judgeMutant(mutant: Mutant, from: number, plan?: PlanOf): Promise<MutantResult> {
  const first = (range: SeedRange, ignored?: ReadonlySet<string>) =>
    firstFailure(range, { mutation: mutant, ignored }, plan);
  return judgeBy(mutant, from, { first, notTheTwin: NOT_THE_TWIN, twinSeeds: TWIN_SEEDS });
}

export interface MutantJudging {
  readonly first: (
    range: SeedRange,
    ignored?: ReadonlySet<string>,
  ) => Promise<SeedFailure | undefined>;
  /** Kinds of violations that say nothing about tables. */
  readonly notTheTwin: ReadonlySet<string>;
  readonly twinSeeds: number;
}

export async function judgeBy(
  { name, seedsMax }: Pick<MutantResult, 'name' | 'seedsMax'>,
  from: number,
  { first, notTheTwin, twinSeeds }: MutantJudging,
): Promise<MutantResult> {
  const all = { from, count: seedsMax };
  const byAnything = caughtIn(all, await first(all));
  const isTwin = byAnything !== undefined && !notTheTwin.has(byAnything.invariant);
  const range = { from, count: twinSeeds };
  const byTwin = isTwin ? byAnything : caughtIn(range, await first(range, notTheTwin));
  return { name, seedsMax, byAnything, byTwin };
}

function caughtIn(range: SeedRange, failure: SeedFailure | undefined) {
  if (failure === undefined) return undefined;
  const invariant = failure.violation.split(':')[0] ?? '';
  return { seeds: failure.seed - range.from + 1, invariant };
}

export function mutantLine({ name, seedsMax, byAnything, byTwin }: MutantResult): string {
  const cell = (found: MutantResult['byTwin']) =>
    found === undefined ? 'not caught' : `${found.seeds} (${found.invariant})`;
  return [
    name.padEnd(44),
    cell(byAnything).padEnd(20),
    cell(byTwin).padEnd(20),
    `within ${seedsMax}`,
  ].join('  ');
}

export const MUTANT_HEADER = [
  'mutant'.padEnd(44),
  'seeds (invariant)'.padEnd(20),
  'by the twin alone'.padEnd(20),
  'promised',
].join('  ');

export function mutantNames(mutants: readonly Mutant[] = MUTANTS): string[] {
  return mutants.map(({ name }) => name);
}
