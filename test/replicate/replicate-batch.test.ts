import { describe, expect, it } from 'vitest';
import {
  ANSWER_MARGIN_MS,
  HELD_ANSWER_MS,
  LATE_REQUEST_MS,
  REQUEST_TIMEOUT_MS,
  TAIL_MS,
  WRITE_TIME_MS,
} from '../../src/config/names.ts';
import { replicateBatch } from '../../src/replicate/replicate-batch.ts';
import type { Clock } from '../../src/ports.ts';
import { lambdaRecord, SETTINGS, STREAM_ARN } from '../fixtures/records.ts';
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

/** Time passes only while somebody sleeps. */
function passingClock(): Clock {
  let nowMs = NOW_MS;
  return {
    now: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
    },
  };
}

describe('replicateBatch', () => {
  it('answers an empty batch with nothing to retry', async () => {
    const context = invocation();

    const summary = await replicateBatch([], context);

    expect(summary).toMatchObject({ batchItemFailures: [], retried: 0 });
    expect(context.published).toEqual([summary]);
  });

  it('takes a batch of 10,000 and writes each item once', async () => {
    const twinWriter = scripted(() => ({ kind: 'written' }));

    const summary = await replicateBatch(manyKeys(10_000), invocation({ twinWriter }));

    expect(summary.counts.applied).toBe(10_000);
    expect(twinWriter.requests).toHaveLength(10_000);
  });

  it.each(['MODIFY', 'REMOVE'])(
    'holds a %s whose key has the reserved attribute, adopts nothing and writes nothing',
    async (eventName) => {
      const twinWriter = scripted(() => ({ kind: 'written' }));
      const admit = () => Promise.reject(new Error('asked'));
      const context = invocation({ twinWriter, clock: passingClock(), control: { admit } });
      const keys = { pk: { S: 'a' }, [SETTINGS.reservedAttribute]: { S: 'b' } };

      const summary = await replicateBatch([lambdaRecord({ eventName, keys })], context);

      expect(summary).toMatchObject({ held: 1, batchItemFailures: [{}] });
      expect(twinWriter.requests).toEqual([]);
      expect(context.logged).toContainEqual({
        event: 'batch.held',
        why: 'the reserved attribute is a key attribute of the source',
        records: 1,
      });
    },
  );

  it('writes only the newest record of an item and counts the others as coalesced', async () => {
    const twinWriter = scripted(() => ({ kind: 'written' }));

    const { counts } = await replicateBatch(hotKey('1', '2', '3'), invocation({ twinWriter }));

    expect(counts).toMatchObject({ applied: 1, coalesced: 2 });
    expect(twinWriter.requests.filter((request) => isPutOf(request, '3'))).toHaveLength(1);
    expect(twinWriter.requests).toHaveLength(1);
  });

  it('never has more writes in flight than the concurrency allows', async () => {
    let inFlight = 0;
    let highest = 0;
    const twinWriter = scripted(async () => {
      inFlight += 1;
      highest = Math.max(highest, inFlight);
      await new Promise((resolve) => setImmediate(resolve));
      inFlight -= 1;
      return { kind: 'written' };
    });

    await replicateBatch(
      manyKeys(100),
      invocation({ twinWriter, rules: { ...SETTINGS, concurrency: 7 } }),
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

  it('measures latency from the application’s own stamp, and counts items without one', async () => {
    const settings = { ...SETTINGS, timestampAttribute: 'at' };
    const at = { N: String(NOW_MS - 42) };

    const { latenciesMs, timestampFallbacks } = await replicateBatch(
      [
        lambdaRecord({ id: 'a', attributes: { at } }),
        lambdaRecord({ id: 'b' }),
        lambdaRecord({ id: 'c', eventName: 'REMOVE' }),
      ],
      invocation({ rules: settings }),
    );

    expect(latenciesMs).toEqual([42, 1_500]);
    expect(timestampFallbacks).toBe(1);
  });

  it('skips expiries where the policy says so, without touching the destination', async () => {
    const twinWriter = scripted(() => ({ kind: 'written' }));
    const settings = { ...SETTINGS, ttlDeletes: 'skip' as const };

    const { counts } = await replicateBatch(
      [lambdaRecord({ eventName: 'REMOVE', expired: true })],
      invocation({ twinWriter, rules: settings }),
    );

    expect(counts.skipped).toBe(1);
    expect(twinWriter.requests).toEqual([]);
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
      invocation({ twinWriter: refused(`0001.9999999999999.${'1'.padStart(40, '0')}`) }),
    );

    expect(counts.superseded).toBe(1);
  });

  it('is put aside when the reserved attribute holds no version of Ferry’s', async () => {
    const taken = refused('not a version');
    const twinWriter = scripted((request) =>
      // The ledger row is not what refuses.
      request.operation === 'UpdateItem' ? { kind: 'written' } : taken.write(request),
    );
    const context = invocation({ twinWriter });

    const { counts } = await replicateBatch(hotKey('5'), context);

    expect(counts['dead-lettered']).toBe(1);
    expect(context.letters[0]?.reason).toMatchObject({
      class: 'conflict',
      name: 'ReservedAttributeTaken',
    });
  });

  it('is superseded, not put aside, when the item has been repaired twice', async () => {
    const label = `0001.${Date.UTC(2026, 0, 31, 12)}`;
    const context = invocation({ twinWriter: refused(`${label}.${'9'.padStart(40, '0')}~~`) });

    const { counts, superseded } = await replicateBatch(hotKey('5'), context);

    expect(counts).toMatchObject({ superseded: 1, 'dead-lettered': 0 });
    expect(superseded.newer).toBe(1);
  });

  it('does a delete also when a newer one is known, which may have got no further', async () => {
    const twinWriter = scripted(({ operation }) =>
      operation === 'UpdateItem' ? { kind: 'refused', by: 'ledger-row' } : { kind: 'written' },
    );

    const { counts, superseded } = await replicateBatch(
      [lambdaRecord({ eventName: 'REMOVE' })],
      invocation({ twinWriter }),
    );

    expect({ counts: counts.superseded, deleted: superseded.deleted }).toEqual({
      counts: 1,
      deleted: 1,
    });
    expect(twinWriter.requests.map(({ operation }) => operation)).toEqual([
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
    const twinWriter = scripted((request) => {
      if (isPutOf(request, '2')) throw serviceError(name);
      return { kind: 'written' };
    });
    const context = invocation({ twinWriter });

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
    const twinWriter = scripted((_, index) => {
      if (index < 3) throw serviceError('ThrottlingException');
      return { kind: 'written' };
    });
    const clock = { now: () => NOW_MS, sleep: async (ms: number) => void pauses.push(ms) };

    const summary = await replicateBatch(hotKey('1'), invocation({ twinWriter, clock }));

    expect(summary).toMatchObject({ counts: { applied: 1 }, failures: { throttled: 3 } });
    expect(pauses).toEqual([25, 50, 100]);
  });

  it('gives a throttled record back after a bounded number of tries', async () => {
    const twinWriter = scripted(() => {
      throw serviceError('ThrottlingException');
    });

    const summary = await replicateBatch(hotKey('1'), invocation({ twinWriter }));

    expect(summary).toMatchObject({ retried: 1, failures: { throttled: 8 } });
  });

  it('sends nothing more for an item whose last write may or may not have happened', async () => {
    const twinWriter = scripted(() => {
      throw serviceError('TimeoutError');
    });
    const records = [
      lambdaRecord({ sequenceNumber: '1' }),
      lambdaRecord({ sequenceNumber: '2', eventName: 'REMOVE', expired: true }),
      lambdaRecord({ sequenceNumber: '3', eventName: 'INSERT' }),
    ];
    const settings = { ...SETTINGS, ttlDeletes: 'skip' as const };

    const summary = await replicateBatch(records, invocation({ twinWriter, rules: settings }));

    expect(summary).toMatchObject({ batchItemFailures: [{ itemIdentifier: '1' }], retried: 3 });
    expect(twinWriter.requests).toHaveLength(1);
  });
});

describe('a destination that is down', () => {
  const oneByOne = { ...SETTINGS, concurrency: 1 };

  it.each(['ECONNREFUSED', 'AccessDeniedException', 'TimeoutError'])(
    'is left alone after ten failures in a row: %s',
    async (name) => {
      const twinWriter = scripted(() => {
        throw serviceError(name);
      });

      const summary = await replicateBatch(
        manyKeys(1_000),
        invocation({ twinWriter, rules: oneByOne }),
      );

      expect(twinWriter.requests).toHaveLength(10);
      expect(summary).toMatchObject({
        batchItemFailures: [{ itemIdentifier: '1' }],
        retried: 1_000,
      });
    },
  );

  it('is not taken for down while it answers now and then', async () => {
    const twinWriter = scripted((_, index) => {
      if (index % 10 !== 9) throw serviceError('TimeoutError');
      return { kind: 'written' };
    });

    await replicateBatch(manyKeys(100), invocation({ twinWriter, rules: oneByOne }));

    expect(twinWriter.requests).toHaveLength(100);
  });
});

describe('the deadline', () => {
  it('lets nothing start that could not settle in time, and hands it back', async () => {
    let remaining = WRITE_TIME_MS + 2;
    const twinWriter = scripted(() => {
      remaining -= 1;
      return { kind: 'written' };
    });
    const settings = { ...SETTINGS, concurrency: 1 };

    const summary = await replicateBatch(
      manyKeys(10),
      invocation({ twinWriter, rules: settings, remainingMs: () => remaining }),
    );

    expect(summary).toMatchObject({
      batchItemFailures: [{ itemIdentifier: '4' }],
      counts: { applied: 3 },
      retried: 7,
    });
  });

  it.each([
    ['a delete', lambdaRecord({ eventName: 'REMOVE', sequenceNumber: '2' })],
    ['a record that makes no sense', lambdaRecord({ eventName: 'UPSERT', sequenceNumber: '2' })],
  ])('comes earlier where %s has to be seen to at the end', async (_, tail) => {
    const twinWriter = scripted(() => ({ kind: 'written' }));
    const remainingMs = () => WRITE_TIME_MS + TAIL_MS - 1;
    const records = [lambdaRecord({ id: 'a', sequenceNumber: '1' }), tail];

    const summary = await replicateBatch(records, invocation({ twinWriter, remainingMs }));

    expect(summary.causes).toMatchObject({ 'unfinished.deadline': expect.any(Number) });
    expect(twinWriter.requests).toEqual([]);
  });

  it('comes earlier for the rest of a batch once a record is rejected', async () => {
    let remaining = WRITE_TIME_MS + TAIL_MS;
    const twinWriter = scripted((request) => {
      remaining = Math.min(remaining, WRITE_TIME_MS + TAIL_MS - 1);
      if (isPutOf(request, '1')) throw serviceError('ValidationException');
      return { kind: 'written' };
    });
    const settings = { ...SETTINGS, concurrency: 1 };
    const context = invocation({ twinWriter, rules: settings, remainingMs: () => remaining });

    const summary = await replicateBatch(manyKeys(3), context);

    expect(summary).toMatchObject({
      batchItemFailures: [{ itemIdentifier: '2' }],
      counts: { 'dead-lettered': 1 },
      retried: 2,
    });
  });

  it('is looked at again before every repetition of what is throttled', async () => {
    const clock = passingClock();
    const endMs = NOW_MS + WRITE_TIME_MS + 60;
    const twinWriter = scripted(() => {
      throw serviceError('ThrottlingException');
    });

    const { causes } = await replicateBatch(
      hotKey('1'),
      invocation({ twinWriter, clock, remainingMs: () => endMs - clock.now() }),
    );

    // After pauses of 25 and 50 ms, no third one fits.
    expect(twinWriter.requests).toHaveLength(2);
    expect(causes).toEqual({ 'unfinished.deadline': 1 });
  });

  it('is looked at again before an update turns into a transaction', async () => {
    let remaining = WRITE_TIME_MS;
    const twinWriter = scripted(() => {
      remaining -= 1;
      return { kind: 'refused', by: 'item' };
    });

    const { retried } = await replicateBatch(
      hotKey('1'),
      invocation({ twinWriter, remainingMs: () => remaining }),
    );

    expect({ retried, requests: twinWriter.requests.length }).toEqual({ retried: 1, requests: 1 });
  });
});

describe('a request whose outcome nobody knows', () => {
  const pausesOf = async (name: string, remainingMs: number) => {
    const pauses: number[] = [];
    const clock = { now: () => NOW_MS, sleep: async (ms: number) => void pauses.push(ms) };
    const twinWriter = scripted(() => {
      throw serviceError(name);
    });
    await replicateBatch(
      hotKey('1'),
      invocation({ twinWriter, clock, remainingMs: () => remainingMs }),
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
    const twinWriter = scripted(() => {
      nowMs += REQUEST_TIMEOUT_MS;
      lastGivenUpMs = nowMs;
      throw serviceError('TimeoutError');
    });
    const settings = { ...SETTINGS, concurrency: 1 };

    await replicateBatch(manyKeys(2), invocation({ twinWriter, clock, rules: settings }));

    expect(twinWriter.requests).toHaveLength(2);
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
    const twinWriter = scripted((_, index) => {
      if (index === 0) throw serviceError('TimeoutError');
      nowMs += 4_000;
      return { kind: 'written' };
    });
    const settings = { ...SETTINGS, concurrency: 1 };

    await replicateBatch(manyKeys(2), invocation({ twinWriter, clock, rules: settings }));

    expect(nowMs).toBe(NOW_MS + LATE_REQUEST_MS);
  });

  it.each([0, 1, 700, 10_000])(
    'is waited for in full, and answered in time, when it began %i ms before it was too late to begin',
    async (spareMs) => {
      const clock = passingClock();
      const endMs = NOW_MS + WRITE_TIME_MS + spareMs;
      const givenUpMs: number[] = [];
      const twinWriter = scripted(async () => {
        await clock.sleep(REQUEST_TIMEOUT_MS);
        givenUpMs.push(clock.now());
        throw serviceError('TimeoutError');
      });
      const settings = { ...SETTINGS, concurrency: 1 };

      await replicateBatch(
        manyKeys(5),
        invocation({ twinWriter, clock, rules: settings, remainingMs: () => endMs - clock.now() }),
      );

      expect(givenUpMs.length).toBeGreaterThan(0);
      expect(clock.now() - (givenUpMs.at(-1) ?? 0)).toBeGreaterThanOrEqual(LATE_REQUEST_MS);
      expect(endMs - clock.now()).toBeGreaterThanOrEqual(ANSWER_MARGIN_MS);
    },
  );

  it('is waited for in full behind letters and announcements that take all of their time', async () => {
    const clock = passingClock();
    const endMs = NOW_MS + WRITE_TIME_MS + TAIL_MS;
    let givenUpMs = 0;
    const twinWriter = scripted(async (request) => {
      if (isPutOf(request, '2')) throw serviceError('ValidationException');
      if (!isPutOf(request, '3')) return { kind: 'written' };
      await clock.sleep(REQUEST_TIMEOUT_MS);
      givenUpMs = clock.now();
      throw serviceError('TimeoutError');
    });
    const slow = async () => clock.sleep(REQUEST_TIMEOUT_MS);
    const records = [
      lambdaRecord({ id: 'a', sequenceNumber: '1', eventName: 'REMOVE' }),
      lambdaRecord({ id: 'b', sequenceNumber: '2' }),
      lambdaRecord({ id: 'c', sequenceNumber: '3' }),
    ];

    await replicateBatch(
      records,
      invocation({
        twinWriter,
        clock,
        lookAgain: { announce: slow },
        deadLetters: { send: slow },
        remainingMs: () => endMs - clock.now(),
      }),
    );

    expect(clock.now() - givenUpMs).toBeGreaterThanOrEqual(LATE_REQUEST_MS);
    expect(endMs - clock.now()).toBeGreaterThanOrEqual(ANSWER_MARGIN_MS);
  });

  it('costs no waiting where there was none', async () => {
    expect(await pausesOf('ECONNREFUSED', 60_000)).toEqual([]);
  });
});

describe('a batch that the control row does not admit', () => {
  const held = { admit: async () => ({ kind: 'held' as const, why: 'because' }) };

  it('is handed back whole from its first record, after two seconds, with nothing written', async () => {
    const clock = passingClock();
    const twinWriter = scripted(() => ({ kind: 'written' }));
    const context = invocation({ twinWriter, clock, control: held });

    const summary = await replicateBatch(manyKeys(3), context);

    expect(summary).toMatchObject({
      batchItemFailures: [{ itemIdentifier: '1' }],
      retried: 3,
      held: 3,
    });
    expect(clock.now() - NOW_MS).toBe(HELD_ANSWER_MS);
    expect([twinWriter.requests, context.announced, context.letters]).toEqual([[], [], []]);
    expect(context.logged).toContainEqual({ event: 'batch.held', why: 'because', records: 3 });
  });

  it.each([
    ['unreachable', 'ECONNREFUSED'],
    ['throttled', 'ThrottlingException'],
    ['denied', 'AccessDeniedException'],
    ['unknown', 'TimeoutError'],
  ] as const)('counts as %s, and not as held, where the row cannot be read', async (kind, name) => {
    const clock = passingClock();
    const failure = { kind, name, message: '' };
    const control = { admit: async () => ({ kind: 'held' as const, why: 'because', failure }) };

    const summary = await replicateBatch(manyKeys(3), invocation({ clock, control }));

    expect(summary).toMatchObject({
      batchItemFailures: [{ itemIdentifier: '1' }],
      retried: 3,
      held: 0,
      causes: { [`unfinished.${kind}`]: 3 },
      failures: { [kind]: 1 },
    });
    expect(clock.now() - NOW_MS).toBe(HELD_ANSWER_MS);
  });

  it('is judged by every stream that its records name', async () => {
    let asked: ReadonlySet<string> = new Set();
    const { control } = invocation();
    const asking = {
      admit: (arns: ReadonlySet<string>, remainingMs: () => number) => {
        asked = arns;
        return control.admit(arns, remainingMs);
      },
    };

    await replicateBatch(
      [
        lambdaRecord({ id: 'a' }),
        lambdaRecord({ id: 'b', streamArn: 'another' }),
        { eventSourceARN: 7 },
        'rubbish',
      ],
      invocation({ control: asking }),
    );

    expect([...asked]).toEqual([STREAM_ARN, 'another']);
  });
});

describe('a rejection that is systemic', () => {
  const refusing = (name: string) =>
    scripted((request) => {
      if (request.operation === 'PutItem') throw serviceError(name);
      return { kind: 'written' };
    });
  const keySchema = () => refusing('ValidationException');

  it('holds the rejected records back, writes the others, and puts nothing aside', async () => {
    const clock = passingClock();
    const good = lambdaRecord({ id: 'good', eventName: 'REMOVE', sequenceNumber: '500' });
    const context = invocation({ twinWriter: keySchema(), clock });

    const summary = await replicateBatch([...manyKeys(100), good], context);

    expect(summary).toMatchObject({
      batchItemFailures: [{ itemIdentifier: '1' }],
      held: 100,
      retried: 101,
      causes: { 'unfinished.held': 100 },
      counts: { 'dead-lettered': 0 },
    });
    expect(context.letters).toEqual([]);
    expect(clock.now() - NOW_MS).toBe(HELD_ANSWER_MS);
    expect(context.logged).toContainEqual(
      expect.objectContaining({
        event: 'batch.held',
        why: 'nearly everything is rejected: ValidationException',
      }),
    );
  });

  it('is noticed over several small batches, and by then has cost their letters only', async () => {
    const context = invocation({ twinWriter: keySchema() });
    const records = manyKeys(200);
    let held = 0;

    for (let from = 0; from < records.length && held === 0; from += 10)
      held = (await replicateBatch(records.slice(from, from + 10), context)).held;

    expect({ held, letters: context.letters.length }).toEqual({ held: 10, letters: 90 });
  });

  it('lets everything through by itself when its cause is gone', async () => {
    let isRepaired = false;
    const broken = keySchema();
    const twinWriter = scripted((request) =>
      isRepaired ? { kind: 'written' } : broken.write(request),
    );
    const context = invocation({ twinWriter });
    const first = await replicateBatch(manyKeys(100), context);
    isRepaired = true;

    const second = await replicateBatch(manyKeys(100), context);

    expect([first.held, second.held]).toEqual([100, 0]);
    expect(second).toMatchObject({ batchItemFailures: [], counts: { applied: 100 } });
    expect(context.letters).toEqual([]);
  });

  it('is put aside where the configuration asks for it', async () => {
    const settings = { ...SETTINGS, systemicRejections: 'dead-letter' as const };
    const context = invocation({ twinWriter: keySchema(), rules: settings });

    const summary = await replicateBatch(manyKeys(150), context);

    expect(summary).toMatchObject({ batchItemFailures: [], counts: { 'dead-lettered': 150 } });
    expect(context.letters).toHaveLength(150);
  });

  it('is not what a few poison records among good ones are, however many batches have them', async () => {
    const twinWriter = scripted((request) => {
      if (isPutOf(request, '3')) throw serviceError('ValidationException');
      return { kind: 'written' };
    });
    const context = invocation({ twinWriter });

    for (let batch = 0; batch < 120; batch += 1) await replicateBatch(manyKeys(5), context);

    expect(context.letters).toHaveLength(120);
  });

  it('is not what one item is that can never be written, however often it changes', async () => {
    const context = invocation({ twinWriter: keySchema() });
    const changes = Array.from({ length: 300 }, (_, index) =>
      lambdaRecord({ sequenceNumber: String(index + 1) }),
    );

    const { held, counts } = await replicateBatch(changes, context);

    expect({ held, letters: counts['dead-lettered'] }).toEqual({ held: 0, letters: 300 });
  });

  it('is not what one record is whose letter cannot be sent a hundred times', async () => {
    let isWell = false;
    let letters = 0;
    const deadLetters = {
      async send() {
        if (!isWell) throw serviceError('QueueDoesNotExist');
        letters += 1;
      },
    };
    const context = invocation({ twinWriter: keySchema(), deadLetters });
    for (let delivery = 0; delivery < 120; delivery += 1)
      await replicateBatch(hotKey('1'), context);
    isWell = true;

    const summary = await replicateBatch(hotKey('1'), context);

    expect(summary.counts['dead-lettered']).toBe(1);
    expect(letters).toBe(1);
  });

  it('does not hold an outage that follows it', async () => {
    let isDown = false;
    const broken = keySchema();
    const twinWriter = scripted((request) => {
      if (isDown) throw serviceError('ECONNREFUSED');
      return broken.write(request);
    });
    const context = invocation({ twinWriter });
    await replicateBatch(manyKeys(100), context);
    isDown = true;

    const { held, causes } = await replicateBatch(manyKeys(1), context);

    expect({ held, causes }).toEqual({ held: 0, causes: { 'unfinished.unreachable': 1 } });
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
  const twinWriter = scripted((request) => {
    if (request.operation === 'PutItem')
      throw serviceError('ValidationException', `bad value ${secret}`);
    throw serviceError('TimeoutError', secret);
  });
  const context = invocation({ twinWriter });

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
  const twinWriter = scripted((_, index) => {
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

  const summary = await replicateBatch(records, invocation({ twinWriter }));

  expect(totalOf(summary)).toBe(1_000);
});
