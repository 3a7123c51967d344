// What is wrong with a configuration, as text: one line for each problem, with the line of the file where it is known.

import { UsageError } from '../errors.ts';

export interface Problem {
  /** Names and indexes from the file to the value that it is about, as far as they are known. */
  readonly at: readonly string[];
  readonly text: string;
}

/** Finds the line of the value at a path; undefined where it is not known. */
export type LineOf = (path: readonly string[]) => number | undefined;

/** A problem that a rule found: its text begins with the path. */
export function ruleProblem(text: string): Problem {
  return { at: (/^(?:replications|fleet)[^\s:]*/.exec(text)?.[0] ?? '').split('.'), text };
}

export function invalidConfig(
  origin: string,
  problems: readonly Problem[],
  lineOf?: LineOf,
): UsageError {
  return new UsageError(`${origin} has ${problemList(problems, lineOf)}`, {
    code: 'config.invalid',
    hint: 'ferry.schema.json describes every setting; editors complete and check against it.',
  });
}

/** How many there are, and each in a line of its own. */
export function problemList(problems: readonly Problem[], lineOf?: LineOf): string {
  const lines = problems.map(({ at, text }) => {
    const line = lineOf?.(at);
    return `\n  ${inOneLine(line === undefined ? text : `line ${line}: ${text}`)}`;
  });
  return `${problems.length === 1 ? '1 problem' : `${problems.length} problems`}:${lines.join('')}`;
}

/** Names of settings and attributes may hold anything, also the end of a line. */
function inOneLine(text: string): string {
  return text.replaceAll(/\p{C}/gu, (unseen) => `\\u{${unseen.codePointAt(0)?.toString(16)}}`);
}

/** A value for a message, at most a line of it. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
