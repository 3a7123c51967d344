// Keys of the items of a run in both directions: of groups that are written in different ways, and with homes, of items
// that are at home in a Region. Pure.

import type { KeyAttribute } from '../../config/schema.ts';
import { FerryError } from '../../errors.ts';
import { homeOf, type HomeRules } from '../../model/home.ts';
import type { Item } from '../../ports.ts';
import type { KeySchema } from '../run/workload.ts';

/** Room for the numbers of each group, where keys are numbers. */
const GROUP_ITEMS_MAX = 100_000_000;

export function groupKey(groups: readonly string[], schema: KeySchema) {
  return (group: string, number: number): Item =>
    keyWith(schema, { text: `${group}-${number}`, number: numberIn(groups, group, number) });
}

function numberIn(groups: readonly string[], group: string, number: number): number {
  return groups.indexOf(group) * GROUP_ITEMS_MAX + number;
}

/**
 * Keys of items whose home is `region`.
 * @throws FerryError `local.both.no-home` where the rules leave none to it, or none that this function finds.
 */
export function homeKeys(
  region: string,
  home: HomeRules,
  schema: KeySchema,
): (number: number) => Item {
  const rule = home.rules.find((one) => one.region === region);
  const key = (number: number): Item => {
    const made = keyWith(schema, { text: `item-${number}`, number });
    if (rule === undefined) return made;
    const { attribute, prefix = '', suffix = '' } = rule;
    return { ...made, [attribute]: { S: `${prefix}item-${number}${suffix}` } };
  };
  if (homeOf(key(1), home) === region) return key;
  throw new FerryError(`The home rules leave no item to ${region}.`, {
    code: 'local.both.no-home',
    hint: 'Give rules by which both Regions are the home of some items.',
  });
}

interface KeyPart {
  readonly text: string;
  readonly number: number;
}

function keyWith({ partitionKey, sortKey }: KeySchema, part: KeyPart): Item {
  const keys = sortKey === undefined ? [partitionKey] : [partitionKey, sortKey];
  return Object.fromEntries(keys.map(({ name, type }) => [name, valueOf(type, part)]));
}

function valueOf(type: KeyAttribute['type'], { text, number }: KeyPart) {
  switch (type) {
    case 'S':
      return { S: text };
    case 'N':
      return { N: String(number) };
    case 'B':
      return { B: Buffer.from(text) };
  }
}
