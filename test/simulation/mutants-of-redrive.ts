// The mutants of the protocol's list about what comes out of order: letters, batches, copies and repairs.

import { failureBound } from '../../src/core/write-request.ts';
import { parseStreamRecord } from '../../src/core/stream-record.ts';
import type { Mutant } from './mutants.ts';
import { byVersion, only, withoutTimes } from './mutations.ts';

export const MUTANTS_OF_REDRIVE: readonly Mutant[] = [
  {
    name: '14 letters in the lanes, whatever is unfinished below',
    caughtBy: 3,
    seedsMax: 5_000,
    replicate: (replicate) => async (records, context) => {
      const rejected = new Set<string>();
      const summary = await replicate(records, {
        ...context,
        destination: {
          async write(request) {
            try {
              return await context.destination.write(request);
            } catch (error) {
              const isRejected = error instanceof Error && error.name === 'ValidationException';
              if (isRejected && request.operation === 'PutItem')
                rejected.add(request.input.Item?.['_ferry']?.M?.['v']?.S ?? '');
              throw error;
            }
          },
        },
      });
      const [answer] = summary.batchItemFailures;
      if (answer === undefined) return summary;
      const numbers = records.map(
        (one) => (one as { dynamodb?: { SequenceNumber?: string } }).dynamodb?.SequenceNumber,
      );
      const above = records.slice(numbers.indexOf(answer.itemIdentifier) + 1);
      const seriesOf = (await context.control.admit(new Set(), context.remainingMs)) as {
        seriesOf?: Parameters<typeof parseStreamRecord>[2];
      };
      for (const record of above) {
        const parsed = parseStreamRecord(record, 0, seriesOf.seriesOf ?? (() => undefined));
        const { version, key, keyText, sequenceNumber } = parsed.record;
        if (version === undefined || key === undefined || keyText === undefined) continue;
        if (!rejected.has(version)) continue;
        const nowMs = context.clock.now();
        const reason = { class: 'rejected', name: 'ValidationException', message: '' } as const;
        const failedAt = new Date(nowMs).toISOString();
        const { replication } = context.settings;
        const letter = { replication, reason, attempts: [], failedAt, version, key, record };
        try {
          const row = { key, keyText };
          await context.destination.write(failureBound(row, version, context.settings, nowMs));
          await context.deadLetters.send({ ...letter, sequenceNumber });
        } catch {
          return summary;
        }
      }
      return summary;
    },
  },
  {
    name: '18 copy at floor, redrive by version',
    caughtBy: 20,
    seedsMax: 5_000,
    withoutSource: () => true,
  },
  {
    name: '21 redrive without compare-and-set',
    caughtBy: 326,
    seedsMax: 20_000,
    rewrite: only(['redrive'], byVersion),
  },
  {
    name: '23 twin made anew, old letters replayed',
    caughtBy: 98,
    seedsMax: 20_000,
    controlRow: (row) => ({ ...row, sinceMs: 0 }),
  },
  {
    name: '23 letters of what was written before the epoch replayed',
    caughtBy: 98,
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
    name: '24 copies refused by a state row left out',
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
    caughtBy: 61,
    seedsMax: 10_000,
    withoutSource: ({ ttlDeletes }) => ttlDeletes === 'skip',
  },
  {
    name: '29 foreign batch redriven',
    caughtBy: 93,
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
