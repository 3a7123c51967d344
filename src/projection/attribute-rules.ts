// The rules about attributes -> one function of an item, made once. All paths but those of `set` are the source's, so
// one walk keeps, drops, hashes and renames. The configuration has been checked: no two rules contradict each other.
// Only maps and lists on a path are copied; other values pass by reference.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { attributePath, EVERY, type PathStep } from '../config/attribute-path.ts';
import { hashRules } from '../config/projection-settings.ts';
import type { ProjectionConfig } from '../config/schema.ts';
import type { Item } from '../model/attribute-value.ts';
import { ProjectionFailed } from '../model/projection.ts';
import { valueOf } from './condition.ts';
import { type HashKeys, hashWith } from './hash.ts';
import { type Attributes, putAttribute, setAttribute } from './set-attribute.ts';

type AttributeRules = NonNullable<ProjectionConfig['attributes']>;

/** @returns undefined where the rule takes the value away. */
type Change = (value: AttributeValue) => AttributeValue | undefined;

type Rule = { readonly steps: readonly PathStep[] } & (
  | { readonly kind: 'keep' | 'drop' }
  | { readonly kind: 'hash'; readonly hash: (value: AttributeValue) => AttributeValue }
  | { readonly kind: 'rename'; readonly to: string }
);

/** What becomes of the rest of a map or list, and of a value that no rule is about. */
interface Scope {
  readonly rules: readonly Rule[];
  /** Nothing stays but what a rule keeps. */
  readonly isClosed: boolean;
}

/** @returns a function of an item and its key. It copies the item, and throws ProjectionFailed. */
export function compileAttributes(
  attributes: AttributeRules,
  hashKeys: HashKeys,
): (source: Item, key: Item) => Item {
  const isClosed = attributes.keepOnly !== undefined;
  const change = changeOfMap({ rules: rulesOf(attributes, hashKeys), isClosed });
  const sets = Object.entries(attributes.set ?? {}).map(
    ([path, typed]) => [attributePath(path), valueOf(typed)] as const,
  );
  return (source, key) => {
    const content = change(source, key);
    for (const [path, value] of sets) setAttribute(content, path, value);
    return content;
  };
}

function rulesOf(attributes: AttributeRules, hashKeys: HashKeys): Rule[] {
  const { keepOnly = [], drop = [], rename = {} } = attributes;
  return [
    ...keepOnly.map((path): Rule => ({ kind: 'keep', steps: attributePath(path) })),
    ...drop.map((path): Rule => ({ kind: 'drop', steps: attributePath(path) })),
    ...hashRules({ projection: { attributes } }).map(
      (rule): Rule => ({
        kind: 'hash',
        steps: attributePath(rule.attribute),
        hash: hashWith(hashKeys(rule)),
      }),
    ),
    ...Object.entries(rename).map(
      ([path, to]): Rule => ({ kind: 'rename', steps: attributePath(path), to }),
    ),
  ];
}

const NO_KEY: Item = {};

interface Member {
  readonly change: Change | undefined;
  readonly newName: string | undefined;
}

function changeOfMap({ rules, isClosed }: Scope): (map: Item, key?: Item) => Attributes {
  const members = new Map<string, Member>();
  for (const name of new Set(rules.map(({ steps: [step] }) => step))) {
    if (typeof name !== 'string') continue;
    const inside = rulesInside(rules, (step) => step === name);
    members.set(name, {
      change: changeOf({ rules: inside, isClosed }),
      newName: newNameOf(inside),
    });
  }
  const newNames = new Set([...members.values()].flatMap(({ newName }) => newName ?? []));
  return (map, key = NO_KEY) => {
    const changed: Attributes = {};
    for (const name of Object.keys(map)) {
      const member = members.get(name);
      if (member === undefined && isClosed && !Object.hasOwn(key, name)) continue;
      const value = map[name] as AttributeValue;
      const now = member?.change === undefined ? value : member.change(value);
      if (now === undefined) continue;
      const newName = member?.newName ?? name;
      if (newNames.has(newName) && Object.hasOwn(changed, newName)) throw nameTaken(newName);
      putAttribute(changed, newName, now);
    }
    return changed;
  };
}

function changeOfList({ rules, isClosed }: Scope): (list: AttributeValue[]) => AttributeValue[] {
  const changeAt = (index: PathStep) =>
    changeOf({ rules: rulesInside(rules, (step) => step === index || step === EVERY), isClosed });
  const elements = new Map(
    rules.map(({ steps: [index = EVERY] }) => [index, changeAt(index)] as const),
  );
  const ofEvery = changeAt(EVERY);
  return (list) =>
    list.flatMap((value, index) => {
      const change = elements.has(index) ? elements.get(index) : ofEvery;
      return (change === undefined ? value : change(value)) ?? [];
    });
}

/** @returns undefined where a value stays as it is. */
function changeOf({ rules, isClosed }: Scope): Change | undefined {
  const here = rules.filter(({ steps }) => steps.length === 0);
  const isOpen = !isClosed || here.some(({ kind }) => kind === 'keep');
  if (here.some(({ kind }) => kind === 'drop')) return () => undefined;
  if (!isOpen && !rules.some(({ kind }) => kind === 'keep')) return () => undefined;
  for (const rule of here) if (rule.kind === 'hash' && isOpen) return rule.hash;
  const deeper = rules.filter(({ steps, kind }) => {
    return steps.length > 0 && !(isOpen && kind === 'keep');
  });
  return deeper.length === 0 ? undefined : changeInside({ rules: deeper, isClosed: !isOpen });
}

function changeInside({ rules, isClosed }: Scope): Change {
  const of = (isOfKind: (step: PathStep | undefined) => boolean): Scope | undefined => {
    const some = rules.filter(({ steps: [step] }) => isOfKind(step));
    const counts = isClosed ? some.some(({ kind }) => kind === 'keep') : some.length > 0;
    return counts ? { rules: some, isClosed } : undefined;
  };
  const [named, listed] = [
    of((step) => typeof step === 'string'),
    of((step) => typeof step !== 'string'),
  ];
  const map = named && changeOfMap(named);
  const list = listed && changeOfList(listed);
  return (value) => {
    if (map !== undefined && value.M !== undefined) return { M: map(value.M) };
    if (list !== undefined && value.L !== undefined) return { L: list(value.L) };
    return isClosed ? undefined : value;
  };
}

function rulesInside(rules: readonly Rule[], isInside: (step: PathStep) => boolean): Rule[] {
  return rules.flatMap((rule) => {
    const [step, ...steps] = rule.steps;
    return step !== undefined && isInside(step) ? { ...rule, steps } : [];
  });
}

function newNameOf(rules: readonly Rule[]): string | undefined {
  for (const rule of rules) if (rule.kind === 'rename' && rule.steps.length === 0) return rule.to;
  return undefined;
}

function nameTaken(name: string): ProjectionFailed {
  return new ProjectionFailed(
    'ProjectionNameTaken',
    `an attribute is renamed to ${name}, and the item has another attribute of that name`,
  );
}
