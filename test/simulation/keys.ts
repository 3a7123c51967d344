// Names of items in plans and judgements, and the keys that their table has: of each type, alone and with a
// sort key.

import { canonicalKey } from '../../src/model/attribute-value.ts';
import type { Item } from './memory-dynamodb.ts';

export type KeyShape = 'S' | 'N' | 'B' | 'composite';

export interface Keys {
  readonly attributes: readonly string[];
  keyOf(name: string): Item;
  /** Of a key, or of an item. */
  nameOf(item: Item): string | undefined;
  /** The text by which Ferry knows the item. */
  textOf(name: string): string;
}

const encoder = new TextEncoder();

/** @param shape of the partition key; a composite one has a sort key of type N, too. */
export function keysOf(shape: KeyShape): Keys {
  const texts = new Map<string, string>();
  return {
    attributes: shape === 'composite' ? ['pk', 'sk'] : ['pk'],
    keyOf: (name) => keyOf(shape, name),
    nameOf: (item) => nameOf(shape, item),
    textOf(name) {
      const known = texts.get(name) ?? canonicalKey(keyOf(shape, name));
      texts.set(name, known);
      return known;
    },
  };
}

function keyOf(shape: KeyShape, name: string): Item {
  switch (shape) {
    case 'S':
      return { pk: { S: name } };
    case 'N':
      return { pk: { N: String(name.codePointAt(0)) } };
    case 'B':
      return { pk: { B: bytesOf(name) } };
    case 'composite':
      return { pk: { S: 'all' }, sk: { N: String(name.codePointAt(0)) } };
  }
}

function nameOf(shape: KeyShape, { pk, sk }: Item): string | undefined {
  switch (shape) {
    case 'S':
      return pk?.S;
    case 'N':
      return nameOfNumber(pk?.N);
    case 'B':
      return nameOfBytes(pk?.B);
    case 'composite':
      return nameOfNumber(sk?.N);
  }
}

function nameOfNumber(text: string | undefined): string | undefined {
  return text === undefined ? undefined : String.fromCodePoint(Number(text));
}

/** Bytes of a parsed record, or base64 text. */
function nameOfBytes(value: unknown): string | undefined {
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  return typeof value === 'string' ? Buffer.from(value, 'base64').toString() : undefined;
}

/** As the SDK returns them, and base64 text in JSON. */
function bytesOf(name: string): Uint8Array {
  const bytes = encoder.encode(name);
  const toJSON = () => Buffer.from(bytes).toString('base64');
  Object.defineProperty(bytes, 'toJSON', { value: toJSON, enumerable: false });
  return bytes;
}
