// Every item is counted once by a comparison, and listed once: also one that cannot be read, and one that is
// a suspect on either side.

import { describe, expect, it } from 'vitest';
import { FerryError } from '../../src/errors.ts';
import { verify, type VerifyContext, verifyKey } from '../../src/verify/verify.ts';
import type { Item, ReadableTable } from '../../src/ports.ts';

/** 'unreadable' for an item that cannot be read. */
type Content = string | undefined;

/** A table in memory, scanned item by item in the order of `names`. */
function table(names: readonly string[], contentOf: (name: string) => Content): ReadableTable {
  const present = names.filter((name) => contentOf(name) !== undefined);
  const itemOf = (name: string): Item => ({ pk: { S: name }, value: { S: contentOf(name) ?? '' } });
  return {
    keyOf: ({ pk }) => (pk === undefined ? {} : { pk }),
    async scan({ after }) {
      const index = after === undefined ? 0 : Number(after['at']?.N);
      const name = present[index];
      const found = name === undefined ? [] : [name];
      return {
        items: found.filter((one) => contentOf(one) !== 'unreadable').map(itemOf),
        unreadable: found
          .filter((one) => contentOf(one) === 'unreadable')
          .map((one) => ({ key: { pk: { S: one } }, reason: 'lost' })),
        readUnits: 1,
        next: index + 1 < present.length ? { at: { N: String(index + 1) } } : undefined,
      };
    },
    async get({ pk }) {
      const name = pk?.S ?? '';
      const content = contentOf(name);
      if (content === 'unreadable') throw new FerryError('lost', { code: 'item.unreadable' });
      return content === undefined ? undefined : itemOf(name);
    },
  };
}

async function compare(tables: Pick<VerifyContext, 'source' | 'destination'>, waitingMax: number) {
  const listed: string[] = [];
  const list = (what: string) => (key: Item) => listed.push(`${key['pk']?.S} ${what}`);
  const context: VerifyContext = {
    ...tables,
    waitingMax,
    rules: { reservedAttribute: '_ferry' },
    clock: { now: () => 0, sleep: async () => undefined },
    settleMs: 0,
    stop: new AbortController().signal,
    onDifference: ({ key, kind }) => void list(kind)(key),
    onInFlight: list('in flight'),
    onUnreadable: list('unreadable'),
  };
  const report = await verify(context, {
    segments: [0],
    totalSegments: 1,
    workers: 1,
    onProgress: () => undefined,
  });
  return { report, listed: listed.toSorted(), context };
}

const NAMES = ['a', 'b', 'c', 'd'];

describe('an item that cannot be read', () => {
  // One entry may wait: nearly every item becomes a suspect on either side.
  for (const waitingMax of [20, 1]) {
    it.each<[string, Content, Content]>([
      ['on both sides', 'unreadable', 'unreadable'],
      ['at the source', 'unreadable', 'x'],
      ['on the twin', 'x', 'unreadable'],
      ['at the source, and is not on the twin', 'unreadable', undefined],
      ['on the twin, and is not at the source', undefined, 'unreadable'],
    ])(`is counted once: %s, ${waitingMax} waiting at most`, async (_, source, twin) => {
      const tables = {
        source: table(NAMES, (name) => (name === 'b' ? source : 'x')),
        destination: table(NAMES.toReversed(), (name) => (name === 'b' ? twin : 'x')),
      };

      const { report, listed } = await compare(tables, waitingMax);

      expect(listed).toEqual(['b unreadable']);
      expect(report).toMatchObject({ unreadable: 1, missing: 0, different: 0, extraneous: 0 });
    });
  }

  it('is compared, where it can be read by the time it is looked at', async () => {
    let scanned = false;
    const changing = table(NAMES, (name) => (name === 'b' && !scanned ? 'unreadable' : 'x'));
    const source: ReadableTable = {
      ...changing,
      async get(key) {
        scanned = true;
        return changing.get(key);
      },
    };

    const { report } = await compare({ source, destination: table(NAMES, () => 'x') }, 20);

    expect(report).toMatchObject({ unreadable: 0, different: 0 });
  });
});

it('counts an item once that is a suspect on either side, and is deleted in between', async () => {
  // The source has it while it is scanned, and no more when it is looked at.
  let looked = false;
  const before = table(NAMES, (name) => (name === 'b' && looked ? undefined : 'x'));
  const source: ReadableTable = {
    ...before,
    async get(key) {
      looked = true;
      return before.get(key);
    },
  };
  const destination = table(NAMES.toReversed(), () => 'x');

  const { report, listed } = await compare({ source, destination }, 1);

  expect(listed).toEqual(['b extraneous']);
  expect(report).toMatchObject({ extraneous: 1, items: 4, destinationItems: 4 });
});

it.each<[string, Content, Content, object]>([
  ['nowhere', undefined, undefined, { items: 0, destinationItems: 0 }],
  ['on both sides', 'x', 'x', { items: 1, destinationItems: 1 }],
  ['at the source', 'x', undefined, { items: 1, destinationItems: 0, missing: 1 }],
  ['on the twin', undefined, 'x', { items: 0, destinationItems: 1, extraneous: 1 }],
  ['unreadable', 'unreadable', 'x', { unreadable: 1 }],
])('counts a single item on each side that has it: %s', async (_, source, twin, expected) => {
  const tables = { source: table(['a'], () => source), destination: table(['a'], () => twin) };
  const { context } = await compare(
    { source: table([], () => 'x'), destination: table([], () => 'x') },
    1,
  );

  expect(await verifyKey({ pk: { S: 'a' } }, { ...context, ...tables })).toMatchObject(expected);
});
