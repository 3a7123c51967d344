// A DynamoDB value in a configuration: whether DynamoDB could store it, and which of two comes first.

import { canonicalNumber, compareNumbers } from '../text/decimal.ts';
import { numberProblem } from '../text/dynamodb-number.ts';
import { isWellFormed } from '../text/well-formed.ts';
import { show } from './problems.ts';
import type { TypedValue } from './schema-projection.ts';

const LEVELS_MAX = 32;

/** @returns why DynamoDB would not store a value that its schema allows; undefined where it would. */
export function valueProblem(value: TypedValue, level = 1): string | undefined {
  if (level > LEVELS_MAX) return `it is nested more than ${LEVELS_MAX} levels deep`;
  const [[type, content] = ['', undefined]] = Object.entries(value);
  switch (type) {
    case 'NULL':
      return content === true ? undefined : 'NULL is always true';
    case 'SS':
    case 'NS':
    case 'BS':
      return setProblem(type[0] ?? '', content as readonly string[]);
    case 'L':
    case 'M':
      return membersProblem(content as object, level);
    default:
      return typeof content === 'string' ? scalarProblem(type, content) : undefined;
  }
}

function scalarProblem(type: string, text: string): string | undefined {
  if (type === 'S') return isWellFormed(text) ? undefined : `${show(text)} is not Unicode text`;
  if (type === 'B') return isBase64(text) ? undefined : `${show(text)} is not base64 text`;
  const problem = numberProblem(text);
  return problem && `${show(text)} ${problem}`;
}

function setProblem(type: string, members: readonly string[]): string | undefined {
  if (members.length === 0) return 'a set has a member';
  const seen = new Set<string>();
  for (const member of members) {
    const problem = scalarProblem(type, member);
    if (problem !== undefined) return problem;
    seen.add(type === 'N' ? canonicalNumber(member) : member);
  }
  return seen.size < members.length ? 'a set has each member once' : undefined;
}

/** Elements of a list are named by their indexes. */
function membersProblem(members: object, level: number): string | undefined {
  for (const [name, member] of Object.entries(members)) {
    if (name === '' || !isWellFormed(name)) return `${show(name)} is not the name of an attribute`;
    const problem = valueProblem(member as TypedValue, level + 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** As it comes back from bytes: Node skips what is not base64. */
function isBase64(text: string): boolean {
  return Buffer.from(text, 'base64').toString('base64') === text;
}

export function typeOf(value: TypedValue): string {
  return Object.keys(value)[0] ?? '';
}

/** Below zero where the first comes first, in DynamoDB's order. Both must be sound, and of one type: S, N or B. */
export function compareValues(first: TypedValue, second: TypedValue): number {
  const type = typeOf(first);
  const [a, b] = [first[type], second[type]] as [string, string];
  if (type === 'N') return compareNumbers(a, b);
  const encoding = type === 'S' ? 'utf8' : 'base64';
  return Buffer.compare(Buffer.from(a, encoding), Buffer.from(b, encoding));
}
