// A replication with only the settings that are not as they are by default, for a file or a variable that is short.

import { isDeepStrictEqual } from 'node:util';
import { type FilledReplication, withDependentDefaults } from './dependent-defaults.ts';
import type { ReplicationConfig } from './schema.ts';
import { schemaProblems } from './schema-check.ts';

/** As the file has it, or a function's variable. */
interface Replication {
  readonly name: string;
  readonly source: { readonly region: string };
  readonly direction?: ReplicationConfig['direction'] | undefined;
  readonly deadLetters?: ReplicationConfig['deadLetters'] | undefined;
}

export function withoutDefaults(replication: Replication): object {
  const filled: unknown = { source: {}, destination: {} };
  // Only its defaults are wanted: it has no tables.
  schemaProblems({ replications: [filled] });
  const { name, source } = replication;
  const { direction, deadLetters } = { ...(filled as ReplicationConfig), ...replication };
  const usual = {
    ...(filled as object),
    name,
    source,
    direction,
    deadLetters,
  } as FilledReplication;
  const { stateTable, tombstones, eventSource } = withDependentDefaults(usual);
  return difference(replication, { ...(filled as object), stateTable, tombstones, eventSource });
}

/** What `value` has that `usual` has not, or has otherwise. */
export function difference(value: object, usual: object): object {
  const usualOf = new Map<string, unknown>(Object.entries(usual));
  const kept = Object.entries(value as Readonly<Record<string, unknown>>).flatMap(
    ([name, member]) => {
      const other = usualOf.get(name);
      if (isDeepStrictEqual(member, other)) return [];
      return [[name, isObject(member) && isObject(other) ? difference(member, other) : member]];
    },
  );
  return Object.fromEntries(kept) as object;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
