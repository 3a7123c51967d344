import { PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { beforeAll, describe, expect, it } from 'vitest';
import { dynamoDbReader } from '../../src/adapters/dynamodb-reader.ts';
import { destinationHealth } from '../../src/core/destination-health.ts';
import { redrive, type RedriveContext, type RedriveOptions } from '../../src/operations/redrive.ts';
import { replicateBatch } from '../../src/operations/replicate-batch.ts';
import type { DestinationTable } from '../../src/ports.ts';
import { useEngine } from '../fixtures/engine.ts';
import { type FailurePlaces, failurePlaces } from '../fixtures/failure-places.ts';
import { lambdaRecord, type RecordFacts, SETTINGS } from '../fixtures/records.ts';
import { invocation, NOW_MS, serviceError } from '../fixtures/replication.ts';

const [SOURCE, TWIN] = ['redrive-source', 'redrive-twin'];
const DAY_MS = 24 * 60 * 60 * 1000;
const settings = { ...SETTINGS, destinationTable: TWIN };
const engine = useEngine();
beforeAll(async () => {
  await engine().createTable(SOURCE, [{ name: 'pk', type: 'S' }]);
  await engine().createTable(TWIN, [{ name: 'pk', type: 'S' }]);
});

let ids = 0;
const newId = () => `item-${(ids += 1)}`;

/** Refuses puts of records with the attribute `poison`, as the service refuses what it cannot store. */
function refusingPoison(destination: DestinationTable): DestinationTable {
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
  const destination = refusingPoison(engine().destination);
  return replicateBatch(
    records,
    invocation({ destination, settings, deadLetters: places.deadLetters }),
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
    settings,
    arrival: 'out-of-order',
    clock,
    random,
    remainingMs,
    health: destinationHealth(),
    destination: engine().destination,
    queue: places.queue,
    bucket: places.bucket,
    source: reader(SOURCE),
    twin: reader(TWIN),
    stateTable: reader(settings.stateTable),
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
    places.post(
      JSON.stringify({
        schemaVersion: 1,
        replication: 'orders',
        reason: { name: 'X' },
        failedAt: new Date(NOW_MS).toISOString(),
        record: lambdaRecord({ id, sequenceNumber: '6', eventName: 'REMOVE' }),
      }),
    );

    const report = await run(places);

    expect(report).toMatchObject({ found: 2, left: 0 });
    expect(await twinOf(id)).toBeUndefined();
  });

  it('keeps what fails again, and says why', async () => {
    const [id, places] = [newId(), failurePlaces()];
    await stream([poison({ id, sequenceNumber: '5' })], places);
    const before = places.contents();

    const report = await run(places, {}, { destination: refusingPoison(engine().destination) });

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
    await stream(
      Array.from({ length: 200 }, (_, index) =>
        poison({ id: newId(), sequenceNumber: String(index + 1) }),
      ),
      places,
    );
    let requests = 0;
    const destination = {
      write: async () => {
        requests += 1;
        throw serviceError('ECONNREFUSED');
      },
    };

    const report = await run(places, {}, { destination });

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
    await engine().client.send(
      new PutItemCommand({ TableName: SOURCE, Item: { pk: { S: changed }, ...value(9) } }),
    );
    const later = { now: () => NOW_MS + 14 * DAY_MS + 1, sleep: async () => undefined };

    const report = await run(places, {}, { clock: later });

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

    expect(await run(places)).toMatchObject({ applied: 1, left: 0 });

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
  const info = {
    streamArn: 'arn',
    shardId: 'shard-1',
    startSequenceNumber: '5',
    endSequenceNumber: '6',
  };
  const document = (records?: readonly object[]) =>
    JSON.stringify({
      requestContext: { condition: 'RetryAttemptsExhausted' },
      timestamp: new Date(NOW_MS).toISOString(),
      DDBStreamBatchInfo: info,
      ...(records === undefined ? {} : { payload: JSON.stringify({ Records: records }) }),
    });

  it('are replayed from the bucket, in order, and removed', async () => {
    const [id, other, places] = [newId(), newId(), failurePlaces()];
    await places.bucket.put(
      'aws/lambda/m/shard-1/1',
      document([
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
      document([
        lambdaRecord({ id, sequenceNumber: '5', attributes: value(5) }),
        poison({ id, sequenceNumber: '6', attributes: value(6) }),
      ]),
    );

    const report = await run(places, {}, { destination: refusingPoison(engine().destination) });

    expect(report).toMatchObject({ applied: 1, failing: 1, left: 1 });
    expect(await twinOf(id)).toBe('5');
    expect(places.contents().objects).toHaveLength(1);
  });

  it('are read off the stream again where only their sequence numbers are known', async () => {
    const [id, places] = [newId(), failurePlaces()];
    places.post(document());
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

    expect(ranges).toEqual([info]);
    expect(report).toMatchObject({ applied: 1, left: 0 });
    expect(await twinOf(id)).toBe('5');
  });

  it('are named as trimmed, and stay, where the stream no longer has them', async () => {
    const places = failurePlaces();
    places.post(document());

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

  it.each([
    ['a reason', { filter: { reason: 'UnknownEventName' } }, 1],
    ['a key', { filter: { keyText: '[["pk",[["S","chosen"]]]]' } }, 1],
    ['a time before', { filter: { parkedBeforeMs: NOW_MS - 1 } }, 0],
    ['a time since', { filter: { parkedAfterMs: NOW_MS } }, 3],
    ['a limit', { limit: 2 }, 2],
  ])('can be limited by %s', async (_, options, matched) => {
    const places = failurePlaces();
    await stream(
      [
        poison({ id: 'chosen', sequenceNumber: '5' }),
        poison({ id: newId(), sequenceNumber: '6' }),
        lambdaRecord({ id: newId(), sequenceNumber: '7', eventName: 'UPSERT' }),
      ],
      places,
    );

    expect(await run(places, { apply: false, ...options })).toMatchObject({ matched });
    expect(places.contents().messages).toHaveLength(3);
  });

  it('ends when it is told to, and everything not yet done stays', async () => {
    const places = failurePlaces();
    await stream([poison({ id: newId(), sequenceNumber: '5' })], places);

    expect(await run(places, { stop: AbortSignal.abort() })).toMatchObject({ applied: 0 });
    expect(places.contents().messages).toHaveLength(1);
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

    expect(await run(places)).toMatchObject({ unreadable: 8, found: 0 });
    expect(places.contents().messages).toHaveLength(8);
  });

  it('keeps to the rate', async () => {
    const places = failurePlaces();
    await stream(
      Array.from({ length: 20 }, (_, index) =>
        poison({ id: newId(), sequenceNumber: String(index + 1) }),
      ),
      places,
    );
    let now = NOW_MS;
    const clock = {
      now: () => now,
      sleep: async (ms: number) => {
        now += ms;
      },
    };

    await run(places, { recordsPerSecond: 10 }, { clock });

    expect(now - NOW_MS).toBeGreaterThanOrEqual(1_800);
  });
});

it('resynchronizes around a failure bound, so that a later redrive of the failed record loses', async () => {
  const [id, places] = [newId(), failurePlaces()];
  await stream([poison({ id, sequenceNumber: '5', attributes: value(5) })], places);
  await engine().client.send(
    new PutItemCommand({ TableName: SOURCE, Item: { pk: { S: id }, ...value(8) } }),
  );
  const copy = places.contents().messages[0] ?? '';
  const later = { now: () => NOW_MS + 14 * DAY_MS + 1, sleep: async () => undefined };
  await run(places, {}, { clock: later });
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
  const later = { now: () => NOW_MS + 14 * DAY_MS + 1, sleep: async () => undefined };
  await run(places, {}, { clock: later });

  await stream([lambdaRecord({ id, sequenceNumber: '6', attributes: value(9) })], places);

  expect(await twinOf(id)).toBe('9');
});
