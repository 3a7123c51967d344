// The tables of two Regions -> those that can be replicated, and those that cannot, and why.

import { NAME_PATTERN, stateTableName } from '../config/names.ts';

export interface TableNames {
  readonly source: readonly string[];
  readonly destination: readonly string[];
}

/** In both, `*` stands for any characters. */
export interface Patterns {
  /** @default all tables */
  readonly match: readonly string[];
  readonly exclude: readonly string[];
}

export interface Selection {
  /** Tables that both Regions have. */
  readonly pairs: readonly string[];
  readonly withoutTwin: readonly string[];
  /** Ferry's own. */
  readonly own: readonly string[];
}

export function selectTables({ source, destination }: TableNames, patterns: Patterns): Selection {
  const twins = new Set(destination);
  const wanted = source.filter(wantedBy(patterns)).toSorted();
  const others = wanted.filter((table) => !OWN.test(table));
  return {
    pairs: others.filter((table) => twins.has(table)),
    withoutTwin: others.filter((table) => !twins.has(table)),
    own: wanted.filter((table) => OWN.test(table)),
  };
}

/** A state table is often in a Region that is the source of another replication. */
const OWN = new RegExp(`^${stateTableName(NAME_PATTERN)}$`);

function wantedBy({ match, exclude }: Patterns): (table: string) => boolean {
  const [wanted, unwanted] = [match, exclude].map((patterns) => patterns.map(expressionOf));
  const fits = (table: string, expressions: readonly RegExp[] = []) =>
    expressions.some((expression) => expression.test(table));
  return (table) => (match.length === 0 || fits(table, wanted)) && !fits(table, unwanted);
}

function expressionOf(pattern: string): RegExp {
  const parts = pattern
    .split('*')
    .map((part) => part.replaceAll(/[^a-zA-Z0-9_-]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join('.*')}$`);
}
