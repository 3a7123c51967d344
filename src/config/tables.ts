// Every table that a configuration names, with who names it and in which role. The rules about one table in
// two roles are all here; each refusal names both settings.
//
// - The app creates a table at most once. Its other settings name it with "create": false.
// - A destination has one source: versions of two sources cannot be compared.
// - A state table belongs to one replication, and is neither a source nor a destination.
// - A source may have several destinations, and a destination may be the source of another replication. Only
//   a way back to a source, which rules.ts looks for, is refused.
// - A stream has at most two readers.

import type { Replications, TableConfig } from './schema.ts';

/** A setting that names a table. */
interface TableUse {
  /** Of the setting, for messages. */
  readonly path: string;
  readonly role: 'source' | 'destination' | 'stateTable';
  readonly place: string;
  /** Whether the app creates the table for this setting. */
  readonly creates: boolean;
}

/**
 * Where a table is. Endpoints are left out, because two of them may lead to the same table. Either all tables of a
 * file have an account, or none has one.
 */
export function placeOf({
  account,
  region,
  table,
}: Pick<TableConfig, 'region' | 'table'> & { readonly account?: string | undefined }): string {
  return account === undefined ? `${region}/${table}` : `${account}/${region}/${table}`;
}

/** One line for each setting whose table is taken already, by the first setting that takes it. */
export function* clashProblems(replications: Replications): Generator<string> {
  const usesOf = new Map<string, TableUse[]>();
  for (const use of tableUses(replications)) {
    const earlier = usesOf.get(use.place) ?? [];
    const [problem] = earlier.flatMap((other) => clashOf(use, other) ?? []);
    if (problem !== undefined) yield problem;
    usesOf.set(use.place, [...earlier, use]);
  }
}

function* tableUses(replications: Replications): Generator<TableUse> {
  for (const [path, { source, destination, stateTable, switching, twoWay }] of replications) {
    const state = placeOf({ ...destination, table: stateTable });
    yield tableUse(`${path}.source`, 'source', source);
    yield tableUse(`${path}.destination`, 'destination', destination);
    yield { path: `${path}.stateTable`, role: 'stateTable', place: state, creates: true };
    const back = switching ?? twoWay;
    if (back === undefined) continue;
    const place = placeOf({ ...source, table: back.stateTable });
    const setting = switching === undefined ? 'twoWay' : 'switching';
    yield { path: `${path}.${setting}.stateTable`, role: 'stateTable', place, creates: true };
  }
}

function tableUse(path: string, role: TableUse['role'], table: TableConfig): TableUse {
  return { path, role, place: placeOf(table), creates: table.create };
}

/** Why one table cannot be both; undefined where it can. */
function clashOf(use: TableUse, other: TableUse): string | undefined {
  const { path, role, place } = use;
  if (role === 'stateTable' || other.role === 'stateTable') {
    const [state, rival] = role === 'stateTable' ? [use, other] : [other, use];
    return `${state.path} must be a table that nothing else uses, got ${place}, which is also ${rival.path}`;
  }
  if (role === 'destination' && other.role === 'destination') {
    return `${path} must have one source only, got ${place}, which is also ${other.path}`;
  }
  return use.creates && other.creates ? createdTwice(use, other) : undefined;
}

/** The source keeps it, because that also makes the stream. */
function createdTwice(use: TableUse, other: TableUse): string {
  const [owner, guest] =
    use.role === 'source' && other.role !== 'source' ? [use, other] : [other, use];
  const advice = guest.role === 'source' ? '; leave its "streamArn" out' : '';
  return `${guest.path}.create must be false for ${guest.place}, which ${owner.path} creates${advice}`;
}

/** AWS advises at most two readers of a shard: a third would throttle the others. */
const READERS_MAX = 2;

/** One line for each replication that would be one reader too many of a stream. */
export function* readerProblems(replications: Replications): Generator<string> {
  const readers = new Map<string, string[]>();
  const reads = [...replications].flatMap(([path, { name, source, destination, twoWay }]) => [
    { setting: `${path}.source`, name, place: placeOf(source) },
    ...(twoWay ? [{ setting: `${path}.destination`, name, place: placeOf(destination) }] : []),
  ]);
  for (const { setting, name, place } of reads) {
    const others = readers.get(place) ?? [];
    if (others.length >= READERS_MAX)
      yield `${setting} must be a table that at most one other replication reads, got ${place}, which ${others.join(' and ')} read; replicate from the twin of one of them instead`;
    readers.set(place, [...others, name]);
  }
}
