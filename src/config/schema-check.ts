// Checks a value against ferry.schema.json and fills in its defaults. Does as much of JSON Schema (draft-07) as the
// schema uses; a test compares it with Ajv, which would be most of the bundle of the replicate function.

import schema from '../../ferry.schema.json' with { type: 'json' };
import { nearestName } from '../text/nearest-name.ts';
import { type Problem, show } from './problems.ts';

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly description?: string;
  readonly examples?: readonly string[];
}

const ROOT = schema as unknown as Schema;
const DEFINITIONS = schema.definitions as unknown as Readonly<Record<string, Schema>>;

/** Most replications of a file. */
export const REPLICATIONS_MAX = schema.properties.replications.maxItems;

/**
 * Every problem of `value`, into which the defaults are put.
 * @param definition the part of the schema that it has to be; the whole file if none is named.
 */
export function schemaProblems(value: unknown, definition?: 'functionVariable'): Problem[] {
  const part = definition === undefined ? ROOT : DEFINITIONS[definition];
  return [...problemsOf(value, part ?? {}, [])];
}

type Path = readonly string[];

function* problemsOf(value: unknown, { $ref, ...beside }: Schema, at: Path): Generator<Problem> {
  const own = { ...beside, ...($ref && DEFINITIONS[$ref.replace('#/definitions/', '')]) };
  const types = [own.type ?? []].flat();
  const problem = (expected: string) => ({
    at,
    text: `${nameOf(at)} ${expected}, got ${show(value)}${meaning(own)}`,
  });
  if (types.length > 0 && !types.some((type) => isOf(type, value))) {
    yield problem(`must be ${types.join()}`);
    return;
  }
  if (own.enum?.includes(value) === false) yield problem(`must be one of ${own.enum.join(', ')}`);
  for (const limit of brokenLimits(value, own)) yield problem(limit);
  if (typeof value === 'string' && !new RegExp(own.pattern ?? '', 'u').test(value))
    yield { at, text: `${nameOf(at)}: expected ${formOf(own)}, got ${show(value)}` };
  if (Array.isArray(value)) yield* elementProblems(value, own, at);
  else if (typeof value === 'object' && value !== null)
    yield* memberProblems(value as Members, own, at);
}

type Members = Record<string, unknown>;

function* elementProblems(values: unknown[], { items = {} }: Schema, at: Path): Generator<Problem> {
  for (const [index, value] of values.entries())
    yield* problemsOf(value, items, [...at, String(index)]);
}

function* memberProblems(members: Members, own: Schema, at: Path): Generator<Problem> {
  const { properties = {}, required = [], additionalProperties: others = true } = own;
  for (const [name, { default: usual }] of Object.entries(properties)) {
    if (usual !== undefined && !Object.hasOwn(members, name))
      members[name] = structuredClone(usual);
  }
  for (const name of required) {
    if (!Object.hasOwn(members, name))
      yield { at, text: `${nameOf(at)}: "${name}" is required, and is missing` };
  }
  for (const [name, value] of Object.entries(members)) {
    const part = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (part !== undefined) yield* problemsOf(value, part, [...at, name]);
    else if (typeof others === 'object') yield* problemsOf(value, others, [...at, name]);
    else if (!others) yield { at: [...at, name], text: unknownName(name, properties, at) };
  }
}

function unknownName(name: string, properties: object, at: Path): string {
  const known = Object.keys(properties);
  const nearest = nearestName(name, known);
  const meant = nearest === undefined ? '' : ` (did you mean "${nearest}"?)`;
  return `${nameOf(at)}: "${name}" is not a setting${meant}; known here: ${known.join(', ')}`;
}

function isOf(type: string, value: unknown): boolean {
  if (type === 'array') return Array.isArray(value);
  if (type === 'object')
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  return type === 'number' ? Number.isFinite(value) : typeof value === type;
}

function* brokenLimits(value: unknown, own: Schema): Generator<string> {
  if (typeof value === 'number') {
    if (value < (own.minimum ?? -Infinity)) yield `must be >= ${own.minimum}`;
    if (value > (own.maximum ?? Infinity)) yield `must be <= ${own.maximum}`;
  } else if (typeof value === 'string')
    yield* sizeLimits(Array.from(value).length, 'characters', own.minLength, own.maxLength);
  else if (Array.isArray(value))
    yield* sizeLimits(value.length, 'items', own.minItems, own.maxItems);
  else if (typeof value === 'object' && value !== null)
    yield* sizeLimits(
      Object.keys(value).length,
      'properties',
      own.minProperties,
      own.maxProperties,
    );
}

function* sizeLimits(size: number, unit: string, min = 0, max = Infinity): Generator<string> {
  if (size < min) yield `must NOT have fewer than ${min} ${unit}`;
  if (size > max) yield `must NOT have more than ${max} ${unit}`;
}

function nameOf(at: Path): string {
  return at.join('.') || 'the file';
}

function meaning({ description }: Schema): string {
  return description === undefined ? '' : ` (${description})`;
}

/** What a text has to be, in words: the expression that checks it says less to most people. */
function formOf({ description, examples, pattern }: Schema): string {
  const [first] = (description ?? `text like ${pattern}`).split(/\.(?: |$)/);
  const form = first?.replace(/^(?:The|An?) /, (article) => article.toLowerCase());
  const [example] = examples ?? [];
  return example === undefined ? `${form}` : `${form} (for example ${example})`;
}
