// What attribute rules should make of an item, written without regard to speed: each place of the item asks all rules.
// Undefined where a new name is taken.

import { createHmac } from 'node:crypto';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { type AttributePath, EVERY, type PathStep } from '../../src/config/attribute-path.ts';
import { canonicalText, type Item } from '../../src/model/attribute-value.ts';

export interface NaiveRules {
  readonly keepOnly?: readonly AttributePath[];
  readonly drop?: readonly AttributePath[];
  readonly hash?: readonly AttributePath[];
  readonly rename?: ReadonlyArray<readonly [AttributePath, string]>;
  readonly set?: ReadonlyArray<readonly [AttributePath, AttributeValue]>;
}

export const HASH_KEY = 'the text of a secret';

type Place = readonly PathStep[];

class NameTaken extends Error {}

export function naiveProjection(item: Item, key: Item, rules: NaiveRules): Item | undefined {
  try {
    const kept = mapAt(item, [], rules, (name) => Object.hasOwn(key, name));
    return (rules.set ?? []).reduce<Item>(
      (content, [path, value]) => setIn({ M: content }, path, value).M ?? {},
      kept,
    );
  } catch (error) {
    if (error instanceof NameTaken) return undefined;
    throw error;
  }
}

function mapAt(
  map: Item,
  at: Place,
  rules: NaiveRules,
  isKept: (name: string) => boolean = () => false,
): Record<string, AttributeValue> {
  const changed: Array<[string, AttributeValue]> = [];
  for (const [name, value] of Object.entries(map)) {
    const place = [...at, name];
    const now = isKept(name) ? value : valueAt(value, place, rules);
    if (now === undefined) continue;
    const [, newName = name] = (rules.rename ?? []).find(([path]) => isAt(path, place)) ?? [];
    if (changed.some(([other]) => other === newName)) throw new NameTaken();
    changed.push([newName, now]);
  }
  return Object.fromEntries(changed);
}

function valueAt(
  value: AttributeValue,
  place: Place,
  rules: NaiveRules,
): AttributeValue | undefined {
  const { keepOnly, drop = [], hash = [] } = rules;
  if (drop.some((path) => isAt(path, place))) return undefined;
  const isKept = keepOnly === undefined || keepOnly.some((path) => isIn(place, path));
  const leads = (to: (step: PathStep | undefined) => boolean) =>
    isKept || keepOnly.some((path) => isIn(path, place) && to(path[place.length]));
  if (isKept && hash.some((path) => isAt(path, place))) {
    const text = createHmac('sha256', HASH_KEY).update(canonicalText(value)).digest('base64url');
    return { S: text };
  }
  if (value.M && leads((step) => typeof step === 'string'))
    return { M: mapAt(value.M, place, rules) };
  if (value.L && leads((step) => typeof step !== 'string')) {
    const list = value.L.map((element, index) => valueAt(element, [...place, index], rules));
    return { L: list.filter((element) => element !== undefined) };
  }
  return isKept ? value : undefined;
}

/** Whether a place or a path goes on from where the other one ends, or ends there, too. */
function isIn(inner: Place, outer: Place): boolean {
  return inner.length >= outer.length && outer.every((step, index) => isStep(step, inner[index]));
}

function isAt(path: Place, place: Place): boolean {
  return path.length === place.length && isIn(place, path);
}

function isStep(one: PathStep, other: PathStep | undefined): boolean {
  const isElement = (step: PathStep | undefined) => typeof step === 'number' || step === EVERY;
  const every = one === EVERY ? isElement(other) : other === EVERY && isElement(one);
  return one === other || every;
}

function setIn(
  value: AttributeValue,
  [step, ...rest]: Place,
  wanted: AttributeValue,
): AttributeValue {
  if (step === undefined) return wanted;
  if (typeof step === 'string') {
    if (!value.M) return value;
    const { M: map } = value;
    const found = Object.entries(map).find(([name]) => name === step)?.[1];
    if (found === undefined && rest.length > 0) return value;
    const others = Object.entries(map).filter(([name]) => name !== step);
    return { M: Object.fromEntries([...others, [step, setIn(found ?? wanted, rest, wanted)]]) };
  }
  if (!value.L) return value;
  return {
    L: value.L.map((element, index) =>
      isStep(step, index) ? setIn(element, rest, wanted) : element,
    ),
  };
}
