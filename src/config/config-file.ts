// A configuration file -> its checked configuration, or what is wrong with the file, and in which line.

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import { JsonProblem, jsonText, linesOf, parseJson } from '../text/json-text.ts';
import { parseConfig } from './config.ts';
import type { Config, ReplicationConfig } from './schema.ts';

/**
 * Reads and checks a configuration file. The paths of modules, which start from its folder, are then absolute.
 * @throws UsageError `config.unreadable` or `config.invalid`; the latter lists every problem.
 */
export function loadConfig(path: string): Config {
  const { text, value } = readConfigFile(path);
  const { fleet, replications } = parseConfig(value, path, linesOf(text));
  const absolute = replications.map((one) => withModuleIn(dirname(resolve(path)), one));
  return Object.freeze({ ...(fleet && { fleet }), replications: Object.freeze(absolute) });
}

function withModuleIn(folder: string, replication: ReplicationConfig): ReplicationConfig {
  const { module } = replication.projection ?? {};
  if (module === undefined) return replication;
  const projection = Object.freeze({ module: resolve(folder, module) });
  return Object.freeze({ ...replication, projection });
}

/**
 * What the file holds, not yet checked.
 * @throws UsageError `config.unreadable`, or `config.invalid` where it is not JSON.
 */
export function readConfigFile(path: string): { readonly text: string; readonly value: unknown } {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw unreadable(path, cause as NodeJS.ErrnoException);
  }
  try {
    const text = jsonText(bytes);
    return { text, value: parseJson(text) };
  } catch (cause) {
    if (!(cause instanceof JsonProblem)) throw cause;
    throw notJson(path, cause);
  }
}

function unreadable(path: string, cause: NodeJS.ErrnoException): UsageError {
  const full = resolve(path);
  return new UsageError(
    cause.code === 'ENOENT'
      ? `There is no configuration file ${full}.`
      : `Cannot read the configuration file ${full}: ${cause.message}.`,
    {
      code: 'config.unreadable',
      hint: 'Run the command in the folder that has ferry.json, name the file with --config or a deployed function with --deployed, or let `ferry init` write one.',
      cause,
    },
  );
}

function notJson(path: string, problem: JsonProblem): UsageError {
  const lines = problem.excerpt.split('\n').map((line) => `\n  ${line}`);
  const excerpt = problem.excerpt === '' ? '.' : `:${lines.join('')}`;
  return new UsageError(`${path} is not JSON: ${problem.message}${excerpt}`, {
    code: 'config.invalid',
    hint: 'JSON has names and texts in double quotes, a comma between two members and none after the last, and no comments.',
    cause: problem,
  });
}
