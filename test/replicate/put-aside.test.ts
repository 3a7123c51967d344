import { describe, expect, it } from 'vitest';
import { TAIL_TIME_MS, WRITE_TIME_MS } from '../../src/config/names.ts';
import { replicateBatch } from '../../src/replicate/replicate-batch.ts';
import type { WriteReply } from '../../src/ports.ts';
import { lambdaRecord, SETTINGS } from '../fixtures/records.ts';
import { invocation, isPutOf, NOW_MS, scripted, serviceError } from '../fixtures/replication.ts';

const hotKey = (...sequenceNumbers: string[]) =>
  sequenceNumbers.map((sequenceNumber) => lambdaRecord({ sequenceNumber }));
const manyKeys = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    lambdaRecord({ id: `order-${index}`, sequenceNumber: String(index + 1) }),
  );

describe('a record that can never be applied', () => {
  const poisonous = (...bad: string[]) =>
    scripted((request) => {
      if (bad.some((sequenceNumber) => isPutOf(request, sequenceNumber)))
        throw serviceError('ValidationException', 'no');
      return { kind: 'written' };
    });
  const run = async (records: readonly object[], ...bad: string[]) => {
    const context = invocation({ twinWriter: poisonous(...bad) });
    const summary = await replicateBatch(records, context);
    return { summary, lettersOf: context.letters.map(({ sequenceNumber }) => sequenceNumber) };
  };

  it.each(['1', '5000', '10000'])(
    'costs its own dead letter and nothing else, as number %s of 10,000',
    async (bad) => {
      const { summary, lettersOf } = await run(manyKeys(10_000), bad);

      expect(summary).toMatchObject({
        batchItemFailures: [],
        counts: { applied: 9_999, 'dead-lettered': 1 },
      });
      expect(lettersOf).toEqual([bad]);
    },
  );

  it('gives its place to the newest earlier record of the item', async () => {
    const { summary, lettersOf } = await run(hotKey('1', '2', '3', '4'), '3', '4');

    expect(summary.counts).toMatchObject({ applied: 1, coalesced: 1, 'dead-lettered': 2 });
    expect(lettersOf).toEqual(['3', '4']);
  });

  it('is coalesced unseen when a newer record of the item is fine', async () => {
    const { summary, lettersOf } = await run(hotKey('1', '2', '3'), '2');

    expect(summary.counts).toMatchObject({ applied: 1, coalesced: 2 });
    expect(lettersOf).toEqual([]);
  });

  it('is put aside with all others when all are bad', async () => {
    const { summary } = await run(hotKey('1', '2', '3'), '1', '2', '3');

    expect(summary).toMatchObject({ batchItemFailures: [], counts: { 'dead-lettered': 3 } });
  });

  it('raises the failure bound of its item before its letter is sent', async () => {
    const events: string[] = [];
    const twinWriter = scripted((request) => {
      events.push(request.operation);
      if (request.operation === 'PutItem') throw serviceError('ValidationException');
      return { kind: 'written' };
    });
    const deadLetters = { send: async () => void events.push('letter') };

    await replicateBatch(hotKey('1'), invocation({ twinWriter, deadLetters }));

    expect(events).toEqual(['PutItem', 'UpdateItem', 'letter']);
  });

  it('prolongs the ledger row where a higher failure bound is known', async () => {
    const twinWriter = scripted((request, index) => {
      if (request.operation === 'PutItem') throw serviceError('ValidationException');
      return index === 1 ? { kind: 'refused', by: 'ledger-row' } : { kind: 'written' };
    });

    const { counts } = await replicateBatch(hotKey('1'), invocation({ twinWriter }));

    expect(counts['dead-lettered']).toBe(1);
    expect(
      twinWriter.requests.map(
        ({ input }) => (input as { UpdateExpression?: string }).UpdateExpression,
      ),
    ).toEqual([
      undefined,
      'SET #own = :v, #key = :key, #expiresAt = :expiresAt',
      'SET #expiresAt = :expiresAt',
    ]);
  });

  it('is not counted while the queue has not taken it', async () => {
    const deadLetters = {
      send: async () => {
        throw serviceError('QueueDoesNotExist');
      },
    };

    const summary = await replicateBatch(
      hotKey('1', '2'),
      invocation({ twinWriter: poisonous('2'), deadLetters }),
    );

    expect(summary).toMatchObject({
      batchItemFailures: [{ itemIdentifier: '2' }],
      retried: 1,
      counts: { applied: 1, 'dead-lettered': 0 },
    });
  });

  it('keeps the record whole in its letter', async () => {
    const record = lambdaRecord({ attributes: { photo: { B: 'AP8=' }, total: { N: '1E+2' } } });
    const context = invocation({ twinWriter: poisonous(record.dynamodb?.SequenceNumber ?? '') });

    await replicateBatch([record], context);

    expect(context.letters).toMatchObject([
      {
        replication: 'orders',
        reason: { class: 'rejected', name: 'ValidationException', message: 'no' },
        attempts: [{ at: new Date(NOW_MS).toISOString(), error: 'ValidationException' }],
        failedAt: new Date(NOW_MS).toISOString(),
        key: { pk: { S: 'order-1' } },
        record,
      },
    ]);
  });
});

describe('letters go out by the places of their records', () => {
  /** Each record fares as its number says; others are written. */
  const destinationOf = (fates: Readonly<Record<string, string>>) =>
    scripted((request) => {
      const fate = Object.entries(fates).find(([number]) => isPutOf(request, number));
      if (fate !== undefined) throw serviceError(fate[1]);
      return { kind: 'written' };
    });
  const POISON = 'ValidationException';

  it('so a record behind a throttled one has none until that one is through, and then one', async () => {
    const letters: unknown[] = [];
    const bounds: string[] = [];
    const deadLetters = { send: async (letter: object) => void letters.push(letter) };
    const deliver = (fates: Readonly<Record<string, string>>) => {
      const destination = destinationOf(fates);
      const noting = scripted((request) => {
        if (request.operation === 'UpdateItem') bounds.push('bound');
        return destination.write(request);
      });
      return replicateBatch(manyKeys(3), invocation({ twinWriter: noting, deadLetters }));
    };
    for (let delivery = 0; delivery < 50; delivery += 1) {
      const { counts } = await deliver({ '1': 'ThrottlingException', '2': POISON });
      expect(counts['dead-lettered']).toBe(0);
    }
    const before = [letters.length, bounds.length];

    const { counts } = await deliver({ '2': POISON });

    expect(before).toEqual([0, 0]);
    expect(counts).toMatchObject({ applied: 2, 'dead-lettered': 1 });
    expect([letters.length, bounds.length]).toEqual([1, 1]);
  });

  it('so a record before a throttled one has its letter at once, and never another', async () => {
    const twinWriter = destinationOf({ '1': POISON, '3': 'ThrottlingException' });
    const context = invocation({ twinWriter });

    const first = await replicateBatch(manyKeys(3), context);
    // As Lambda delivers it: from the lowest unfinished record on.
    await replicateBatch(manyKeys(3).slice(2), context);

    expect(first).toMatchObject({
      batchItemFailures: [{ itemIdentifier: '3' }],
      counts: { applied: 1, 'dead-lettered': 1 },
    });
    expect(context.letters.map(({ sequenceNumber }) => sequenceNumber)).toEqual(['1']);
  });

  it('so none goes out above a delete that could not be announced', async () => {
    const records = [
      lambdaRecord({ id: 'a', sequenceNumber: '1', eventName: 'REMOVE' }),
      lambdaRecord({ id: 'b', sequenceNumber: '2' }),
    ];
    const lookAgain = {
      announce: async () => {
        throw serviceError('QueueDoesNotExist');
      },
    };
    const context = invocation({ twinWriter: destinationOf({ '2': POISON }), lookAgain });

    const summary = await replicateBatch(records, context);

    expect(summary).toMatchObject({ batchItemFailures: [{ itemIdentifier: '1' }], retried: 2 });
    expect(context.letters).toEqual([]);
  });

  it('64 at once, and none beyond the first window in which one fails', async () => {
    let inFlight = 0;
    let inFlightMax = 0;
    const sent: string[] = [];
    const deadLetters = {
      async send({ sequenceNumber = '' }) {
        inFlight += 1;
        inFlightMax = Math.max(inFlightMax, inFlight);
        await new Promise((resolve) => setImmediate(resolve));
        inFlight -= 1;
        sent.push(sequenceNumber);
        if (sequenceNumber === '70') throw serviceError('QueueDoesNotExist');
      },
    };
    const poison = scripted((request) => {
      if (request.operation === 'PutItem' && !isPutOf(request, '1')) throw serviceError(POISON);
      return { kind: 'written' };
    });
    const settings = { ...SETTINGS, systemicRejections: 'dead-letter' as const };

    const summary = await replicateBatch(
      manyKeys(200),
      invocation({ twinWriter: poison, deadLetters, rules: settings }),
    );

    expect(inFlightMax).toBe(64);
    expect(sent).toHaveLength(128);
    expect(summary).toMatchObject({
      batchItemFailures: [{ itemIdentifier: '70' }],
      counts: { applied: 1, 'dead-lettered': 68 },
      retried: 131,
    });
  });

  it('so a bound that cannot be raised has no letter, and none above it', async () => {
    let bounds = 0;
    const twinWriter = scripted((request) => {
      if (request.operation === 'PutItem') throw serviceError(POISON);
      bounds += 1;
      if (bounds === 1) throw serviceError('AccessDeniedException');
      return { kind: 'written' };
    });
    const settings = { ...SETTINGS, systemicRejections: 'dead-letter' as const };
    const context = invocation({ twinWriter, rules: settings });

    const summary = await replicateBatch(manyKeys(100), context);

    expect(summary).toMatchObject({ batchItemFailures: [{ itemIdentifier: '1' }], retried: 100 });
    expect(context.letters).toEqual([]);
  });

  it('so a bound without time for its letter leaves those of its window without one, too', async () => {
    let remaining = 60_000;
    const twinWriter = scripted(async (request) => {
      if (request.operation === 'PutItem') throw serviceError(POISON);
      if (!JSON.stringify(request.input).includes('order-1')) return { kind: 'written' };
      // The lower one's bound is the slower one.
      await new Promise((resolve) => setImmediate(resolve));
      remaining = TAIL_TIME_MS - 1;
      return { kind: 'written' };
    });
    const context = invocation({ twinWriter, remainingMs: () => remaining });

    const summary = await replicateBatch(manyKeys(3).slice(1), context);

    expect(summary).toMatchObject({ batchItemFailures: [{ itemIdentifier: '2' }], retried: 2 });
    expect(context.letters).toEqual([]);
  });

  it('with the time that is kept for them, also in a batch that takes all of its own', async () => {
    let remaining = 60_000;
    const twinWriter = scripted((request) => {
      if (isPutOf(request, '1')) throw serviceError(POISON);
      // A slow batch: the next write leaves no time for another one.
      remaining = Math.min(remaining, WRITE_TIME_MS);
      return { kind: 'written' };
    });
    const settings = { ...SETTINGS, concurrency: 1 };
    const context = invocation({ twinWriter, rules: settings, remainingMs: () => remaining });

    const summary = await replicateBatch(manyKeys(10), context);

    expect(summary).toMatchObject({ batchItemFailures: [{ itemIdentifier: '3' }] });
    expect(context.letters).toHaveLength(1);
  });
});

describe('the pieces of a dead letter', () => {
  const refusingPuts = (answer: (index: number) => WriteReply) =>
    scripted((request, index) => {
      if (request.operation === 'PutItem') throw serviceError('ValidationException');
      return answer(index);
    });

  it('are not sent when too little time is left after the failure bound', async () => {
    let remaining = 60_000;
    const twinWriter = refusingPuts(() => {
      remaining = TAIL_TIME_MS - 1;
      return { kind: 'written' };
    });
    const context = invocation({ twinWriter, remainingMs: () => remaining });

    const summary = await replicateBatch(hotKey('1'), context);

    expect(summary).toMatchObject({ retried: 1, causes: { 'unfinished.deadline': 1 } });
    expect(context.letters).toEqual([]);
  });

  it('are not sent while the ledger row cannot be written', async () => {
    for (const failing of ['the bound', 'its prolongation']) {
      const twinWriter = refusingPuts((index) => {
        if (failing === 'the bound' || index > 1) throw serviceError('ThrottlingException');
        return { kind: 'refused', by: 'ledger-row' };
      });
      const context = invocation({ twinWriter });

      expect(await replicateBatch(hotKey('1'), context)).toMatchObject({ retried: 1 });
      expect(context.letters).toEqual([]);
    }
  });
});
