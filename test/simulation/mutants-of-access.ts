// Mistakes about credentials that stop working, and those of a replication whose source is the twin of another.

import { GuardedPut } from '../../src/model/guarded-put.ts';
import { classifyFailure } from '../../src/model/write-failure.ts';
import type { Item, ReadableTable } from '../../src/ports.ts';
import type { Mutant } from './mutants.ts';
import { errorNamed, instead, WRITTEN } from './mutations.ts';

const isDenied = (error: unknown) => classifyFailure(error).kind === 'denied';

export const MUTANTS_OF_ACCESS: readonly Mutant[] = [
  {
    name: 'refused credentials taken for a refused item',
    caughtBy: 1,
    seedsMax: 500,
    destination: instead(async (request, port) => {
      try {
        return await port.write(request);
      } catch (error) {
        throw isDenied(error) ? errorNamed('ValidationException') : error;
      }
    }),
  },
  {
    name: 'redrive or repair that takes a denied write for done',
    caughtBy: 446,
    seedsMax: 5_000,
    destination: instead(
      async (request, port) => {
        try {
          return await port.write(request);
        } catch (error) {
          if (isDenied(error)) return WRITTEN;
          throw error;
        }
      },
      ['redrive', 'repair'],
    ),
  },
  {
    name: 'second hop that keeps the version of the first',
    caughtBy: 25,
    seedsMax: 200,
    isOfSecondHop: true,
    rewrite: (request) => {
      const stamp = request instanceof GuardedPut && request.record.newImage['_ferry'];
      if (!stamp) return request;
      const Item = { ...request.input.Item, _ferry: stamp };
      return { operation: 'PutItem', input: { ...request.input, Item } };
    },
  },
  {
    name: 'second hop that orders by the versions of the first',
    caughtBy: 25,
    seedsMax: 200,
    isOfSecondHop: true,
    rewrite: (request) => {
      if (!(request instanceof GuardedPut)) return request;
      const { version, newImage } = request.record;
      const before = newImage['_ferry']?.M?.['v']?.S ?? version;
      const text = JSON.stringify(request.input).replaceAll(version, before);
      return { operation: 'PutItem', input: JSON.parse(text) as typeof request.input };
    },
  },
  {
    name: 'second hop that takes deletes of the first for expiries',
    caughtBy: 25,
    seedsMax: 2_000,
    isOfSecondHop: true,
    replicate: (replicate) => (records, context) => replicate(records.map(asExpiry), context),
  },
  {
    name: 'second hop that compares the versions of the first',
    caughtBy: 30,
    seedsMax: 200,
    isOfSecondHop: true,
    readers: ({ source, twin, ledger }) => ({ source: withVersionsAsData(source), twin, ledger }),
  },
];

function asExpiry(record: unknown): unknown {
  const { eventName } = record as { eventName?: string };
  if (eventName !== 'REMOVE') return record;
  const userIdentity = { type: 'Service', principalId: 'dynamodb.amazonaws.com' };
  return { ...(record as object), userIdentity };
}

function withVersionsAsData(table: ReadableTable): ReadableTable {
  const shown = ({ _ferry, ...item }: Item): Item =>
    _ferry === undefined ? item : { ...item, before: _ferry };
  return {
    ...table,
    async get(key) {
      const item = await table.get(key);
      return item && shown(item);
    },
    async getMany(keys, attributes) {
      const page = await table.getMany?.(keys, attributes);
      if (page === undefined) throw new Error('a table that reads one item at a time');
      return { ...page, items: page.items.map(shown) };
    },
    async scan(request) {
      const page = await table.scan(request);
      return { ...page, items: page.items.map(shown) };
    },
  };
}
