import { expect, it } from 'vitest';
import { verify } from '../../src/operations/verify.ts';
import type { Item, ReadableTable } from '../../src/ports.ts';

const version = { _ferry: { M: { v: { S: '0001' } } } };
const item = (pk: string, value: string, extra: object = {}): Item => ({
  pk: { S: pk },
  value: { N: value },
  ...extra,
});

function table(items: Item[]): ReadableTable {
  const keyOf = ({ pk }: Item): Item => (pk === undefined ? {} : { pk });
  return {
    keyOf,
    async *pages() {
      for (const one of items) yield [one];
    },
    get: async (key) => items.find(({ pk }) => pk?.S === key['pk']?.S),
  };
}

function run(source: Item[], destination: Item[], sleep: () => void = () => undefined) {
  return verify({
    source: table(source),
    destination: table(destination),
    reservedAttribute: '_ferry',
    clock: { now: () => 0, sleep: async () => sleep() },
    confirmAfterMs: 1_000,
  });
}

it('finds equal tables equal, whatever version the twin carries', async () => {
  expect(await run([item('a', '1.0')], [item('a', '1', version)])).toEqual({
    items: 1,
    differences: [],
    unconfirmed: [],
  });
});

it('finds what is missing, different and extraneous, and nothing else', async () => {
  const { differences } = await run(
    [item('same', '1'), item('changed', '1'), item('missing', '1')],
    [item('same', '1', version), item('changed', '2', version), item('extra', '1', version)],
  );

  expect(differences.map(({ key, kind }) => [key['pk']?.S, kind])).toEqual([
    ['changed', 'different'],
    ['missing', 'missing'],
    ['extra', 'extraneous'],
  ]);
});

it('believes no difference that a record in flight resolves', async () => {
  const destination: Item[] = [];

  const { differences } = await run([item('a', '1')], destination, () =>
    destination.push(item('a', '1', version)),
  );

  expect(differences).toEqual([]);
});

it('says so where the source keeps changing under every look', async () => {
  let reads = 0;
  const changing: ReadableTable = {
    ...table([item('a', '1')]),
    get: async () => item('a', String((reads += 1))),
  };

  const { differences, unconfirmed } = await verify({
    source: changing,
    destination: table([item('a', '9')]),
    reservedAttribute: '_ferry',
    clock: { now: () => 0, sleep: async () => undefined },
    confirmAfterMs: 0,
  });

  expect(differences).toEqual([]);
  expect(unconfirmed).toEqual([{ pk: { S: 'a' } }]);
});
