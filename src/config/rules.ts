// The rules of a configuration that its schema cannot say: those about each replication, and those between several.

import { chainProblems } from './chains.ts';
import { createdTables, keyProblems } from './encryption-keys.ts';
import { show } from './problems.ts';
import { mistypedRegions } from './regions.ts';
import { projectionProblems } from './projection-rules.ts';
import { keysOf, replicationProblems } from './replication-rules.ts';
import type { Replications, SourceConfig, TableConfig } from './schema.ts';
import { accountProblems } from './accounts.ts';
import { switchingProblems } from './switching-rules.ts';
import { otherWriterProblems, twoWayProblems } from './two-way-rules.ts';
import { clashProblems, placeOf, readerProblems } from './tables.ts';

/** One line per problem: path, value, and what was expected. */
export function* ruleProblems(replications: Replications): Generator<string> {
  const created = createdTables(replications);
  // The app may create a table for another setting.
  const keys = (table: TableConfig) =>
    keysOf(table.create ? table : (created.get(placeOf(table))?.table ?? table));
  for (const [path, replication] of replications) {
    const { source, destination } = replication;
    yield* mistypedRegions(path, replication);
    const pair = { source: keys(source), destination: keys(destination) };
    yield* replicationProblems(path, replication, pair);
    const names = [...pair.source, ...pair.destination].map(({ name }) => name);
    // A function has the rules that were checked here, and does not carry the checks.
    yield* projectionProblems(`${path}.projection`, replication, names);
    yield* missingStream(`${path}.source`, source, created);
    yield* twoWayProblems(path, replication, pair);
  }
  yield* accountProblems(replications);
  yield* nameProblems(replications);
  yield* clashProblems(replications);
  yield* readerProblems(replications);
  yield* keyProblems(replications);
  yield* circleProblems(replications);
  yield* chainProblems(replications);
  yield* switchingProblems(replications);
  yield* otherWriterProblems(replications);
}

/** The stack of a table that another setting creates takes the stream from there. */
function* missingStream(
  path: string,
  { create, streamArn, kinesisStreamArn, ...source }: SourceConfig,
  created: ReturnType<typeof createdTables>,
): Generator<string> {
  if (create || (streamArn ?? kinesisStreamArn) !== undefined || created.has(placeOf(source)))
    return;
  yield `${path}: "streamArn" is required for an existing table, and is missing; or set "create": true`;
}

/** Names are for stacks and tombstones. */
function* nameProblems(replications: Replications): Generator<string> {
  const first = new Map<string, string>();
  for (const [path, { name }] of replications) {
    const earlier = first.get(name);
    if (earlier === undefined) first.set(name, path);
    else yield `${path}.name must be unique, got ${show(name)}, which is also ${earlier}.name`;
  }
}

/**
 * A record that comes back to a table it came from would be written there as a new change, over what
 * the application has written since, and go round for ever.
 */
export function* circleProblems(replications: Replications): Generator<string> {
  for (const { name, source, destination } of replications.values()) {
    const start = placeOf(source);
    const reached = new Set([placeOf(destination)]);
    for (const place of reached) {
      for (const next of replications.values()) {
        if (placeOf(next.source) === place) reached.add(placeOf(next.destination));
      }
    }
    if (reached.has(start)) {
      yield `replication ${show(name)} must not lead back to its source, got a way from ${start} to itself`;
    }
  }
}
