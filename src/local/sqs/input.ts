// Body of a request -> fields of the types that SQS takes. A wrong type refuses the whole request, as
// the service's own deserializer does; what the values mean is checked later.

import { invalidValue, missingParameter, SqsError } from './error.ts';

/** A JSON object of the request. */
export type Fields = Readonly<Record<string, unknown>>;

/** Reads the body of a request: one JSON object in UTF-8; no body counts as an empty object. */
export function parseBody(body: Uint8Array): Fields {
  if (body.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw malformed('The request body is not JSON in UTF-8.');
  }
  return asFields(value, 'The request body');
}

export function optionalText(fields: Fields, name: string): string | undefined {
  const value = fields[name] ?? undefined;
  if (value !== undefined && typeof value !== 'string') throw wrongType(name, 'a string');
  return value;
}

/** A text that must be there and have a character. */
export function requiredText(fields: Fields, name: string): string {
  const value = optionalText(fields, name) ?? '';
  if (value === '') throw missingParameter(name);
  return value;
}

/** A whole number within the range, both ends included; undefined where there is none. */
export function optionalInteger(
  fields: Fields,
  name: string,
  [min, max]: readonly [number, number],
): number | undefined {
  const value = fields[name] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value)) throw wrongType(name, 'an integer');
  if (value >= min && value <= max) return value;
  throw invalidValue(name, value, `Must be between ${min} and ${max}, if provided.`);
}

/** A list of texts; an absent one is empty. */
export function texts(fields: Fields, name: string): readonly string[] {
  const list: unknown = fields[name] ?? [];
  if (Array.isArray(list) && list.every((value) => typeof value === 'string')) return list;
  throw wrongType(name, 'a list of strings');
}

/** A map from names to texts; an absent one is empty. */
export function textMap(fields: Fields, name: string): ReadonlyMap<string, string> {
  const map = asFields(fields[name] ?? {}, name);
  return new Map(Object.keys(map).map((key) => [key, optionalText(map, key) ?? '']));
}

function asFields(value: unknown, name: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw wrongType(name, 'a JSON object');
}

function wrongType(name: string, expected: string): SqsError {
  return malformed(`${name} must be ${expected}.`);
}

function malformed(message: string): SqsError {
  return new SqsError('SerializationException', message);
}
