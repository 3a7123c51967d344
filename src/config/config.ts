// A value -> one checked, frozen configuration, with every problem reported at once: those that ferry.schema.json
// finds, and those that its rules find, such as "not the same table twice".

import { withTableKeys } from './encryption-keys.ts';
import { type FilledReplication, withDependentDefaults } from './dependent-defaults.ts';
import { bothWays } from './directions.ts';
import { fleetProblems } from './fleet.ts';
import { whereWritten, withFileDefaults } from './file-defaults.ts';
import { invalidConfig, type LineOf, type Problem, ruleProblem } from './problems.ts';
import { ruleProblems } from './rules.ts';
import type { Config, Replications } from './schema.ts';
import { REPLICATIONS_MAX, schemaProblems } from './schema-check.ts';

/**
 * Checks a configuration value and fills in the defaults. `value` is left as it was.
 * @param lineOf of the file that `value` was read from: problems then name their line.
 * @throws UsageError `config.invalid`, with one line per problem: path, value and what was expected.
 */
export function parseConfig(value: unknown, origin = 'ferry.json', lineOf?: LineOf): Config {
  if (isDeeper(value, LEVELS_MAX)) {
    const text = `the file must not be nested more than ${LEVELS_MAX} levels deep`;
    throw invalidConfig(origin, [{ at: [], text }]);
  }
  const filled = withDefaults(value);
  const wrong = schemaProblems(filled);
  const sound = soundReplications(filled, wrong);
  const { fleet } = (filled ?? {}) as Partial<Config>;
  const sane = wrong.some(({ at }) => at[0] === 'fleet') ? undefined : fleet;
  const broken = [...ruleProblems(sound), ...fleetProblems(sane, sound)].map(ruleProblem);
  const problems = distinct([...wrong, ...broken].map(whereWritten(value)));
  if (problems.length > 0) throw invalidConfig(origin, problems, lineOf);
  const replications = withTableKeys(sound).flatMap((one) =>
    one.twoWay === undefined ? [one] : bothWays(one),
  );
  return deepFreeze({ ...(fleet && { fleet }), replications });
}

/** A copy of the file's value, with its `defaults` in every replication. */
export function withDefaults(value: unknown): unknown {
  const file: unknown = structuredClone(value);
  const { replications, defaults } = (file ?? {}) as { replications?: unknown; defaults?: unknown };
  if (defaults === undefined || !Array.isArray(replications)) return file;
  const whole = replications.map((one: unknown) => withFileDefaults(one, defaults));
  return { ...(file as object), replications: whole };
}

/** A problem of the defaults is one of every replication, and is said once. */
function distinct(problems: readonly Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter(({ at, text }) => {
    const what = at[0] === 'defaults' ? at.join('.') : text;
    return !seen.has(what) && seen.add(what);
  });
}

/** Those in which the schema finds no problem. */
function soundReplications(config: unknown, problems: readonly Problem[]): Replications {
  const unsound = new Set(problems.map(({ at }) => at[1]));
  const { replications } = (config ?? {}) as { replications?: unknown };
  const all = (Array.isArray(replications) ? replications : []) as FilledReplication[];
  // The rules compare each with each, which takes too long in a list without an end.
  if (all.length > REPLICATIONS_MAX) return new Map();
  const sound = [...all.entries()].filter(([index]) => !unsound.has(String(index)));
  return new Map(
    sound.map(([index, one]) => [`replications.${index}`, withDependentDefaults(one)]),
  );
}

/** Far more than the schema has: what goes through a value member by member must come to an end. */
const LEVELS_MAX = 100;

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeper(member, levels - 1));
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const child of Object.values(value)) deepFreeze(child);
    Object.freeze(value);
  }
  return value;
}
