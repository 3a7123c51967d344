// Operators' commands with one mistake each.

import type { Mutant } from './mutants.ts';
import { only, putOf, unconditional, withoutGuard } from './mutations.ts';

export const MUTANTS_OF_COMMANDS: readonly Mutant[] = [
  {
    name: 'blind redrive',
    caughtBy: 2,
    seedsMax: 50,
    rewrite: only(['redrive'], (one) => putOf(one, false)),
  },
  {
    name: 'redrive that forgets deletes',
    caughtBy: 2,
    seedsMax: 100,
    rewrite: only(['redrive'], (one) => putOf(one, true)),
  },
  {
    name: 'redrive that deletes its messages first',
    caughtBy: 440,
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
    caughtBy: 15,
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
    caughtBy: 644,
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
    caughtBy: 88,
    seedsMax: 5_000,
    rewrite: only(['repair'], (request) => withoutGuard(putOf(request, false))),
  },
  {
    name: 'repair that reads the source first',
    caughtBy: 203,
    seedsMax: 10_000,
    readers: ({ source, twin, stateTable }, { facts }) => {
      if (facts.kind !== 'repair') return { source, twin, stateTable };
      const early = new Map<string, Awaited<ReturnType<typeof source.get>>>();
      return {
        stateTable,
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
