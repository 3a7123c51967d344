// What a function that reads a Kinesis stream, or Lambda for it, has put aside.

import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { beforeAll, describe, expect, it } from 'vitest';
import { dynamoDbReader } from '../../src/aws/dynamodb-reader.ts';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { ledgerRowKey } from '../../src/model/ledger-row.ts';
import { isInOrder } from '../../src/redrive/replay.ts';
import { redrive, type RedriveContext } from '../../src/redrive/redrive.ts';
import { destinationHealth } from '../../src/replicate/destination-health.ts';
import { replicateKinesisBatch } from '../../src/replicate/kinesis-batch.ts';
import { useEngine } from '../fixtures/engine.ts';
import { failurePlaces, type FailurePlaces } from '../fixtures/failure-places.ts';
import {
  BASE_MICROS,
  KINESIS_ARN,
  KINESIS_SETTINGS,
  KINESIS_SOURCE,
  KINESIS_STREAM,
  kinesisEvent,
  kinesisNumber,
  kinesisRecord,
} from '../fixtures/kinesis-records.ts';
import { lambdaRecord, type RecordFacts, SETTINGS } from '../fixtures/records.ts';
import { controlRow, invocation, NOW_MS, serviceError } from '../fixtures/replication.ts';

const [SOURCE, TWIN] = ['redrive-source', 'redrive-twin'];
const DAY_MS = 24 * 60 * 60 * 1000;
const rules = { ...KINESIS_SETTINGS, destinationTable: TWIN };
const engine = useEngine();
beforeAll(async () => {
  await engine().createTable(SOURCE, [{ name: 'pk', type: 'S' }]);
  await engine().createTable(TWIN, [{ name: 'pk', type: 'S' }]);
});

let ids = 0;
const newId = () => `order-${(ids += 1)}`;
const text = (S: string) => ({ text: { S }, bytes: { B: 'AP8=' } });
const change = (facts: RecordFacts, place = 0) => kinesisRecord(lambdaRecord(facts), { place });
const twinOf = async (id: string) => (await engine().get(TWIN, { pk: { S: id } }))?.['text']?.S;

/** As the developer guide shows it, with the payload of a bucket, or without it, as a queue gets it. */
function givenUp(records: readonly object[], isStored: boolean, changes: object = {}): string {
  return JSON.stringify({
    requestContext: {
      requestId: 'c9b8fa9f-5a7f-xmpl-af9c-0c604cde93a5',
      functionArn: 'arn:aws:lambda:us-east-1:111122223333:function:ferry-orders-replicate',
      condition: 'RetryAttemptsExhausted',
      approximateInvokeCount: 1,
      ...changes,
    },
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    version: '1.0',
    timestamp: new Date(NOW_MS).toISOString(),
    KinesisBatchInfo: {
      shardId: 'shardId-000000000001',
      startSequenceNumber: kinesisNumber(0),
      endSequenceNumber: kinesisNumber(records.length - 1),
      approximateArrivalOfFirstRecord: '2026-01-31T12:00:00.835Z',
      approximateArrivalOfLastRecord: '2026-01-31T12:00:01.580Z',
      batchSize: records.length,
      streamArn: KINESIS_ARN,
    },
    ...(isStored ? { payload: JSON.stringify({ Records: records }) } : {}),
  });
}

async function run(places: FailurePlaces, parts: Partial<RedriveContext> = {}) {
  const { clock, random, remainingMs } = invocation();
  const reader = (table: string) =>
    dynamoDbReader(engine().client, { table, keyAttributes: ['pk'] });
  const context: RedriveContext = {
    rules,
    control: controlRow(KINESIS_SOURCE),
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
    ledger: reader(rules.stateTable),
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
  });
}

async function placesWith(body: string): Promise<FailurePlaces> {
  const places = failurePlaces();
  await places.bucket.put('aws/lambda/mapping/shard/2026/01/31/one', body);
  return places;
}

describe('a batch that Lambda gave up', () => {
  it('is redriven from its payload, each item newest first by time', async () => {
    const [a, b] = [newId(), newId()];
    const records = [
      change({ id: a, sequenceNumber: '8', attributes: text('newer') }, 0),
      change({ id: a, sequenceNumber: '7', attributes: text('older') }, 1),
      change({ id: b, sequenceNumber: '9', eventName: 'REMOVE' }, 2),
    ];
    const places = await placesWith(givenUp(records, true));

    const report = await run(places);

    expect(report).toMatchObject({ found: 3, applied: 2, coalesced: 1, left: 0, foreign: 0 });
    expect(places.contents().objects).toEqual([]);
    expect(await engine().get(TWIN, { pk: { S: a } })).toMatchObject({
      text: { S: 'newer' },
      bytes: { B: Uint8Array.of(0, 255) },
    });
    const row = await engine().get(
      rules.stateTable,
      ledgerRowKey(rules, canonicalKey({ pk: { S: b } })),
    );
    expect(row?.['d']?.S).toMatch(new RegExp(`^0001\\.0{13}\\.0+${BASE_MICROS + 9}$`));
  });

  it('is read again from the stream, where only its numbers were kept', async () => {
    const id = newId();
    const records = [change({ id, sequenceNumber: '7', attributes: text('read again') })];
    const places = failurePlaces();
    places.post(givenUp(records, false));
    const asked: unknown[] = [];

    const report = await run(places, {
      readRange: async (range) => {
        asked.push(range);
        return records;
      },
    });

    expect(asked).toEqual([
      {
        streamArn: KINESIS_ARN,
        shardId: 'shardId-000000000001',
        startSequenceNumber: kinesisNumber(0),
        endSequenceNumber: kinesisNumber(0),
      },
    ]);
    expect(report).toMatchObject({ found: 1, applied: 1, left: 0 });
    expect(await twinOf(id)).toBe('read again');
    expect(places.contents().messages).toEqual([]);
  });

  it('stays where it is, where the stream has lost it', async () => {
    const places = failurePlaces();
    places.post(givenUp([change({ id: newId() })], false));

    const report = await run(places, { readRange: async () => 'trimmed' });

    expect(report).toMatchObject({ trimmed: 1, found: 0 });
    expect(places.contents().messages).toHaveLength(1);
  });

  it('is foreign, and not read, where its stream is another one', async () => {
    const places = failurePlaces();
    places.post(
      givenUp([change({ id: newId() })], false).replaceAll(KINESIS_ARN, `${KINESIS_ARN}-2`),
    );
    const readRange = async () => {
      throw new Error('read');
    };

    expect(await run(places, { readRange })).toMatchObject({ foreign: 1, found: 0 });
  });

  it.each([
    ['beside this table’s', () => [change({ id: newId() })], { found: 1, applied: 1 }],
    ['alone', () => [], { found: 0 }],
  ])('is done without the records of other tables in it, %s', async (_, own, counts) => {
    const foreign = kinesisRecord(lambdaRecord(), { tableName: 'Customers' });
    const places = await placesWith(givenUp([foreign, ...own(), foreign], true));

    const report = await run(places);

    expect(report).toMatchObject({ ...counts, foreign: 0, left: 0 });
    expect(places.contents().objects).toEqual([]);
  });

  it.each([
    [
      'of another replication',
      'arn:aws:lambda:us-east-1:111122223333:function:ferry-customers-replicate',
    ],
    ['that it does not name', undefined],
  ])(
    'stays with records of other tables where it was given up for a function %s',
    async (_, functionArn) => {
      const id = newId();
      const foreign = kinesisRecord(lambdaRecord(), { tableName: 'Customers' });
      const own = change({ id, attributes: text('own') });
      const places = await placesWith(givenUp([foreign, own], true, { functionArn }));

      const report = await run(places);

      expect(report).toMatchObject({ foreign: 1, found: 1, applied: 1 });
      expect(places.contents().objects).toHaveLength(1);
      expect(await twinOf(id)).toBe('own');
    },
  );

  it('stays with a record that makes no sense, and the others are applied', async () => {
    const id = newId();
    const records = [kinesisEvent('no JSON'), change({ id, attributes: text('sane') }, 1)];
    const places = await placesWith(givenUp(records, true));

    const report = await run(places);

    expect(report).toMatchObject({ found: 2, applied: 1, failing: 1, left: 1, foreign: 0 });
    expect(report.failures).toEqual({ KeyUnknown: 1 });
    expect(places.contents().objects).toHaveLength(1);
    expect(await twinOf(id)).toBe('sane');
  });
});

describe('a letter', () => {
  it('of a change that the twin rejected is redriven as it is', async () => {
    const [id, places] = [newId(), failurePlaces()];
    const twinWriter: typeof parts.twinWriter = {
      async write(request) {
        if (request.operation === 'UpdateItem') return engine().twinWriter.write(request);
        throw serviceError('ValidationException');
      },
    };
    const parts = invocation({ rules, control: KINESIS_STREAM.control, ...places });
    await replicateKinesisBatch([change({ id, sequenceNumber: '7', attributes: text('kept') })], {
      ...parts,
      twinWriter,
    });

    const report = await run(places);

    expect(report).toMatchObject({ found: 1, applied: 1, resynchronized: 0, left: 0 });
    expect(await twinOf(id)).toBe('kept');
    expect(places.contents().messages).toEqual([]);
  });

  it('of data that no release has understood is translated by one that does', async () => {
    const [id, places] = [newId(), failurePlaces()];
    const record = change({ id, attributes: text('at last') });
    const failedAt = new Date(NOW_MS).toISOString();
    const reason = { class: 'malformed', name: 'MalformedRecord', message: '' };
    places.post(JSON.stringify({ format: 1, replication: 'orders', reason, failedAt, record }));

    expect(await run(places)).toMatchObject({ found: 1, applied: 1, left: 0 });
    expect(await twinOf(id)).toBe('at last');
  });
});

describe('a letter whose change has the time of another one', () => {
  const put = (id: string, words: string) =>
    change({ id, eventName: 'MODIFY', sequenceNumber: '7', attributes: text(words) });
  const removed = (id: string) => change({ id, eventName: 'REMOVE', sequenceNumber: '7' });

  it.each([
    ['of a put, behind another put', put, put, 'second'],
    ['of a put, behind a delete', (id: string) => removed(id), put, 'second'],
    ['of a delete, behind a put', put, (id: string) => removed(id), undefined],
  ] as const)('is decided by the source: %s', async (_, first, second, expected) => {
    const id = newId();
    const parts = invocation({ rules, control: KINESIS_STREAM.control });
    const { twinWriter } = engine();
    const insert = change({ id, sequenceNumber: '6', attributes: text('before') });
    await replicateKinesisBatch([insert, first(id, 'first')], { ...parts, twinWriter });
    if (expected !== undefined)
      await engine().client.send(
        new PutItemCommand({ TableName: SOURCE, Item: { pk: { S: id }, text: { S: expected } } }),
      );

    const places = await placesWith(givenUp([second(id, 'second')], true));

    expect(await run(places)).toMatchObject({ resynchronized: 1, superseded: 0 });
    expect(await twinOf(id)).toBe(expected);
  });

  it.each([
    ['first', 'second'],
    ['second', 'first'],
  ])('is decided by the source where both are letters: %s, %s', async (...order) => {
    const id = newId();
    await engine().client.send(
      new PutItemCommand({ TableName: SOURCE, Item: { pk: { S: id }, text: { S: 'second' } } }),
    );

    const places = await placesWith(
      givenUp(
        order.map((words) => put(id, words)),
        true,
      ),
    );

    expect(await run(places)).toMatchObject({ resynchronized: 1, left: 0 });
    expect(await twinOf(id)).toBe('second');
  });

  it('of the very same change asks nothing', async () => {
    const id = newId();
    const parts = invocation({ rules, control: KINESIS_STREAM.control });
    await replicateKinesisBatch([put(id, 'same')], { ...parts, twinWriter: engine().twinWriter });

    const places = await placesWith(givenUp([put(id, 'same')], true));

    expect(await run(places)).toMatchObject({ resynchronized: 0, superseded: 1 });
    expect(await twinOf(id)).toBe('same');
  });
});

describe('the age up to which a letter is replayed', () => {
  const control = controlRow(KINESIS_SOURCE);
  const at = (failedDaysAgo: number, writtenDaysAgo: number) => ({
    streamArn: KINESIS_SOURCE,
    failedAtMs: NOW_MS - failedDaysAgo * DAY_MS,
    writtenAtMs: NOW_MS - writtenDaysAgo * DAY_MS,
  });
  it.each([
    ['a fortnight after the write', KINESIS_SETTINGS, at(1, 14), true],
    ['later, though it failed yesterday', KINESIS_SETTINGS, at(1, 15), false],
    ['in order, a fortnight after the failure', SETTINGS, at(14, 15), true],
  ])('is that of the shortest-lived tombstones, less a day: %s', (_, by, place, expected) => {
    expect(isInOrder(place, control, NOW_MS, by)).toBe(expected);
  });

  it('stays so where the retention of the stream, and the life of tombstones, has been raised', () => {
    const kept = { ...KINESIS_SETTINGS, tombstoneLifeSeconds: 366 * 86_400 };

    expect(isInOrder(at(1, 15), control, NOW_MS, kept)).toBe(false);
  });

  it('is followed by a look at the source', async () => {
    const id = newId();
    await engine().client.send(
      new PutItemCommand({ TableName: SOURCE, Item: { pk: { S: id }, text: { S: 'by now' } } }),
    );
    const places = await placesWith(givenUp([change({ id, attributes: text('then') })], true));
    const clock = { now: () => NOW_MS + 15 * DAY_MS, sleep: async () => undefined };

    expect(await run(places, { clock })).toMatchObject({ resynchronized: 1, applied: 0 });
    expect(await twinOf(id)).toBe('by now');
  });
});
