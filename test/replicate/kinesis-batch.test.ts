// A batch of a Kinesis stream: what is this table's, what is tied, and what Lambda is answered.

import type { DynamoDBRecord } from 'aws-lambda';
import { beforeAll, describe, expect, it } from 'vitest';
import { canonicalKey, type Item } from '../../src/model/attribute-value.ts';
import { findDiscrepancy } from '../../src/model/discrepancy.ts';
import { controlKey, parseControlRow } from '../../src/model/control-item.ts';
import { ledgerRowKey } from '../../src/model/ledger-row.ts';
import { seededRandom } from '../../src/local/seeded-random.ts';
import { controlKeeper } from '../../src/replicate/control-keeper.ts';
import { replicateKinesisBatch } from '../../src/replicate/kinesis-batch.ts';
import { useEngine } from '../fixtures/engine.ts';
import {
  BASE_MICROS,
  KINESIS_SETTINGS,
  KINESIS_SOURCE,
  KINESIS_STREAM,
  type KinesisFacts,
  kinesisEvent,
  kinesisNumber,
  kinesisRecord,
} from '../fixtures/kinesis-records.ts';
import { lookAgainAt } from '../fixtures/look-again.ts';
import { lambdaRecord, type RecordFacts } from '../fixtures/records.ts';
import {
  invocation,
  NOW_MS,
  scripted,
  scriptedReader,
  serviceError,
} from '../fixtures/replication.ts';

const TWIN = 'twin';
const RULES = { ...KINESIS_SETTINGS, destinationTable: TWIN };
const { control } = KINESIS_STREAM;
const engine = useEngine();
beforeAll(async () => {
  await engine().createTable(TWIN, [{ name: 'pk', type: 'S' }]);
});

let ids = 0;
const newId = () => `order-${(ids += 1)}`;
const text = (S: string) => ({ text: { S } });
/** Each record has its place in the batch. */
function batchOf(...changes: ReadonlyArray<RecordFacts & KinesisFacts>) {
  return changes.map((facts, place) => kinesisRecord(lambdaRecord(facts), { place, ...facts }));
}
function context(parts: Parameters<typeof invocation>[0] = {}) {
  const { twinWriter, twinReader } = engine();
  return invocation({ rules: RULES, control, twinWriter, twinReader, ...parts });
}
const twinOf = async (id: string) => (await engine().get(TWIN, { pk: { S: id } }))?.['text']?.S;
const rowOf = (id: string) =>
  engine().get(RULES.stateTable, ledgerRowKey(RULES, canonicalKey({ pk: { S: id } })));
const microsIn = (version: string | undefined) => Number(version?.split('.')[2]) - BASE_MICROS;

describe('records of other tables', () => {
  const foreign = kinesisRecord(lambdaRecord(), { place: 0, tableName: 'Customers' });

  it('are acknowledged, and neither written nor put aside', async () => {
    const twinWriter = scripted(() => ({ kind: 'written' }));
    const parts = context({ twinWriter });

    const summary = await replicateKinesisBatch([foreign, foreign], parts);

    expect(summary).toMatchObject({ batchItemFailures: [], counts: { foreign: 2 }, causes: {} });
    expect([twinWriter.requests, parts.letters]).toEqual([[], []]);
  });

  it('hold up nothing: the control row is asked about this table alone', async () => {
    const asked: string[][] = [];
    const admitting: typeof control = {
      async admit(streamArns, remainingMs) {
        asked.push([...streamArns]);
        return control.admit(streamArns, remainingMs);
      },
    };
    const id = newId();
    const parts = context({ control: admitting });

    const { counts } = await replicateKinesisBatch(
      [foreign, ...batchOf({ id, eventName: 'INSERT', place: 1 })],
      parts,
    );

    expect(counts).toMatchObject({ foreign: 1, applied: 1 });
    expect(asked).toEqual([[KINESIS_SOURCE]]);
  });

  it('come again where a record before them does', async () => {
    const twinWriter = scripted(() => {
      throw serviceError('ECONNREFUSED');
    });
    const batch = batchOf({ id: newId() }, { tableName: 'Customers' }, { id: newId() });

    const summary = await replicateKinesisBatch(batch, context({ twinWriter }));

    expect(summary).toMatchObject({ retried: 3, counts: { foreign: 0 } });
    expect(summary.batchItemFailures).toEqual([{ itemIdentifier: kinesisNumber(0) }]);
  });

  it('may have the reserved attribute as a key', async () => {
    const keys = { _ferry: { S: 'x' } };

    const summary = await replicateKinesisBatch(
      batchOf({ keys, tableName: 'Customers' }, { id: newId() }),
      context(),
    );

    expect(summary).toMatchObject({ held: 0, counts: { foreign: 1, applied: 1 } });
  });
});

it('writes the first control row for the stream and the table', async () => {
  const rules = { ...RULES, replication: 'first', stateTable: 'first-state' };
  await engine().createTable(rules.stateTable, [{ name: 'id', type: 'S' }]);
  await engine().createTable('first-twin', [{ name: 'pk', type: 'S' }]);
  const parts = context({ rules: { ...rules, destinationTable: 'first-twin' } });

  const { counts } = await replicateKinesisBatch(batchOf({ id: 'a' }), {
    ...parts,
    control: controlKeeper(parts),
  });

  const found = parseControlRow(await engine().get(rules.stateTable, controlKey(rules)));
  expect(counts).toMatchObject({ applied: 1 });
  expect(found).toMatchObject({ row: { epochs: [{ n: 1, streams: [KINESIS_SOURCE] }] } });
});

it('holds a batch of a stream that the control row does not list', async () => {
  const parts = context({ rules: { ...RULES, replication: 'first', stateTable: 'first-state' } });
  const streamArn = `${String(KINESIS_SOURCE.split('/table/')[0])}-2`;

  const { held } = await replicateKinesisBatch(batchOf({ id: 'a', streamArn }), {
    ...parts,
    control: controlKeeper(parts),
  });

  expect(held).toBe(1);
});

describe('the answer', () => {
  it.each([
    ['of the lowest record by place', [5, 4, 3], 1],
    ['that is the first', [5, 4, 3], 0],
  ])('names the number of Kinesis %s, whatever the times', async (_, times, place) => {
    const names = times.map(newId);
    const twinWriter = scripted((request) => {
      if (JSON.stringify(request).includes(`"${names[place]}"`)) throw serviceError('Internal');
      return { kind: 'written' };
    });
    const batch = batchOf(
      ...times.map((time, index) => ({ id: names[index] ?? '', micros: BASE_MICROS + time })),
    );

    const summary = await replicateKinesisBatch(batch, context({ twinWriter }));

    expect(summary.batchItemFailures).toEqual([{ itemIdentifier: kinesisNumber(place) }]);
    expect(summary.retried).toBe(times.length - place);
  });

  it('is an error where the record that must come again has no number', async () => {
    const twinWriter = scripted(() => {
      throw serviceError('ECONNREFUSED');
    });
    const [one] = batchOf({ id: newId() });
    const nameless = { ...one, kinesis: { ...one?.kinesis, sequenceNumber: undefined } };

    await expect(replicateKinesisBatch([nameless], context({ twinWriter }))).rejects.toThrow(
      /the whole batch must be repeated$/,
    );
  });
});

describe('letters', () => {
  it('have the translated record of a change that the twin rejects', async () => {
    const twinWriter = scripted(() => {
      throw serviceError('ValidationException');
    });
    const parts = context({
      twinWriter: {
        write: async (request) =>
          request.operation === 'UpdateItem' ? { kind: 'written' } : twinWriter.write(request),
      },
    });

    const { counts } = await replicateKinesisBatch(
      batchOf({ id: newId(), sequenceNumber: '7', attributes: { b: { B: 'AP8=' } } }),
      parts,
    );

    expect(counts).toMatchObject({ 'dead-lettered': 1 });
    expect(parts.letters).toMatchObject([
      {
        sequenceNumber: String(BASE_MICROS + 7),
        record: {
          eventSourceARN: KINESIS_SOURCE,
          dynamodb: { NewImage: { b: { B: 'AP8=' } }, SequenceNumber: String(BASE_MICROS + 7) },
        },
      },
    ]);
  });

  it('have the record of Kinesis as it came, where its data make no sense', async () => {
    const raw = kinesisEvent('no JSON', { place: 1 });
    const parts = context();

    const { counts } = await replicateKinesisBatch([...batchOf({ id: newId() }), raw], parts);

    expect(counts).toMatchObject({ applied: 1, 'dead-lettered': 1 });
    expect(parts.letters).toMatchObject([
      { sequenceNumber: kinesisNumber(1), reason: { class: 'malformed' }, record: raw },
    ]);
  });
});

describe('changes with one time', () => {
  it('of a batch: the first stays, the same one again is coalesced, and another one is tied', async () => {
    const id = newId();
    const first = { id, sequenceNumber: '7', attributes: text('first') };

    const summary = await replicateKinesisBatch(
      batchOf(first, { ...first, attributes: text('other') }, first),
      context(),
    );

    expect(summary).toMatchObject({
      batchItemFailures: [],
      counts: { applied: 1, coalesced: 1, superseded: 1 },
      superseded: { tied: 1 },
    });
    expect(await twinOf(id)).toBe('first');
  });

  it('of a batch, where the first is a delete', async () => {
    const id = newId();
    const put = { id, sequenceNumber: '7', attributes: text('put') };

    const summary = await replicateKinesisBatch(
      batchOf({ ...put, sequenceNumber: '6' }, { ...put, eventName: 'REMOVE' }, put),
      context(),
    );

    expect(summary).toMatchObject({ superseded: { tied: 1 } });
    expect(await twinOf(id)).toBeUndefined();
  });

  it('of a batch where one is a skipped expiry: the other is written', async () => {
    const id = newId();
    const put = { id, sequenceNumber: '7', attributes: text('put') };
    const rules = { ...RULES, ttlDeletes: 'skip' as const };

    const summary = await replicateKinesisBatch(
      batchOf({ ...put, eventName: 'REMOVE', expired: true }, put),
      context({ rules }),
    );

    expect(summary).toMatchObject({ counts: { skipped: 1, applied: 1 }, superseded: { tied: 0 } });
  });

  it('are tied within a millisecond, where times are milliseconds', async () => {
    const id = newId();
    const at = (micros: number, value: string) => ({
      id,
      micros: BASE_MICROS + micros,
      precision: 'MILLISECOND',
      attributes: text(value),
    });

    const summary = await replicateKinesisBatch(
      batchOf(at(1_100, 'first'), at(1_900, 'second'), at(2_000, 'third')),
      context(),
    );

    expect(summary).toMatchObject({ superseded: { tied: 1 } });
    expect(await twinOf(id)).toBe('third');
  });

  it.each(['checked', 'strict'] as const)(
    'of another batch: what the twin has stays, %s',
    async (tombstones) => {
      const id = newId();
      const put = { id, sequenceNumber: '7', attributes: text('first') };
      const rules = { ...RULES, tombstones };
      const then = async (facts: RecordFacts) =>
        (await replicateKinesisBatch(batchOf({ ...put, ...facts }), context({ rules }))).superseded;

      await then({});

      expect(await then({})).toMatchObject({ redelivery: 1, tied: 0 });
      expect(await then({ eventName: 'INSERT' })).toMatchObject({ redelivery: 1, tied: 0 });
      expect(await then({ attributes: text('other') })).toMatchObject({ redelivery: 0, tied: 1 });
      expect(await then({ eventName: 'REMOVE' })).toMatchObject({ redelivery: 0, tied: 1 });
      expect(await twinOf(id)).toBe('first');
      expect(microsIn((await rowOf(id))?.['d']?.S)).toBe(7);
    },
  );

  it.each([
    ['checked', 'INSERT'],
    ['checked', 'MODIFY'],
    ['strict', 'INSERT'],
    ['strict', 'MODIFY'],
  ] as const)(
    'of another batch that has deleted the item, %s: %s',
    async (tombstones, eventName) => {
      const id = newId();
      const rules = { ...RULES, tombstones };
      await replicateKinesisBatch(
        batchOf({ id, sequenceNumber: '7', eventName: 'REMOVE' }),
        context({ rules }),
      );

      const { superseded } = await replicateKinesisBatch(
        batchOf({ id, sequenceNumber: '7', eventName }),
        context({ rules }),
      );

      expect(superseded).toMatchObject({ tied: 1, deleted: 0 });
      expect(await engine().get(TWIN, { pk: { S: id } })).toBeUndefined();
    },
  );

  it('are no tie with a later delete', async () => {
    const id = newId();
    const remove = { id, sequenceNumber: '8', eventName: 'REMOVE' };
    await replicateKinesisBatch(batchOf(remove), context());

    const { superseded } = await replicateKinesisBatch(
      batchOf({ id, sequenceNumber: '7' }),
      context(),
    );

    expect(superseded).toMatchObject({ tied: 0, deleted: 1 });
  });
});

it('looks up every insert with checked tombstones, consistently, however young it is', async () => {
  const twinReader = scriptedReader(() => ({ items: [], unprocessed: [] }));
  const now = { id: newId(), eventName: 'INSERT', micros: NOW_MS * 1_000 };

  await replicateKinesisBatch(batchOf(now), context({ twinReader }));

  expect(twinReader.requests).toMatchObject([
    { input: { RequestItems: { [RULES.stateTable]: { ConsistentRead: true } } } },
  ]);
});

it('tells the latency to the millisecond, of deletes, too', async () => {
  const micros = NOW_MS * 1_000 - 123_400;

  const { latenciesMs } = await replicateKinesisBatch(
    batchOf({ id: newId(), micros }, { id: newId(), eventName: 'REMOVE', micros }),
    context(),
  );

  expect(latenciesMs.map(Math.round)).toEqual([123, 123]);
});

it('asks for the whole batch again where the event holds no list of records', async () => {
  await expect(replicateKinesisBatch({} as unknown[], context())).rejects.toThrow(
    /the whole batch must be repeated$/,
  );
});

/** Of a few items: puts and deletes, one every microsecond. */
function historyOf(random: () => number, writes: number) {
  const run = newId();
  const source = new Map<string, Item | undefined>();
  const changes = Array.from({ length: writes }, (_, index): DynamoDBRecord => {
    const id = `${run}-${Math.floor(random() * 8)}`;
    const before = source.get(id);
    const value = { text: { S: `write ${index}` }, bytes: { B: 'AP8=' } };
    const isDelete = before !== undefined && random() < 0.3;
    source.set(
      id,
      isDelete
        ? undefined
        : { pk: { S: id }, ...text(value.text.S), bytes: { B: Uint8Array.of(0, 255) } },
    );
    const eventName = isDelete ? 'REMOVE' : before === undefined ? 'INSERT' : 'MODIFY';
    return lambdaRecord({
      id,
      eventName,
      sequenceNumber: String(1_000 + index),
      attributes: value,
    });
  });
  return { changes, source };
}

/** Each change in some shard, late by up to a few places, and one in three once more in another. */
function shardsOf(changes: readonly DynamoDBRecord[], random: () => number, count: number) {
  const shards: Array<Array<{ change: DynamoDBRecord; at: number }>> = Array.from(
    { length: count },
    () => [],
  );
  const send = (change: DynamoDBRecord, at: number) =>
    shards[Math.floor(random() * count)]?.push({ change, at: at + random() * 20 });
  for (const [index, change] of changes.entries()) {
    send(change, index);
    if (random() < 0.3) send(change, index + 30);
  }
  return shards.map((shard) =>
    shard
      .toSorted((a, b) => a.at - b.at)
      .map(({ change }, place) => kinesisRecord(change, { place })),
  );
}

it.each([
  ['strict', 1],
  ['strict', 2],
  ['checked', 3],
  ['checked', 4],
] as const)(
  'copies a table through three shards, out of order and twice: %s, seed %i',
  async (tombstones, seed) => {
    const chance = seededRandom(seed);
    const random = () => chance.next();
    const { changes, source } = historyOf(random, 120);
    const parts = context({ rules: { ...RULES, tombstones } });

    await Promise.all(
      shardsOf(changes, random, 3).map(async (shard) => {
        for (let from = 0; from < shard.length; from += 7) {
          const { batchItemFailures } = await replicateKinesisBatch(
            shard.slice(from, from + 7),
            parts,
          );
          expect(batchItemFailures).toEqual([]);
        }
      }),
    );
    // Strict tombstones announce nothing: what is equal then was never otherwise in the end.
    await lookAgainAt(engine(), parts.announced, RULES);
    const found = await Promise.all(
      [...source].map(async ([id, item]) =>
        findDiscrepancy(item, await engine().get(TWIN, { pk: { S: id } }), RULES),
      ),
    );

    expect(found.filter((one) => one !== undefined)).toEqual([]);
    expect(parts.announced.length > 0).toBe(tombstones === 'checked');
    expect(source.size).toBeGreaterThan(5);
  },
);
