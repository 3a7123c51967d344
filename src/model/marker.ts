// Items that a switch puts into the table that it drains: a reader that has found one in every open shard has
// read everything that was written before. They have key attributes only, the handlers skip them, and the switch deletes them.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Item } from './attribute-value.ts';

const PREFIX = 'ferry-marker-';
const PREFIX_BYTES = new TextEncoder().encode(PREFIX);

interface KeyAttribute {
  readonly name: string;
  readonly type: 'S' | 'N' | 'B';
}

/** Whether a key is of a marker. No application may have such keys. */
export function isMarker(key: Item): boolean {
  return Object.values(key).some(
    ({ S, B }) =>
      S?.startsWith(PREFIX) === true ||
      (B !== undefined && PREFIX_BYTES.every((byte, index) => B[index] === byte)),
  );
}

/** The nonce of a marker; undefined of other keys. */
export function nonceOf(key: Item): string | undefined {
  for (const { S, B } of Object.values(key)) {
    const text = S ?? (B === undefined ? '' : new TextDecoder().decode(B));
    if (text.startsWith(PREFIX)) return text.slice(PREFIX.length, text.lastIndexOf('-'));
  }
  return undefined;
}

/** A number has no room for a name: tables with such a partition key have no markers. */
export function canHaveMarkers([partition]: readonly KeyAttribute[]): boolean {
  return partition !== undefined && partition.type !== 'N';
}

/** Keys that are as good as any others in their order of hashes, so that each shard gets some of many. */
export function markerKeys(
  nonce: string,
  [from, to]: readonly [number, number],
  keys: readonly KeyAttribute[],
): Item[] {
  return Array.from({ length: to - from }, (_, index) => {
    const text = `${PREFIX}${nonce}-${from + index}`;
    const values = keys.map(({ name, type }, at) => [
      name,
      valueOf(type, at === 0 ? text : 'ferry'),
    ]);
    return Object.fromEntries(values) as Item;
  });
}

function valueOf(type: KeyAttribute['type'], text: string): AttributeValue {
  if (type === 'N') return { N: '0' };
  return type === 'S' ? { S: text } : { B: new TextEncoder().encode(text) };
}
