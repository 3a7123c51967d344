import { describe, expect, it } from 'vitest';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { batchGetItems } from '../../src/resync/batch-get-items.ts';
import type { Item, ManyItems } from '../../src/ports.ts';
import { serviceError } from '../fixtures/replication.ts';

const keyOf = (id: string): Item => ({ pk: { S: id } });
const textOf = (id: string) => canonicalKey(keyOf(id));
const ALL = ['a', 'b', 'c'];

function setUp(answer: (keys: readonly Item[], call: number) => ManyItems) {
  const asked: string[][] = [];
  const slept: number[] = [];
  const stop = new AbortController();
  const reader = {
    get: () => Promise.reject(new Error('nobody asks for one')),
    getMany: async (keys: readonly Item[]) => {
      asked.push(keys.map(({ pk }) => pk?.S ?? ''));
      return answer(keys, asked.length);
    },
  };
  const clock = { now: () => 0, sleep: async (ms: number) => void slept.push(ms) };
  const retries = { clock, random: { next: () => 0.5 }, stop: stop.signal };
  const read = () => batchGetItems({ keys: ALL.map(keyOf) }, reader, retries);
  return { asked, slept, stop, read };
}

const reply = (parts: Partial<ManyItems>): ManyItems => ({
  items: [],
  unprocessed: [],
  unreadable: [],
  ...parts,
});

describe('many items', () => {
  it('are found in any order, and what the answer lacks is not there', async () => {
    const { read } = setUp(() => reply({ items: [keyOf('c'), { ...keyOf('a'), x: { N: '1' } }] }));

    const found = await read();

    expect(found.get(textOf('a'))).toEqual({ ...keyOf('a'), x: { N: '1' } });
    expect([found.has(textOf('b')), found.get(textOf('b'))]).toEqual([true, undefined]);
    expect(found.get(textOf('c'))).toEqual(keyOf('c'));
  });

  it('are asked for again, after a pause, where the service had no capacity', async () => {
    const { asked, slept, read } = setUp((keys, call) =>
      call === 1
        ? reply({ items: [keyOf('a')], unprocessed: [keyOf('b'), keyOf('c')] })
        : reply({ items: [...keys] }),
    );

    const found = await read();

    expect(asked).toEqual([ALL, ['b', 'c']]);
    expect(slept).toHaveLength(1);
    expect([...found.values()]).toEqual(ALL.map(keyOf));
  });

  it('are asked for until somebody stops it', async () => {
    const { asked, stop, read } = setUp((keys, call) => {
      if (call === 20) stop.abort();
      return reply({ unprocessed: [...keys] });
    });

    await expect(read()).rejects.toThrow('aborted');
    expect(asked).toHaveLength(20);
  });

  it('are asked for again when the table throttles', async () => {
    const { asked, read } = setUp((keys, call) => {
      if (call < 4) throw serviceError('ThrottlingException');
      return reply({ items: [...keys] });
    });

    expect((await read()).size).toBe(3);
    expect(asked).toHaveLength(4);
  });

  it.each([
    ['an item that nobody asked for', reply({ items: [keyOf('z')] })],
    ['a key that nobody asked for', reply({ unprocessed: [keyOf('z')] })],
    ['an unreadable item that nobody asked for', reply({ unreadable: [keyOf('z')] })],
  ])('prove nothing together with %s', async (_, answer) => {
    const { read } = setUp(() => answer);

    expect((await read()).size).toBe(0);
  });

  it('are unknown, all of them, if the service takes one of the keys for none', async () => {
    const { read } = setUp(() => {
      throw serviceError('ValidationException');
    });

    expect((await read()).size).toBe(0);
  });

  it('are known but for those that the SDK cannot read', async () => {
    const { read } = setUp(() => reply({ items: [keyOf('a')], unreadable: [keyOf('b')] }));

    const found = await read();

    expect([...found.keys()]).toEqual([textOf('a'), textOf('c')]);
  });

  it('end a run that the service denies them', async () => {
    const { read } = setUp(() => {
      throw serviceError('AccessDeniedException');
    });

    await expect(read()).rejects.toThrow('because');
  });
});
