import { PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { beforeAll, describe, expect, it } from 'vitest';
import { dynamoDbReader } from '../../src/aws/dynamodb-reader.ts';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { destinationHealth } from '../../src/replicate/destination-health.ts';
import { FerryError } from '../../src/errors.ts';
import { parseAnnouncement } from '../../src/model/announcement.ts';
import { nextEpoch } from '../../src/model/control-row.ts';
import { above, floorOf, type Version, versionOf } from '../../src/model/guard.ts';
import { ledgerRowKey } from '../../src/model/ledger-row.ts';
import { redrive, type RedriveContext, type RedriveOptions } from '../../src/redrive/redrive.ts';
import { replicateBatch } from '../../src/replicate/replicate-batch.ts';
import type { TwinWriter, Item } from '../../src/ports.ts';
import { useEngine } from '../fixtures/engine.ts';
import { type FailurePlaces, failurePlaces } from '../fixtures/failure-places.ts';
import { lambdaRecord, type RecordFacts, SETTINGS, STREAM_ARN } from '../fixtures/records.ts';
import { controlRow, invocation, NOW_MS, scripted, serviceError } from '../fixtures/replication.ts';

const [SOURCE, TWIN] = ['redrive-source', 'redrive-twin'];
const DAY_MS = 24 * 60 * 60 * 1000;
/** When what was put aside at NOW_MS is too old to be replayed. */
const LATER = { now: () => NOW_MS + 14 * DAY_MS + 1, sleep: async () => undefined };
const settings = { ...SETTINGS, destinationTable: TWIN };
const engine = useEngine();
beforeAll(async () => {
  await engine().createTable(SOURCE, [{ name: 'pk', type: 'S' }]);
  await engine().createTable(TWIN, [{ name: 'pk', type: 'S' }]);
});

let ids = 0;
const newId = () => `item-${(ids += 1)}`;

/** Refuses puts of records with the attribute `poison`, as the service refuses what it cannot store. */
function refusingPoison(destination: TwinWriter): TwinWriter {
  return {
    async write(request) {
      if (JSON.stringify(request.input).includes('"poison"'))
        throw serviceError('ValidationException');
      return destination.write(request);
    },
  };
}

const value = (n: number) => ({ value: { N: String(n) } });
const poison = (facts: RecordFacts) =>
  lambdaRecord({ ...facts, attributes: { ...facts.attributes, poison: { BOOL: true } } });

async function stream(records: readonly object[], places: FailurePlaces) {
  const twinWriter = refusingPoison(engine().twinWriter);
  return replicateBatch(
    records,
    invocation({ twinWriter, rules: settings, deadLetters: places.deadLetters }),
  );
}

async function run(
  places: FailurePlaces,
  options: Partial<RedriveOptions> = {},
  parts: Partial<RedriveContext> = {},
) {
  const { clock, random, remainingMs } = invocation();
  const reader = (table: string) =>
    dynamoDbReader(engine().client, { table, keyAttributes: ['pk'] });
  const context: RedriveContext = {
    rules: settings,
    control: controlRow(),
    withoutSource: false,
    lookAgain: { announce: async () => undefined },
    clock,
    random,
    remainingMs,
    health: destinationHealth(),
    twinWriter: engine().twinWriter,
    queue: places.queue,
    bucket: places.bucket,
    source: reader(SOURCE),
    twin: reader(TWIN),
    ledger: reader(settings.stateTable),
    readRange: async () => 'trimmed',
    ...parts,
  };
  return redrive(context, {
    apply: true,
    filter: {},
    limit: Infinity,
    recordsPerSecond: 1e9,
    hiddenSeconds: 300,
    stop: new AbortController().signal,
    onProgress: () => undefined,
    ...options,
  });
}

const RANGE = {
  streamArn: STREAM_ARN,
  shardId: 'shard-1',
  startSequenceNumber: '5',
  endSequenceNumber: '6',
};

/** A batch as Lambda gives it up: whole to a bucket, without its records to a queue. */
function batchOf(records?: readonly unknown[]): string {
  return JSON.stringify({
    requestContext: { condition: 'RetryAttemptsExhausted' },
    timestamp: new Date(NOW_MS).toISOString(),
    DDBStreamBatchInfo: RANGE,
    ...(records === undefined ? {} : { payload: JSON.stringify({ Records: records }) }),
  });
}

function letterOf(record: object): string {
  return JSON.stringify({
    schemaVersion: 1,
    replication: 'orders',
    reason: { name: 'X' },
    failedAt: new Date(NOW_MS).toISOString(),
    record,
  });
}

function sequenceNumbersIn(places: FailurePlaces) {
  return places.contents().messages.map((body) => {
    const { record } = JSON.parse(body) as { record: ReturnType<typeof lambdaRecord> };
    return record.dynamodb?.SequenceNumber;
  });
}

async function putSource(id: string, n: number): Promise<void> {
  await engine().client.send(
    new PutItemCommand({ TableName: SOURCE, Item: { pk: { S: id }, ...value(n) } }),
  );
}

/** Not through the guard: a copy, a repair's, or what was there before. */
async function putTwin(id: string, n: number, version: Version): Promise<void> {
  const Item = { pk: { S: id }, ...value(n), _ferry: { M: { v: { S: version } } } };
  await engine().client.send(new PutItemCommand({ TableName: TWIN, Item }));
}

async function tombstoneOf(id: string): Promise<string | undefined> {
  const row = ledgerRowKey(settings, canonicalKey({ pk: { S: id } }));
  return (await engine().get(settings.stateTable, row))?.['d']?.S;
}

const SERIES = { epoch: 1, labelMs: Date.UTC(2026, 0, 31, 12) };
const v = (sequenceNumber: string) => versionOf(SERIES, sequenceNumber);

/** A letter of a put, or of a delete where there is no value. */
function letter(id: string, sequenceNumber: string, n?: number, streamArn = STREAM_ARN): string {
  const eventName = n === undefined ? 'REMOVE' : 'MODIFY';
  const attributes = n === undefined ? {} : value(n);
  return letterOf(lambdaRecord({ id, sequenceNumber, eventName, attributes, streamArn }));
}

async function twinOf(id: string) {
  return (await engine().get(TWIN, { pk: { S: id } }))?.['value']?.N;
}

describe('a redrive', () => {
  it('applies what could not be applied, once its cause is gone, and empties the queue', async () => {
    const [id, places] = [newId(), failurePlaces()];
    await stream([poison({ id, sequenceNumber: '5', attributes: value(5) })], places);

    const report = await run(places);

    expect(report).toMatchObject({
      found: 1,
      matched: 1,
      applied: 1,
      left: 0,
      reasons: { ValidationException: 1 },
    });
    expect(await twinOf(id)).toBe('5');
    expect(places.contents()).toEqual({ messages: [], objects: [] });
  });

  it.each([
    ['updated', [{ sequenceNumber: '6', attributes: value(6) }], '6'],
    ['deleted', [{ sequenceNumber: '6', eventName: 'REMOVE' }], undefined],
    [
      'deleted and made again',
      [
        { sequenceNumber: '6', eventName: 'REMOVE' },
        { sequenceNumber: '7', eventName: 'INSERT', attributes: value(7) },
      ],
      '7',
    ],
  ])('leaves an item alone that has been %s since', async (_, later, expected) => {
    const [id, places] = [newId(), failurePlaces()];
    await stream([poison({ id, sequenceNumber: '5', attributes: value(5) })], places);
    for (const facts of later) await stream([lambdaRecord({ id, ...facts })], places);

    const report = await run(places);

    expect(report).toMatchObject({ applied: 0, superseded: 1, left: 0 });
    expect(await twinOf(id)).toBe(expected);
  });

  it('applies a dead-lettered delete, and an older put after it no more', async () => {
    const [id, places] = [newId(), failurePlaces()];
    await stream([lambdaRecord({ id, sequenceNumber: '4', attributes: value(4) })], places);
    await stream([poison({ id, sequenceNumber: '5', attributes: value(5) })], places);
    places.post(letterOf(lambdaRecord({ id, sequenceNumber: '6', eventName: 'REMOVE' })));

    const report = await run(places);

    expect(report).toMatchObject({ found: 2, left: 0 });
    expect(await twinOf(id)).toBeUndefined();
  });

  it('keeps what fails again, and says why', async () => {
    const [id, places] = [newId(), failurePlaces()];
    await stream([poison({ id, sequenceNumber: '5' })], places);
    const before = places.contents();

    const report = await run(places, {}, { twinWriter: refusingPoison(engine().twinWriter) });

    expect(report).toMatchObject({
      applied: 0,
      failing: 1,
      left: 1,
      failures: { ValidationException: 1 },
    });
    expect(places.contents()).toEqual(before);
  });

  it('keeps everything while the destination is down, and does not hammer it', async () => {
    const places = failurePlaces();
    for (let count = 1; count <= 200; count += 1)
      places.post(letter(newId(), String(count), count));
    let requests = 0;
    const twinWriter = {
      write: async () => {
        requests += 1;
        throw serviceError('ECONNREFUSED');
      },
    };

    const report = await run(places, {}, { twinWriter });

    expect(report).toMatchObject({ applied: 0 });
    expect(report.left).toBeGreaterThan(0);
    expect(requests).toBeLessThan(30);
    expect(places.contents().messages).toHaveLength(200);
  });

  it('reads the source instead where a letter is older than the tombstones', async () => {
    const [changed, gone, places] = [newId(), newId(), failurePlaces()];
    await stream([lambdaRecord({ id: gone, sequenceNumber: '3', attributes: value(3) })], places);
    await stream(
      [
        poison({ id: changed, sequenceNumber: '5', attributes: value(5) }),
        poison({ id: gone, sequenceNumber: '6' }),
      ],
      places,
    );
    await putSource(changed, 9);
    const report = await run(places, {}, { clock: LATER });

    expect(report).toMatchObject({ resynchronized: 2, applied: 0, left: 0 });
    expect(await twinOf(changed)).toBe('9');
    expect(await twinOf(gone)).toBeUndefined();
  });

  it('refetches a record that was too large for the queue, and removes its object after its message', async () => {
    const [id, places] = [newId(), failurePlaces(600)];
    const filler = { S: 'x'.repeat(2_000) };
    await stream(
      [poison({ id, sequenceNumber: '5', attributes: { ...value(5), filler } })],
      places,
    );
    expect(places.contents().objects).toHaveLength(1);

    // What a run that is killed in between leaves behind must be an object without a message.
    const bucket = {
      ...places.bucket,
      async delete(key: string) {
        expect(places.contents().messages).toEqual([]);
        expect(await places.queue.size()).toBe(0);
        await places.bucket.delete(key);
      },
    };
    expect(await run(places, {}, { bucket })).toMatchObject({ applied: 1, left: 0 });

    expect(await twinOf(id)).toBe('5');
    expect(places.contents()).toEqual({ messages: [], objects: [] });
  });
});

describe('a message whose object is not there, or is no record', () => {
  it.each([undefined, 'half a rec'])('is left alone: %s', async (body) => {
    const places = failurePlaces();
    if (body !== undefined) await places.bucket.put('dead-letters/1.json', body);
    places.post(
      JSON.stringify({
        schemaVersion: 1,
        replication: 'orders',
        reason: { name: 'X' },
        failedAt: new Date(NOW_MS).toISOString(),
        recordObject: 'dead-letters/1.json',
      }),
    );

    expect(await run(places)).toMatchObject({ unreadable: 1, found: 0 });
    expect(places.contents().messages).toHaveLength(1);
  });
});

describe('batches that Lambda gave up', () => {
  it('are replayed from the bucket, in order, and removed', async () => {
    const [id, other, places] = [newId(), newId(), failurePlaces()];
    await places.bucket.put(
      'aws/lambda/m/shard-1/1',
      batchOf([
        lambdaRecord({ id, sequenceNumber: '5', attributes: value(5) }),
        lambdaRecord({ id, sequenceNumber: '6', attributes: value(6) }),
        lambdaRecord({ id: other, sequenceNumber: '7', eventName: 'REMOVE' }),
      ]),
    );

    expect(await run(places)).toMatchObject({
      found: 3,
      applied: 2,
      coalesced: 1,
      left: 0,
      reasons: { RetryAttemptsExhausted: 3 },
    });

    expect(await twinOf(id)).toBe('6');
    expect(places.contents().objects).toEqual([]);
  });

  it('stay whole while one of their records fails, whose place the record before it takes', async () => {
    const [id, places] = [newId(), failurePlaces()];
    await places.bucket.put(
      'aws/lambda/m/shard-1/1',
      batchOf([
        lambdaRecord({ id, sequenceNumber: '5', attributes: value(5) }),
        poison({ id, sequenceNumber: '6', attributes: value(6) }),
      ]),
    );

    const report = await run(places, {}, { twinWriter: refusingPoison(engine().twinWriter) });

    expect(report).toMatchObject({ applied: 1, failing: 1, left: 1 });
    expect(await twinOf(id)).toBe('5');
    expect(places.contents().objects).toHaveLength(1);
  });

  it('are read off the stream again where only their sequence numbers are known', async () => {
    const [id, places] = [newId(), failurePlaces()];
    places.post(batchOf());
    const ranges: object[] = [];

    const report = await run(
      places,
      {},
      {
        readRange: async (range) => {
          ranges.push(range);
          return [lambdaRecord({ id, sequenceNumber: '5', attributes: value(5) })];
        },
      },
    );

    expect(ranges).toEqual([RANGE]);
    expect(report).toMatchObject({ applied: 1, left: 0 });
    expect(await twinOf(id)).toBe('5');
  });

  it('are named as trimmed, and stay, where the stream no longer has them', async () => {
    const places = failurePlaces();
    places.post(batchOf());

    expect(await run(places)).toMatchObject({ trimmed: 1, applied: 0 });
    expect(places.contents().messages).toHaveLength(1);
  });
});

describe('what is chosen', () => {
  it('is nothing at all in a dry run, which leaves everything as it was', async () => {
    const [id, places] = [newId(), failurePlaces()];
    await stream(
      [
        poison({ id, sequenceNumber: '5', attributes: value(5) }),
        lambdaRecord({ id: newId(), eventName: 'UPSERT' }),
      ],
      places,
    );
    const before = places.contents();

    const report = await run(places, { apply: false });

    expect(report).toMatchObject({
      found: 2,
      matched: 2,
      left: 2,
      oldestMs: NOW_MS,
      newestMs: NOW_MS,
      reasons: { ValidationException: 1, UnknownEventName: 1 },
    });
    expect(report.sampleKeys).toContainEqual({ pk: { S: id } });
    expect(places.contents()).toEqual(before);
    expect(await twinOf(id)).toBeUndefined();
  });

  const limits: Array<[string, Partial<RedriveOptions>, { matched: number; staying: string[] }]> = [
    [
      'a reason',
      { filter: { reason: 'UnknownEventName' } },
      { matched: 1, staying: ['5', '6', '7'] },
    ],
    [
      'a key',
      { filter: { keyText: '[["pk",[["S","chosen"]]]]' } },
      { matched: 1, staying: ['6', '7'] },
    ],
    [
      'a time before',
      { filter: { parkedBeforeMs: NOW_MS - 1 } },
      { matched: 0, staying: ['5', '6', '7'] },
    ],
    ['a time since', { filter: { parkedAfterMs: NOW_MS } }, { matched: 3, staying: ['7'] }],
    ['a limit', { limit: 1 }, { matched: 1, staying: ['6', '7'] }],
  ];
  /** Three letters, in the order of their sequence numbers; the last can never be applied. */
  const threeLetters = async () => {
    const places = failurePlaces();
    for (const record of [
      poison({ id: 'chosen', sequenceNumber: '5' }),
      poison({ id: newId(), sequenceNumber: '6' }),
      lambdaRecord({ id: newId(), sequenceNumber: '7', eventName: 'UPSERT' }),
    ])
      await stream([record], places);
    return places;
  };

  it.each(limits)('can be limited by %s, when only looking', async (_, options, { matched }) => {
    const places = await threeLetters();

    expect(await run(places, { apply: false, ...options })).toMatchObject({ matched, left: 3 });
    expect(places.contents().messages).toHaveLength(3);
  });

  it.each(limits)(
    'can be limited by %s, and what is not chosen stays',
    async (_, options, { matched, staying }) => {
      const places = await threeLetters();

      expect(await run(places, options)).toMatchObject({ matched });
      expect(sequenceNumbersIn(places)).toEqual(staying);
    },
  );

  it('can be one item of a batch, which stays whole until its other records are final, too', async () => {
    const [id, other, places] = [newId(), newId(), failurePlaces()];
    const batch = batchOf([
      lambdaRecord({ id, sequenceNumber: '5', attributes: value(5) }),
      lambdaRecord({ id: other, sequenceNumber: '6', attributes: value(6) }),
    ]);
    await places.bucket.put('aws/lambda/m/shard-1/1', batch);

    const filter = { keyText: canonicalKey({ pk: { S: id } }) };
    expect(await run(places, { filter })).toMatchObject({
      found: 2,
      matched: 1,
      applied: 1,
      left: 1,
    });
    expect([await twinOf(id), await twinOf(other)]).toEqual(['5', undefined]);
    expect(places.contents().objects).toEqual([['aws/lambda/m/shard-1/1', batch]]);

    expect(await run(places)).toMatchObject({ applied: 1, superseded: 1, left: 0 });
    expect(await twinOf(other)).toBe('6');
    expect(places.contents().objects).toEqual([]);
  });

  it('ends when it is told to, and everything not yet done stays', async () => {
    const places = failurePlaces();
    await stream([poison({ id: newId(), sequenceNumber: '5' })], places);

    const report = await run(places, { stop: AbortSignal.abort() });

    expect(report).toMatchObject({ found: 0, applied: 0, remaining: 1 });
    expect(places.contents().messages).toHaveLength(1);
  });

  it('ends also between a receive and its work, and gives back what it has received', async () => {
    const [places, stop] = [failurePlaces(), new AbortController()];
    places.post(letterOf(lambdaRecord({ id: newId() })));
    const queue = {
      ...places.queue,
      async receive(hiddenSeconds: number) {
        const messages = await places.queue.receive(hiddenSeconds);
        stop.abort();
        return messages;
      },
    };
    const twinWriter = scripted(() => ({ kind: 'written' }));

    const report = await run(places, { stop: stop.signal }, { queue, twinWriter });

    expect(report).toMatchObject({ matched: 1, applied: 0, left: 1 });
    expect(twinWriter.requests).toEqual([]);
    expect(places.contents().messages).toHaveLength(1);
  });

  it('says how much it has not come to, where it ends early', async () => {
    const places = await threeLetters();
    await places.bucket.put('aws/lambda/m/shard-1/1', batchOf([]));

    // Two letters, and the batch.
    expect(await run(places, { limit: 1 })).toMatchObject({ left: 2, remaining: 3 });
    expect(await run(places)).toMatchObject({ applied: 1, left: 1, remaining: 0 });
  });

  it('does not stumble over messages that are no dead letters', async () => {
    const places = failurePlaces();
    for (const body of [
      '',
      'hello',
      '[]',
      '{}',
      '{"schemaVersion":2}',
      '{"schemaVersion":1,"replication":"users","record":{}}',
      '{"DDBStreamBatchInfo":{}}',
      '{"DDBStreamBatchInfo":{},"payload":"{"}',
    ])
      places.post(body);

    expect(await run(places)).toMatchObject({ unreadable: 7, foreign: 1, found: 0 });
    expect(places.contents().messages).toHaveLength(8);
  });

  it.each([
    ['what is replayed', 0],
    ['what is read from the source', 15 * DAY_MS],
  ])('keeps to the rate, for %s', async (_, afterMs) => {
    const places = failurePlaces();
    await stream(
      Array.from({ length: 20 }, (_, index) =>
        poison({ id: newId(), sequenceNumber: String(index + 1) }),
      ),
      places,
    );
    const startMs = NOW_MS + afterMs;
    let now = startMs;
    const clock = {
      now: () => now,
      sleep: async (ms: number) => {
        now += ms;
      },
    };

    expect(await run(places, { recordsPerSecond: 10 }, { clock })).toMatchObject({ left: 0 });

    expect(now - startMs).toBeGreaterThanOrEqual(1_800);
  });
});

describe('a queue and a bucket as they are', () => {
  const anyLetter = () => letterOf(lambdaRecord({ id: newId() }));

  it('may seem empty for a moment', async () => {
    const places = failurePlaces();
    places.post(anyLetter());
    let receives = 0;
    const queue = {
      ...places.queue,
      receive: async (hiddenSeconds: number) =>
        (receives += 1) === 1 ? [] : places.queue.receive(hiddenSeconds),
    };

    expect(await run(places, {}, { queue })).toMatchObject({ applied: 1, left: 0 });
  });

  it('may deliver a message again, which is let go at its latest delivery', async () => {
    const places = failurePlaces();
    places.post(letterOf(lambdaRecord({ eventName: 'UPSERT' })));
    const [message] = await places.queue.receive(1);
    if (message === undefined) throw new Error('no message');
    let deliveries = 0;
    const released: string[] = [];
    const queue = {
      ...places.queue,
      async receive() {
        deliveries += 1;
        return deliveries > 2 ? [] : [{ ...message, receiptHandle: `delivery ${deliveries}` }];
      },
      release: async ({ receiptHandle }: { receiptHandle: string }) =>
        void released.push(receiptHandle),
    };

    expect(await run(places, {}, { queue })).toMatchObject({ found: 1, failing: 1, left: 1 });
    expect(released).toEqual(['delivery 2']);
  });

  /** Nothing is hidden for long: the first messages come back before the others have come. */
  function comingBack(places: FailurePlaces, rounds: number) {
    let receives = 0;
    let first: Awaited<ReturnType<typeof places.queue.receive>> = [];
    const queue = {
      ...places.queue,
      async receive(hiddenSeconds: number) {
        receives += 1;
        if (receives === 1) return (first = await places.queue.receive(hiddenSeconds));
        return receives <= rounds ? first : places.queue.receive(hiddenSeconds);
      },
    };
    return { queue, receives: () => receives };
  }
  const other = { filter: { reason: 'Other' } };

  it('may deliver what is held once more, before what is behind it', async () => {
    const places = failurePlaces();
    for (let count = 0; count < 30; count += 1) places.post(anyLetter());
    const { queue } = comingBack(places, 9);

    expect(await run(places, other, { queue })).toMatchObject({
      found: 30,
      left: 30,
      remaining: 0,
    });
  });

  it('may deliver nothing but what is held, which ends the run, and something may remain', async () => {
    const places = failurePlaces();
    for (let count = 0; count < 30; count += 1) places.post(anyLetter());
    const { queue, receives } = comingBack(places, Infinity);

    expect(await run(places, other, { queue })).toMatchObject({ found: 10, remaining: 30 });
    expect(receives()).toBeLessThan(50);
  });

  it('may have lost an object to another redrive since it was listed', async () => {
    const places = failurePlaces();
    await places.bucket.put('aws/lambda/m/shard-1/1', batchOf([]));
    const bucket = { ...places.bucket, get: async () => undefined };

    expect(await run(places, {}, { bucket })).toMatchObject({ found: 0, unreadable: 0 });
  });

  it('may hold an object that is no text, which stays, and does not hold up those behind it', async () => {
    const [id, places] = [newId(), failurePlaces()];
    await places.bucket.put('aws/lambda/m/shard-1/1', 'bytes');
    await places.bucket.put('aws/lambda/m/shard-1/2', batchOf([lambdaRecord({ id })]));
    const bucket = {
      ...places.bucket,
      async get(key: string) {
        if (key.endsWith('/1')) throw new FerryError('no text', { code: 'objects.unreadable' });
        return places.bucket.get(key);
      },
    };

    expect(await run(places, {}, { bucket })).toMatchObject({ unreadable: 1, applied: 1 });
    expect(places.contents().objects).toEqual([['aws/lambda/m/shard-1/1', 'bytes']]);
  });

  it('may name a range that no stream has, which stays, too', async () => {
    const [id, places] = [newId(), failurePlaces()];
    places.post(batchOf());
    places.post(letterOf(lambdaRecord({ id })));
    const readRange = async () => {
      throw serviceError('ValidationException');
    };

    expect(await run(places, {}, { readRange })).toMatchObject({ unreadable: 1, applied: 1 });
    expect(places.contents().messages).toEqual([batchOf()]);
  });
});

describe('a letter older than the tombstones', () => {
  it('stays while the destination refuses permission, and is not counted as done', async () => {
    const [id, places] = [newId(), failurePlaces()];
    places.post(letterOf(lambdaRecord({ id, sequenceNumber: '5' })));
    await putSource(id, 8);
    const before = places.contents();
    const twinWriter = scripted(() => {
      throw serviceError('AccessDeniedException');
    });

    const report = await run(places, {}, { clock: LATER, twinWriter });

    expect(report).toMatchObject({
      resynchronized: 0,
      failing: 1,
      left: 1,
      failures: { AccessDeniedException: 1 },
    });
    expect(twinWriter.requests).toHaveLength(1);
    expect(places.contents()).toEqual(before);
  });

  it('stays while something newer comes by at every attempt', async () => {
    const [id, places] = [newId(), failurePlaces()];
    places.post(letterOf(lambdaRecord({ id, sequenceNumber: '5' })));
    await putSource(id, 8);
    const before = places.contents();
    let arrived = 100;
    const replies: string[] = [];
    const twinWriter: TwinWriter = {
      async write(request) {
        arrived += 1;
        const sequenceNumber = String(arrived);
        await stream(
          [lambdaRecord({ id, sequenceNumber, attributes: value(arrived) })],
          failurePlaces(),
        );
        const reply = await engine().twinWriter.write(request);
        replies.push(reply.kind);
        return reply;
      },
    };

    const report = await run(places, {}, { clock: LATER, twinWriter });

    expect(report).toMatchObject({
      resynchronized: 0,
      failing: 1,
      left: 1,
      failures: { 'newer changes came by': 1 },
    });
    expect(replies).toEqual(Array.from({ length: 10 }, () => 'refused'));
    expect(await twinOf(id)).toBe('110');
    expect(places.contents()).toEqual(before);
  });

  it('stays if it does not tell its item, and those beside it are done', async () => {
    const [id, places] = [newId(), failurePlaces()];
    await places.bucket.put(
      'aws/lambda/m/shard-1/1',
      batchOf(['rubbish', lambdaRecord({ id, sequenceNumber: '5' })]),
    );
    await putSource(id, 8);

    const report = await run(places, {}, { clock: LATER });

    expect(report).toMatchObject({ resynchronized: 1, left: 1, failures: { KeyUnknown: 1 } });
    expect(await twinOf(id)).toBe('8');
    expect(places.contents().objects).toHaveLength(1);
  });

  it('stays if no table takes its key, and those beside it are done', async () => {
    const [id, places] = [newId(), failurePlaces()];
    places.post(letterOf(lambdaRecord({ keys: { other: { S: 'a' } }, sequenceNumber: '5' })));
    places.post(letterOf(lambdaRecord({ id, sequenceNumber: '6' })));
    await putSource(id, 8);

    const report = await run(places, {}, { clock: LATER });

    expect(report).toMatchObject({ resynchronized: 1, left: 1, failing: 1 });
    expect(await twinOf(id)).toBe('8');
    expect(sequenceNumbersIn(places)).toEqual(['5']);
  });

  it('writes its item just above the letter, if nothing is known of it', async () => {
    const [id, places] = [newId(), failurePlaces()];
    places.post(letterOf(lambdaRecord({ id, sequenceNumber: '5' })));
    await putSource(id, 8);

    await run(places, {}, { clock: LATER });

    const twin = await engine().get(TWIN, { pk: { S: id } });
    expect(twin?.['_ferry']?.M?.['v']?.S).toBe(above([v('5')]));
  });

  it('is replayed until a day before a tombstone can be forgotten, and no longer', async () => {
    const [id, places] = [newId(), failurePlaces()];
    places.post(letterOf(lambdaRecord({ id, sequenceNumber: '5', attributes: value(5) })));
    const clock = { ...LATER, now: () => NOW_MS + 14 * DAY_MS };

    expect(await run(places, {}, { clock })).toMatchObject({ applied: 1, resynchronized: 0 });
  });
});

describe('an expiry that policy leaves out', () => {
  it('is skipped, touches nothing, and its message goes', async () => {
    const [id, places] = [newId(), failurePlaces()];
    places.post(
      letterOf(lambdaRecord({ id, sequenceNumber: '6', eventName: 'REMOVE', expired: true })),
    );
    const twinWriter = scripted(() => ({ kind: 'written' }));

    const report = await run(
      places,
      {},
      { twinWriter, rules: { ...settings, ttlDeletes: 'skip' } },
    );

    expect(report).toMatchObject({ skipped: 1, applied: 0, left: 0 });
    expect(twinWriter.requests).toEqual([]);
    expect(places.contents().messages).toEqual([]);
  });
});

it('resynchronizes around a failure bound, so that a later redrive of the failed record loses', async () => {
  const [id, places] = [newId(), failurePlaces()];
  await stream([poison({ id, sequenceNumber: '5', attributes: value(5) })], places);
  await putSource(id, 8);
  const copy = places.contents().messages[0] ?? '';
  await run(places, {}, { clock: LATER });
  places.post(copy);

  expect(await run(places)).toMatchObject({ superseded: 1, applied: 0 });
  expect(await twinOf(id)).toBe('8');
});

it('lets the next record of the stream win over what was resynchronized', async () => {
  const [id, places] = [newId(), failurePlaces()];
  await stream([poison({ id, sequenceNumber: '5', attributes: value(5) })], places);
  await engine().client.send(
    new UpdateItemCommand({
      TableName: SOURCE,
      Key: { pk: { S: id } },
      UpdateExpression: 'SET #v = :v',
      ExpressionAttributeNames: { '#v': 'value' },
      ExpressionAttributeValues: { ':v': { N: '8' } },
    }),
  );
  await run(places, {}, { clock: LATER });

  await stream([lambdaRecord({ id, sequenceNumber: '6', attributes: value(9) })], places);

  expect(await twinOf(id)).toBe('9');
});

describe('a copy that contains newer records', () => {
  it('is not taken back by the older of two letters, whichever is redriven first', async () => {
    const [id, places] = [newId(), failurePlaces()];
    places.post(letter(id, '1', 1));
    places.post(letter(id, '2', 2));
    await putSource(id, 2);
    await putTwin(id, 2, floorOf(SERIES));

    expect(await run(places, { limit: 1 })).toMatchObject({ matched: 1, applied: 0 });
    expect(await twinOf(id)).toBe('2');

    expect(await run(places)).toMatchObject({ applied: 0, left: 0 });
    expect(await twinOf(id)).toBe('2');
    expect(places.contents().messages).toEqual([]);
  });

  it('stays also where the newer letter can never be applied', async () => {
    const [id, places] = [newId(), failurePlaces()];
    places.post(letter(id, '1', 1));
    places.post(letterOf(poison({ id, sequenceNumber: '2', attributes: value(2) })));
    await putSource(id, 2);
    await putTwin(id, 2, floorOf(SERIES));
    const twinWriter = refusingPoison(engine().twinWriter);

    await run(places, {}, { twinWriter });

    expect(await twinOf(id)).toBe('2');
  });

  it('is not removed by an older delete: the source has the item', async () => {
    const [id, places] = [newId(), failurePlaces()];
    places.post(letter(id, '1'));
    await putSource(id, 2);
    await putTwin(id, 2, floorOf(SERIES));

    expect(await run(places)).toMatchObject({ resynchronized: 1, left: 0 });
    expect(await twinOf(id)).toBe('2');
  });

  it('is not brought back by a letter after a repair has deleted it', async () => {
    const [id, places] = [newId(), failurePlaces()];
    places.post(letter(id, '4', 4));
    await putTwin(id, 3, v('3'));
    await engine().client.send(
      new PutItemCommand({
        TableName: settings.stateTable,
        Item: {
          ...ledgerRowKey(settings, canonicalKey({ pk: { S: id } })),
          d: { S: above([v('3')]) },
        },
      }),
    );

    expect(await run(places)).toMatchObject({ resynchronized: 1, applied: 0, left: 0 });
    expect(await twinOf(id)).toBeUndefined();
  });

  it('wins also if it comes between the look of a redrive and its write', async () => {
    const [id, places] = [newId(), failurePlaces()];
    places.post(letter(id, '5', 5));
    await putTwin(id, 3, v('3'));
    await putSource(id, 9);
    const replies: string[] = [];
    const twinWriter: TwinWriter = {
      async write(request) {
        if (replies.length === 0) await putTwin(id, 9, above([v('3')]));
        const reply = await engine().twinWriter.write(request);
        replies.push(reply.kind);
        return reply;
      },
    };

    expect(await run(places, {}, { twinWriter })).toMatchObject({ resynchronized: 1, left: 0 });
    expect(replies).toEqual(['refused', 'written']);
    expect(await twinOf(id)).toBe('9');
  });
});

describe('a letter without a place in the order', () => {
  const other =
    'arn:aws:dynamodb:us-east-1:111122223333:table/Users/stream/2026-02-10T00:00:00.000';
  const earlier = STREAM_ARN.replace('2026-01-31', '2025-12-01');
  const adopted = nextEpoch(controlRow(), {
    region: 'us-east-1',
    streamArn: other,
    reserved: '_ferry',
    destinationId: 'd',
    ledgerId: 'l',
    tag: 'test',
    nowMs: 0,
  });

  it.each([
    [
      'was parked before the twin was made anew',
      { ...controlRow(), sinceMs: NOW_MS + 1 },
      STREAM_ARN,
    ],
    ['belongs to an epoch that has ended', adopted, STREAM_ARN],
    ['belongs to an earlier stream of the table', controlRow(), earlier],
  ])('is not replayed, but its item read at the source: it %s', async (_, control, streamArn) => {
    const [changed, gone, places] = [newId(), newId(), failurePlaces()];
    places.post(letter(changed, '5', 5, streamArn));
    places.post(letter(gone, '5', 5, streamArn));
    await putSource(changed, 8);

    expect(await run(places, {}, { control })).toMatchObject({ resynchronized: 2, left: 0 });
    expect([await twinOf(changed), await twinOf(gone)]).toEqual(['8', undefined]);
  });

  it('is written below every record of the epoch that is to come', async () => {
    const [id, places] = [newId(), failurePlaces()];
    places.post(letter(id, '5', 5));
    await putSource(id, 8);

    await run(places, {}, { control: adopted });

    const twin = await engine().get(TWIN, { pk: { S: id } });
    const labelMs = Date.UTC(2026, 1, 10);
    expect(twin?.['_ferry']?.M?.['v']?.S).toBe(above([floorOf({ epoch: 2, labelMs })]));
  });
});

describe('a redrive without the source', () => {
  const lost = { get: () => Promise.reject(serviceError('ECONNREFUSED')) };

  it('replays by version what it would ask the source for', async () => {
    const [copied, old, empty, places] = [newId(), newId(), newId(), failurePlaces()];
    await putTwin(copied, 2, floorOf(SERIES));
    for (const id of [copied, old, empty]) places.post(letter(id, '5', 5));
    const parts = { source: lost, withoutSource: true, clock: LATER };
    const skipping = { ...settings, ttlDeletes: 'skip' as const };

    const report = await run(places, {}, { ...parts, rules: skipping });

    expect(report).toMatchObject({ applied: 3, resynchronized: 0, left: 0 });
    for (const id of [copied, old, empty]) expect(await twinOf(id)).toBe('5');
  });

  it('never overwrites a newer version all the same', async () => {
    const [id, places] = [newId(), failurePlaces()];
    await putTwin(id, 6, v('6'));
    places.post(letter(id, '5', 5));

    const report = await run(places, {}, { source: lost, withoutSource: true });

    expect(report).toMatchObject({ superseded: 1, applied: 0 });
    expect(await twinOf(id)).toBe('6');
  });
});

describe('an item that has expired, where expiries are skipped', () => {
  const skipping = { rules: { ...settings, ttlDeletes: 'skip' as const } };

  it('is not brought back by the letter of an older put', async () => {
    const [id, places] = [newId(), failurePlaces()];
    places.post(letter(id, '5', 5));

    expect(await run(places, {}, skipping)).toMatchObject({
      resynchronized: 1,
      applied: 0,
      left: 0,
    });
    expect(await twinOf(id)).toBeUndefined();
  });

  it('is put as the source has it, where it has not expired', async () => {
    const [id, places] = [newId(), failurePlaces()];
    places.post(letter(id, '5', 5));
    await putSource(id, 8);

    expect(await run(places, {}, skipping)).toMatchObject({ resynchronized: 1, left: 0 });
    expect(await twinOf(id)).toBe('8');
  });

  it('stays at the twin while the redrive of a put asks the source', async () => {
    const [id, places] = [newId(), failurePlaces()];
    await putTwin(id, 2, floorOf(SERIES));
    places.post(letter(id, '5', 5));

    expect(await run(places, {}, skipping)).toMatchObject({ resynchronized: 1, left: 0 });
    expect(await twinOf(id)).toBe('2');
  });

  it('goes with a delete that is older than a put whose item the source does not have', async () => {
    const [id, places] = [newId(), failurePlaces()];
    await putTwin(id, 2, v('2'));
    for (const body of [letter(id, '3'), letter(id, '4', 4), letter(id, '5', 5)]) places.post(body);

    const report = await run(places, {}, { ...skipping, clock: LATER });

    expect(report).toMatchObject({ resynchronized: 2, coalesced: 1, left: 0 });
    expect(await twinOf(id)).toBeUndefined();
    expect(await tombstoneOf(id)).toBeDefined();
  });

  it('goes with a delete of the application, also from a copy', async () => {
    const [id, places] = [newId(), failurePlaces()];
    await putTwin(id, 2, floorOf(SERIES));
    places.post(letter(id, '5'));

    expect(await run(places, {}, skipping)).toMatchObject({ resynchronized: 1, left: 0 });
    expect(await twinOf(id)).toBeUndefined();
  });
});

describe('what is foreign', () => {
  const users =
    'arn:aws:dynamodb:us-east-1:111122223333:table/Users/stream/2026-01-31T12:00:00.000';
  const foreignRecord = (id: string) =>
    lambdaRecord({ id, sequenceNumber: '9', attributes: value(9), streamArn: users });

  it.each([[true], [false]])('stays, and is counted: applying %s', async (apply) => {
    const [id, places] = [newId(), failurePlaces()];
    await places.bucket.put('aws/lambda/m/shard-1/1', batchOf([foreignRecord(id)]));
    places.post(letterOf(foreignRecord(id)));
    places.post(letterOf(lambdaRecord({ id })).replace('"orders"', '"users"'));
    places.post(batchOf().replace(STREAM_ARN, users));
    const before = places.contents();
    const readRange = () => Promise.reject(new Error('nobody may read this stream'));
    const twinWriter = scripted(() => ({ kind: 'written' }));

    const report = await run(places, { apply }, { twinWriter, readRange });

    expect(report).toMatchObject({ foreign: 4, found: 0, matched: 0, left: 0, unreadable: 0 });
    expect(twinWriter.requests).toEqual([]);
    expect(places.contents()).toEqual(before);
  });

  it('keeps the object in which it is, whose other records are done', async () => {
    const [id, other, places] = [newId(), newId(), failurePlaces()];
    const own = lambdaRecord({ id, sequenceNumber: '5', attributes: value(5) });
    await places.bucket.put('aws/lambda/m/shard-1/1', batchOf([own, foreignRecord(other)]));

    expect(await run(places)).toMatchObject({ found: 1, applied: 1, foreign: 1, left: 0 });
    expect([await twinOf(id), await twinOf(other)]).toEqual(['5', undefined]);
    expect(places.contents().objects).toHaveLength(1);
  });
});

describe('a redriven delete', () => {
  /** What was announced, and a queue that takes it or not. */
  function lookAgainQueue() {
    const announced: string[] = [];
    return {
      announced: () => announced.map(parseAnnouncement),
      lookAgain: { announce: async (body: string) => void announced.push(body) },
    };
  }
  const denied = { announce: () => Promise.reject(serviceError('AccessDeniedException')) };

  it('is announced, those of a batch together, before the message goes', async () => {
    const [ids, places] = [[newId(), newId()], failurePlaces()];
    const records = ids.map((id) => lambdaRecord({ id, sequenceNumber: '5', eventName: 'REMOVE' }));
    await places.bucket.put('aws/lambda/m/shard-1/1', batchOf(records));
    const { announced, lookAgain } = lookAgainQueue();

    expect(await run(places, {}, { lookAgain })).toMatchObject({ applied: 2, left: 0 });

    const deletes = ids.map((id) => ({ key: { pk: { S: id } }, version: v('5') }));
    expect(announced()).toEqual([{ replication: 'orders', epoch: 1, deletes }]);
  });

  it('stays until it is announced, also by the run that finds its own tombstone', async () => {
    const [id, places] = [newId(), failurePlaces()];
    await putTwin(id, 4, v('4'));
    places.post(letter(id, '5'));

    const first = await run(places, {}, { lookAgain: denied });

    expect(first).toMatchObject({
      applied: 0,
      failing: 1,
      left: 1,
      failures: { 'announcement: denied': 1 },
    });
    expect([await twinOf(id), await tombstoneOf(id)]).toEqual([undefined, v('5')]);
    expect(places.contents().messages).toHaveLength(1);

    const { announced, lookAgain } = lookAgainQueue();
    expect(await run(places, {}, { lookAgain })).toMatchObject({ superseded: 1, left: 0 });
    expect(announced()).toMatchObject([{ deletes: [{ version: v('5') }] }]);
    expect(places.contents().messages).toEqual([]);
  });

  it('is announced again if the queue does not answer', async () => {
    const places = failurePlaces();
    places.post(letter(newId(), '5'));
    let tries = 0;
    const lookAgain = {
      async announce() {
        tries += 1;
        if (tries < 4) throw serviceError('TimeoutError');
      },
    };

    expect(await run(places, {}, { lookAgain })).toMatchObject({ applied: 1, left: 0 });
    expect(tries).toBe(4);
  });

  it('is announced also if the run is stopped between the delete and its announcement', async () => {
    const [id, places, stop] = [newId(), failurePlaces(), new AbortController()];
    places.post(letter(id, '5'));
    const { announced, lookAgain } = lookAgainQueue();
    const twinWriter: TwinWriter = {
      async write(request) {
        const reply = await engine().twinWriter.write(request);
        stop.abort();
        return reply;
      },
    };

    const report = await run(places, { stop: stop.signal }, { lookAgain, twinWriter });

    expect(report).toMatchObject({ applied: 1, left: 0 });
    expect(announced()).toMatchObject([{ deletes: [{ version: v('5') }] }]);
    expect(places.contents().messages).toEqual([]);
  });

  it('is not announced with "strict" tombstones', async () => {
    const places = failurePlaces();
    places.post(letter(newId(), '5'));
    const strict = { ...settings, tombstones: 'strict' as const };

    const report = await run(places, {}, { lookAgain: denied, rules: strict });

    expect(report).toMatchObject({ applied: 1, left: 0 });
  });

  it('does not lower a tombstone', async () => {
    const [id, places] = [newId(), failurePlaces()];
    await stream([lambdaRecord({ id, sequenceNumber: '7', eventName: 'REMOVE' })], places);
    await putTwin(id, 4, v('4'));
    places.post(letter(id, '5'));

    expect(await run(places)).toMatchObject({ superseded: 1, left: 0 });
    expect([await twinOf(id), await tombstoneOf(id)]).toEqual([undefined, v('7')]);
  });
});

describe('an item of the twin that is not Ferry’s', () => {
  const keeping = { rules: { ...settings, unversionedItems: 'keep' as const } };

  it.each([
    ['kept', keeping, 'superseded', ['0', '0']],
    ['replaced', {}, 'applied', ['5', undefined]],
  ])('is %s, as the stream would do', async (_, parts, outcome, expected) => {
    const [put, removed, places] = [newId(), newId(), failurePlaces()];
    for (const id of [put, removed]) {
      const Item = { pk: { S: id }, ...value(0) };
      await engine().client.send(new PutItemCommand({ TableName: TWIN, Item }));
    }
    places.post(letter(put, '5', 5));
    places.post(letter(removed, '5'));

    expect(await run(places, {}, parts)).toMatchObject({ [outcome]: 2, left: 0 });
    expect([await twinOf(put), await twinOf(removed)]).toEqual(expected);
    expect(await tombstoneOf(removed)).toBe(v('5'));
  });

  it('is not written over if its reserved attribute is somebody else’s, and the letter stays', async () => {
    const [id, places] = [newId(), failurePlaces()];
    const Item = { pk: { S: id }, _ferry: { S: 'mine' } };
    await engine().client.send(new PutItemCommand({ TableName: TWIN, Item }));
    places.post(letter(id, '5', 5));

    expect(await run(places)).toMatchObject({ left: 1, failures: { ReservedAttributeTaken: 1 } });
    expect(await engine().get(TWIN, { pk: { S: id } })).toEqual(Item);
  });
});

describe('the control row', () => {
  /** A clock that somebody else moves. */
  function clockAt(startMs: number) {
    let nowMs = startMs;
    const clock = { now: () => nowMs, sleep: async () => undefined };
    return { clock, pass: (ms: number) => (nowMs += ms) };
  }

  it('is read again before an item is written whose reads have taken long, and decides then', async () => {
    const places = failurePlaces();
    for (let count = 1; count <= 5; count += 1) places.post(letter(newId(), String(count), count));
    const { clock, pass } = clockAt(NOW_MS);
    const twin = dynamoDbReader(engine().client, { table: TWIN, keyAttributes: ['pk'] });
    const slow = {
      ...twin,
      async getMany(keys: readonly Item[], attributes?: readonly string[]) {
        const found = await twin.getMany?.(keys, attributes);
        // The process was suspended, and another source adopted.
        pass(10 * 60 * 1000);
        return found ?? { items: [], unprocessed: [], unreadable: [] };
      },
    };
    const row = nextEpoch(controlRow(), {
      region: 'eu-central-1',
      streamArn: STREAM_ARN.replace('table/', 'table/new-'),
      reserved: '_ferry',
      destinationId: 'new',
      ledgerId: 'new',
      tag: 'adopted',
      nowMs: NOW_MS,
    });
    let reads = 0;
    const readControl = async () => {
      reads += 1;
      return row;
    };
    const twinWriter = scripted(() => ({ kind: 'written' }));

    const report = await run(places, {}, { clock, twin: slow, readControl, twinWriter });

    expect(report).toMatchObject({ left: 5, failures: { 'the control row has changed': 5 } });
    expect(twinWriter.requests).toEqual([]);
    expect(places.contents().messages).toHaveLength(5);
    // One read for all that ask at the same time.
    expect(reads).toBe(1);
  });
});

describe('letters whose records are objects of the bucket', () => {
  it('are taken in hand some at a time: all their records would not fit into memory', async () => {
    const places = failurePlaces();
    const all = 200;
    for (let count = 1; count <= all; count += 1) {
      const recordObject = `dead-letters/${count}.json`;
      const record = lambdaRecord({ id: newId(), sequenceNumber: '5', attributes: value(5) });
      await places.bucket.put(recordObject, JSON.stringify(record));
      const { record: _, ...pointer } = JSON.parse(letterOf({})) as { record: object };
      places.post(JSON.stringify({ ...pointer, recordObject }));
    }
    let [inMemory, most] = [0, 0];
    const bucket = {
      ...places.bucket,
      async get(key: string) {
        inMemory += 1;
        most = Math.max(most, inMemory);
        return places.bucket.get(key);
      },
      async delete(key: string) {
        inMemory -= 1;
        await places.bucket.delete(key);
      },
    };

    expect(await run(places, {}, { bucket })).toMatchObject({ applied: all, left: 0 });

    // Those in hand, and those that are read ahead.
    expect(most).toBeLessThanOrEqual(2 * 40);
  });
});

describe('a write whose answer never came', () => {
  it('is the last that its item sees in this run', async () => {
    const [id, other, places] = [newId(), newId(), failurePlaces()];
    for (const body of [letter(id, '5', 5), letter(id, '6', 6), letter(other, '5', 5)])
      places.post(body);
    const written: string[] = [];
    const twinWriter: TwinWriter = {
      async write(request) {
        const text = JSON.stringify(request.input);
        const name = text.includes(`"${id}"`) ? 'unknown' : 'known';
        written.push(name);
        if (name === 'unknown') throw serviceError('TimeoutError');
        return engine().twinWriter.write(request);
      },
    };
    const messages = await places.queue.receive(300);
    let received = 0;
    const queue = {
      ...places.queue,
      receive: async () => messages.slice(received, (received += 1)),
    };

    const report = await run(places, {}, { twinWriter, queue });

    expect(written.toSorted()).toEqual(['known', 'unknown']);
    expect(report).toMatchObject({ applied: 1, failing: 2, left: 2 });
  });
});

describe('a table that throttles reads', () => {
  it('is asked again', async () => {
    const [id, places] = [newId(), failurePlaces()];
    places.post(letter(id, '5', 5));
    let reads = 0;
    const twin = {
      async get(key: Item) {
        reads += 1;
        if (reads < 12) throw serviceError('ProvisionedThroughputExceededException');
        return engine().get(TWIN, key);
      },
    };

    expect(await run(places, {}, { twin })).toMatchObject({ applied: 1, left: 0 });
  });

  it('does not hold up a run that is stopped', async () => {
    const [places, stop] = [failurePlaces(), new AbortController()];
    places.post(letter(newId(), '5', 5));
    const twin = {
      async get() {
        stop.abort();
        throw serviceError('ProvisionedThroughputExceededException');
      },
    };

    const report = await run(places, { stop: stop.signal }, { twin });

    expect(report).toMatchObject({ applied: 0, left: 1, failures: { stopped: 1 } });
    expect(places.contents().messages).toHaveLength(1);
  });
});
