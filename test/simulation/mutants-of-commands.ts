// Operators' commands with one mistake each.

import type { Mutant } from './mutants.ts';
import {
  endsEarly,
  keyTextIn,
  only,
  putOf,
  unconditional,
  withoutBound,
  withoutGuard,
} from './mutations.ts';

export const MUTANTS_OF_COMMANDS: readonly Mutant[] = [
  {
    name: 'blind redrive',
    caughtBy: 443,
    seedsMax: 500,
    rewrite: only(['redrive'], (one) => putOf(one, false)),
  },
  {
    name: 'redrive that forgets deletes',
    caughtBy: 443,
    seedsMax: 20_000,
    rewrite: only(['redrive'], (one) => putOf(one, true)),
  },
  {
    name: 'redrive that deletes its messages first',
    caughtBy: 243,
    seedsMax: 5_000,
    queue: (queue) => ({
      ...queue,
      async receive(hiddenSeconds) {
        const messages = await queue.receive(hiddenSeconds);
        for (const message of messages) await queue.delete(message);
        return messages;
      },
    }),
  },
  {
    name: 'backfill that overwrites',
    caughtBy: 1,
    seedsMax: 500,
    transactions: (port) => ({
      transact: ({ TransactItems = [] }) =>
        port.transact({
          TransactItems: TransactItems.map(({ Put, ...other }) =>
            Put === undefined ? other : { Put: unconditional(Put) },
          ),
        }),
    }),
  },
  {
    name: 'backfill that forgets deletes',
    caughtBy: 2,
    seedsMax: 5_000,
    transactions: (port) => ({
      async transact({ TransactItems = [] }) {
        const puts = TransactItems.filter(({ Put }) => Put !== undefined);
        const reply = await port.transact({ TransactItems: puts });
        if (reply.kind === 'written') return reply;
        const none = { code: 'None', message: '' };
        return { kind: 'cancelled', reasons: reply.reasons.flatMap((reason) => [reason, none]) };
      },
    }),
  },
  {
    name: 'repair without compare-and-set',
    caughtBy: 62,
    seedsMax: 5_000,
    rewrite: only(['repair'], (request) => withoutGuard(putOf(request, false))),
  },
  {
    name: 'repair that forgets deletes',
    caughtBy: 124,
    seedsMax: 5_000,
    rewrite: only(['repair'], (request) => putOf(request, true)),
  },
  {
    name: 'repair that forgets failed records',
    caughtBy: 25,
    seedsMax: 5_000,
    rewrite: only(['repair'], withoutBound),
  },
  {
    name: 'redrive of a part that removes the whole',
    caughtBy: 770,
    seedsMax: 2_000,
    bucket: (bucket, { filter, limit }) => ({
      ...bucket,
      async get(key) {
        const text = await bucket.get(key);
        if (text === undefined) return undefined;
        const document = JSON.parse(text) as { payload: string };
        const { Records } = JSON.parse(document.payload) as { Records: unknown[] };
        const isChosen = (one: unknown) =>
          filter.keyText === undefined || filter.keyText === keyTextIn(one);
        const payload = JSON.stringify({ Records: Records.filter(isChosen).slice(0, limit) });
        return JSON.stringify({ ...document, payload });
      },
    }),
  },
  {
    name: 'old batches put back without their tombstones',
    caughtBy: 278,
    seedsMax: 5_000,
    bucket: (bucket) => ({
      ...bucket,
      async get(key) {
        const text = await bucket.get(key);
        const document = text === undefined ? undefined : (JSON.parse(text) as object);
        return document && JSON.stringify({ ...document, timestamp: '9999-01-01T00:00:00Z' });
      },
    }),
  },
  {
    name: 'backfill that takes a busy item for a copy',
    caughtBy: 896,
    seedsMax: 5_000,
    transactions: (port) => ({
      async transact(input) {
        const reply = await port.transact(input);
        if (reply.kind === 'written') return reply;
        const reasons = reply.reasons.map((reason) =>
          reason.code === 'TransactionConflict'
            ? { ...reason, code: 'ConditionalCheckFailed' }
            : reason,
        );
        return { kind: 'cancelled', reasons };
      },
    }),
  },
  {
    name: 'scan that ends with an empty page',
    caughtBy: 51,
    seedsMax: 1_000,
    readers: ({ source, twin, ledger }) => ({ source: endsEarly(source), twin, ledger }),
  },
  {
    name: 'repair that reads the source first',
    caughtBy: 124,
    seedsMax: 10_000,
    readers: ({ source, twin, ledger }, { facts }) => {
      if (facts.kind !== 'repair') return { source, twin, ledger };
      const early = new Map<string, Awaited<ReturnType<typeof source.get>>>();
      return {
        ledger,
        twin: {
          ...twin,
          async get(key) {
            early.set(JSON.stringify(key), await source.get(key));
            return twin.get(key);
          },
        },
        source: {
          ...source,
          async get(key) {
            const text = JSON.stringify(key);
            const item = early.has(text) ? early.get(text) : await source.get(key);
            early.delete(text);
            return item;
          },
        },
      };
    },
  },
];
