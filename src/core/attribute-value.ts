// Typed DynamoDB values: checking and decoding what a stream record carries, and comparing values by
// meaning. Nothing is unmarshalled, and numbers stay the text they came as.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/** An item or a key as DynamoDB sends it: names to typed values. */
export type Item = Readonly<Record<string, AttributeValue>>;

/** DynamoDB allows 32 levels; the bound only keeps hostile input from exhausting the stack. */
const DEPTH_MAX = 64;

/** Says where in an item a value is not one that DynamoDB knows. The value itself is not told. */
export class MalformedValue extends Error {
  override readonly name = 'MalformedValue';
}

/**
 * Checks the JSON of an item as Lambda delivers it and turns base64 text into bytes.
 * An item without binary values is returned as it is, not copied.
 * @throws MalformedValue with the path of the first value that is not a DynamoDB value.
 */
export function decodeItem(json: unknown, path: string): Item {
  return decodeMap(json, path, 0);
}

/** The JSON of an item, with bytes as base64 text: what `decodeItem` reads. */
export function itemJson(item: Item): string {
  return JSON.stringify(item, function (this: Record<string, unknown>, name, value: unknown) {
    // Not `value`: a Buffer has turned into something else by then.
    const original = this[name];
    return original instanceof Uint8Array ? base64(original) : value;
  });
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

/** The one way in which this file writes a number: "1.50" and "15e-1" both become "15e-1". */
export function canonicalNumber(text: string): string {
  const match = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null) return text;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const significant = (whole + fraction).replace(/^0+/, '');
  const digits = significant.replace(/0+$/, '');
  if (digits === '') return '0';
  const scale = Number(exponent) - fraction.length + (significant.length - digits.length);
  return `${sign === '-' ? '-' : ''}${digits}e${scale}`;
}

function decodeMap(json: unknown, path: string, depth: number): Record<string, AttributeValue> {
  if (!isObject(json)) throw new MalformedValue(`${path} must be a map of attributes`);
  const names = Object.keys(json);
  const decoded = names.map((name) => decodeValue(json[name], `${path}.${name}`, depth));
  if (names.every((name, index) => json[name] === decoded[index])) {
    return json as Record<string, AttributeValue>;
  }
  // Not by assignment: an attribute may be called "__proto__".
  return Object.fromEntries(names.map((name, index) => [name, decoded[index] as AttributeValue]));
}

function decodeValue(json: unknown, path: string, depth: number): AttributeValue {
  const types = isObject(json) ? Object.keys(json) : [];
  const [type] = types;
  if (!isObject(json) || type === undefined || types.length > 1) {
    throw new MalformedValue(`${path} must have exactly one type`);
  }
  if (depth > DEPTH_MAX) throw new MalformedValue(`${path} is nested too deeply`);
  return decodeTyped(type, json[type], { json, path, depth });
}

interface Place {
  readonly json: object;
  readonly path: string;
  readonly depth: number;
}

function decodeTyped(type: string, value: unknown, { json, path, depth }: Place): AttributeValue {
  const unchanged = json as AttributeValue;
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
      return { B: decodeBinary(value, path) };
    case 'SS':
    case 'NS':
      if (isArray(value) && value.every((member) => typeof member === 'string')) return unchanged;
      break;
    case 'BS':
      if (isArray(value)) return { BS: value.map((member) => decodeBinary(member, path)) };
      break;
    case 'L':
      if (isArray(value)) return decodeList(value, { json, path, depth });
      break;
    case 'M': {
      const map = decodeMap(value, path, depth + 1);
      return map === value ? unchanged : { M: map };
    }
    default:
  }
  throw new MalformedValue(`${path} is not a value of type ${type.slice(0, 10)}`);
}

function decodeList(value: readonly unknown[], { json, path, depth }: Place): AttributeValue {
  const members = value.map((member, index) => decodeValue(member, `${path}[${index}]`, depth + 1));
  const changed = members.some((member, index) => member !== value[index]);
  return changed ? { L: members } : (json as AttributeValue);
}

function decodeBinary(value: unknown, path: string): Uint8Array {
  if (value instanceof Uint8Array) return value;
  const bytes = typeof value === 'string' ? Buffer.from(value, 'base64') : undefined;
  // Node skips what is not base64; a value that does not survive the way back is not base64.
  if (bytes === undefined || bytes.toString('base64') !== value) {
    throw new MalformedValue(`${path} must be base64 text`);
  }
  return bytes;
}

function canonicalEntries(item: Item): unknown[] {
  return Object.keys(item)
    .toSorted()
    .map((name) => [name, canonicalValue(item[name] as AttributeValue)]);
}

function canonicalValue(value: AttributeValue): unknown {
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
