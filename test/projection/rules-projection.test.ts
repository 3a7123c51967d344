import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import {
  type AttributePath,
  EVERY,
  overlap,
  type PathStep,
} from '../../src/config/attribute-path.ts';
import type { ProjectionConfig } from '../../src/config/schema.ts';
import { decodeItem, type Item, itemJson } from '../../src/model/attribute-value.ts';
import { ProjectionFailed } from '../../src/model/projection.ts';
import { rulesProjection } from '../../src/projection/rules-projection.ts';
import { attributes as arbitraryAttributes } from '../fixtures/arbitrary-items.ts';
import { HASH_KEY, naiveProjection, type NaiveRules } from './naive-rules.ts';

type Attributes = NonNullable<ProjectionConfig['attributes']>;

const KEY: Item = { pk: { S: 'a' }, sk: { N: '7' } };
const SECRET = {
  secret: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:ferry/hash-AbCdEf',
  versionId: '11111111-aaaa-4aaa-8aaa-111111111111',
};

/** Of the number 1, by its meaning. */
const HASH_OF_ONE = createHmac('sha256', HASH_KEY).update('["N","1e0"]').digest('base64url');

function project(item: object, attributes: Attributes): Item | undefined {
  const projection = rulesProjection({ attributes }, () => HASH_KEY);
  return projection.project(decodeItem({ ...KEY, ...item }, 'item'), KEY);
}

const text = (S: string) => ({ S });
const list = (...L: object[]) => ({ L });
const map = (M: object) => ({ M });

describe.each<[string, object, Attributes, object]>([
  ['drops attributes', { a: text('1'), b: text('2') }, { drop: ['a', 'c'] }, { b: text('2') }],
  [
    'drops a name with a dot in it',
    { 'a.b': text('1'), a: map({ b: text('2') }) },
    { drop: ['a\\.b'] },
    { a: map({ b: text('2') }) },
  ],
  [
    'drops inside a map',
    { a: map({ b: text('1'), c: text('2') }) },
    { drop: ['a.b'] },
    { a: map({ c: text('2') }) },
  ],
  [
    'drops elements by their index in the source',
    { a: list(text('0'), text('1'), text('2')) },
    { drop: ['a[0]', 'a[1]'] },
    { a: list(text('2')) },
  ],
  [
    'drops in each element',
    { a: list(map({ b: text('1'), c: text('2') }), text('x')) },
    { drop: ['a[*].b'] },
    { a: list(map({ c: text('2') }), text('x')) },
  ],
  [
    'drops something else in one element than in all',
    { a: list(map({ b: text('1'), c: text('2') }), map({ b: text('3'), c: text('4') })) },
    { drop: ['a[*].b', 'a[1].c'] },
    { a: list(map({ c: text('2') }), map({})) },
  ],
  [
    'leaves alone what has no such path',
    { a: text('1'), b: list() },
    { drop: ['a.b', 'a[0]', 'b.c'] },
    { a: text('1'), b: list() },
  ],
  ['keeps only some', { a: text('1'), b: text('2') }, { keepOnly: ['a'] }, { a: text('1') }],
  [
    'keeps only a part of a map and of a list',
    { a: map({ b: text('1'), c: text('2') }), d: list(text('3'), text('4')), e: text('5') },
    { keepOnly: ['a.b', 'd[1]'] },
    { a: map({ b: text('1') }), d: list(text('4')) },
  ],
  ['keeps nothing of a value without such a path', { a: text('1') }, { keepOnly: ['a.b'] }, {}],
  [
    'keeps, and drops in what it keeps',
    { a: map({ b: text('1'), c: text('2') }) },
    { keepOnly: ['a'], drop: ['a.b'] },
    { a: map({ c: text('2') }) },
  ],
  [
    'exchanges two names',
    { a: text('1'), b: text('2') },
    { rename: { a: 'b', b: 'a' } },
    { b: text('1'), a: text('2') },
  ],
  [
    'gives a name that a dropped attribute had',
    { a: text('1'), b: text('2') },
    { drop: ['b'], rename: { a: 'b' } },
    { b: text('1') },
  ],
  [
    'renames inside a map, and the map',
    { a: map({ b: text('1') }) },
    { rename: { a: 'x', 'a.b': 'y' } },
    { x: map({ y: text('1') }) },
  ],
  [
    'renames in each element',
    { a: list(map({ b: text('1') })) },
    { rename: { 'a[*].b': 'c' } },
    { a: list(map({ c: text('1') })) },
  ],
  [
    'sets by the new names, in maps that are there',
    { a: map({}), b: text('1') },
    {
      rename: { a: 'x' },
      set: { 'x.y': { N: '1' }, 'a.y': { N: '2' }, 'b.y': { N: '3' }, z: { BOOL: true } },
    },
    { x: map({ y: { N: '1' } }), b: text('1'), z: { BOOL: true } },
  ],
  [
    'sets in each element, and in one',
    { a: list(map({}), map({}), text('x')) },
    { set: { 'a[*].b': text('1'), 'a[2]': text('2'), 'a[3]': text('3') } },
    { a: list(map({ b: text('1') }), map({ b: text('1') }), text('2')) },
  ],
  ['sets bytes', {}, { set: { a: { B: 'AP8=' } } }, { a: { B: 'AP8=' } }],
  [
    'hashes the same meaning to the same text, and then renames',
    { a: { N: '1.0' }, b: list({ N: '1' }, text('1')) },
    {
      hash: [
        { attribute: 'a', ...SECRET },
        { attribute: 'b[0]', ...SECRET },
      ],
      rename: { a: 'c' },
    },
    {
      c: text(HASH_OF_ONE),
      b: list(text(HASH_OF_ONE), text('1')),
    },
  ],
])('%s', (_, item, attributes, expected) => {
  it('and keeps the key', () => {
    const content = project(item, attributes) as Item;

    expect(JSON.parse(itemJson(content))).toEqual({ ...KEY, ...expected });
  });
});

it('keeps attributes that are called __proto__, and finds no others that all objects have', () => {
  const item = JSON.parse(
    '{"__proto__":{"S":"x"},"m":{"M":{"__proto__":{"S":"y"},"a":{"S":"z"}}}}',
  ) as object;
  const source = decodeItem({ ...KEY, ...item }, 'item');
  const rules = {
    drop: ['m.a', 'constructor'],
    rename: { toString: 'x' },
    set: { 'valueOf.x': text('1') },
  };
  const content = rulesProjection({ attributes: rules }).project(source, KEY) as Item;

  expect(JSON.stringify(content)).toBe(
    '{"pk":{"S":"a"},"sk":{"N":"7"},"__proto__":{"S":"x"},"m":{"M":{"__proto__":{"S":"y"}}}}',
  );
  expect(Object.getPrototypeOf(content)).toBe(Object.prototype);
});

it('gives an attribute the name __proto__, and takes it away', () => {
  const renamed = project({ a: text('x') }, { rename: { a: '__proto__' } }) as Item;
  const dropped = rulesProjection({ attributes: { drop: ['__proto__'] } }).project(renamed, KEY);

  expect(Object.keys(renamed)).toContain('__proto__');
  expect(dropped).toEqual(KEY);
});

it.each<[string, object, Attributes]>([
  ['another attribute', { a: text('1'), b: text('2') }, { rename: { a: 'b' } }],
  [
    'another attribute of the map',
    { m: map({ b: text('2'), a: text('1') }) },
    { rename: { 'm.a': 'b' } },
  ],
  ['the key', { a: text('1') }, { rename: { a: 'pk' } }],
])('fails where a new name is taken by %s', (_, item, attributes) => {
  expect(() => project(item, attributes)).toThrow(
    expect.objectContaining({ name: 'ProjectionNameTaken' }),
  );
});

it.each<[string, Attributes]>([
  ['is dropped', { drop: ['pk'] }],
  ['is renamed', { rename: { sk: 'other' } }],
  ['is set', { set: { sk: { N: '8' } } }],
  ['is hashed', { hash: { attribute: 'pk', ...SECRET } }],
  ['changes its name with another attribute', { rename: { pk: 'a', a: 'pk' } }],
])('fails where a key attribute %s', (_, attributes) => {
  expect(() => project({ a: text('1') }, attributes)).toThrow(
    expect.objectContaining({ name: 'ProjectionKeyChanged' }),
  );
});

it('says nothing of an item in the message of a failure', () => {
  const failures = [{ rename: { a: 'b' } }, { drop: ['pk'] }].map((attributes) => {
    try {
      return project({ a: text('value-1'), b: text('value-2') }, attributes);
    } catch (error) {
      return error;
    }
  });

  expect(failures.every((failure) => failure instanceof ProjectionFailed)).toBe(true);
  expect(failures.join(' ')).not.toMatch(/value/);
});

it('has the items that fulfil its condition only, and gives them as they are', () => {
  const projection = rulesProjection({ keepItems: { attribute: 'a', exists: true } });
  const item = { ...KEY, a: text('1') };

  expect(projection.filters).toBe(true);
  expect(projection.project(item, KEY)).toBe(item);
  expect(projection.project(KEY, KEY)).toBeUndefined();
});

describe('for arbitrary items and rules', () => {
  it('makes what the naive projection makes, and changes nothing of the source', () => {
    let [changed, taken] = [0, 0];
    fc.assert(
      fc.property(arbitraryCase, ({ item, rules }) => {
        const json = itemJson(item);
        const expected = naiveProjection(item, KEY, rules);
        const projection = rulesProjection({ attributes: asConfig(rules) }, () => HASH_KEY);
        const twice = [1, 2].map(() => outcomeOf(() => projection.project(deepFrozen(item), KEY)));

        expect(twice[0]).toEqual(expected ?? 'ProjectionNameTaken');
        expect(twice[1]).toEqual(twice[0]);
        expect(itemJson(item)).toBe(json);
        if (expected === undefined) taken += 1;
        else if (itemJson(expected) !== json) changed += 1;
      }),
      { numRuns: 1_000 },
    );
    // Most rules find something to do.
    expect(changed).toBeGreaterThan(300);
    expect(taken).toBeGreaterThan(0);
  });

  it('gives every value that no rule is about by reference', () => {
    fc.assert(
      fc.property(arbitraryCase, ({ item, rules }) => {
        const config = asConfig({ ...rules, rename: [] });
        const content = outcomeOf(() =>
          rulesProjection({ attributes: config }, () => HASH_KEY).project(item, KEY),
        );
        const paths = Object.values(rules).flatMap((of) => of.map(pathOf));
        const touched = new Set(paths.map(([name]) => name));
        const untouched = Object.entries(content as Item).filter(([name]) => !touched.has(name));

        expect(untouched.every(([name, value]) => value === item[name])).toBe(true);
      }),
    );
  });
});

function outcomeOf(projected: () => Item | undefined): unknown {
  try {
    return projected();
  } catch (error) {
    if (error instanceof ProjectionFailed) return error.name;
    throw error;
  }
}

function deepFrozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array))
    Object.values(Object.freeze(value)).forEach(deepFrozen);
  return value;
}

/** Of the item's own places, with some steps replaced. */
const arbitraryCase = arbitraryAttributes
  .map((json) => decodeItem({ ...KEY, ...json }, 'item'))
  .chain((item) => fc.record({ item: fc.constant(item), rules: rulesAbout(placesIn(item)) }));

function placesIn(item: Item, at: readonly PathStep[] = []): PathStep[][] {
  return Object.entries(item)
    .filter(([name]) => at.length > 0 || !Object.hasOwn(KEY, name))
    .flatMap(([name, value]) => placesOf(value, [...at, name]));
}

function placesOf(value: AttributeValue, place: readonly PathStep[]): PathStep[][] {
  const elements = (value.L ?? []).flatMap((element, index) =>
    placesOf(element, [...place, index]),
  );
  return [[...place], ...placesIn(value.M ?? {}, place), ...elements];
}

function rulesAbout(places: readonly PathStep[][]): fc.Arbitrary<NaiveRules> {
  const path = fc
    .tuple(fc.constantFrom(['absent'], ['absent', 0], ...places), fc.nat(9))
    .map(([steps, change]) => {
      const changed = [...steps];
      const last = changed.length - 1;
      if (change === 0) changed.push('inside');
      if (change === 1) changed.push(EVERY);
      if (change > 6)
        changed.forEach((step, index) => {
          if (typeof step === 'number') changed[index] = EVERY;
        });
      if (change === 2 && last > 0) changed.pop();
      return changed as unknown as AttributePath;
    });
  const some = (maxLength: number) => fc.array(path, { maxLength });
  const names = places.flatMap((steps) => steps.filter((step) => typeof step === 'string'));
  return fc
    .record({
      keepOnly: fc.option(some(4), { nil: [] }),
      drop: some(3),
      hash: some(2),
      rename: fc.array(fc.tuple(path, fc.constantFrom('new', 'other', '__proto__', ...names)), {
        maxLength: 3,
      }),
      set: fc.array(fc.tuple(path, fc.constantFrom({ S: 'set' }, { M: { inside: { N: '1' } } })), {
        maxLength: 3,
      }),
    })
    .map(withoutContradictions);
}

/** As a checked configuration has them. */
function withoutContradictions(rules: Required<NaiveRules>): NaiveRules {
  const apart = <T>(all: readonly T[], others: readonly AttributePath[] = []): T[] =>
    all.filter((one, index) => {
      const paths = [...all.slice(0, index).map(pathOf), ...others];
      return !paths.some((path) => overlap(path, pathOf(one)));
    });
  const keepOnly = apart(rules.keepOnly);
  const drop = apart(rules.drop);
  const hash = apart(rules.hash, drop);
  const rename = apart(
    rules.rename.filter(([path, to]) => typeof path.at(-1) === 'string' && path.at(-1) !== to),
    [...drop, ...hash],
  );
  const set = apart(rules.set, hash);
  return { drop, hash, rename, set, ...(keepOnly.length > 0 && { keepOnly }) };
}

function pathOf(rule: unknown): AttributePath {
  const [first] = rule as readonly unknown[];
  return (Array.isArray(first) ? first : rule) as AttributePath;
}

function asConfig({
  keepOnly,
  drop = [],
  hash = [],
  rename = [],
  set = [],
}: NaiveRules): Attributes {
  const byPath = <T>(entries: ReadonlyArray<readonly [AttributePath, T]>) =>
    Object.fromEntries(entries.map(([path, value]) => [written(path), value] as const));
  return {
    ...(keepOnly && { keepOnly: keepOnly.map(written) as [string, ...string[]] }),
    drop: drop.map(written) as [string, ...string[]],
    hash: hash.map((path) => ({ attribute: written(path), ...SECRET })),
    rename: byPath(rename),
    set: byPath(set) as unknown as NonNullable<Attributes['set']>,
  };
}

function written(path: AttributePath): string {
  return path
    .map((step) => {
      if (step === EVERY) return '[*]';
      return typeof step === 'number' ? `[${step}]` : `.${step.replaceAll(/[.[\]\\]/g, '\\$&')}`;
    })
    .join('')
    .slice(1);
}
