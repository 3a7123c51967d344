// Invocations with one mistake each: in what order they write, when they stop, and what they remember.

import type { Mutant } from './mutants.ts';
import {
  instead,
  isMalformed,
  isOwn,
  isUnknown,
  keyTextIn,
  tombstonesLive,
  WRITTEN,
} from './mutations.ts';

const DAY_SECONDS = 24 * 60 * 60;

export const MUTANTS_OF_INVOCATIONS: readonly Mutant[] = [
  {
    name: 'time limit not looked at',
    caughtBy: 20,
    seedsMax: 5_000,
    replicate: (replicate) => (records, context) =>
      replicate(records, { ...context, remainingMs: () => Infinity }),
  },
  {
    name: 'written again at once after an unknown outcome',
    caughtBy: 2,
    seedsMax: 100,
    destination: instead(async (request, port) => {
      try {
        return await port.write(request);
      } catch (error) {
        if (!isUnknown(error)) throw error;
        return port.write(request);
      }
    }),
  },
  {
    name: 'older record tried behind an unfinished one',
    caughtBy: 2,
    seedsMax: 500,
    replicate: (replicate) => async (records, context) => {
      const summary = await replicate(records, context);
      const isFinished = summary.batchItemFailures.length === 0;
      if (!isFinished && records.length > 1) await replicate(records.slice(0, -1), context);
      return summary;
    },
  },
  {
    name: 'what is behind an expiry goes ahead',
    caughtBy: 3,
    seedsMax: 1_000,
    replicate: (replicate) => async (records, context) => {
      const behind =
        records.findLastIndex((one) => JSON.stringify(one).includes('userIdentity')) + 1;
      const summary = await replicate(records, context);
      const isFinished = summary.batchItemFailures.length === 0;
      const { ttlDeletes } = context.rules;
      if (!isFinished && ttlDeletes === 'skip' && behind > 0)
        await replicate(records.slice(behind), context);
      return summary;
    },
  },
  {
    name: 'coalesced behind a record that makes no sense',
    caughtBy: 42,
    seedsMax: 1_000,
    replicate: (replicate) => async (records, context) => {
      const isCovered = (one: unknown, index: number) =>
        records
          .slice(index + 1)
          .some((later) => isMalformed(later) && keyTextIn(later) === keyTextIn(one));
      const kept = records.filter((one, index) => !isCovered(one, index));
      const summary = await replicate(kept, context);
      const coalesced = summary.counts.coalesced + records.length - kept.length;
      return { ...summary, counts: { ...summary.counts, coalesced } };
    },
  },
  {
    name: 'ledger rows live for a day',
    caughtBy: 1,
    seedsMax: 20,
    rewrite: tombstonesLive(DAY_SECONDS),
  },
  {
    name: 'failure bounds live for a day',
    caughtBy: 14,
    seedsMax: 100,
    rewrite: (request, process) =>
      isOwn(request, 'f') ? tombstonesLive(DAY_SECONDS)(request, process) : request,
  },
  {
    name: 'letter without prolonging its failure bound',
    caughtBy: 171,
    seedsMax: 5_000,
    destination: instead((request, port) => {
      const isKept =
        request.operation === 'UpdateItem' &&
        request.input.UpdateExpression === 'SET #expiresAt = :expiresAt';
      return isKept ? Promise.resolve(WRITTEN) : port.write(request);
    }),
  },
];
