// The input of a put or an update -> the same with a stamp, under the condition that no later version is there. The
// condition of the caller stays, and names and values do not meet the caller's. Pure.
//
// Each write of an application passes here. `Object.assign` takes half the time of spreads: V8 is slow to add properties
// to a copy, and to enumerate them.

import type { Version } from '../model/guard.ts';
import { StampError } from './stamp-error.ts';
import { hasName, withAssignment } from './update-expression.ts';
import { formOf, reservedIn, textIn, type ValueForm, type Values } from './value-form.ts';

/** What puts, updates and the actions of transactions have in common. */
export interface WriteInput {
  readonly TableName?: string | undefined;
  readonly ConditionExpression?: string | undefined;
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>> | undefined;
  readonly ExpressionAttributeValues?: Values | undefined;
  readonly ReturnValuesOnConditionCheckFailure?: string | undefined;
}

export interface PutInput extends WriteInput {
  readonly Item?: Values | undefined;
}

export interface UpdateInput extends WriteInput {
  readonly Key?: Values | undefined;
  readonly UpdateExpression?: string | undefined;
}

export interface Stamping {
  readonly stamp: Version;
  readonly reservedAttribute: string;
}

/** A reserved attribute that the item was read with is replaced. */
export function stampedPut<Input extends PutInput>(input: Input, stamping: Stamping) {
  const { Item = {} } = input;
  const form = formOf(Item);
  const { stamp, reservedAttribute } = stamping;
  return Object.assign({}, input, stampCondition(input, stamping, form), {
    Item: joined(Item, { [reservedAttribute]: reservedIn(form, stamp) }),
  });
}

function joined(item: Values, reserved: Values): Values {
  // An assignment would take the attribute for the prototype.
  if (Object.hasOwn(item, '__proto__')) return { ...item, ...reserved };
  return Object.assign({}, item, reserved);
}

/** @throws StampError where the caller's expression names the reserved attribute. */
export function stampedUpdate<Input extends UpdateInput>(input: Input, stamping: Stamping) {
  const { Key = {}, UpdateExpression: update = '', ExpressionAttributeNames: names = {} } = input;
  const { stamp, reservedAttribute } = stamping;
  if (hasName(update, reservedAttribute, names)) throw namesReserved(reservedAttribute);
  const form = formOf(Key);
  const condition = stampCondition(input, stamping, form);
  const value = freeName(':ferryStamp', condition.ExpressionAttributeValues);
  const attribute = freeName('#ferry', names);
  const stamps = { [value]: reservedIn(form, stamp) };
  return Object.assign({}, input, condition, {
    UpdateExpression: withAssignment(update, `${attribute} = ${value}`),
    ExpressionAttributeValues: Object.assign({}, condition.ExpressionAttributeValues, stamps),
  });
}

/** An update that changes nothing, and is refused unless the item has this stamp. */
export function stampTest(input: UpdateInput, { stamp, reservedAttribute }: Stamping) {
  const form = formOf(input.Key ?? {});
  return {
    ...input,
    UpdateExpression: 'SET #f = :f',
    ConditionExpression: '#f = :f',
    ExpressionAttributeNames: { '#f': reservedAttribute },
    ExpressionAttributeValues: { ':f': reservedIn(form, stamp) },
  };
}

/** No item, one without a version, or one with an earlier version; and what the caller wants. */
function stampCondition(
  input: WriteInput,
  { stamp, reservedAttribute }: Stamping,
  form: ValueForm,
) {
  const own = input.ConditionExpression;
  const { ExpressionAttributeNames: names = {}, ExpressionAttributeValues: values = {} } = input;
  const attribute = freeName('#ferry', names);
  const v = freeName('#ferryV', names);
  const version = freeName(':ferryV', values);
  const isFree = `attribute_not_exists(${attribute}) OR ${attribute}.${v} < ${version}`;
  return {
    ConditionExpression: own === undefined ? isFree : `(${own}) AND (${isFree})`,
    ExpressionAttributeNames: Object.assign({}, names, {
      [attribute]: reservedAttribute,
      [v]: 'v',
    }),
    ExpressionAttributeValues: Object.assign({}, values, { [version]: textIn(form, stamp) }),
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
  };
}

/** The name, with as many underscores as it needs to be no name of the caller's. */
function freeName(name: string, taken: Values): string {
  return Object.hasOwn(taken, name) ? freeName(`${name}_`, taken) : name;
}

function namesReserved(reservedAttribute: string): StampError {
  return new StampError(`the UpdateExpression names "${reservedAttribute}", which is Ferry's`, {
    code: 'stamp.reserved-attribute',
    hint: `Leave "${reservedAttribute}" out of the expression: the plug-in sets it.`,
  });
}
