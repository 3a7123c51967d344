// Typed DynamoDB values: checking and decoding what a stream record carries, and comparing values by
// meaning. Nothing is unmarshalled, and numbers stay the text they came as.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { canonicalNumber } from '../text/decimal.ts';

/** An item or a key as DynamoDB sends it: names to typed values. */
export type Item = Readonly<Record<string, AttributeValue>>;

/** DynamoDB allows 32 levels; the bound only keeps hostile input from exhausting the stack. */
const DEPTH_MAX = 64;

/** Says where in an item a value is not one that DynamoDB knows. The value itself is not told. */
export class MalformedValue extends Error {
  override readonly name = 'MalformedValue';
  readonly #problem: string;
  readonly #path: string;

  constructor(problem: string, path = '') {
    super(`${path} ${problem}`);
    this.#problem = problem;
    this.#path = path;
  }

  /** The same, seen from further outside: a path costs nothing where all is well. */
  inside(step: string): MalformedValue {
    return new MalformedValue(this.#problem, step + this.#path);
  }
}

/**
 * Checks the JSON of an item as Lambda delivers it and turns base64 text into bytes.
 * An item without binary values is returned as it is, not copied. Bytes of the result are base64 text
 * again in JSON.stringify, so that it writes DynamoDB's JSON.
 * @throws MalformedValue with the path of the first value that is not a DynamoDB value.
 */
export function decodeItem(json: unknown, path: string): Item {
  try {
    return decodeMap(json, 0);
  } catch (error) {
    throw placed(error, path);
  }
}

/** The JSON of an item, with bytes as base64 text: what `decodeItem` reads. */
export function itemJson(item: Item): string {
  return JSON.stringify(item, function (this: Record<string, unknown>, name, value: unknown) {
    // Not `value`: a Buffer has turned into something else by then.
    const original = this[name];
    return original instanceof Uint8Array ? base64(original) : value;
  });
}

/** The same as an object that can be part of JSON. */
export function itemAsJson(item: Item): object {
  return JSON.parse(itemJson(item)) as object;
}

/** JSON in ASCII: a queue may alter other text. */
export function ascii(json: string): string {
  return json.replaceAll(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * The key attributes of an item or a key, in the order of the table's key schema: maps that DynamoDB sends have
 * none. Names that are whole numbers come first in any JavaScript object.
 */
export function keyInOrder(item: Item, keyAttributes: readonly string[]): Item {
  return Object.fromEntries(
    keyAttributes.flatMap((name) => {
      const value = Object.hasOwn(item, name) ? item[name] : undefined;
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** Text that is equal for equal keys only: names in order, each with type and value. */
export function canonicalKey(key: Item): string {
  return JSON.stringify(canonicalEntries(key));
}

/** Text that is equal for items that mean the same: sets unordered, numbers by value. */
export function canonicalItem(item: Item): string {
  return JSON.stringify(canonicalEntries(item));
}

/** The same for a single value. */
export function canonicalText(value: AttributeValue): string {
  return JSON.stringify(canonicalValue(value));
}

/** Whether both mean the same. Texts, the usual case, are compared at once. */
export function isSameValue(a: AttributeValue | undefined, b: AttributeValue | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  if (a.S !== undefined || b.S !== undefined) return a.S === b.S;
  return canonicalText(a) === canonicalText(b);
}

/** Bytes that know their JSON. */
class Binary extends Uint8Array {
  toJSON(): string {
    return base64(this);
  }
}

function placed(error: unknown, step: string): unknown {
  return error instanceof MalformedValue ? error.inside(step) : error;
}

function decodeMap(json: unknown, depth: number): Record<string, AttributeValue> {
  if (!isObject(json)) throw new MalformedValue('must be a map of attributes');
  const stepTo = (index: number) => `.${Object.keys(json)[index] ?? ''}`;
  const decoded = decodeAll(Object.values(json), depth, stepTo);
  if (decoded === undefined) return json as Record<string, AttributeValue>;
  const names = Object.keys(json);
  // Not by assignment: an attribute may be called "__proto__".
  return Object.fromEntries(decoded.map((value, index) => [names[index] ?? '', value]));
}

/** @returns undefined where nothing had to be decoded. */
function decodeAll(
  members: readonly unknown[],
  depth: number,
  stepTo: (index: number) => string,
): AttributeValue[] | undefined {
  let decoded: AttributeValue[] | undefined;
  let index = 0;
  try {
    for (; index < members.length; index += 1) {
      const value = decodeValue(members[index], depth);
      if (value !== members[index]) decoded ??= members.slice(0, index) as AttributeValue[];
      decoded?.push(value);
    }
  } catch (error) {
    throw placed(error, stepTo(index));
  }
  return decoded;
}

function decodeValue(json: unknown, depth: number): AttributeValue {
  const type = isObject(json) ? onlyNameOf(json) : undefined;
  if (type === undefined) throw new MalformedValue('must have exactly one type');
  if (depth > DEPTH_MAX) throw new MalformedValue('is nested too deeply');
  return decodeTyped(json as Readonly<Record<string, unknown>>, type, depth);
}

function onlyNameOf(json: object): string | undefined {
  let only: string | undefined;
  for (const name in json) {
    if (only !== undefined) return undefined;
    only = name;
  }
  return only;
}

function decodeTyped(
  json: Readonly<Record<string, unknown>>,
  type: string,
  depth: number,
): AttributeValue {
  const unchanged = json as unknown as AttributeValue;
  const value = json[type];
  switch (type) {
    case 'S':
    case 'N':
      if (typeof value === 'string') return unchanged;
      break;
    case 'BOOL':
    case 'NULL':
      if (typeof value === 'boolean') return unchanged;
      break;
    case 'B':
      return { B: decodeBinary(value) };
    case 'SS':
    case 'NS':
      if (isArray(value) && value.every((member) => typeof member === 'string')) return unchanged;
      break;
    case 'BS':
      if (isArray(value)) return { BS: value.map(decodeBinary) };
      break;
    case 'L':
      if (isArray(value)) return decodeList(value, unchanged, depth);
      break;
    case 'M': {
      const map = decodeMap(value, depth + 1);
      return map === value ? unchanged : { M: map };
    }
    default:
  }
  throw new MalformedValue(`is not a value of type ${type.slice(0, 10)}`);
}

function decodeList(
  value: readonly unknown[],
  unchanged: AttributeValue,
  depth: number,
): AttributeValue {
  const members = decodeAll(value, depth + 1, (index) => `[${index}]`);
  return members === undefined ? unchanged : { L: members };
}

function decodeBinary(value: unknown): Uint8Array {
  if (value instanceof Binary) return value;
  const bytes = binaryOf(value);
  // Node skips what is not base64; a value that does not survive the way back is not base64.
  const isSame = value instanceof Uint8Array || bytes?.toJSON() === value;
  if (bytes === undefined || !isSame) throw new MalformedValue('must be base64 text');
  return bytes;
}

function binaryOf(value: unknown): Binary | undefined {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'base64') : value;
  return bytes instanceof Uint8Array ? new Binary(bytes) : undefined;
}

function canonicalEntries(item: Item): unknown[] {
  return inOrder(Object.keys(item)).map((name) => [
    name,
    canonicalValue(item[name] as AttributeValue),
  ]);
}

/** A key has one name or two: to find them in order costs a tenth of sorting them. */
function inOrder(names: readonly string[]): readonly string[] {
  return names.every((name, index) => index === 0 || (names[index - 1] ?? '') < name)
    ? names
    : names.toSorted();
}

function canonicalValue(value: AttributeValue): unknown {
  if (value.S !== undefined) return [['S', value.S]];
  if (value.N !== undefined) return ['N', canonicalNumber(value.N)];
  if (value.B !== undefined) return ['B', base64(value.B)];
  if (value.SS !== undefined) return ['SS', value.SS.toSorted()];
  if (value.NS !== undefined) return ['NS', value.NS.map(canonicalNumber).toSorted()];
  if (value.BS !== undefined) return ['BS', value.BS.map(base64).toSorted()];
  if (value.L !== undefined) return ['L', value.L.map(canonicalValue)];
  if (value.M !== undefined) return ['M', canonicalEntries(value.M)];
  return Object.entries(value);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
