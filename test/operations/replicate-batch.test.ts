import { describe, expect, it } from 'vitest';
import {
  ANSWER_MARGIN_MS,
  LATE_REQUEST_MS,
  REQUEST_TIMEOUT_MS,
  SETTLE_MARGIN_MS,
} from '../../src/contract.ts';
import { replicateBatch } from '../../src/operations/replicate-batch.ts';
import type { WriteReply } from '../../src/ports.ts';
import { lambdaRecord, SETTINGS } from '../fixtures/records.ts';
import {
  invocation,
  isPutOf,
  NOW_MS,
  scripted,
  serviceError,
  totalOf,
} from '../fixtures/replication.ts';

const hotKey = (...sequenceNumbers: string[]) =>
  sequenceNumbers.map((sequenceNumber) => lambdaRecord({ sequenceNumber }));
const manyKeys = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    lambdaRecord({ id: `order-${index}`, sequenceNumber: String(index + 1) }),
  );

describe('replicateBatch', () => {
  it('answers an empty batch with nothing to retry', async () => {
    const context = invocation();

    const summary = await replicateBatch([], context);

    expect(summary).toMatchObject({ batchItemFailures: [], retried: 0 });
    expect(context.published).toEqual([summary]);
  });

  it('takes a batch of 10,000 and writes each item once', async () => {
    const destination = scripted(() => ({ kind: 'written' }));

    const summary = await replicateBatch(manyKeys(10_000), invocation({ destination }));

    expect(summary.counts.applied).toBe(10_000);
    expect(destination.requests).toHaveLength(10_000);
  });

  it('writes only the newest record of an item and counts the others as coalesced', async () => {
    const destination = scripted(() => ({ kind: 'written' }));

    const { counts } = await replicateBatch(hotKey('1', '2', '3'), invocation({ destination }));

    expect(counts).toMatchObject({ applied: 1, coalesced: 2 });
    expect(destination.requests.filter((request) => isPutOf(request, '3'))).toHaveLength(1);
    expect(destination.requests).toHaveLength(1);
  });

  it('never has more writes in flight than the concurrency allows', async () => {
    let inFlight = 0;
    let highest = 0;
    const destination = scripted(async () => {
      inFlight += 1;
      highest = Math.max(highest, inFlight);
      await new Promise((resolve) => setImmediate(resolve));
      inFlight -= 1;
      return { kind: 'written' };
    });

    await replicateBatch(
      manyKeys(100),
      invocation({ destination, settings: { ...SETTINGS, concurrency: 7 } }),
    );

    expect(highest).toBe(7);
  });

  it('measures latency from the source’s write to now, never below zero', async () => {
    const createdAtSeconds = NOW_MS / 1000 - 1.5;
    const ahead = NOW_MS / 1000 + 5;

    const { latenciesMs } = await replicateBatch(
      [
        lambdaRecord({ id: 'a', createdAtSeconds }),
        lambdaRecord({ id: 'b', createdAtSeconds: ahead }),
      ],
      invocation(),
    );

    expect(latenciesMs).toEqual([1_500, 0]);
  });

  it('measures latency from the application’s own stamp where one is configured', async () => {
    const settings = { ...SETTINGS, timestampAttribute: 'at' };
    const at = { N: String(NOW_MS - 42) };

    const { latenciesMs } = await replicateBatch(
      [
        lambdaRecord({ id: 'a', attributes: { at } }),
        lambdaRecord({ id: 'b' }),
        lambdaRecord({ id: 'c', eventName: 'REMOVE' }),
      ],
      invocation({ settings }),
    );

    expect(latenciesMs).toEqual([42]);
  });

  it('skips expiries where the policy says so, without touching the destination', async () => {
    const destination = scripted(() => ({ kind: 'written' }));
    const settings = { ...SETTINGS, ttlDeletes: 'skip' as const };

    const { counts } = await replicateBatch(
      [lambdaRecord({ eventName: 'REMOVE', expired: true })],
      invocation({ destination, settings }),
    );

    expect(counts.skipped).toBe(1);
    expect(destination.requests).toEqual([]);
  });
});

describe('what is refused by the guard', () => {
  const refused = (v: string | undefined) =>
    scripted(() => ({
      kind: 'refused',
      by: 'item',
      item: {
        pk: { S: 'order-1' },
        ...(v === undefined ? {} : { _ferry: { M: { v: { S: v } } } }),
      },
    }));

  it('is superseded when a newer version is there', async () => {
    const { counts } = await replicateBatch(
      hotKey('5'),
      invocation({ destination: refused(`0001.9999999999999.${'1'.padStart(40, '0')}`) }),
    );

    expect(counts.superseded).toBe(1);
  });

  it('is put aside when the reserved attribute holds no version of Ferry’s', async () => {
    const taken = refused('not a version');
    const destination = scripted((request) =>
      // The state row is not what refuses.
      request.operation === 'UpdateItem' ? { kind: 'written' } : taken.write(request),
    );
    const context = invocation({ destination });

    const { counts } = await replicateBatch(hotKey('5'), context);

    expect(counts['dead-lettered']).toBe(1);
    expect(context.letters[0]?.reason).toMatchObject({
      class: 'conflict',
      name: 'ReservedAttributeTaken',
    });
  });

  it('is superseded, not put aside, when the item has been repaired twice', async () => {
    const label = `0001.${Date.UTC(2026, 0, 31, 12)}`;
    const context = invocation({ destination: refused(`${label}.${'9'.padStart(40, '0')}~~`) });

    const { counts, superseded } = await replicateBatch(hotKey('5'), context);

    expect(counts).toMatchObject({ superseded: 1, 'dead-lettered': 0 });
    expect(superseded.newer).toBe(1);
  });

  it('does a delete also when a newer one is known, which may have got no further', async () => {
    const destination = scripted(({ operation }) =>
      operation === 'UpdateItem' ? { kind: 'refused', by: 'state-row' } : { kind: 'written' },
    );

    const { counts, superseded } = await replicateBatch(
      [lambdaRecord({ eventName: 'REMOVE' })],
      invocation({ destination }),
    );

    expect({ counts: counts.superseded, deleted: superseded.deleted }).toEqual({
      counts: 1,
      deleted: 1,
    });
    expect(destination.requests.map(({ operation }) => operation)).toEqual([
      'UpdateItem',
      'DeleteItem',
    ]);
  });
});

describe('a destination in trouble pushes back on the stream', () => {
  it.each([
    'ThrottlingException',
    'AccessDeniedException',
    'ResourceNotFoundException',
    'InternalServerError',
    'TimeoutError',
    'SomethingNobodyHasSeen',
  ])('after %s, from the lowest unfinished record on, with no dead letter', async (name) => {
    const destination = scripted((request) => {
      if (isPutOf(request, '2')) throw serviceError(name);
      return { kind: 'written' };
    });
    const context = invocation({ destination });

    const summary = await replicateBatch(manyKeys(3), context);

    expect(summary).toMatchObject({
      batchItemFailures: [{ itemIdentifier: '2' }],
      counts: { applied: 1 },
      retried: 2,
    });
    expect(context.letters).toEqual([]);
    expect(context.logged).toContainEqual(
      expect.objectContaining({
        event: 'batch.troubled',
        errors: expect.objectContaining({ [name]: expect.any(Number) }),
      }),
    );
  });

  it('repeats what is throttled, with growing pauses, and counts the throttles', async () => {
    const pauses: number[] = [];
    const destination = scripted((_, index) => {
      if (index < 3) throw serviceError('ThrottlingException');
      return { kind: 'written' };
    });
    const clock = { now: () => NOW_MS, sleep: async (ms: number) => void pauses.push(ms) };

    const summary = await replicateBatch(hotKey('1'), invocation({ destination, clock }));

    expect(summary).toMatchObject({ counts: { applied: 1 }, failures: { throttled: 3 } });
    expect(pauses).toEqual([25, 50, 100]);
  });

  it('gives a throttled record back after a bounded number of tries', async () => {
    const destination = scripted(() => {
      throw serviceError('ThrottlingException');
    });

    const summary = await replicateBatch(hotKey('1'), invocation({ destination }));

    expect(summary).toMatchObject({ retried: 1, failures: { throttled: 8 } });
  });

  it('sends nothing more for an item whose last write may or may not have happened', async () => {
    const destination = scripted(() => {
      throw serviceError('TimeoutError');
    });
    const records = [
      lambdaRecord({ sequenceNumber: '1' }),
      lambdaRecord({ sequenceNumber: '2', eventName: 'REMOVE', expired: true }),
      lambdaRecord({ sequenceNumber: '3', eventName: 'INSERT' }),
    ];
    const settings = { ...SETTINGS, ttlDeletes: 'skip' as const };

    const summary = await replicateBatch(records, invocation({ destination, settings }));

    expect(summary).toMatchObject({ batchItemFailures: [{ itemIdentifier: '1' }], retried: 3 });
    expect(destination.requests).toHaveLength(1);
  });
});

describe('a destination that is down', () => {
  const oneByOne = { ...SETTINGS, concurrency: 1 };

  it.each(['ECONNREFUSED', 'AccessDeniedException', 'TimeoutError'])(
    'is left alone after ten failures in a row: %s',
    async (name) => {
      const destination = scripted(() => {
        throw serviceError(name);
      });

      const summary = await replicateBatch(
        manyKeys(1_000),
        invocation({ destination, settings: oneByOne }),
      );

      expect(destination.requests).toHaveLength(10);
      expect(summary).toMatchObject({
        batchItemFailures: [{ itemIdentifier: '1' }],
        retried: 1_000,
      });
    },
  );

  it('is not taken for down while it answers now and then', async () => {
    const destination = scripted((_, index) => {
      if (index % 10 !== 9) throw serviceError('TimeoutError');
      return { kind: 'written' };
    });

    await replicateBatch(manyKeys(100), invocation({ destination, settings: oneByOne }));

    expect(destination.requests).toHaveLength(100);
  });
});

describe('the deadline', () => {
  it('lets nothing start that could not settle in time, and hands it back', async () => {
    let remaining = SETTLE_MARGIN_MS + 2;
    const destination = scripted(() => {
      remaining -= 1;
      return { kind: 'written' };
    });
    const settings = { ...SETTINGS, concurrency: 1 };

    const summary = await replicateBatch(
      manyKeys(10),
      invocation({ destination, settings, remainingMs: () => remaining }),
    );

    expect(summary).toMatchObject({
      batchItemFailures: [{ itemIdentifier: '4' }],
      counts: { applied: 3 },
      retried: 7,
    });
  });

  it('starts no dead letter either', async () => {
    const context = invocation({ remainingMs: () => SETTLE_MARGIN_MS - 1 });

    const summary = await replicateBatch([lambdaRecord({ eventName: 'UPSERT' })], context);

    expect(summary.retried).toBe(1);
    expect(context.letters).toEqual([]);
  });
});

describe('a record that can never be applied', () => {
  const poisonous = (...bad: string[]) =>
    scripted((request) => {
      if (bad.some((sequenceNumber) => isPutOf(request, sequenceNumber)))
        throw serviceError('ValidationException', 'no');
      return { kind: 'written' };
    });
  const run = async (records: readonly object[], ...bad: string[]) => {
    const context = invocation({ destination: poisonous(...bad) });
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
    expect(lettersOf).toEqual(['4', '3']);
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
    const destination = scripted((request) => {
      events.push(request.operation);
      if (request.operation === 'PutItem') throw serviceError('ValidationException');
      return { kind: 'written' };
    });
    const deadLetters = { send: async () => void events.push('letter') };

    await replicateBatch(hotKey('1'), invocation({ destination, deadLetters }));

    expect(events).toEqual(['PutItem', 'UpdateItem', 'letter']);
  });

  it('prolongs the state row where a higher failure bound is known', async () => {
    const destination = scripted((request, index) => {
      if (request.operation === 'PutItem') throw serviceError('ValidationException');
      return index === 1 ? { kind: 'refused', by: 'state-row' } : { kind: 'written' };
    });

    const { counts } = await replicateBatch(hotKey('1'), invocation({ destination }));

    expect(counts['dead-lettered']).toBe(1);
    expect(
      destination.requests.map(
        ({ input }) => (input as { UpdateExpression?: string }).UpdateExpression,
      ),
    ).toEqual([
      undefined,
      'SET #own = :v, #key = :key, #expiresAt = :expiresAt',
      'SET #expiresAt = :expiresAt',
    ]);
  });

  it('is not counted while the queue has not taken it, and its item waits', async () => {
    const deadLetters = {
      send: async () => {
        throw serviceError('QueueDoesNotExist');
      },
    };

    const summary = await replicateBatch(
      hotKey('1', '2'),
      invocation({ destination: poisonous('2'), deadLetters }),
    );

    expect(summary).toMatchObject({
      batchItemFailures: [{ itemIdentifier: '1' }],
      retried: 2,
      counts: { 'dead-lettered': 0 },
    });
  });

  it('keeps the record whole in its letter', async () => {
    const record = lambdaRecord({ attributes: { photo: { B: 'AP8=' }, total: { N: '1E+2' } } });
    const context = invocation({ destination: poisonous(record.dynamodb?.SequenceNumber ?? '') });

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

describe('a request whose outcome nobody knows', () => {
  const pausesOf = async (name: string, remainingMs: number) => {
    const pauses: number[] = [];
    const clock = { now: () => NOW_MS, sleep: async (ms: number) => void pauses.push(ms) };
    const destination = scripted(() => {
      throw serviceError(name);
    });
    await replicateBatch(
      hotKey('1'),
      invocation({ destination, clock, remainingMs: () => remainingMs }),
    );
    return pauses;
  };

  it('is waited for before the batch is answered, so that no delete of its item overtakes it', async () => {
    expect(await pausesOf('TimeoutError', 60_000)).toEqual([LATE_REQUEST_MS]);
  });

  it('is waited for from the last one on, if there were several', async () => {
    let nowMs = NOW_MS;
    let lastGivenUpMs = 0;
    const clock = {
      now: () => nowMs,
      sleep: async (ms: number) => {
        nowMs += ms;
      },
    };
    const destination = scripted(() => {
      nowMs += REQUEST_TIMEOUT_MS;
      lastGivenUpMs = nowMs;
      throw serviceError('TimeoutError');
    });
    const settings = { ...SETTINGS, concurrency: 1 };

    await replicateBatch(manyKeys(2), invocation({ destination, clock, settings }));

    expect(destination.requests).toHaveLength(2);
    expect(lastGivenUpMs).toBe(NOW_MS + 2 * REQUEST_TIMEOUT_MS);
    expect(nowMs - lastGivenUpMs).toBeGreaterThanOrEqual(LATE_REQUEST_MS);
  });

  it('is waited for from when it was given up, not from the end of the batch', async () => {
    let nowMs = NOW_MS;
    const clock = {
      now: () => nowMs,
      sleep: async (ms: number) => {
        nowMs += ms;
      },
    };
    const destination = scripted((_, index) => {
      if (index === 0) throw serviceError('TimeoutError');
      nowMs += 4_000;
      return { kind: 'written' };
    });
    const settings = { ...SETTINGS, concurrency: 1 };

    await replicateBatch(manyKeys(2), invocation({ destination, clock, settings }));

    expect(nowMs).toBe(NOW_MS + LATE_REQUEST_MS);
  });

  it('is waited for only as long as there is time to answer', async () => {
    expect(await pausesOf('TimeoutError', 8_000)).toEqual([8_000 - ANSWER_MARGIN_MS]);
  });

  it('costs no waiting where there was none', async () => {
    expect(await pausesOf('ECONNREFUSED', 60_000)).toEqual([]);
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
    const destination = refusingPuts(() => {
      remaining = SETTLE_MARGIN_MS - 1;
      return { kind: 'written' };
    });
    const context = invocation({ destination, remainingMs: () => remaining });

    const summary = await replicateBatch(hotKey('1'), context);

    expect(summary).toMatchObject({ retried: 1, causes: { 'unfinished.deadline': 1 } });
    expect(context.letters).toEqual([]);
  });

  it('are not sent while the state row cannot be written', async () => {
    for (const failing of ['the bound', 'its prolongation']) {
      const destination = refusingPuts((index) => {
        if (failing === 'the bound' || index > 1) throw serviceError('ThrottlingException');
        return { kind: 'refused', by: 'state-row' };
      });
      const context = invocation({ destination });

      expect(await replicateBatch(hotKey('1'), context)).toMatchObject({ retried: 1 });
      expect(context.letters).toEqual([]);
    }
  });
});

describe('a malformed record', () => {
  it.each([
    ['is no object', 'rubbish'],
    [
      'has an unknown event name',
      lambdaRecord({ id: 'x', sequenceNumber: '2', eventName: 'UPSERT' }),
    ],
    [
      'has no new image',
      {
        ...lambdaRecord({ id: 'x', sequenceNumber: '2' }),
        dynamodb: { Keys: { pk: { S: 'x' } }, SequenceNumber: '2', StreamViewType: 'KEYS_ONLY' },
      },
    ],
    ['has no change', { eventName: 'INSERT' }],
  ])('that %s goes to the queue, and the rest of its batch is applied', async (_, malformed) => {
    const context = invocation();
    const records = [
      lambdaRecord({ id: 'a', sequenceNumber: '1' }),
      malformed,
      lambdaRecord({ id: 'b', sequenceNumber: '3' }),
    ];

    const summary = await replicateBatch(records, context);

    expect(summary).toMatchObject({
      batchItemFailures: [],
      counts: { applied: 2, 'dead-lettered': 1 },
    });
    expect(context.letters).toMatchObject([{ record: malformed }]);
  });

  it('that cannot be named makes the whole batch fail while the queue does not take it', async () => {
    const deadLetters = {
      send: async () => {
        throw serviceError('QueueDoesNotExist');
      },
    };

    await expect(replicateBatch(['rubbish'], invocation({ deadLetters }))).rejects.toThrow(
      'whole batch',
    );
  });
});

it('logs no item contents, whatever happens', async () => {
  const secret = 'secret-4711';
  const destination = scripted((request) => {
    if (request.operation === 'PutItem')
      throw serviceError('ValidationException', `bad value ${secret}`);
    throw serviceError('TimeoutError', secret);
  });
  const context = invocation({ destination });

  await replicateBatch(
    [lambdaRecord({ id: secret, attributes: { card: { S: secret } } })],
    context,
  );

  expect(context.logged.length).toBeGreaterThan(0);
  expect(JSON.stringify(context.logged)).not.toContain(secret);
});

it('accounts for every record, whatever the destination does', async () => {
  const errors = [
    'ValidationException',
    'ThrottlingException',
    'TimeoutError',
    'AccessDeniedException',
  ];
  const destination = scripted((_, index) => {
    if (index % 3 === 0) throw serviceError(errors[index % errors.length] ?? '');
    return index % 7 === 0 ? { kind: 'refused', by: 'item' } : { kind: 'written' };
  });
  const records = Array.from({ length: 1_000 }, (_, index) =>
    lambdaRecord({
      id: `order-${index % 40}`,
      sequenceNumber: String(index + 1),
      eventName: index % 5 === 0 ? 'REMOVE' : 'MODIFY',
    }),
  );

  const summary = await replicateBatch(records, invocation({ destination }));

  expect(totalOf(summary)).toBe(1_000);
});
