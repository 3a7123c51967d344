// A module's function `project` -> a projection. The module has a copy of the item, which it may change, and what it
// returns is taken apart and checked.

import { isAsyncFunction, isGeneratorFunction, isPromise } from 'node:util/types';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { ReplicationConfig } from '../config/schema.ts';
import { UsageError } from '../errors.ts';
import { type Item, MalformedValue } from '../model/attribute-value.ts';
import { type Projection, ProjectionFailed } from '../model/projection.ts';
import { requireKey } from './key-kept.ts';
import { type Attributes, putAttribute } from './set-attribute.ts';
import { storableItem } from './storable-item.ts';

interface Place {
  readonly region: string;
  readonly table: string;
}

/** What a module knows of the replication. */
export interface ModuleContext {
  readonly replication: string;
  readonly source: Place;
  readonly destination: Place;
}

export interface ModuleOptions {
  /** Of its file. */
  readonly digest: string;
  readonly context: ModuleContext;
  /** What a module returns must not have it. */
  readonly reservedAttribute: string;
  /** Calls the module. */
  readonly confined: <Result>(call: () => Result) => Result;
}

export function moduleContext({ name, source, destination }: ReplicationConfig): ModuleContext {
  const place = ({ region, table }: Place): Place => Object.freeze({ region, table });
  return Object.freeze({
    replication: name,
    source: place(source),
    destination: place(destination),
  });
}

/**
 * @param exports of the module.
 * @throws UsageError `projection.module` where it has no synchronous function `project`.
 */
export function moduleProjection(
  exports: object,
  { digest, context, reservedAttribute, confined }: ModuleOptions,
): Projection {
  const made = functionOf(exports);
  return {
    digest,
    filters: true,
    project(source, key) {
      const item = copyOf(source);
      const returned = called(() => confined(() => made(item, context)));
      if (returned === undefined) return undefined;
      const content = checked(returned, reservedAttribute);
      requireKey(content, source, key);
      return content;
    },
  };
}

export const FUNCTION_HINT =
  'Write `export function project(item, context) { ... }`. It returns the item of the twin, or undefined to leave the item out.';

type ProjectFunction = (item: Item, context: ModuleContext) => unknown;

function functionOf(exports: object): ProjectFunction {
  const { project } = exports as { readonly project?: unknown };
  if (typeof project !== 'function') throw unfit('exports no function with the name project');
  if (isAsyncFunction(project)) throw unfit('exports an async function, and Ferry does not wait');
  if (isGeneratorFunction(project)) throw unfit('exports a generator function');
  return project as ProjectFunction;
}

function unfit(what: string): UsageError {
  const message = `The module of the projection ${what}.`;
  return new UsageError(message, { code: 'projection.module', hint: FUNCTION_HINT });
}

function called(call: () => unknown): unknown {
  try {
    const returned = call();
    // If nothing waited for it, its failure would end the function.
    if (isPromise(returned)) void Promise.prototype.then.call(returned, undefined, () => undefined);
    return returned;
  } catch (error) {
    throw new ProjectionFailed('ProjectionFailed', `the module threw ${thrownText(error)}`);
  }
}

function checked(returned: unknown, reservedAttribute: string): Item {
  if (isPromise(returned))
    throw new ProjectionFailed('ProjectionNotStorable', 'the module returned a promise');
  try {
    return storableItem(returned, reservedAttribute);
  } catch (error) {
    const why = error instanceof MalformedValue ? cut(error.message) : thrownText(error);
    const message = `what the module returned cannot be stored: ${why}`;
    throw new ProjectionFailed('ProjectionNotStorable', message);
  }
}

const TEXT_MAX = 300;

/** Anything can be thrown, and anything can throw when it is looked at. */
export function thrownText(error: unknown): string {
  try {
    return cut(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  } catch {
    return 'what has no text';
  }
}

function cut(text: string): string {
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
}

function copyOf(item: Item): Attributes {
  const copy: Attributes = {};
  for (const name of Object.keys(item))
    putAttribute(copy, name, copyOfValue(item[name] as AttributeValue));
  return copy;
}

function copyOfValue(value: AttributeValue): AttributeValue {
  if (value.B !== undefined) return { B: new Uint8Array(value.B) };
  if (value.BS !== undefined) return { BS: value.BS.map((bytes) => new Uint8Array(bytes)) };
  if (value.SS !== undefined) return { SS: [...value.SS] };
  if (value.NS !== undefined) return { NS: [...value.NS] };
  if (value.L !== undefined) return { L: value.L.map(copyOfValue) };
  if (value.M !== undefined) return { M: copyOf(value.M) };
  return { ...value };
}
