import type { DynamoDBRecord } from 'aws-lambda';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Batch,
  INVOCATION_PAYLOAD_BYTES_MAX,
  newBatch,
  nextBatchSize,
  toWaitingRecord,
} from '../../src/stream/batches.ts';
import {
  compareSequenceNumbers,
  type EventRecord,
  sequenceNumberOf,
  slotOf,
} from '../../src/stream/event-record.ts';
import {
  afterInvocation,
  type DeliverySettings,
  type InvocationResult,
  separateExpired,
} from '../../src/stream/retry-and-bisect.ts';
import { onFailureDocument } from '../../src/stream/on-failure-document.ts';

const SETTINGS: DeliverySettings = {
  batchSize: 100,
  maxBatchingWindowSeconds: 0,
  parallelizationFactor: 1,
  retryAttempts: -1,
  maxRecordAgeSeconds: 3_600,
};
const BISECT = { ...SETTINGS, bisectBatchOnFunctionError: true };
const FAILED: InvocationResult = { kind: 'failed' };

interface RecordFields {
  readonly key?: string;
  readonly createdAtSeconds?: number | undefined;
  readonly pad?: string;
}

function record(sequenceNumber: string, fields: RecordFields = {}): DynamoDBRecord {
  const { key = 'a', createdAtSeconds, pad } = fields;
  return {
    eventName: 'MODIFY',
    dynamodb: {
      Keys: { pk: { S: key } },
      SequenceNumber: sequenceNumber,
      ...(createdAtSeconds === undefined ? {} : { ApproximateCreationDateTime: createdAtSeconds }),
      ...(pad === undefined ? {} : { NewImage: { pad: { S: pad } } }),
    },
  };
}

const batch = (...sequenceNumbers: string[]): Batch =>
  newBatch(sequenceNumbers.map((number) => record(number)));

const numbers = (records: readonly EventRecord[]) => records.map(sequenceNumberOf);

const returned = (response: unknown): InvocationResult => ({ kind: 'returned', response });

const failures = (...identifiers: unknown[]) =>
  returned({ batchItemFailures: identifiers.map((itemIdentifier) => ({ itemIdentifier })) });

/** Sequence numbers instead of records, so that expectations can be read. */
function outcome(batch: Batch, result: InvocationResult, settings = SETTINGS) {
  const { done, retry, givenUp } = afterInvocation(batch, result, settings);
  return {
    done: numbers(done),
    retry: retry.map(({ records }) => numbers(records)),
    ...(givenUp && { givenUp: numbers(givenUp.records) }),
  };
}

describe('the answer of the function', () => {
  it.each([
    ['nothing', undefined],
    ['null', null],
    ['an empty text', ''],
    ['an empty object', {}],
    ['other fields only', { statusCode: 200 }],
    ['a null list', { batchItemFailures: null }],
    ['an empty list', { batchItemFailures: [] }],
  ])('means that the whole batch is done when it is %s', (_name, response) => {
    expect(outcome(batch('1', '2'), returned(response))).toEqual({ done: ['1', '2'], retry: [] });
  });

  it.each([
    ['an empty identifier', { batchItemFailures: [{ itemIdentifier: '' }] }],
    ['a null identifier', { batchItemFailures: [{ itemIdentifier: null }] }],
    ['a wrongly named identifier', { batchItemFailures: [{ itemIdentifer: '2' }] }],
    ['an unknown identifier', { batchItemFailures: [{ itemIdentifier: '7' }] }],
    ['a padded identifier', { batchItemFailures: [{ itemIdentifier: '02' }] }],
    ['a number', { batchItemFailures: [{ itemIdentifier: 2 }] }],
    ['one bad among good ones', { batchItemFailures: [{ itemIdentifier: '2' }, {}] }],
    ['a null member', { batchItemFailures: [null] }],
    ['a text as list', { batchItemFailures: '2' }],
    ['a text', 'done'],
    ['a list', []],
    ['a yes', true],
  ])('means that the whole batch failed when it holds %s', (_name, response) => {
    const whole = outcome(batch('1', '2'), returned(response));
    const halved = outcome(batch('1', '2'), returned(response), BISECT);

    expect(whole).toEqual({ done: [], retry: [['1', '2']] });
    // Only what failed as a whole is halved.
    expect(halved).toEqual({ done: [], retry: [['1'], ['2']] });
  });

  it('hands everything from the failed record on over again', () => {
    expect(outcome(batch('1', '2', '3'), failures('2'))).toEqual({
      done: ['1'],
      retry: [['2', '3']],
    });
  });

  it('takes the lowest of several by number, not by text', () => {
    const records = batch('9', '10', '100', '1000000000000000000000000000000000000000');

    expect(
      outcome(records, failures('100', '1000000000000000000000000000000000000000', '10')),
    ).toEqual({ done: ['9'], retry: [['10', '100', '1000000000000000000000000000000000000000']] });
  });
});

describe('a failed invocation', () => {
  it('is tried again with the same records until the retries are used up', () => {
    const settings = { ...SETTINGS, retryAttempts: 2 };

    let { retry, givenUp } = afterInvocation(batch('1', '2'), FAILED, settings);
    for (let attempt = 2; attempt <= 3; attempt += 1) {
      expect(givenUp).toBeUndefined();
      ({ retry, givenUp } = afterInvocation(retry[0] as Batch, FAILED, settings));
    }

    expect(retry).toEqual([]);
    expect(givenUp).toMatchObject({ invocations: 3, retries: 2 });
    expect(numbers(givenUp?.records ?? [])).toEqual(['1', '2']);
  });

  it('is tried again without end when retryAttempts is -1', () => {
    let current = batch('1');
    for (let attempt = 0; attempt < 20_000; attempt += 1) {
      const { retry } = afterInvocation(current, FAILED, SETTINGS);
      current = retry[0] as Batch;
    }

    expect(current.invocations).toBe(20_000);
  });

  it('is given up at once when there are no retries', () => {
    expect(outcome(batch('1'), FAILED, { ...SETTINGS, retryAttempts: 0 })).toEqual({
      done: [],
      retry: [],
      givenUp: ['1'],
    });
  });

  it('does not get its retries back by moving on', () => {
    const settings = { ...SETTINGS, retryAttempts: 1 };
    const { retry } = afterInvocation(batch('1', '2', '3'), failures('2'), settings);

    expect(outcome(retry[0] as Batch, failures('3'), settings)).toEqual({
      done: ['2'],
      retry: [],
      givenUp: ['3'],
    });
  });
});

describe('bisecting', () => {
  it('halves a failed batch, in order, and uses no retry', () => {
    const { retry } = afterInvocation(batch('1', '2', '3'), FAILED, {
      ...BISECT,
      retryAttempts: 0,
    });

    expect(retry.map(({ records }) => numbers(records))).toEqual([['1', '2'], ['3']]);
    expect(retry.map(({ retries, invocations }) => [retries, invocations])).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  it('retries a record that cannot be halved any more', () => {
    expect(outcome(batch('1'), FAILED, BISECT)).toEqual({ done: [], retry: [['1']] });
  });

  it('splits at the failed record, without using a retry, and keeps the rest whole', () => {
    const { done, retry } = afterInvocation(batch('1', '2', '3', '4'), failures('2'), BISECT);

    expect(numbers(done)).toEqual(['1']);
    expect(retry.map(({ records, retries }) => [numbers(records), retries])).toEqual([
      [['2', '3', '4'], 0],
    ]);
  });

  it('uses a retry when the very first record is the failed one', () => {
    const { retry } = afterInvocation(batch('1', '2'), failures('1'), BISECT);

    expect(retry).toMatchObject([{ retries: 1 }]);
  });
});

describe('the age of records', () => {
  const NOW_MS = 10_000_999;
  const old = { createdAtSeconds: 10_000 - 3_601 };
  const justInTime = { createdAtSeconds: 10_000 - 3_600 };

  function separated(records: DynamoDBRecord[], maxRecordAgeSeconds = 3_600) {
    const { expired, live } = separateExpired(newBatch(records), NOW_MS, { maxRecordAgeSeconds });
    return { expired: numbers(expired?.records ?? []), live: numbers(live?.records ?? []) };
  }

  it('gives up what is older than the maximum in whole seconds, and nothing younger', () => {
    expect(separated([record('1', old), record('2', justInTime)])).toEqual({
      expired: ['1'],
      live: ['2'],
    });
  });

  it('gives up a whole batch', () => {
    expect(separated([record('1', old), record('2', old)])).toEqual({
      expired: ['1', '2'],
      live: [],
    });
  });

  it('does not look behind a record that is young enough', () => {
    expect(separated([record('1', justInTime), record('2', old)])).toEqual({
      expired: [],
      live: ['1', '2'],
    });
  });

  it('never gives up a record without a creation time, or any record without a maximum', () => {
    expect(separated([record('1')]).live).toEqual(['1']);
    expect(separated([record('1', { createdAtSeconds: 1 })], -1).live).toEqual(['1']);
  });

  it('keeps what the batch has cost so far on both sides', () => {
    const tried = { ...newBatch([record('1', old), record('2')]), invocations: 4, retries: 3 };

    const { expired, live } = separateExpired(tried, NOW_MS, SETTINGS);

    expect(expired).toMatchObject({ invocations: 4, retries: 3 });
    expect(live).toMatchObject({ invocations: 4, retries: 3 });
  });
});

describe('making batches', () => {
  const waiting = (count: number, pad?: string) =>
    Array.from({ length: count }, (_, index) =>
      toWaitingRecord(record(String(index), pad === undefined ? {} : { pad })),
    );

  it('takes what there is, up to the batch size', () => {
    expect(nextBatchSize(waiting(3), { batchSize: 4 })).toEqual({ size: 3, full: false });
    expect(nextBatchSize(waiting(4), { batchSize: 4 })).toEqual({ size: 4, full: true });
    expect(nextBatchSize(waiting(9), { batchSize: 4 })).toEqual({ size: 4, full: true });
  });

  it.each([
    // ä is two bytes, so that characters and bytes differ.
    ['a few large records', 20, 'ä'.repeat(200_000)],
    ['many small records, with all their commas', 10_000, 'ä'.repeat(270)],
  ])('keeps the event within the payload limit, to the byte: %s', (_name, count, pad) => {
    const records = waiting(count, pad);

    const { size, full } = nextBatchSize(records, { batchSize: 10_000 });

    const eventBytes = (count: number) =>
      Buffer.byteLength(
        JSON.stringify({ Records: records.slice(0, count).map((one) => one.record) }),
      );
    expect(full).toBe(true);
    expect(eventBytes(size)).toBeLessThanOrEqual(INVOCATION_PAYLOAD_BYTES_MAX);
    expect(eventBytes(size + 1)).toBeGreaterThan(INVOCATION_PAYLOAD_BYTES_MAX);
  });

  it('sends a record that is too large by itself rather than nothing for ever', () => {
    const records = waiting(2, 'x'.repeat(INVOCATION_PAYLOAD_BYTES_MAX));

    expect(nextBatchSize(records, { batchSize: 100 })).toEqual({ size: 1, full: true });
  });

  it('keeps the records of an item in one slot, however its key is written', () => {
    const withKeys = (Keys: object) => ({ dynamodb: { Keys } }) as DynamoDBRecord;
    const one = withKeys({ pk: { S: 'a' }, sk: { N: '10' } });
    const other = withKeys({ sk: { N: '1.0E1' }, pk: { S: 'a' } });

    for (let factor = 1; factor <= 10; factor += 1) {
      expect(slotOf(one, factor)).toBe(slotOf(other, factor));
    }
  });

  it('spreads many items over all slots evenly', () => {
    const counts = Array.from({ length: 10 }, () => 0);
    for (let index = 0; index < 10_000; index += 1) {
      const slot = slotOf(record('1', { key: `order#${index}` }), 10);
      counts[slot] = (counts[slot] ?? 0) + 1;
    }

    expect(Math.min(...counts)).toBeGreaterThan(800);
    expect(Math.max(...counts)).toBeLessThan(1_200);
  });
});

describe('sequence numbers', () => {
  it('compare as the integers they are', () => {
    const digits = fc.stringMatching(/^\d{1,40}$/);
    fc.assert(
      fc.property(digits, digits, (a, b) => {
        const expected = BigInt(a) < BigInt(b) ? -1 : Number(BigInt(a) > BigInt(b));
        expect(Math.sign(compareSequenceNumbers(a, b))).toBe(expected);
      }),
    );
  });
});

describe('the on-failure document', () => {
  const given = {
    batch: {
      records: [
        record('800000000003126276362', { createdAtSeconds: 1_573_690_399 }),
        record('800000000003126276363', { createdAtSeconds: 1_573_690_401 }),
      ],
      invocations: 4,
      retries: 3,
    },
    condition: 'RetryAttemptsExhausted' as const,
    result: FAILED,
    shardId: 'shardId-00000001573689847184-864758bb',
    streamArn: 'arn:aws:dynamodb:us-east-2:123456789012:table/t/stream/2019-11-14T00:04:06.388',
    functionArn: 'arn:aws:lambda:us-east-2:123456789012:function:replicate',
    nowMs: 1_573_690_429_717,
  };

  it('tells what Lambda tells an on-failure bucket, with the whole event as text', () => {
    const document = onFailureDocument(given);

    expect(document).toEqual({
      requestContext: {
        requestId: expect.any(String),
        functionArn: given.functionArn,
        condition: 'RetryAttemptsExhausted',
        approximateInvokeCount: 4,
      },
      responseContext: {
        statusCode: 200,
        executedVersion: '$LATEST',
        functionError: 'Unhandled',
      },
      version: '1.0',
      timestamp: '2019-11-14T00:13:49.717Z',
      DDBStreamBatchInfo: {
        shardId: given.shardId,
        startSequenceNumber: '800000000003126276362',
        endSequenceNumber: '800000000003126276363',
        approximateArrivalOfFirstRecord: '2019-11-14T00:13:19Z',
        approximateArrivalOfLastRecord: '2019-11-14T00:13:21Z',
        batchSize: 2,
        streamArn: given.streamArn,
      },
      payload: expect.any(String),
    });
    expect(JSON.parse(document.payload)).toEqual({ Records: given.batch.records });
  });

  it('names no function error for a function that answered, and no response without invocation', () => {
    const answered = onFailureDocument({ ...given, result: failures('1') });
    const never = onFailureDocument({ ...given, result: undefined });

    expect(answered.responseContext).toEqual({ statusCode: 200, executedVersion: '$LATEST' });
    expect(never).not.toHaveProperty('responseContext');
  });
});

// A model of a delivery to its end: whatever the function does, the rules alone decide.
type Behavior =
  | { readonly kind: 'whole' | 'none' | 'bad' }
  | { readonly kind: 'from'; readonly at: number };

const behavior: fc.Arbitrary<Behavior> = fc.oneof(
  fc.constant<Behavior>({ kind: 'whole' }),
  fc.constant<Behavior>({ kind: 'none' }),
  fc.constant<Behavior>({ kind: 'bad' }),
  fc.record({ kind: fc.constant('from' as const), at: fc.nat(30) }),
);

function resultOf(how: Behavior, records: readonly EventRecord[]): InvocationResult {
  switch (how.kind) {
    case 'whole':
      return FAILED;
    case 'none':
      return returned({ batchItemFailures: [] });
    case 'bad':
      return failures('no such number');
    case 'from': {
      const picked = records[how.at % records.length];
      return failures(picked && sequenceNumberOf(picked), sequenceNumberOf(records.at(-1) ?? {}));
    }
  }
}

/** Follows one batch until nothing is left of it; the last behavior goes on for ever. */
function deliverAll(first: Batch, behaviors: readonly Behavior[], settings: DeliverySettings) {
  const batches = [first];
  const log: Array<{ number: string; end: 'done' | 'givenUp' | undefined }> = [];
  let invocations = 0;
  for (let next = batches.shift(); next !== undefined; next = batches.shift()) {
    const how = behaviors[Math.min(invocations, behaviors.length - 1)] ?? { kind: 'none' };
    invocations += 1;
    if (invocations > 5_000) throw new Error('the delivery does not end');
    const { done, retry, givenUp } = afterInvocation(next, resultOf(how, next.records), settings);
    for (const number of numbers(next.records)) log.push({ number, end: undefined });
    for (const number of numbers(done)) log.push({ number, end: 'done' });
    for (const number of numbers(givenUp?.records ?? [])) log.push({ number, end: 'givenUp' });
    const after = [done, ...retry.map(({ records }) => records), givenUp?.records ?? []];
    expect(numbers(after.flat())).toEqual(numbers(next.records));
    batches.unshift(...retry);
  }
  return { log, invocations };
}

describe('whatever the function does', () => {
  const cases = fc.record({
    count: fc.integer({ min: 1, max: 30 }),
    behaviors: fc.array(behavior, { minLength: 1, maxLength: 40 }),
    retryAttempts: fc.integer({ min: 0, max: 4 }),
    bisect: fc.boolean(),
  });

  it('each record ends once, as done or given up, after its last delivery, and in order', () => {
    fc.assert(
      fc.property(cases, ({ count, behaviors, retryAttempts, bisect }) => {
        const all = Array.from({ length: count }, (_, index) => String(index + 8));
        const settings = { ...SETTINGS, retryAttempts, bisectBatchOnFunctionError: bisect };

        const { log } = deliverAll(batch(...all), behaviors, settings);

        const ends = log.filter(({ end }) => end !== undefined);
        expect(ends.map(({ number }) => number)).toEqual(all);
        for (const number of all) {
          const last = log.findLast((entry) => entry.number === number);
          expect(last?.end).toBeDefined();
        }
      }),
      { numRuns: 500 },
    );
  });

  it('no record is delivered more often than its retries and the halvings allow', () => {
    fc.assert(
      fc.property(cases, ({ count, behaviors, retryAttempts, bisect }) => {
        const all = Array.from({ length: count }, (_, index) => String(index + 8));
        const settings = { ...SETTINGS, retryAttempts, bisectBatchOnFunctionError: bisect };

        const { log } = deliverAll(batch(...all), behaviors, settings);

        // Each delivery uses a retry, halves the batch, or moves its beginning.
        const splits = bisect ? Math.ceil(Math.log2(count)) + count : 0;
        for (const number of all) {
          const deliveries = log.filter((entry) => entry.number === number && !entry.end).length;
          expect(deliveries).toBeLessThanOrEqual(1 + retryAttempts + splits);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('with endless retries nothing is given up, once the function recovers', () => {
    fc.assert(
      fc.property(cases, ({ count, behaviors, bisect }) => {
        const all = Array.from({ length: count }, (_, index) => String(index + 8));
        const settings = { ...SETTINGS, bisectBatchOnFunctionError: bisect };

        const { log } = deliverAll(batch(...all), [...behaviors, { kind: 'none' }], settings);

        expect(log.filter(({ end }) => end === 'done').map(({ number }) => number)).toEqual(all);
        expect(log.some(({ end }) => end === 'givenUp')).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});
