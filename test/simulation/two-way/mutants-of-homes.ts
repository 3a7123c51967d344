// Mistakes where each item has a home.

import { unconditional } from '../mutations.ts';
import { isTable, isTombstone, rewritten, without } from './mutations.ts';
import type { TwoWayMutant } from './mutants.ts';

const home = { mode: 'home' } as const;

export const MUTANTS_OF_HOMES: readonly TwoWayMutant[] = [
  {
    ...home,
    name: "home: the other home's records pushed",
    caughtBy: 1,
    seedsMax: 20,
    rules: (rules) => {
      const { twoWay } = rules;
      if (twoWay?.mode !== 'home') return rules;
      const home_ = { rules: [], otherwise: twoWay.region };
      return { ...rules, twoWay: { ...twoWay, home: home_ } };
    },
  },
  {
    ...home,
    name: 'home: no insert check',
    caughtBy: 13,
    seedsMax: 500,
    writer: without('near', (one) => one.operation === 'DeleteItem', 'refused'),
  },
  {
    ...home,
    name: 'home: no tombstone',
    caughtBy: 1,
    seedsMax: 500,
    writer: without('far', isTombstone),
  },
  {
    ...home,
    name: 'home: no guard',
    caughtBy: 1,
    seedsMax: 500,
    rewrite: rewritten('far', (request) =>
      request.operation === 'PutItem' && isTable(request)
        ? { operation: 'PutItem', input: unconditional(request.input) }
        : request,
    ),
  },
  { ...home, name: 'home: moved before drained', caughtBy: 7, seedsMax: 500, movesAtOnce: true },
];
