// A value -> one checked, frozen configuration, with every problem reported at once: those that ferry.schema.json
// finds, and those that its rules find, such as "not the same table twice".

import { withTableKeys } from './encryption-keys.ts';
import { invalidConfig, type LineOf, type Problem, ruleProblem } from './problems.ts';
import { ruleProblems } from './rules.ts';
import type { Config, ReplicationConfig } from './schema.ts';
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
  const filled: unknown = structuredClone(value);
  const wrong = schemaProblems(filled);
  const { problems, replications } = checkRules(soundReplications(filled, wrong));
  const all = [...wrong, ...problems];
  if (all.length > 0) throw invalidConfig(origin, all, lineOf);
  return Object.freeze({ replications });
}

/** A replication with all defaults that the schema has. */
type SchemaReplication = Omit<ReplicationConfig, 'stateTable'>;

/** What the rules find in replications that the schema takes, by their index; and the replications, whole and frozen. */
export function checkRules(replications: ReadonlyMap<number, SchemaReplication>): {
  readonly problems: readonly Problem[];
  readonly replications: readonly ReplicationConfig[];
} {
  const whole = new Map([...replications].map(([index, one]) => [index, withStateTable(one)]));
  const problems = [...ruleProblems(whole)].map(ruleProblem);
  return { problems, replications: deepFreeze(withTableKeys(whole)) };
}

/** The replications in which the schema finds no problem, by their index. */
function soundReplications(
  config: unknown,
  problems: readonly Problem[],
): Map<number, SchemaReplication> {
  const unsound = new Set(problems.map(({ at }) => at[1]));
  const { replications } = (config ?? {}) as { replications?: unknown };
  const all = (Array.isArray(replications) ? replications : []) as SchemaReplication[];
  // The rules compare each with each, which takes too long in a list without an end.
  if (all.length > REPLICATIONS_MAX) return new Map();
  return new Map([...all.entries()].filter(([index]) => !unsound.has(String(index))));
}

/** The one default that the schema cannot say. */
function withStateTable(replication: SchemaReplication): ReplicationConfig {
  return { stateTable: `ferry-${replication.name}-state`, ...replication };
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
