// Any event at all, of either source: each record in exactly one outcome, an answer that Lambda accepts, every letter whole,
// and never an exception but the one that asks for the whole batch again.

// What a property demands depends on what was drawn; tallies make sure that each case has been met.
/* oxlint-disable vitest/no-conditional-expect */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { emfMetrics } from '../../src/aws/emf-metrics.ts';
import type { BatchSummary } from '../../src/model/batch-response.ts';
import { parseFailureMessage } from '../../src/model/failure-message.ts';
import { translateKinesisRecord } from '../../src/model/kinesis-record.ts';
import type { Item, WriteReply } from '../../src/ports.ts';
import { type FailurePlaces, failurePlaces } from '../fixtures/failure-places.ts';
import {
  BASE_MICROS,
  type ChangeSource,
  KINESIS_SOURCE,
  KINESIS_STREAM,
  kinesisEvent,
  SOURCES,
  TABLE_STREAM,
} from '../fixtures/kinesis-records.ts';
import { lambdaRecord, SETTINGS } from '../fixtures/records.ts';
import {
  invocation,
  scripted,
  scriptedReader,
  serviceError,
  totalOf,
} from '../fixtures/replication.ts';
import { VirtualClock } from '../local/fixtures/virtual-clock.ts';
import {
  anyJson,
  change,
  changed,
  expanded,
  hostileText,
  hostileValue,
  nested,
  runs,
} from './arbitrary.ts';

const INVOCATION_MS = 60_000;
const WHOLE_BATCH = /the whole batch must be repeated$/;

const sequenceNumber = fc.oneof(
  fc.integer({ min: 1, max: 30 }).map(String),
  fc.constantFrom(
    '0',
    '00',
    '007',
    '9'.repeat(40),
    '9'.repeat(41),
    '１２',
    '-1',
    '1e3',
    '1\n',
    ' 1',
    '0x1',
  ),
  hostileText,
);
const attributeValue = fc.oneof(
  hostileText.map((S) => ({ S })),
  hostileText.map((N) => ({ N })),
  fc.constantFrom(
    { B: 'AP8=' },
    { B: 'not base64' },
    { NS: [] },
    { SS: ['a', 'a'] },
    { NULL: false },
  ),
  hostileValue,
);
const attributes = fc
  .array(fc.tuple(hostileText, attributeValue), { maxLength: 4 })
  .map((all) => Object.fromEntries(all));

const streamArn = fc.constantFrom(
  undefined,
  undefined,
  undefined,
  'arn:aws:dynamodb:us-east-1:111122223333:table/Other/stream/2026-01-31T12:00:00.000',
  'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/yesterday',
  'arn:aws:sqs:us-east-1:111122223333:queue',
);

/** Valid, but for the odd sequence number, time, key or attribute. */
const oddRecord = fc
  .record({
    eventName: fc.constantFrom('INSERT', 'MODIFY', 'REMOVE'),
    sequenceNumber,
    keys: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom({ pk: { S: 'a' } }, { pk: { S: 'b' } }) },
      { weight: 1, arbitrary: attributes },
    ),
    attributes,
    createdAtSeconds: fc.constantFrom(1_769_860_800, 1, 1e308, 5e-324, -1, 0),
    streamArn,
    expired: fc.boolean(),
  })
  .map(({ streamArn: arn, ...facts }) =>
    lambdaRecord({ ...facts, ...(arn === undefined ? {} : { streamArn: arn }) }),
  );

const hostileRecord = fc.oneof(
  { weight: 3, arbitrary: oddRecord },
  {
    weight: 4,
    arbitrary: fc
      .tuple(oddRecord, fc.array(change, { minLength: 1, maxLength: 4 }))
      .map(([record, changes]) => changed(record, changes)),
  },
  { weight: 1, arbitrary: hostileValue },
);
/** Records twice in a batch have the same sequence number. */
const hostileBatch = fc
  .array(hostileRecord, { maxLength: 12 })
  .chain((records) => fc.shuffledSubarray([...records, ...records.slice(0, 2)]));

/** What the data of a change say of it, and what becomes of these. */
const WAYS = [
  'as a change',
  'as a change',
  'as a change',
  'of another table',
  'in milliseconds',
  'at any time',
  'as data',
  'as it is',
  'without a number',
  'cut off',
] as const;
const ways = fc.array(fc.constantFrom(...WAYS), { minLength: 1, maxLength: 14 });

/** Places in a shard grow. */
function throughKinesis(batch: readonly unknown[], how: ReadonlyArray<(typeof WAYS)[number]>) {
  return batch.map((record, place) => {
    const way = how[place % how.length];
    if (way === 'as it is') return record;
    const { dynamodb, ...about } = (record ?? {}) as { dynamodb?: Record<string, unknown> };
    const number = dynamodb?.['SequenceNumber'];
    const micros = BASE_MICROS + (typeof number === 'string' ? Number(number) % 30 || 0 : 0);
    const time =
      way === 'in milliseconds'
        ? { ApproximateCreationDateTime: Math.floor(micros / 1_000) }
        : {
            ApproximateCreationDateTime: micros,
            ApproximateCreationDateTimePrecision: 'MICROSECOND',
          };
    const tableName = way === 'of another table' ? 'Customers' : 'Orders';
    const change = {
      ...about,
      tableName,
      dynamodb: { ...dynamodb, ...(way !== 'at any time' && time) },
    };
    const text = JSON.stringify(way === 'as data' ? record : change) ?? '';
    const event = kinesisEvent(way === 'cut off' ? text.slice(1) : text, { place });
    const { sequenceNumber: _, ...nameless } = event.kinesis;
    return way === 'without a number' ? { ...event, kinesis: nameless } : event;
  });
}

const ANSWERS = [
  'written',
  'written',
  'refused',
  'rejected',
  'throttled',
  'down',
  'silent',
] as const;
const answers = fc.array(fc.constantFrom(...ANSWERS), { minLength: 1, maxLength: 10 });
const queueAnswers = fc.array(fc.constantFrom('taken', 'taken', 'taken', 'failing'), {
  minLength: 1,
  maxLength: 4,
});

interface Plan {
  readonly answers: ReadonlyArray<(typeof ANSWERS)[number]>;
  readonly stored: unknown;
  readonly queue: readonly string[];
  readonly lookAgain: readonly string[];
  readonly rows: 'none' | 'rubbish' | 'unprocessed' | 'failing';
  readonly isHeld: boolean;
  readonly sizeBytesMax: number;
  readonly settings: object;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  answers,
  stored: fc.oneof(
    fc.constant(undefined),
    fc.constant({ _ferry: { M: { v: { S: 'x' } } } }),
    attributes,
  ),
  queue: queueAnswers,
  lookAgain: queueAnswers,
  rows: fc.constantFrom('none', 'none', 'rubbish', 'unprocessed', 'failing'),
  isHeld: fc.constantFrom(false, false, true),
  sizeBytesMax: fc.constantFrom(1_048_576, 4_000),
  settings: fc.constantFrom(
    {},
    { ttlDeletes: 'skip' },
    { unversionedItems: 'keep' },
    { tombstones: 'strict' },
    { timestampAttribute: 'toString', heartbeatKeyText: '[["pk",["S","a"]]]' },
  ),
});

const PLAIN: Plan = {
  answers: ['written'],
  stored: undefined,
  queue: ['taken'],
  lookAgain: ['taken'],
  rows: 'none',
  isHeld: false,
  sizeBytesMax: 9e9,
  settings: {},
};

/** What a state table says that anybody may have written to. */
function readerOf(rows: Plan['rows']) {
  return scriptedReader(({ input }) => {
    const { RequestItems = {} } = input as { RequestItems?: Record<string, { Keys: Item[] }> };
    const keys = RequestItems[SETTINGS.stateTable]?.Keys ?? [];
    switch (rows) {
      case 'failing':
        throw serviceError('TimeoutError');
      case 'unprocessed':
        return { items: [], unprocessed: keys };
      case 'rubbish':
        return { items: [{}, ...keys.map((key) => ({ ...key, d: { N: '1' } }))], unprocessed: [] };
      case 'none':
        return { items: [], unprocessed: [] };
    }
  });
}

async function run(batch: unknown, plan: Plan, source: ChangeSource = TABLE_STREAM) {
  const { answers: said, stored, queue, lookAgain, rows, isHeld, sizeBytesMax, settings } = plan;
  const [clock, places, lines] = [new VirtualClock(), failurePlaces(sizeBytesMax), [] as string[]];
  const endMs = clock.now() + INVOCATION_MS;
  const twinWriter = scripted(async (_, index): Promise<WriteReply> => {
    switch (said[index % said.length]) {
      case 'refused':
        return { kind: 'refused', by: 'item', item: stored as never };
      case 'rejected':
        throw serviceError('ValidationException', 'm'.repeat(10_000));
      case 'throttled':
        throw serviceError('ThrottlingException');
      case 'down':
        throw serviceError('ECONNREFUSED');
      case 'silent':
        await clock.sleep(5_000);
        throw serviceError('TimeoutError');
      case 'written':
      case undefined:
        break;
    }
    return { kind: 'written' };
  });
  let sent = 0;
  let announced = 0;
  const held = { admit: async () => ({ kind: 'held' as const, why: 'because' }) };
  const context = invocation({
    control: isHeld ? held : source.control,
    twinReader: readerOf(rows),
    lookAgain: {
      async announce() {
        announced += 1;
        if (lookAgain[announced % lookAgain.length] === 'failing') throw serviceError('Internal');
      },
    },
    clock,
    twinWriter,
    rules: { ...source.settings, ...settings },
    remainingMs: () => endMs - clock.now(),
    metrics: emfMetrics({ settings: SETTINGS, clock, writeLine: (line) => lines.push(line) }),
    deadLetters: {
      async send(letter) {
        sent += 1;
        if (queue[sent % queue.length] === 'failing') throw serviceError('InternalError');
        await places.deadLetters.send(letter);
      },
    },
  });
  const summary = await source.replicate(batch as unknown[], context);
  return { summary, lines, logged: context.logged, places, lateMs: clock.now() - endMs };
}

function numberOf(record: unknown, source: ChangeSource): unknown {
  const isObject = typeof record === 'object' && record !== null;
  const members = { dynamodb: {}, kinesis: {}, ...(isObject ? record : {}) };
  const { dynamodb, kinesis } = members as { dynamodb: unknown; kinesis: unknown };
  return source.numberOf({ dynamodb: dynamodb ?? {}, kinesis: kinesis ?? {} });
}

function isReportable(record: unknown, source: ChangeSource): boolean {
  const number = numberOf(record, source);
  return (
    typeof number === 'string' &&
    /^[0-9]{1,128}$/.test(number) &&
    (source !== TABLE_STREAM || number.length <= 40)
  );
}

it.each(SOURCES)('answers any batch, whatever destination and queue say: $name', async (source) => {
  const tally = { answered: 0, repeated: 0, letters: 0, stored: 0, retried: 0, held: 0 };
  const foreign = { records: 0 };
  await fc.assert(
    fc.asyncProperty(hostileBatch, ways, plan, async (drawn, wrapping, how) => {
      const changes: unknown[] = expanded(drawn);
      const batch = source === TABLE_STREAM ? changes : throughKinesis(changes, wrapping);
      const before = JSON.stringify(batch);
      try {
        const result = await run(batch, how, source);
        tally.answered += 1;
        tally.retried += result.summary.retried;
        tally.held += result.summary.held;
        foreign.records += result.summary.counts.foreign;
        if (how.isHeld) expect(result.summary.retried).toBe(batch.length);
        expectAnswer(result.summary, batch, source);
        expect(result.lateMs).toBeLessThanOrEqual(0);
        for (const line of result.lines) expectMetrics(line);
        const letters = expectLetters(result, batch, how.sizeBytesMax);
        tally.letters += letters.length;
        tally.stored += letters.filter((kind) => kind === 'stored').length;
      } catch (error) {
        if (!(error instanceof Error && WHOLE_BATCH.test(error.message))) throw error;
        // Only where one that must come again cannot be named.
        expect(batch.every((one) => isReportable(one, source))).toBe(false);
        tally.repeated += 1;
      }
      expect(JSON.stringify(batch)).toBe(before);
    }),
    runs(1_500),
  );
  // It would prove little if it did not get so far.
  for (const count of Object.values(tally)) expect(count).toBeGreaterThan(20);
  expect(foreign.records > 20).toBe(source === KINESIS_STREAM);
});

it.each(SOURCES)(
  'asks for the whole batch again where the event holds no list: $name',
  async (source) => {
    const noList = fc
      .oneof(anyJson, fc.constant(undefined))
      .filter((value) => !Array.isArray(value));
    await fc.assert(
      fc.asyncProperty(noList, async (records) => {
        await expect(run(records, PLAIN, source)).rejects.toThrow(WHOLE_BATCH);
      }),
      runs(200),
    );
  },
);

/** Text, because Node cannot write it. */
const DEEP = `${'{"L":['.repeat(100_000)}${']}'.repeat(100_000)}`;

it('hands back a record of Kinesis that is nested too deeply, and takes the others', async () => {
  const [whole, deep] = ['a', 'b'].map((id) =>
    lambdaRecord({ id, sequenceNumber: '1', attributes: { deep: { S: 'here' } } }),
  );
  const [first, second] = KINESIS_STREAM.delivered(
    [whole, deep].filter((one) => one !== undefined),
  );
  const { kinesis } = second as { kinesis: { data: string } };
  const text = Buffer.from(kinesis.data, 'base64').toString().replace('{"S":"here"}', DEEP);
  const data = Buffer.from(text).toString('base64');

  const { summary, places } = await run(
    [first, { ...second, kinesis: { ...kinesis, data } }],
    PLAIN,
    KINESIS_STREAM,
  );

  expect(summary).toMatchObject({ counts: { applied: 1 }, retried: 1 });
  expect(places.contents().messages).toEqual([]);
});

it('hands back a record that is nested too deeply to be written down, and takes the others', async () => {
  const attributes = { deep: nested(100_000, 'L') as object };
  const batch = [
    lambdaRecord({ id: 'a', sequenceNumber: '1' }),
    lambdaRecord({ id: 'b', sequenceNumber: '2', attributes }),
  ];

  const { summary, places } = await run(batch, PLAIN);

  expect(summary).toMatchObject({ counts: { applied: 1 }, retried: 1 });
  expect(summary.batchItemFailures).toEqual([{ itemIdentifier: '2' }]);
  expect(places.contents().messages).toEqual([]);
});

function expectAnswer(
  summary: BatchSummary,
  batch: readonly unknown[],
  source: ChangeSource,
): void {
  const { batchItemFailures, counts, retried } = summary;
  expect(totalOf(summary)).toBe(batch.length);
  for (const count of [...Object.values(counts), retried]) {
    expect(Number.isInteger(count) && count >= 0).toBe(true);
  }
  // Lambda repeats the whole batch for an identifier that is empty or unknown.
  expect(batchItemFailures).toHaveLength(retried > 0 ? 1 : 0);
  for (const { itemIdentifier } of batchItemFailures) {
    expect(itemIdentifier).not.toBe('');
    expect(batch.map((one) => numberOf(one, source))).toContain(itemIdentifier);
  }
}

/** CloudWatch drops a document with a value that is no number, and so every metric of the batch. */
function expectMetrics(line: string): void {
  const document = JSON.parse(line) as Record<string, unknown> & {
    _aws: { CloudWatchMetrics: Array<{ Metrics: Array<{ Name: string }> }> };
  };
  for (const { Name } of document._aws.CloudWatchMetrics[0]?.Metrics ?? []) {
    for (const value of [document[Name]].flat()) {
      expect(typeof value === 'number' && value >= 0 && value < 2 ** 360).toBe(true);
    }
  }
}

function expectLetters(
  { places, summary }: { places: FailurePlaces; summary: BatchSummary },
  batch: readonly unknown[],
  sizeBytesMax: number,
): readonly string[] {
  const { messages, objects } = places.contents();
  const deadLettered = Object.entries(summary.causes)
    .filter(([cause]) => cause.startsWith('dead-lettered.'))
    .reduce((sum, [, count]) => sum + count, 0);
  expect(messages).toHaveLength(deadLettered);
  const kept = batch.flatMap((raw) => [raw, translated(raw)]);
  const known = new Set(kept.flatMap((record) => [JSON.stringify(record), lighter(record)]));
  return messages.map((body) => {
    const message = parseFailureMessage(body, SETTINGS.replication);
    expect(body.length).toBeLessThanOrEqual(sizeBytesMax);
    if (message.kind === 'records')
      expect(known).toContain(JSON.stringify(message.records[0]?.record));
    else {
      expect(message).toMatchObject({ kind: 'stored' });
      const key = message.kind === 'stored' ? message.objectKey : '';
      expect(known).toContain(new Map(objects).get(key));
    }
    return message.kind;
  });
}

/** Undefined of a record that is not one of Kinesis. */
function translated(raw: unknown): unknown {
  const found = translateKinesisRecord(raw, [KINESIS_SOURCE]);
  return found.kind === 'record' ? found.record : undefined;
}

/** The record without the image that no redrive needs. */
function lighter(record: unknown): string {
  const { dynamodb } = (record ?? {}) as { dynamodb?: object };
  if (typeof dynamodb !== 'object' || dynamodb === null) return JSON.stringify(record);
  const change = Object.fromEntries(
    Object.entries(dynamodb).filter(([name]) => name !== 'OldImage'),
  );
  return JSON.stringify({ ...(record as object), dynamodb: change });
}
