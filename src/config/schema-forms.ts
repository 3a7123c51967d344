// What the schema of the settings is made of: TypeBox's forms, with the names and defaults that a configuration file
// has. Each definition is collected here.

import { type Static, type TSchema, type TSchemaOptions, Type } from 'typebox';

const { String: Text, Boolean: Flag, Integer, Enum } = Type;

export const definitions: Record<string, TSchema> = {};

/** Puts a schema among the definitions. @returns what refers to it, with more beside the reference. */
export function define<T extends TSchema>(name: string, schema: T) {
  definitions[name] = schema;
  return (beside: TSchemaOptions = {}) =>
    Type.Unsafe<Static<T>>({ $ref: `#/definitions/${name}`, ...beside });
}

/** May be left out of the file. A checked configuration has it. */
export function defaulted<T extends TSchema>(schema: T): T {
  // Its type keeps nothing of that.
  const optional: TSchema = Type.Optional(schema);
  return optional as T;
}

/** Refuses what is not among its properties. */
export function closed<const P extends Record<string, TSchema>>(
  properties: P,
  more: TSchemaOptions = {},
) {
  return Type.Object(properties, { additionalProperties: false, ...more });
}

/** What a file can say for all of its replications: nothing has to be there, and nothing is there by itself. */
export function withoutRequired(properties: Record<string, TSchema>, more: TSchemaOptions = {}) {
  const { required: _, ...schema } = closed(properties, more);
  return schema as TSchema;
}

export function group<const P extends Record<string, TSchema>>(
  name: string,
  description: string,
  properties: P,
) {
  return define(name, closed(properties, { description }));
}

export function form(
  name: string,
  pattern: string,
  description: string,
  more: TSchemaOptions = {},
) {
  return define(name, Text({ pattern, description, ...more }));
}

export function integer(
  range: readonly [min: number, max: number, usual: number],
  description: string,
) {
  const [minimum, maximum, usual] = range;
  return defaulted(Integer({ minimum, maximum, default: usual, description }));
}

export function flag(usual: boolean, description: string) {
  return defaulted(Flag({ default: usual, description }));
}

/** The first one is the default. */
export function choice<const V extends string>(values: readonly [V, ...V[]], description: string) {
  return defaulted(Enum([...values], { default: values[0], description }));
}

export const attributeName = { minLength: 1, maxLength: 255 };
