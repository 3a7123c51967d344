// The names of tables -> names of replications, which are part of the names of stacks, queues and functions.

const LENGTH_MAX = 30;

/** The topic and the dashboard of a fleet have the names that those of this replication would have. */
const RESERVED: readonly string[] = ['fleet'];

/** Lower case, digits and dashes, at most 30, a letter first: OrderEvents_v2 -> orderevents-v2 */
export function nameFrom(table: string): string {
  const name = table
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '');
  return name === '' ? 'replication' : shortened(name, LENGTH_MAX);
}

/**
 * A name for each table that no other has, in whichever order the tables are given.
 * @param taken by other replications.
 */
export function namesFrom(
  tables: readonly string[],
  taken: readonly string[] = [],
): ReadonlyMap<string, string> {
  const used = new Set([...taken, ...RESERVED]);
  const names = new Map<string, string>();
  // A table that has the name itself is the first to get it.
  const isOther = (table: string) => Number(nameFrom(table) !== table);
  for (const table of tables.toSorted().toSorted((a, b) => isOther(a) - isOther(b))) {
    const name = freeName(nameFrom(table), used);
    used.add(name);
    names.set(table, name);
  }
  return names;
}

function freeName(base: string, used: ReadonlySet<string>): string {
  if (!used.has(base)) return base;
  for (let number = 2; ; number += 1) {
    const suffix = `-${number}`;
    const name = shortened(base, LENGTH_MAX - suffix.length) + suffix;
    if (!used.has(name)) return name;
  }
}

function shortened(name: string, length: number): string {
  return name.slice(0, length).replace(/-+$/, '');
}
