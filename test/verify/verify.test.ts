// Comparisons of whole tables, on a real engine: exactly what was planted is found, also while both tables
// are written to.

import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { dynamoDbReader } from '../../src/aws/dynamodb-reader.ts';
import { systemClock } from '../../src/aws/system-clock.ts';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { FerryError } from '../../src/errors.ts';
import type { Difference } from '../../src/verify/confirm-differences.ts';
import {
  verify,
  type VerifyContext,
  verifyKey,
  verifySegment,
  type VerifyReport,
} from '../../src/verify/verify.ts';
import type { Item, ReadableTable } from '../../src/ports.ts';
import { type KeyColumn, useEngine } from '../fixtures/engine.ts';
import { putAll } from '../fixtures/two-regions.ts';

const engine = useEngine();
const version = { _ferry: { M: { v: { S: '0001' } } } };
let tables = 0;

/** Two new tables with these items. */
async function pair(source: Item[], destination: Item[], keys: KeyColumn[] = [PK]) {
  tables += 1;
  const names = [`verified-${tables}-source`, `verified-${tables}-twin`] as const;
  for (const name of names) await engine().createTable(name, keys);
  await putAll(engine(), names[0], source);
  await putAll(engine(), names[1], destination);
  const keyAttributes = keys.map(({ name }) => name);
  const [left, right] = names.map((table) =>
    dynamoDbReader(engine().client, { table, keyAttributes }),
  ) as [ReadableTable, ReadableTable];
  return { names, source: left, destination: right };
}

const PK: KeyColumn = { name: 'pk', type: 'S' };

interface Found {
  readonly report: VerifyReport;
  readonly differences: Difference[];
  readonly inFlight: Item[];
}

async function compare(
  tables: Pick<VerifyContext, 'source' | 'destination'>,
  parts: Partial<VerifyContext> = {},
): Promise<Found> {
  const differences: Difference[] = [];
  const inFlight: Item[] = [];
  const context: VerifyContext = {
    ...tables,
    rules: { reservedAttribute: '_ferry' },
    clock: systemClock,
    settleMs: 0,
    stop: new AbortController().signal,
    onDifference: (difference) => differences.push(difference),
    onInFlight: (key) => inFlight.push(key),
    onUnreadable: () => undefined,
    ...parts,
  };
  const options = { segments: [0, 1, 2, 3], totalSegments: 4, workers: 2 };
  const report = await verify(context, { ...options, onProgress: () => undefined });
  return { report, differences, inFlight };
}

/** Name, source's attributes, destination's attributes, and what is to be found. */
const PLANTED: ReadonlyArray<readonly [string, Item | undefined, Item | undefined, string?]> = [
  ['missing', { a: { N: '1' } }, undefined, 'missing'],
  ['extraneous', undefined, { a: { N: '1' } }, 'extraneous'],
  ['number', { a: { N: '1' } }, { a: { N: '2' } }, 'different a'],
  [
    'large number',
    { a: { N: '9007199254740993' } },
    { a: { N: '9007199254740992' } },
    'different a',
  ],
  ['same number', { a: { N: '1' } }, { a: { N: '1.0' } }],
  ['set', { a: { NS: ['1', '2'] } }, { a: { NS: ['1', '3'] } }, 'different a'],
  ['same set', { a: { SS: ['x', 'y'] } }, { a: { SS: ['y', 'x'] } }],
  [
    'list order',
    { a: { L: [{ N: '1' }, { N: '2' }] } },
    { a: { L: [{ N: '2' }, { N: '1' }] } },
    'different a',
  ],
  [
    'nested',
    { a: { M: { b: { L: [{ S: 'x' }] } } } },
    { a: { M: { b: { L: [{ S: 'y' }] } } } },
    'different a',
  ],
  ['type', { a: { N: '1' } }, { a: { S: '1' } }, 'different a'],
  ['empty or null', { a: { S: '' } }, { a: { NULL: true } }, 'different a'],
  [
    'binary',
    { a: { B: Buffer.from([0, 255]) } },
    { a: { B: Buffer.from([0, 254]) } },
    'different a',
  ],
  ['one more', { a: { N: '1' }, b: { N: '1' } }, { a: { N: '1' } }, 'different b'],
  ['one other', { a: { N: '1' } }, { b: { N: '1' } }, 'different a,b'],
  ['version only', { a: { N: '1' } }, { a: { N: '1' } }],
];
const plantedKey = (name: string) => `planted ${name}`;
const EXPECTED = PLANTED.flatMap(([name, , , kind]) =>
  kind === undefined ? [] : [`${plantedKey(name)}: ${kind}`],
).toSorted();
const planted = (side: 1 | 2) =>
  PLANTED.flatMap(([name, ...sides]) => {
    const attributes = sides[side - 1] as Item | undefined;
    const reserved = side === 2 ? version : {};
    return attributes === undefined
      ? []
      : [{ pk: { S: plantedKey(name) }, ...attributes, ...reserved }];
  });
const described = ({ differences }: Found) =>
  differences
    .map(({ key, kind, attributes }) => `${key['pk']?.S}: ${kind} ${attributes.join(',')}`.trim())
    .toSorted();

it('finds exactly what was planted among many equal items', async () => {
  const same = Array.from({ length: 3_000 }, (_, index) => ({
    pk: { S: `same-${index}` },
    text: { S: 'x'.repeat(1_000) },
  }));
  const twins = same.map((item) => ({ ...item, ...version }));

  const found = await compare(await pair([...planted(1), ...same], [...planted(2), ...twins]));

  expect(described(found)).toEqual(EXPECTED);
  expect(found.report).toMatchObject({
    items: 3_000 + planted(1).length,
    destinationItems: 3_000 + planted(2).length,
    missing: 1,
    extraneous: 1,
    inFlight: 0,
    segmentsDone: 4,
  });
  // Several megabytes, in pages of one each.
  expect(found.report.sourceReadUnits).toBeGreaterThan(500);
});

it('finds exactly what was planted while both tables are written to', async () => {
  const busy = Array.from({ length: 60 }, (_, index) => ({
    pk: { S: `busy-${index}` },
    n: { N: '0' },
  }));
  const tables = await pair([...planted(1), ...busy], [...planted(2), ...busy]);
  const traffic = trafficBetween(tables.names, 60);
  try {
    for (let round = 0; round < 10; round += 1) {
      const found = await compare(tables, { clock: traffic.clock, settleMs: 10 });
      expect(described(found)).toEqual(EXPECTED);
    }
  } finally {
    await traffic.stop();
  }
});

/**
 * Writes and deletes items of the source, and the twin's shortly after. Its clock counts them: what is slow on
 * this machine is slow for the comparison, too.
 */
function trafficBetween([source, twin]: readonly [string, string], items: number) {
  const done = { writes: 0, stopped: false };
  const write = async (number: number) => {
    const pk = { S: `busy-${number % items}` };
    const item = { pk, n: { N: String(number) } };
    for (const TableName of [source, twin]) {
      const { client } = engine();
      await (number % 7 === 0
        ? client.send(new DeleteItemCommand({ TableName, Key: { pk } }))
        : client.send(new PutItemCommand({ TableName, Item: item })));
      await systemClock.sleep(1);
    }
  };
  const run = async () => {
    for (; !done.stopped; done.writes += 1) await write(done.writes);
  };
  const finished = run();
  const sleep = async (ms: number) => {
    const until = done.writes + ms;
    while (done.writes < until) await Promise.race([systemClock.sleep(1), finished]);
  };
  const stop = () => {
    done.stopped = true;
    return finished;
  };
  return { clock: { now: () => done.writes, sleep }, stop };
}

it.each([
  ['a number', [{ name: 'pk', type: 'N' }], [{ pk: { N: '1' } }, { pk: { N: '2' } }]],
  [
    'bytes',
    [{ name: 'pk', type: 'B' }],
    [{ pk: { B: Buffer.from([255]) } }, { pk: { B: Buffer.from([0]) } }],
  ],
  [
    'two attributes',
    [
      { name: 'pk', type: 'S' },
      { name: 'sk', type: 'N' },
    ],
    [
      { pk: { S: 'a' }, sk: { N: '10' } },
      { pk: { S: 'a' }, sk: { N: '9' } },
    ],
  ],
] as Array<[string, KeyColumn[], [Item, Item]]>)(
  'knows items by %s',
  async (_, keys, [one, two]) => {
    const value = { a: { N: '1' } };
    const tables = await pair(
      [
        { ...one, ...value },
        { ...two, ...value },
      ],
      [{ ...one, ...value }],
      keys,
    );

    const { differences } = await compare(tables);

    expect(differences.map(({ key, kind }) => [canonicalKey(key), kind])).toEqual([
      [canonicalKey(two), 'missing'],
    ]);
  },
);

const ago = (days: number) => ({
  expires: { N: String(Math.floor(Date.now() / 1000) - days * 24 * 60 * 60) },
});

it.each([
  ['missing, where the source removes it', [ago(1)], [], { source: 'expires' }, { expired: 1 }],
  [
    'missing, where only the twin expires items',
    [ago(1)],
    [],
    { destination: 'expires' },
    { missing: 1 },
  ],
  [
    'extraneous, where the twin removes it',
    [],
    [ago(1)],
    { destination: 'expires' },
    { expired: 1 },
  ],
  ['extraneous, where nobody removes it', [], [ago(1)], { source: 'expires' }, { extraneous: 1 }],
  ['missing, and too old to be removed', [ago(6 * 365)], [], { source: 'expires' }, { missing: 1 }],
  [
    'missing, with a zero for never',
    [{ expires: { N: '0' } }],
    [],
    { source: 'expires' },
    { missing: 1 },
  ],
])(
  'tells what DynamoDB will put right from what it will not: %s',
  async (_, source, twin, timeToLive, expected) => {
    const item = (attributes: object) => ({ pk: { S: 'a' }, ...attributes });
    const tables = await pair(source.map(item), twin.map(item));

    const { report } = await compare(tables, { timeToLive });

    expect(report).toMatchObject({ expired: 0, missing: 0, extraneous: 0, ...expected });
  },
);

it('counts apart what has expired on one side only', async () => {
  const expired = ago(1);
  const later = { expires: { N: String(4e9) } };
  const tables = await pair(
    [
      { pk: { S: 'a' }, ...expired },
      { pk: { S: 'b' }, ...later },
    ],
    [{ pk: { S: 'c' }, ...expired }],
  );

  const { report, differences } = await compare(tables, {
    timeToLive: { source: 'expires', destination: 'expires' },
  });

  expect(report).toMatchObject({ expired: 2, missing: 1, extraneous: 0 });
  expect(differences.map(({ key }) => key['pk']?.S)).toEqual(['b']);
});

it('looks up no more than differs, also where far more is missing than may wait', async () => {
  const all = Array.from({ length: 60_000 }, (_, index) => ({ pk: { S: String(index) } }));
  let looks = 0;
  const tableOf = (items: readonly Item[]): ReadableTable => {
    const byKey = new Map(items.map((item) => [item['pk']?.S, item]));
    return {
      keyOf: (item) => item,
      async scan({ after, limit = 1_000 }) {
        const from = Number(after?.['at']?.N ?? 0);
        const next = from + limit < items.length ? { at: { N: String(from + limit) } } : undefined;
        return { items: items.slice(from, from + limit), unreadable: [], readUnits: 1, next };
      },
      async get({ pk }) {
        looks += 1;
        return byKey.get(pk?.S);
      },
    };
  };
  const tables = { source: tableOf(all), destination: tableOf(all.filter((_, n) => n % 6 > 0)) };

  const { report } = await verifySegment(
    { segment: 0, totalSegments: 1 },
    {
      ...tables,
      waitingMax: 5_000,
      rules: { reservedAttribute: '_ferry' },
      clock: { now: () => 0, sleep: async () => undefined },
      settleMs: 0,
      stop: new AbortController().signal,
      onDifference: () => undefined,
      onInFlight: () => undefined,
      onUnreadable: () => undefined,
    },
    () => false,
  );

  expect(report.missing).toBe(10_000);
  // Three reads at each of two looks.
  expect(looks).toBeLessThanOrEqual(1.1 * 6 * 10_000);
});

it('does not call an item equal that cannot be read', async () => {
  const tables = await pair([{ pk: { S: 'odd' } }], []);
  const unreadable = {
    get: () => Promise.reject(new FerryError('lost', { code: 'item.unreadable' })),
  };
  const context: VerifyContext = {
    ...tables,
    destination: { ...tables.destination, ...unreadable },
    rules: { reservedAttribute: '_ferry' },
    clock: systemClock,
    settleMs: 0,
    stop: new AbortController().signal,
    onDifference: () => undefined,
    onInFlight: () => undefined,
    onUnreadable: () => undefined,
  };

  expect(await verifyKey({ pk: { S: 'odd' } }, context)).toMatchObject({
    unreadable: 1,
    missing: 0,
  });
});

it('can stop in a segment, and go on there', async () => {
  const items = Array.from({ length: 4_000 }, (_, index) => ({
    pk: { S: `item-${index}` },
    text: { S: 'x'.repeat(900) },
  }));
  const tables = await pair(items, items.slice(0, 3_990));
  const missing: string[] = [];
  const context: VerifyContext = {
    ...tables,
    rules: { reservedAttribute: '_ferry' },
    clock: systemClock,
    settleMs: 0,
    stop: new AbortController().signal,
    onDifference: ({ key }) => missing.push(key['pk']?.S ?? ''),
    onInFlight: () => undefined,
    onUnreadable: () => undefined,
  };
  let calls = 0;
  let items_ = 0;
  let from: Awaited<ReturnType<typeof verifySegment>>['next'];
  do {
    let pages = 0;
    const part = await verifySegment(
      { segment: 0, totalSegments: 1, from },
      context,
      () => (pages += 1) > 2,
    );
    calls += 1;
    items_ += part.report.items;
    from = part.next;
  } while (from !== undefined);

  expect(calls).toBeGreaterThan(2);
  expect(items_).toBe(4_000);
  expect(missing.toSorted()).toEqual(
    items
      .slice(3_990)
      .map(({ pk }) => pk.S)
      .toSorted(),
  );
});

it('stops when it is told to, and fails when a read fails', async () => {
  const tables = await pair([{ pk: { S: 'a' } }], []);
  const stop = AbortSignal.abort(new Error('enough'));
  const broken = { ...tables.destination, get: async () => Promise.reject(new Error('broken')) };

  await expect(compare(tables, { stop })).rejects.toThrow('enough');
  await expect(compare({ ...tables, destination: broken })).rejects.toThrow('broken');
});

it('reports every difference once, in whatever order the scans come, and nothing else', async () => {
  const side = fc.dictionary(
    fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'),
    fc.integer({ min: 0, max: 1 }),
    {
      noNullPrototype: true,
    },
  );
  await fc.assert(
    fc.asyncProperty(
      side,
      side,
      fc.integer(),
      fc.integer({ min: 1, max: 4 }),
      async (left, right, seed, size) => {
        const found = await compare({
          source: scripted(left, seed, size),
          destination: scripted(right, seed * 31 + 7, size),
        });
        const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
        const expected = [...keys].filter((key) => left[key] !== right[key]).toSorted();
        expect(found.differences.map(({ key }) => key['pk']?.S ?? '').toSorted()).toEqual(expected);
      },
    ),
    { numRuns: 300 },
  );
});

/** A table whose scan comes in an order of its own, all of it in the first segment. */
function scripted(values: Record<string, number>, seed: number, size: number): ReadableTable {
  const items = Object.entries(values)
    .map(([pk, value]) => ({ pk: { S: pk }, value: { N: String(value) } }))
    .toSorted((a, b) => rank(a.pk.S, seed) - rank(b.pk.S, seed));
  return {
    keyOf: ({ pk }) => (pk === undefined ? {} : { pk }),
    get: async (key) => items.find(({ pk }) => pk.S === key['pk']?.S),
    async scan({ segment, after }) {
      const from =
        after === undefined ? 0 : items.findIndex(({ pk }) => pk.S === after['pk']?.S) + 1;
      const page = segment === 0 ? items.slice(from, from + size) : [];
      const last = page.at(-1);
      const more = from + size < items.length && segment === 0 && last !== undefined;
      return {
        items: page,
        unreadable: [],
        readUnits: 1,
        ...(more ? { next: { pk: last.pk } } : {}),
      };
    },
  };
}

function rank(text: string, seed: number): number {
  return (Math.sin(text.charCodeAt(0) * 12.9898 + seed * 78.233) * 43_758.545) % 1;
}
