// What reads and writes cost: sizes of items as DynamoDB counts them, capacity units, and money.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { LIST_PRICES } from '../config/names.ts';
import type { Item } from './attribute-value.ts';

const READ_UNIT_BYTES = 4_096;
const WRITE_UNIT_BYTES = 1_024;

/** The largest item that DynamoDB takes, names included. */
export const ITEM_BYTES_MAX = 400 * 1_024;

/** The maximum size of the version, with a reserved attribute of an ordinary name. */
export const VERSION_BYTES = 120;

/** Bytes of an item as DynamoDB counts them: names and values in UTF-8, numbers by their digits. */
export function itemSizeBytes(item: Item): number {
  return Object.entries(item).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + valueSizeBytes(value),
    0,
  );
}

/** Units of one consistent read of an item, or of nothing. */
export function readUnits(sizeBytes: number): number {
  return Math.max(1, Math.ceil(sizeBytes / READ_UNIT_BYTES));
}

/** Units of one plain write of an item; in a transaction it costs twice that. */
export function writeUnits(sizeBytes: number): number {
  return Math.max(1, Math.ceil(sizeBytes / WRITE_UNIT_BYTES));
}

/** By list prices: an estimate. */
export function dollars(units: { readonly read: number; readonly write: number }): number {
  return units.read * LIST_PRICES.readUnit + units.write * LIST_PRICES.writeUnit;
}

/** Lists and maps: 3 bytes each, and 1 for every member. */
const CONTAINER_BYTES = 3;

function valueSizeBytes(value: AttributeValue): number {
  if (value.S !== undefined) return Buffer.byteLength(value.S);
  if (value.N !== undefined) return numberSizeBytes(value.N);
  if (value.B !== undefined) return value.B.byteLength;
  if (value.SS !== undefined) return sum(value.SS, (text) => Buffer.byteLength(text));
  if (value.NS !== undefined) return sum(value.NS, numberSizeBytes);
  if (value.BS !== undefined) return sum(value.BS, ({ byteLength }) => byteLength);
  if (value.L !== undefined)
    return CONTAINER_BYTES + sum(value.L, (member) => 1 + valueSizeBytes(member));
  if (value.M !== undefined)
    return CONTAINER_BYTES + Object.keys(value.M).length + itemSizeBytes(value.M);
  // BOOL and NULL.
  return 1;
}

/** About one byte for two significant digits, one more, and one for the sign of a negative one. */
function numberSizeBytes(text: string): number {
  const [mantissa = ''] = text.split(/e/i);
  const digits = mantissa.replace(/[^0-9]/g, '').replace(/^0+|0+$/g, '');
  return Math.ceil(digits.length / 2) + 1 + (text.startsWith('-') ? 1 : 0);
}

function sum<T>(members: readonly T[], size: (member: T) => number): number {
  return members.reduce((total, member) => total + size(member), 0);
}
