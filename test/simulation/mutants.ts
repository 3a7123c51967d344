// Broken Ferries, each with one mistake that somebody has made or could make. The judge must catch every one.

import type { WriteRequest } from '../../src/model/write-request.ts';
import type { Mutation } from './mutant.ts';
import { MUTANTS_OF_ACCESS } from './mutants-of-access.ts';
import { MUTANTS_OF_COMMANDS } from './mutants-of-commands.ts';
import { MUTANTS_OF_PROJECTION } from './mutants-of-projection.ts';
import { MUTANTS_OF_LETTERS } from './mutants-of-letters.ts';
import { MUTANTS_OF_REDRIVE } from './mutants-of-redrive.ts';
import { MUTANTS_OF_ORDER } from './mutants-of-order.ts';
import { MUTANTS_OF_INVOCATIONS } from './mutants-of-invocations.ts';
import {
  errorNamed,
  guardOnSeconds,
  instead,
  isOwn,
  isUnknown,
  only,
  tombstonesLive,
  versionOf,
  versions,
  withoutGuard,
  WRITTEN,
} from './mutations.ts';

export interface Mutant extends Mutation {
  readonly name: string;
  /** A seed that has caught it. */
  readonly caughtBy: number;
  /** Seeds within which it must be caught, whatever the first. */
  readonly seedsMax: number;
}

export const MUTANTS: readonly Mutant[] = [
  { name: 'no guard', caughtBy: 2, seedsMax: 500, rewrite: only(['handler'], withoutGuard) },
  {
    name: 'guard on whole seconds, newer only',
    caughtBy: 1,
    seedsMax: 500,
    rewrite: guardOnSeconds('<'),
  },
  {
    name: 'guard on whole seconds, newer or equal',
    caughtBy: 5,
    seedsMax: 1_000,
    rewrite: guardOnSeconds('<='),
  },
  {
    name: 'sequence numbers not padded',
    caughtBy: 1,
    seedsMax: 50,
    rewrite: versions((text) => text.replace(/\.0+(?=\d+~*$)/, '.')),
  },
  {
    name: 'no stream label in versions',
    caughtBy: 1,
    seedsMax: 50,
    rewrite: versions((text) => text.replace(/\.\d{13}\./, '.0000000000000.')),
  },
  {
    name: 'no tombstones',
    caughtBy: 1,
    seedsMax: 100,
    destination: instead(
      (request, port) => (isOwn(request, 'd') ? Promise.resolve(WRITTEN) : port.write(request)),
      ['handler', 'redrive'],
    ),
  },
  {
    name: 'tombstones live for five days',
    caughtBy: 1,
    seedsMax: 5_000,
    rewrite: tombstonesLive(5 * 24 * 60 * 60),
  },
  {
    name: 'no failure bound',
    caughtBy: 14,
    seedsMax: 1_000,
    destination: instead((request, port) =>
      isOwn(request, 'f') ? Promise.resolve(WRITTEN) : port.write(request),
    ),
  },
  {
    name: 'failed write counted as applied',
    caughtBy: 1,
    seedsMax: 50,
    destination: instead(async (request, port) => {
      try {
        return await port.write(request);
      } catch {
        return WRITTEN;
      }
    }),
  },
  {
    name: 'answer before the writes settle',
    caughtBy: 1,
    seedsMax: 20,
    destination: instead((request, port) => {
      port.write(request).catch(() => undefined);
      return Promise.resolve(WRITTEN);
    }),
  },
  {
    name: 'highest unfinished record reported',
    caughtBy: 2,
    seedsMax: 500,
    replicate: (replicate) => async (records, context) => {
      const summary = await replicate(records, context);
      if (summary.batchItemFailures.length === 0) return summary;
      const last = records.at(-1) as { dynamodb?: { SequenceNumber?: string } };
      return {
        ...summary,
        batchItemFailures: [{ itemIdentifier: last.dynamodb?.SequenceNumber ?? '' }],
      };
    },
  },
  {
    name: 'coalescing across items',
    caughtBy: 2,
    seedsMax: 100,
    replicate: (replicate) => async (records, context) => {
      const summary = await replicate(records.slice(-1), context);
      const coalesced = summary.counts.coalesced + records.length - 1;
      return { ...summary, counts: { ...summary.counts, coalesced } };
    },
  },
  {
    name: 'no wait for late requests',
    caughtBy: 2,
    seedsMax: 500,
    clock: (clock, { facts }) => ({
      ...clock,
      // Between two tries nobody waits for longer than two seconds.
      sleep: (ms) => (facts.kind === 'handler' && ms > 2_000 ? Promise.resolve() : clock.sleep(ms)),
    }),
  },
  {
    name: 'unknown outcome taken for not applied',
    caughtBy: 2,
    seedsMax: 100,
    destination: instead(async (request, port) => {
      try {
        return await port.write(request);
      } catch (error) {
        throw isUnknown(error) ? errorNamed('ThrottlingException') : error;
      }
    }),
  },
  {
    name: 'delete given up where a newer one is known',
    caughtBy: 4,
    seedsMax: 2_000,
    destination: (port, { facts }) => {
      if (facts.kind !== 'handler') return port;
      const known = new Set<string>();
      return {
        async write(request) {
          if (request.operation === 'DeleteItem' && known.has(versionOf(request))) return WRITTEN;
          const reply = await port.write(request);
          if (isOwn(request, 'd') && reply.kind === 'refused') known.add(versionOf(request));
          return reply;
        },
      };
    },
  },
  {
    name: 'tombstone after the delete',
    caughtBy: 1,
    seedsMax: 50,
    destination: (port, { facts }) => {
      if (facts.kind !== 'handler') return port;
      const held = new Map<string, WriteRequest>();
      return {
        async write(request) {
          if (isOwn(request, 'd') && request.operation === 'UpdateItem') {
            held.set(versionOf(request), request);
            return WRITTEN;
          }
          const reply = await port.write(request);
          if (request.operation !== 'DeleteItem') return reply;
          const tombstone = held.get(versionOf(request));
          if (tombstone !== undefined) await port.write(tombstone);
          return reply;
        },
      };
    },
  },
  ...MUTANTS_OF_ORDER,
  ...MUTANTS_OF_LETTERS,
  ...MUTANTS_OF_REDRIVE,
  ...MUTANTS_OF_INVOCATIONS,
  ...MUTANTS_OF_COMMANDS,
  ...MUTANTS_OF_ACCESS,
  ...MUTANTS_OF_PROJECTION,
];
