import { expect, it } from 'vitest';
import { confirmDifferences, type ConfirmContext } from '../../src/verify/confirm-differences.ts';
import type { Suspect } from '../../src/verify/segment-join.ts';
import type { Item } from '../../src/ports.ts';

const key = { pk: { S: 'a' } };
const item = (value: number, version = 1): Item => ({
  ...key,
  value: { N: String(value) },
  _ferry: { M: { v: { S: String(version) } } },
});

interface World {
  source: Item | undefined;
  twin: Item | undefined;
  /** What happens while time passes, one step per look. */
  readonly later: Array<(world: World) => void>;
}

async function look(world: World, suspect: Partial<Suspect> = {}, settleMs = 10_000) {
  const found: string[] = [];
  let nowMs = 0;
  const context: ConfirmContext = {
    source: { get: async () => world.source },
    destination: { get: async () => world.twin },
    rules: { reservedAttribute: '_ferry' },
    clock: {
      now: () => nowMs,
      sleep: async (ms) => {
        nowMs += ms;
        if (nowMs % settleMs === 0) world.later.shift()?.(world);
      },
    },
    settleMs,
    stop: new AbortController().signal,
    onDifference: ({ kind, attributes }) => void found.push([kind, ...attributes].join(' ')),
    onInFlight: () => void found.push('in flight'),
    onUnreadable: () => void found.push('unreadable'),
  };
  await confirmDifferences([{ key, side: 'source', ...suspect }], context);
  return { found, nowMs };
}

it('believes a difference that two looks apart agree on', async () => {
  const { found, nowMs } = await look({ source: item(1), twin: item(2), later: [] });

  expect(found).toEqual(['different value']);
  expect(nowMs).toBe(10_000);
});

it('forgets at once what is equal when it looks', async () => {
  expect(await look({ source: item(1), twin: item(1, 7), later: [] })).toEqual({
    found: [],
    nowMs: 0,
  });
});

it('waits for a record that is on its way', async () => {
  const arrives = (world: World) => (world.twin = item(1));

  expect((await look({ source: item(1), twin: undefined, later: [arrives] })).found).toEqual([]);
});

it('looks again after any change, also of a version alone', async () => {
  const rewritten = (world: World) => (world.twin = item(2, 9));

  const { found, nowMs } = await look({ source: item(1), twin: item(2), later: [rewritten] });

  expect(found).toEqual(['different value']);
  expect(nowMs).toBe(20_000);
});

it('says so when an item never rests', async () => {
  const changes = Array.from(
    { length: 9 },
    (_, step) => (world: World) => (world.source = item(100 + step)),
  );

  expect((await look({ source: item(1), twin: item(2), later: changes })).found).toEqual([
    'in flight',
  ]);
});

it('leaves to the source’s side what was met on the destination and exists at the source', async () => {
  const both = { source: item(1), twin: item(2), later: [] };

  expect((await look(both, { side: 'destination' })).found).toEqual([]);
  expect(
    (await look({ source: undefined, twin: item(2), later: [] }, { side: 'destination' })).found,
  ).toEqual(['extraneous']);
});

it('does not believe what it reads while the source changes', async () => {
  const reads = [item(1), item(2), item(2), item(2)];
  const found: string[] = [];

  await confirmDifferences([{ key, side: 'source' }], {
    source: { get: async () => reads.shift() ?? item(2) },
    destination: { get: async () => item(2) },
    rules: { reservedAttribute: '_ferry' },
    clock: { now: () => 0, sleep: async () => undefined },
    settleMs: 0,
    stop: new AbortController().signal,
    onDifference: () => void found.push('difference'),
    onInFlight: () => void found.push('in flight'),
    onUnreadable: () => void found.push('unreadable'),
  });

  expect(found).toEqual([]);
});
