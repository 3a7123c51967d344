// The block `defaults` of a configuration file: merged into every replication, and asked where a setting that has a
// problem was written.

import type { Problem } from './problems.ts';

type Members = Readonly<Record<string, unknown>>;

/** A replication of a file with what its defaults add: objects are merged, all else is replaced. */
export function withFileDefaults(replication: unknown, defaults: unknown): unknown {
  if (!isObject(replication) || !isObject(defaults)) return replication;
  const merged = Object.entries(defaults).map(([name, usual]) =>
    // Any name may be in a file, also "__proto__".
    Object.hasOwn(replication, name)
      ? [name, withFileDefaults(replication[name], usual)]
      : [name, structuredClone(usual)],
  );
  return { ...replication, ...(Object.fromEntries(merged) as Members) };
}

/**
 * The same problem by the path that the user wrote: a setting that came from `defaults` is there, whichever
 * replications have it.
 */
export function whereWritten(file: unknown): (problem: Problem) => Problem {
  return (problem) => {
    const [list, index = '', ...setting] = problem.at;
    if (list !== 'replications' || setting.length === 0) return problem;
    if (has(file, problem.at) || !has(file, ['defaults', ...setting])) return problem;
    const at = ['defaults', ...setting];
    const text = problem.text.replace(`replications.${index}`, 'defaults');
    return { at, text };
  };
}

function has(value: unknown, [name, ...rest]: readonly string[]): boolean {
  if (name === undefined) return true;
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return false;
  return has((value as Members)[name], rest);
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
