// Findings about keys: of the tables, their indexes, the heartbeat and the reserved attribute.

import { pathProblems } from '../config/path-rules.ts';
import type { KeyAttribute } from '../config/schema.ts';
import { fateOf } from './projected-attribute.ts';
import {
  attributeText,
  type Check,
  error,
  type Finding,
  nameOf,
  type Pair,
  warning,
} from './finding.ts';

export const KEY_CHECKS: readonly Check[] = [
  keySchema,
  reservedKey,
  heartbeatKeys,
  indexes,
  projectedKeys,
  projectedIndexes,
];

function keySchema({ source, destination }: Pair): Finding[] {
  const [left, right] = [source, destination].map(({ keys }) => keysText(keys));
  if (left === right) return [];
  return error(
    'key-schema',
    `The keys differ: ${nameOf(source)} has ${left}, ${nameOf(destination)} has ${right}.`,
    'Source items cannot be mapped to twin items. Create a destination with the same keys: `ferry init … --create-destination` prints its code.',
  );
}

/** A key attribute is a string, a number or binary, but the version is a map: no item could be written. */
function reservedKey({ source, destination, reservedAttribute }: Pair): Finding[] {
  return [source, destination].flatMap((table) => {
    const inKey = isKey(table.keys, reservedAttribute) ? ['the table'] : [];
    const inIndexes = table.indexes
      .filter(({ keys }) => isKey(keys, reservedAttribute))
      .map(({ name }) => `its index ${name}`);
    const keyed = [...inKey, ...inIndexes];
    if (keyed.length === 0) return [];
    return error(
      'reserved-key',
      `The reserved attribute "${reservedAttribute}" is a key attribute of ${nameOf(table)}, in ${keyed.join(' and ')}.`,
      'Ferry stores the version of each item in that attribute of the twin. Set "reservedAttribute" to a name that no table, index or application uses.',
    );
  });
}

function isKey(keys: readonly KeyAttribute[], attribute: string): boolean {
  return keys.some(({ name }) => name === attribute);
}

/** The configuration does not have the keys of a table that the app does not create. */
function heartbeatKeys({ source, heartbeatKey }: Pair): Finding[] {
  if (heartbeatKey === undefined) return [];
  const given = Object.entries(heartbeatKey).map(([name, value]) =>
    attributeText({ name, type: value.S === undefined ? 'N' : 'S' }),
  );
  const wanted = source.keys.map(attributeText);
  if (given.toSorted().join(' ') === wanted.toSorted().join(' ')) return [];
  return error(
    'heartbeat-key',
    `The heartbeat has the key ${given.join(' and ')}, but ${nameOf(source)} has ${wanted.join(' and ')}.`,
    source.keys.some(({ type }) => type === 'B')
      ? 'A table with a binary key cannot have a heartbeat. Remove "heartbeat".'
      : 'The heartbeat could not be written. Give "heartbeat.key" a value for each key attribute: a string for S, a number for N.',
  );
}

/** An index that only the twin has can reject items of the source. */
function indexes({ source, destination }: Pair): Finding[] {
  const known = new Set(
    [...source.keys, ...source.indexes.flatMap(({ keys }) => keys)].map(attributeText),
  );
  return destination.indexes.flatMap(({ name, keys }) => {
    const strange = keys.map(attributeText).filter((text) => !known.has(text));
    if (strange.length === 0) return [];
    return warning(
      'index',
      `The index ${name} of ${nameOf(destination)} has the key ${strange.join(' and ')}, which is not a key of the source or its indexes.`,
      'The twin rejects items that have another type or an empty value in that attribute. They become dead letters.',
    );
  });
}

/** All else about a projection has been checked with its configuration. */
function projectedKeys({ source, projection, reservedAttribute }: Pair): Finding[] {
  const keys = source.keys.map(({ name }) => name);
  const fixed = { keys, reservedAttribute };
  const problems = [...pathProblems('projection.attributes', projection?.attributes ?? {}, fixed)];
  if (problems.length === 0) return [];
  return error(
    'projection-key',
    `The projection does not fit ${nameOf(source)}: ${problems.join('; ')}.`,
    'Key attributes cannot be dropped, hashed, renamed or set. Correct the projection.',
  );
}

function projectedIndexes({ destination, projection }: Pair): Finding[] {
  const fixed = new Set(destination.keys.map(({ name }) => name));
  return destination.indexes.flatMap(({ name: index, keys }) =>
    keys.flatMap(({ name, type }) => {
      const change = fixed.has(name) ? undefined : fateOf(name, projection)?.change;
      if (change === undefined) return [];
      return warning(
        'projection-index',
        `The projection ${change} "${name}", which is a key of the index ${index} of ${nameOf(destination)}.`,
        change === 'hashes' ? hashedKeyAdvice(type) : 'The twin has no items in that index.',
      );
    }),
  );
}

function hashedKeyAdvice(type: KeyAttribute['type']): string {
  return type === 'S'
    ? 'The index has hashes instead of values.'
    : `A hash is of type S, and the key of the index is of type ${type}: the twin rejects the items, and they become dead letters.`;
}

function keysText(keys: readonly KeyAttribute[]): string {
  return keys.map(attributeText).join(' and ');
}
