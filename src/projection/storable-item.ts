// What a module returned -> an item that DynamoDB can store, made of plain data: none of the module's code runs while
// it is read or later. Problems name the place in the item, never a value.

import { isProxy, isUint8Array } from 'node:util/types';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { decodeItem, type Item, MalformedValue } from '../model/attribute-value.ts';
import { ITEM_BYTES_MAX, itemSizeBytes } from '../model/capacity.ts';
import { canonicalNumber } from '../text/decimal.ts';
import { numberProblem } from '../text/dynamodb-number.ts';
import { type Attributes, putAttribute } from './set-attribute.ts';
import { isWellFormed } from '../text/well-formed.ts';

/** DynamoDB has 32 levels, and a value at the top is on the first. */
const DEPTH_MAX = 31;
const NAME_BYTES_MAX = 65_535;
/** With zeros for an exponent, and some to spare. */
const NUMBER_LENGTH_MAX = 1_000;

/**
 * @param reserved the attribute that is Ferry's.
 * @throws MalformedValue
 */
export function storableItem(returned: unknown, reserved: string): Item {
  const budget: Budget = { bytes: ITEM_BYTES_MAX };
  const copied = wholeItem(returned, budget);
  if (Object.hasOwn(copied, reserved))
    throw new MalformedValue("must not be there: it is Ferry's", `item.${reserved}`);
  // With bytes that know their JSON.
  const item = decodeItem(copied, 'item');
  if (itemSizeBytes(item) > ITEM_BYTES_MAX) throw tooLarge();
  return item;
}

function wholeItem(returned: unknown, budget: Budget): Attributes {
  try {
    return within('item', () => mapOf(returned, 0, budget));
  } catch (error) {
    // Where it became too large says nothing.
    throw budget.bytes < 0 ? tooLarge() : error;
  }
}

/** A value that is in an item many times may be small in memory, and is not copied for ever. */
interface Budget {
  bytes: number;
}

function spend(budget: Budget, bytes: number): void {
  budget.bytes -= bytes;
  if (budget.bytes < 0) throw tooLarge();
}

function tooLarge(): MalformedValue {
  return new MalformedValue('is larger than 400 KB, the maximum size of an item', 'item');
}

function mapOf(value: unknown, depth: number, budget: Budget): Attributes {
  const map: Attributes = {};
  const plain = plainObject(value, 'must be a plain object');
  for (const name of Object.keys(plain)) {
    within(`.${name}`, () => {
      requireName(name);
      spend(budget, name.length + 1);
      putAttribute(map, name, valueOf(dataOf(plain, name), depth, budget));
    });
  }
  return map;
}

function requireName(name: string): void {
  const bytes = Buffer.byteLength(name);
  if (bytes === 0 || bytes > NAME_BYTES_MAX)
    throw new MalformedValue(`must have a name of 1 to ${NAME_BYTES_MAX} bytes`);
  textOf(name);
}

function valueOf(value: unknown, depth: number, budget: Budget): AttributeValue {
  const typed = plainObject(value, 'must be a DynamoDB value such as {S: "text"}');
  const [type, ...others] = Object.keys(typed);
  if (type === undefined || others.length > 0)
    throw new MalformedValue('must have exactly one type');
  if (depth > DEPTH_MAX) throw new MalformedValue('is nested deeper than 32 levels');
  const content = dataOf(typed, type);
  spend(budget, 1);
  switch (type) {
    case 'S':
      return { S: spent(textOf(content), budget) };
    case 'N':
      return { N: spent(numberOf(content), budget) };
    case 'B':
      return { B: spent(bytesOf(content), budget) };
    case 'BOOL':
      if (typeof content === 'boolean') return { BOOL: content };
      throw new MalformedValue('must be true or false');
    case 'NULL':
      if (content === true) return { NULL: true };
      throw new MalformedValue('must be true, as it is of type NULL');
    case 'SS':
      return { SS: setOf(content, textOf, String, budget) };
    case 'NS':
      return { NS: setOf(content, numberOf, canonicalNumber, budget) };
    case 'BS':
      return { BS: setOf(content, bytesOf, (bytes) => Buffer.from(bytes).toString('hex'), budget) };
    case 'L':
      return { L: listOf(content, (member) => valueOf(member, depth + 1, budget)) };
    case 'M':
      return { M: mapOf(content, depth + 1, budget) };
    default:
      throw new MalformedValue('must have one of the types S, N, B, BOOL, NULL, SS, NS, BS, L, M');
  }
}

function spent<T extends { readonly length: number }>(content: T, budget: Budget): T {
  spend(budget, content.length);
  return content;
}

function textOf(content: unknown): string {
  if (typeof content !== 'string') throw new MalformedValue('must be a string');
  if (!isWellFormed(content)) throw new MalformedValue('has half of a character');
  return content;
}

function numberOf(content: unknown): string {
  if (typeof content !== 'string' || content.length > NUMBER_LENGTH_MAX)
    throw new MalformedValue('must be a number as a string');
  const problem = numberProblem(content);
  if (problem !== undefined) throw new MalformedValue(problem);
  return content;
}

function bytesOf(content: unknown): Uint8Array {
  if (!isUint8Array(content)) throw new MalformedValue('must be a Uint8Array');
  return new Uint8Array(content);
}

function setOf<T extends { readonly length: number }>(
  content: unknown,
  memberOf: (member: unknown) => T,
  meaningOf: (member: T) => string,
  budget: Budget,
): T[] {
  const members = listOf(content, (member) => spent(memberOf(member), budget));
  if (members.length === 0) throw new MalformedValue('must not be an empty set');
  if (new Set(members.map(meaningOf)).size < members.length)
    throw new MalformedValue('must not have a member of a set twice');
  return members;
}

function listOf<T>(content: unknown, memberOf: (member: unknown) => T): T[] {
  if (isProxy(content) || !Array.isArray(content)) throw new MalformedValue('must be an array');
  const list: T[] = [];
  for (let index = 0; index < content.length; index += 1)
    within(`[${index}]`, () => list.push(memberOf(dataOf(content, String(index)))));
  return list;
}

/** @param wanted what it must be. */
function plainObject(value: unknown, wanted: string): object {
  if (typeof value !== 'object' || value === null || isProxy(value))
    throw new MalformedValue(wanted);
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = prototype === Object.prototype || prototype === null;
  if (!isPlain || Object.getOwnPropertySymbols(value).length > 0) throw new MalformedValue(wanted);
  return value;
}

function dataOf(value: object, name: string): unknown {
  const property = Object.getOwnPropertyDescriptor(value, name);
  if (property !== undefined && 'value' in property) return property.value;
  throw new MalformedValue('must be there as a value, not as a getter');
}

function within<T>(step: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw error instanceof MalformedValue ? error.inside(step) : error;
  }
}
