// A condition of the configuration -> a function of an item. An attribute that is absent, or of another type than the
// condition's value, does not fulfil it.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Condition, TypedValue } from '../config/schema-projection.ts';
import { canonicalText, decodeItem, type Item } from '../model/attribute-value.ts';
import { compareNumbers } from '../text/decimal.ts';

type ItemTest = (item: Item) => boolean;
type ValueTest = (value: AttributeValue) => boolean;

export function compileCondition(condition: Condition): ItemTest {
  const { attribute, exists, not, and, or } = condition;
  if (and !== undefined) return all(and.map(compileCondition));
  if (or !== undefined) return any(or.map(compileCondition));
  if (not !== undefined) return negation(compileCondition(not));
  const name = attribute ?? '';
  if (exists !== undefined) return (item) => Object.hasOwn(item, name) === exists;
  const test = valueTest(condition);
  return (item) => {
    const value = Object.hasOwn(item, name) ? item[name] : undefined;
    return value !== undefined && test(value);
  };
}

const all =
  (tests: readonly ItemTest[]): ItemTest =>
  (item) =>
    tests.every((test) => test(item));
const any =
  (tests: readonly ItemTest[]): ItemTest =>
  (item) =>
    tests.some((test) => test(item));
const negation =
  (test: ItemTest): ItemTest =>
  (item) =>
    !test(item);

/** A value of the configuration as DynamoDB sends it. */
export function valueOf(typed: TypedValue): AttributeValue {
  return decodeItem({ value: typed }, 'projection')['value'] as AttributeValue;
}

function valueTest({ equals, in: members, beginsWith, between = [] }: Condition): ValueTest {
  if (equals !== undefined) return isIn([equals]);
  if (members !== undefined) return isIn(members);
  if (beginsWith !== undefined) return startsWith(valueOf(beginsWith));
  const [low = {}, high = {}] = between;
  return isBetween(valueOf(low), valueOf(high));
}

/** Texts, the usual case, are not made canonical. */
function isIn(members: readonly TypedValue[]): ValueTest {
  const values = members.map(valueOf);
  const texts = new Set(values.flatMap(({ S }) => S ?? []));
  const others = new Set(
    values.flatMap((value) => (value.S === undefined ? canonicalText(value) : [])),
  );
  return (value) =>
    value.S === undefined
      ? others.size > 0 && others.has(canonicalText(value))
      : texts.has(value.S);
}

function startsWith({ S, B }: AttributeValue): ValueTest {
  if (S !== undefined) return (value) => value.S?.startsWith(S) ?? false;
  const prefix = B ?? new Uint8Array();
  return (value) =>
    value.B !== undefined && Buffer.compare(value.B.subarray(0, prefix.byteLength), prefix) === 0;
}

/** In DynamoDB's order: of numbers by value, of texts and binaries by their bytes. */
function isBetween(low: AttributeValue, high: AttributeValue): ValueTest {
  const { N: lowest, B: first = bytesOf(low) } = low;
  const { N: highest, B: last = bytesOf(high) } = high;
  if (lowest !== undefined && highest !== undefined)
    return ({ N }) =>
      N !== undefined && compareNumbers(lowest, N) <= 0 && compareNumbers(N, highest) <= 0;
  const isText = low.S !== undefined;
  return (value) => {
    const bytes = isText ? bytesOf(value) : value.B;
    if (bytes === undefined || first === undefined || last === undefined) return false;
    return Buffer.compare(first, bytes) <= 0 && Buffer.compare(bytes, last) <= 0;
  };
}

function bytesOf({ S }: AttributeValue): Uint8Array | undefined {
  return S === undefined ? undefined : Buffer.from(S);
}
