// The rules about the paths of a projection: each can be read, none is about what a projection cannot change, and no
// two contradict each other.

import {
  type AttributePath,
  covers,
  isSame,
  isWithin,
  overlap,
  type PathStep,
  readPath,
} from './attribute-path.ts';
import { show } from './problems.ts';
import { hashRules } from './projection-settings.ts';
import { isWellFormed } from '../text/well-formed.ts';
import type { ProjectionConfig } from './schema.ts';

type Attributes = NonNullable<ProjectionConfig['attributes']>;

/** What a projection cannot change. */
export interface FixedNames {
  readonly keys: readonly string[];
  readonly reservedAttribute: string;
}

interface Written {
  readonly rule: 'keepOnly' | 'drop' | 'hash' | 'rename' | 'set';
  /** The setting, such as drop.1. */
  readonly at: string;
  readonly text: string;
  /** The new name. */
  readonly to?: string;
}

interface Rule extends Written {
  readonly steps: AttributePath;
}

/** One line per problem: path, value, and what was expected. */
export function* pathProblems(
  path: string,
  attributes: Attributes,
  fixed: FixedNames,
): Generator<string> {
  const rules: Rule[] = [];
  for (const written of writtenPaths(attributes)) {
    const steps = readPath(written.text);
    if (typeof steps === 'string') yield `${path}.${written.at} ${steps}`;
    else rules.push({ ...written, steps });
  }
  for (const rule of rules) yield* fixedProblems(path, rule, fixed);
  yield* keepProblems(path, rules);
  yield* clashProblems(path, rules, CLASHES);
  yield* clashProblems(path, withNewNames(rules), NEW_NAME_CLASHES);
}

function writtenPaths(attributes: Attributes): Written[] {
  const { keepOnly = [], drop = [], hash, rename = {}, set = {} } = attributes;
  return [
    ...keepOnly.map((text, index) => ({
      rule: 'keepOnly' as const,
      at: `keepOnly.${index}`,
      text,
    })),
    ...drop.map((text, index) => ({ rule: 'drop' as const, at: `drop.${index}`, text })),
    ...hashRules({ projection: { attributes } }).map(({ attribute: text }, index) => {
      const at = Array.isArray(hash) ? `hash.${index}.attribute` : 'hash.attribute';
      return { rule: 'hash' as const, at, text };
    }),
    ...Object.entries(rename).map(([text, to]) => {
      return { rule: 'rename' as const, at: `rename: ${show(text)}`, text, to };
    }),
    ...Object.keys(set).map((text) => ({ rule: 'set' as const, at: `set: ${show(text)}`, text })),
  ];
}

function* fixedProblems(
  path: string,
  { rule, at, text, steps, to }: Rule,
  { keys, reservedAttribute }: FixedNames,
): Generator<string> {
  const names = [steps[0], ...(to !== undefined && steps.length === 1 ? [to] : [])];
  for (const name of names) {
    if (name === reservedAttribute)
      yield `${path}.${at} must not be about the reservedAttribute, which Ferry writes, got ${show(name)}`;
    if (rule !== 'keepOnly' && keys.includes(name))
      yield `${path}.${at} must not be about a key attribute, which stays as it is, got ${show(name)}`;
  }
  if (![text, to ?? ''].every(isWellFormed))
    yield `${path}.${at} must be Unicode text, got ${show(to ?? text)}`;
  if (to === undefined) return;
  const last = steps.at(-1);
  if (typeof last !== 'string')
    yield `${path}.${at} must end with a name: elements of a list have none`;
  if (last === to) yield `${path}.${at} must get another name, got ${show(to)}`;
}

/** With `keepOnly`, only what is kept can be changed. */
function* keepProblems(path: string, rules: readonly Rule[]): Generator<string> {
  const kept = rules.filter(({ rule }) => rule === 'keepOnly');
  if (kept.length === 0) return;
  for (const { rule, at, text, steps } of rules) {
    const isKept = kept.some((keep) => covers(keep.steps, steps));
    const isOutside = rule === 'rename' && kept.some((keep) => isWithin(keep.steps, steps));
    if (['hash', 'rename'].includes(rule) && !isKept && !isOutside)
      yield `${path}.${at} must be an attribute that keepOnly has, got ${show(text)}`;
  }
}

type Clash = (first: AttributePath, second: AttributePath) => boolean;

const isAround: Clash = (outer, inner) => isWithin(inner, outer);

/** By two rules in their order: whether a path of the first and one of the second contradict each other. */
const CLASHES: Readonly<Record<string, Clash>> = {
  'keepOnly keepOnly': overlap,
  'keepOnly drop': isWithin,
  'drop drop': overlap,
  'drop hash': overlap,
  'drop rename': isAround,
  'hash hash': overlap,
  'hash rename': (hash, rename) => isAround(hash, rename) && !isSame(hash, rename),
  'rename rename': isSame,
};

/** The same of paths with their new names. */
const NEW_NAME_CLASHES: Readonly<Record<string, Clash>> = {
  'hash set': overlap,
  'rename rename': isSame,
  'rename set': isWithin,
  'set set': overlap,
};

/** One line for each rule that contradicts an earlier one. */
function* clashProblems(
  path: string,
  rules: readonly Rule[],
  clashes: typeof CLASHES,
): Generator<string> {
  const earlier = new Map<string, Rule[]>();
  for (const rule of rules) {
    const others = earlier.get(rule.steps[0]) ?? [];
    earlier.set(rule.steps[0], others);
    const clash = others.find((other) =>
      clashes[`${other.rule} ${rule.rule}`]?.(other.steps, rule.steps),
    );
    others.push(rule);
    if (clash !== undefined)
      yield `${path}.${rule.at} must not contradict ${clash.at}, got ${changeText(rule)} and ${changeText(clash)}; remove one of them`;
  }
}

function changeText({ text, to }: Written): string {
  return to === undefined ? show(text) : `${show(text)} to ${show(to)}`;
}

/** Values are set by new names: the others as they are then. */
function withNewNames(rules: readonly Rule[]): Rule[] {
  const key = (steps: readonly PathStep[]) => JSON.stringify(steps.map(String));
  const newNames = new Map(
    rules.flatMap(({ steps, to }) => (to === undefined ? [] : [[key(steps), to]])),
  );
  return rules.map((rule) => {
    if (rule.rule === 'set') return rule;
    const steps = rule.steps.map((step, index) => {
      return newNames.get(key(rule.steps.slice(0, index + 1))) ?? step;
    });
    return { ...rule, steps: steps as unknown as AttributePath };
  });
}
