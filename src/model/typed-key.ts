// The key of an item as people type it -> the key as DynamoDB has it, with every digit as it was typed.

import type { KeyAttribute } from '../config/schema.ts';
import { decodeItem, type Item } from './attribute-value.ts';
import { numberProblem, withTypedNumbers } from '../text/dynamodb-number.ts';

type KeyType = KeyAttribute['type'];
type KeyValue = { readonly S: string } | { readonly N: string } | { readonly B: Uint8Array };

/**
 * Reads plain JSON, `{"pk":"a","sk":7}`, DynamoDB's JSON, `{"pk":{"S":"a"},"sk":{"N":"7"}}`, or both mixed.
 * @throws Error with every problem: text that is not JSON, or a value that DynamoDB cannot hold in a key.
 */
export function parseTypedKey(json: string): Item {
  // As it is, so that an error tells of what was typed.
  const typed: unknown = JSON.parse(json);
  if (!isObject(typed) || Object.keys(typed).length === 0)
    throw new Error('it must be an object with the key attributes');
  const attributes = JSON.parse(withTypedNumbers(json)) as Record<string, unknown>;
  const problems: string[] = [];
  const entries = Object.entries(attributes).map(([name, value]) => {
    const found = keyValue(value);
    if (typeof found === 'string') problems.push(`${name} ${found}`);
    return [name, found] as const;
  });
  if (problems.length > 0) throw new Error(problems.join('; '));
  return Object.fromEntries(entries) as Item;
}

/** What does not fit the key of a table; `keys` are its attributes, partition key first. */
export function keyProblems(key: Item, keys: readonly KeyAttribute[]): string[] {
  const known = new Set(keys.map(({ name }) => name));
  return [
    ...keys.flatMap((attribute, index) => {
      const value = Object.hasOwn(key, attribute.name) ? key[attribute.name] : undefined;
      if (value === undefined) return [`${attribute.name} (${attribute.type}) is missing`];
      const problem = valueProblem(value as KeyValue, attribute.type, index === 0);
      return problem === undefined ? [] : [`${attribute.name} ${problem}`];
    }),
    ...Object.keys(key)
      .filter((name) => !known.has(name))
      .map((name) => `${name} is not a key attribute of the table`),
  ];
}

/** The type of a key's value. */
export function typeOf(value: object): string {
  return Object.keys(value).join();
}

const BYTES_MAX = { partition: 2_048, sort: 1_024 } as const;
const AS_TYPED = {
  S: 'a string, as in "a" or {"S":"a"}',
  N: 'a number, as in 7 or {"N":"7"}',
  B: 'binary, as base64 in {"B":"AP8="}',
} as const;

function valueProblem(value: KeyValue, type: KeyType, isPartition: boolean): string | undefined {
  if (!(type in value)) return `must be ${AS_TYPED[type]}, got one of type ${typeOf(value)}`;
  const bytes = 'S' in value ? Buffer.byteLength(value.S) : 'B' in value ? value.B.byteLength : 0;
  const [what, max] = isPartition
    ? (['partition', BYTES_MAX.partition] as const)
    : (['sort', BYTES_MAX.sort] as const);
  if (bytes <= max) return undefined;
  return `has ${bytes} bytes, and a ${what} key has ${max} at most`;
}

/** @returns the problem where it is not one that a key can have. */
function keyValue(value: unknown): KeyValue | string {
  if (typeof value === 'string') return textValue(value);
  const [type, ...others] = isObject(value) ? Object.keys(value) : [];
  if (!isObject(value) || type === undefined || others.length > 0)
    return 'must be a string, a number, or typed, as in {"B":"AP8="}';
  const inner = value[type];
  switch (type) {
    case 'S':
      return typeof inner === 'string' ? textValue(inner) : 'must be in quotes, as in {"S":"a"}';
    case 'N':
      return numberValue(inner);
    case 'B':
      return binaryValue(value);
    default:
      return `must be of type S, N or B, got ${type.slice(0, 20)}`;
  }
}

function textValue(text: string): KeyValue | string {
  if (text === '') return 'must not be empty: DynamoDB takes no empty string in a key';
  // Sent as UTF-8, it would become U+FFFD, which is the key of another item.
  if (/\p{Surrogate}/u.test(text)) return 'has half of a surrogate pair, which is not a character';
  return { S: text };
}

/** {"N":7} is understood, too. */
function numberValue(inner: unknown): KeyValue | string {
  const text = isObject(inner) ? inner['N'] : inner;
  if (typeof text !== 'string') return 'must be the text of a number, as in {"N":"7"}';
  const problem = numberProblem(text);
  return problem === undefined ? { N: text } : `${problem}, got ${text.slice(0, 200)}`;
}

function binaryValue(value: Readonly<Record<string, unknown>>): KeyValue | string {
  let bytes: Uint8Array | undefined;
  try {
    bytes = decodeItem({ value }, '')['value']?.B;
  } catch {
    // MalformedValue: said below.
  }
  if (bytes === undefined) return 'must be base64 text, as in {"B":"AP8="}';
  return bytes.byteLength === 0
    ? 'must not be empty: DynamoDB takes no empty binary in a key'
    : { B: bytes };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
