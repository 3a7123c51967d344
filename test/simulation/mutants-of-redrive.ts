// The mutants of the protocol's list about what comes out of order: batches, copies and repairs.

import type { Mutant } from './mutants.ts';
import { byVersion, only, withoutBoundCheck, withoutNewEpoch, withoutTimes } from './mutations.ts';
import { replayedByVersion } from './naming.ts';

export const MUTANTS_OF_REDRIVE: readonly Mutant[] = [
  {
    name: '18 copy at floor, redrive by version',
    caughtBy: 1_085,
    seedsMax: 10_000,
    ...replayedByVersion(({ version }) => !version.endsWith('~')),
    rewrite: only(['backfill'], withoutBoundCheck),
  },
  {
    name: '19 copy above the bound, redrive by version',
    caughtBy: 1_085,
    seedsMax: 10_000,
    ...replayedByVersion(({ version, by }) => !version.endsWith('~') || by === 'backfill'),
  },
  {
    name: '20 the source is asked for puts only',
    caughtBy: 1_325,
    seedsMax: 10_000,
    ...replayedByVersion(({ isForDelete }) => isForDelete),
  },
  {
    name: '21 redrive without compare-and-set',
    caughtBy: 10_209,
    seedsMax: 20_000,
    rewrite: only(['redrive'], byVersion),
  },
  {
    name: '22 repair, then a batch without bound by version',
    caughtBy: 1_325,
    seedsMax: 5_000,
    ...replayedByVersion(({ by }) => by === 'repair'),
  },
  {
    name: '23 twin made anew, old letters replayed',
    caughtBy: 1_317,
    seedsMax: 20_000,
    controlRow: (row) => ({ ...row, sinceMs: 0 }),
  },
  {
    name: '23 letters of what was written before the epoch replayed',
    caughtBy: 1_317,
    seedsMax: 20_000,
    queue: (queue) => ({
      ...queue,
      receive: async (seconds) =>
        (await queue.receive(seconds)).map((one) => ({ ...one, body: withoutTimes(one.body) })),
    }),
    bucket: (bucket) => ({
      ...bucket,
      async get(key) {
        const text = await bucket.get(key);
        return text === undefined ? undefined : withoutTimes(text);
      },
    }),
  },
  {
    name: '24 copies refused by a ledger row left out',
    caughtBy: 139,
    seedsMax: 5_000,
    transactions: (port) => ({
      async transact(input) {
        const reply = await port.transact(input);
        if (reply.kind === 'written') return reply;
        const { reasons } = reply;
        const isRefused = (at: number) => reasons[at]?.code === 'ConditionalCheckFailed';
        return {
          kind: 'cancelled',
          reasons: reasons.map((reason, at) =>
            at % 2 === 0 && isRefused(at + 1)
              ? { ...reason, code: 'ConditionalCheckFailed' }
              : reason,
          ),
        };
      },
    }),
  },
  {
    name: '25 skipped expiry, redrive by version',
    caughtBy: 122,
    seedsMax: 10_000,
    withoutSource: ({ ttlDeletes }) => ttlDeletes === 'skip',
  },
  {
    name: '26 older label taken as it comes',
    caughtBy: 74,
    seedsMax: 5_000,
    rewrite: only(['adopt'], withoutNewEpoch),
  },
  {
    name: '29 foreign batch redriven',
    caughtBy: 194,
    seedsMax: 5_000,
    controlRow: (row) => ({
      ...row,
      epochs: row.epochs.map((epoch) => ({
        ...epoch,
        streams: [...epoch.streams, OTHERS],
      })),
    }),
  },
  {
    name: 'resynchronisation that forgets the floor of a new stream',
    caughtBy: 9,
    seedsMax: 20_000,
    floor: (floor) => floor.replace(/\.\d{13}\./, '.0000000000000.'),
  },
];

const OTHERS =
  'arn:aws:dynamodb:us-east-1:111122223333:table/Others/stream/2020-01-01T00:00:00.000';
