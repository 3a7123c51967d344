// Input as nobody should send it: any JSON, names that every JavaScript object has, broken text, deep
// nesting, and valid input with a few places changed. SEED=7 repeats a run; a failure prints its seed.

import fc from 'fast-check';

const SEED = process.env['SEED'];

/** Settings of one property. */
export function runs(numRuns: number): { numRuns: number; seed?: number } {
  return { numRuns, ...(SEED === undefined ? {} : { seed: Number(SEED) }) };
}

/** What a name may be that code looks up without asking whether it is there. */
const INHERITED = [
  '__proto__',
  'constructor',
  'toString',
  'valueOf',
  'hasOwnProperty',
  'prototype',
  'toJSON',
  'then',
  'length',
];

const anyUnits = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 })
  .map((units) => String.fromCharCode(...units));

export const hostileText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  anyUnits,
  fc.constantFrom(...INHERITED),
  fc.constantFrom(
    '',
    ' ',
    '\u0000',
    '\ud800',
    '\udc00x',
    '\u2028',
    '\u001b[2J',
    '../..',
    '🚢',
    '%00',
  ),
  fc.integer({ min: 1, max: 20_000 }).map((length) => 'x'.repeat(length)),
);

/** With each member as its own, as `JSON.parse` makes it, also one called "__proto__". */
const objectOf = (value: fc.Arbitrary<unknown>) =>
  fc.array(fc.tuple(hostileText, value), { maxLength: 4 }).map((all) => Object.fromEntries(all));

const LEVELS_MAX = 1_000;

/** Up to 2,000 levels of JSON; beyond 4,000 or so, Node cannot write JSON. */
const deepValue = fc
  .tuple(fc.integer({ min: 30, max: LEVELS_MAX }), fc.constantFrom('list', 'map', 'L', 'M'))
  .map(([levels, kind]) => ({ [NESTED]: levels, kind }));

/** Stands for a nested value until `expanded`: a report of a failure could not print it. */
const NESTED = 'levels of nesting';

/** `value` with what is to be nested deeply nested. */
export function expanded<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  const { [NESTED]: levels, kind } = value as { [NESTED]?: unknown; kind?: unknown };
  // A change may have struck either.
  if (typeof levels === 'number' && typeof kind === 'string')
    return nested(Math.min(levels, LEVELS_MAX), kind) as T;
  if (Array.isArray(value)) return value.map(expanded) as T;
  const members = Object.entries(value).map(([name, member]) => [name, expanded(member)] as const);
  return Object.fromEntries(members) as T;
}

export function nested(levels: number, kind: string): unknown {
  let value: unknown = { S: 'bottom' };
  for (let level = 0; level < levels; level += 1) {
    if (kind === 'list') value = [value];
    else if (kind === 'map') value = { a: value };
    else if (kind === 'L') value = { L: [value] };
    else value = { M: { a: value } };
  }
  return value;
}

const scalar = fc.oneof(
  hostileText,
  fc.constantFrom<unknown>(null, true, false, 0, -0, -1, 1e308, 5e-324, 2 ** 53, 1e21),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

/** Any JSON. */
export const anyJson: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    objectOf(tie('value')),
  ),
})).value;

/** Any JSON, now and then nested deeply. */
export const hostileValue = fc.oneof(
  { weight: 9, arbitrary: anyJson },
  { weight: 1, arbitrary: deepValue },
);

/** A change at one place of a value. `at` chooses the place. */
export const change = fc.record({
  at: fc.nat(),
  how: fc.oneof(
    fc.constant({ kind: 'drop' as const }),
    hostileText.map((name) => ({ kind: 'rename' as const, name })),
    hostileValue.map((value) => ({ kind: 'replace' as const, value })),
    fc
      .tuple(hostileText, hostileValue)
      .map(([name, value]) => ({ kind: 'add' as const, name, value })),
  ),
});
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

/** `value` with `changes` made one after the other; `value` itself stays as it is. */
export function changed(value: unknown, changes: readonly Change[]): unknown {
  return changes.reduce<unknown>((current, { at, how }) => {
    const places = placesOf(current, 0);
    const path = places[at % Math.max(1, places.length)];
    return path === undefined ? current : changedAt(current, path, how);
  }, value);
}

/** Paths to every member, not deeper than the form of a record goes. */
function placesOf(value: unknown, depth: number): string[][] {
  if (typeof value !== 'object' || value === null || depth > 6) return [];
  return Object.entries(value).flatMap(([name, member]) => [
    [name],
    ...placesOf(member, depth + 1).map((path) => [name, ...path]),
  ]);
}

function changedAt(value: unknown, path: readonly string[], how: Change['how']): unknown {
  const [name, ...rest] = path;
  const entries = Object.entries(value as object).flatMap(
    ([key, member]): Array<[string, unknown]> => {
      if (key !== name) return [[key, member]];
      if (rest.length > 0) return [[key, changedAt(member, rest, how)]];
      return changedMember(key, member, how);
    },
  );
  return Array.isArray(value) ? entries.map(([, member]) => member) : Object.fromEntries(entries);
}

function changedMember(key: string, member: unknown, how: Change['how']): Array<[string, unknown]> {
  switch (how.kind) {
    case 'drop':
      return [];
    case 'rename':
      return [[how.name, member]];
    case 'replace':
      return [[key, how.value]];
    case 'add':
      return [
        [key, member],
        [how.name, how.value],
      ];
  }
}
