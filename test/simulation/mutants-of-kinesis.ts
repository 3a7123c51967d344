// Broken Ferries that read a Kinesis stream with one mistake each: they trust the order of arrival, lose a part of the
// time, or remember and look too little.

import { TOMBSTONE_LIFE_SECONDS } from '../../src/config/names.ts';
import { isKinesisRecord } from '../../src/model/kinesis-record.ts';
import type { WriteRequest } from '../../src/model/write-request.ts';
import { TABLES } from './judge.ts';
import { OTHER_TABLE, TABLE } from './kinesis-stream.ts';
import type { Item } from './memory-dynamodb.ts';
import type { Mutant } from './mutants.ts';
import {
  freePut,
  isOwn,
  only,
  pretendAnnounced,
  putOf,
  withoutNewEpoch,
  WRITTEN,
} from './mutations.ts';
import { SECOND } from './plan.ts';

interface KinesisEvent {
  readonly kinesis: { readonly data: string; readonly sequenceNumber: string };
}

interface Change {
  readonly tableName: string;
  readonly dynamodb: { readonly ApproximateCreationDateTime: number; readonly Keys: Item };
}

type Replicate = NonNullable<Mutant['replicate']>;

function changeIn(event: unknown): Change | undefined {
  try {
    const { data } = (event as KinesisEvent).kinesis;
    return JSON.parse(Buffer.from(data, 'base64').toString()) as Change;
  } catch {
    // One of those that are not JSON.
    return undefined;
  }
}

/** Reads other changes than the stream has. */
const reading =
  (rewrite: (change: Change, event: KinesisEvent) => unknown): Replicate =>
  (replicate) =>
  (records, context) => {
    const rewritten = records.map((record) => {
      const change = changeIn(record);
      if (change === undefined) return record;
      const event = record as KinesisEvent;
      const data = Buffer.from(JSON.stringify(rewrite(change, event))).toString('base64');
      return { ...event, kinesis: { ...event.kinesis, data } };
    });
    return replicate(rewritten, context);
  };

const timed = (timeOf: (micros: number, event: KinesisEvent) => number): Replicate =>
  reading(({ dynamodb, ...rest }, event) => {
    const { ApproximateCreationDateTime: time } = dynamodb;
    return {
      ...rest,
      dynamodb: { ...dynamodb, ApproximateCreationDateTime: timeOf(time, event) },
    };
  });

const MICROS_MIN = 1_700_000_000_000_000;

/** Names the item within its table. */
function idOf(record: unknown): string | undefined {
  const { tableName, dynamodb } = changeIn(record) ?? {};
  return dynamodb && JSON.stringify([tableName, dynamodb.Keys]);
}

const coalescedByPlace: Replicate = (replicate) => async (records, context) => {
  const ids = records.map(idOf);
  const kept = records.filter((_, index) => {
    const id = ids[index];
    return id === undefined || id.includes(OTHER_TABLE) || ids.lastIndexOf(id) === index;
  });
  const summary = await replicate(kept, context);
  const coalesced = summary.counts.coalesced + records.length - kept.length;
  return { ...summary, counts: { ...summary.counts, coalesced } };
};

const answeredByTime: Replicate = (replicate) => async (records, context) => {
  const summary = await replicate(records, context);
  const [first] = summary.batchItemFailures;
  if (first === undefined || !records.every(isKinesisRecord)) return summary;
  const numberOf = (record: unknown) => (record as KinesisEvent).kinesis.sequenceNumber;
  const timeOf = (record: unknown) =>
    changeIn(record)?.dynamodb.ApproximateCreationDateTime ?? Infinity;
  const from = records.findIndex((one) => numberOf(one) === first.itemIdentifier);
  const [earliest] = records.slice(from).toSorted((a, b) => timeOf(a) - timeOf(b));
  return { ...summary, batchItemFailures: [{ itemIdentifier: numberOf(earliest) }] };
};

const looksNowhere: NonNullable<Mutant['reader']> = (port, { facts }) => ({
  ...port,
  read: async (request) =>
    facts.kind === 'handler' && request.operation === 'BatchGetItem'
      ? { items: [], unprocessed: [] }
      : port.read(request),
});

const YOUNG_MS = 30 * SECOND;

/** Sees nothing of the items that have just been written. */
const notOfYoung: NonNullable<Mutant['reader']> = (port, process, world) => ({
  ...port,
  async read(request) {
    const reply = await port.read(request);
    if (process.facts.kind !== 'handler' || request.operation !== 'BatchGetItem') return reply;
    const isYoung = (id: string | undefined) =>
      process.entries.some(
        ({ write }) =>
          write.key === world.judge.nameOfRow(id ?? '') &&
          world.scheduler.now() - write.atMs < YOUNG_MS,
      );
    return { ...reply, items: reply.items.filter((item) => !isYoung(item['id']?.S)) };
  },
});

const readsStale: NonNullable<Mutant['reader']> = (port, { facts }) => ({
  ...port,
  async read(request) {
    if (facts.kind !== 'handler' || request.operation !== 'BatchGetItem') return port.read(request);
    const tables = Object.entries(request.input.RequestItems ?? {});
    const RequestItems = Object.fromEntries(
      tables.map(([name, wanted]) => [name, { ...wanted, ConsistentRead: false }]),
    );
    return port.read({ ...request, input: { ...request.input, RequestItems } });
  },
});

/** In the place of each binary, its base64 text. */
function encodedOnceMore({ dynamodb, ...rest }: Change): object {
  const Keys = Object.entries(dynamodb.Keys).map(([name, value]) => [name, onceMore(value)]);
  const images = Object.entries(dynamodb).map(([name, image]: [string, unknown]) =>
    name.endsWith('Image')
      ? [
          name,
          Object.fromEntries(Object.entries(image as Item).map(([at, one]) => [at, onceMore(one)])),
        ]
      : [name, image],
  );
  return {
    ...rest,
    dynamodb: { ...Object.fromEntries(images), Keys: Object.fromEntries(Keys) },
  };
}

function onceMore(value: Item[string]): unknown {
  const text: unknown = value.B;
  return typeof text === 'string' ? { B: Buffer.from(text).toString('base64') } : value;
}

const plain = (request: WriteRequest) => putOf(request, true);

export const MUTANTS_OF_KINESIS: readonly Mutant[] = [
  {
    name: 'ordered by arrival',
    caughtBy: 1,
    seedsMax: 50,
    replicate: timed((_, { kinesis }) => MICROS_MIN + Number(kinesis.sequenceNumber.slice(-12))),
  },
  {
    name: 'milliseconds instead of microseconds',
    caughtBy: 1,
    seedsMax: 50,
    replicate: timed((micros) => (micros < 1e14 ? micros : Math.floor(micros / 1000) * 1000)),
  },
  {
    name: 'binaries decoded once',
    caughtBy: 6,
    seedsMax: 200,
    replicate: reading(encodedOnceMore),
  },
  {
    name: 'no look at tombstones before inserts',
    caughtBy: 2,
    seedsMax: 200,
    rewrite: only(['handler'], plain),
    reader: looksNowhere,
  },
  {
    name: 'young inserts as on the stream of the table',
    caughtBy: 6,
    seedsMax: 500,
    reader: notOfYoung,
  },
  {
    name: 'look-ups eventually consistent, no announcement',
    caughtBy: 77,
    seedsMax: 2_000,
    reader: readsStale,
    lookAgain: (_, process, world) => ({
      announce: async (body) => pretendAnnounced(body, process, world),
    }),
  },
  {
    name: 'look-ups eventually consistent',
    caughtBy: 77,
    seedsMax: 2_000,
    reader: readsStale,
  },
  {
    name: 'tombstones live for 15 days',
    caughtBy: 1,
    seedsMax: 50,
    settings: (settings) => ({ ...settings, tombstoneLifeSeconds: TOMBSTONE_LIFE_SECONDS }),
  },
  {
    name: 'coalesced by arrival',
    caughtBy: 3,
    seedsMax: 200,
    replicate: coalescedByPlace,
  },
  {
    name: 'lowest time answered, not lowest place',
    caughtBy: 3,
    seedsMax: 1_000,
    replicate: answeredByTime,
  },
  {
    name: 'records of other tables written',
    caughtBy: 6,
    seedsMax: 200,
    replicate: reading((change) => ({ ...change, tableName: TABLE })),
  },
  {
    name: 'delete of an item that is not there forgotten',
    caughtBy: 2,
    seedsMax: 200,
    destination: (port, { facts }, world) => ({
      async write(request) {
        const name = world.judge.nameIn(request) ?? '';
        const isAbsent = world.db.get(TABLES.twin, name) === undefined;
        if (facts.kind === 'handler' && isOwn(request, 'd') && isAbsent) return WRITTEN;
        return port.write(request);
      },
    }),
  },
  {
    name: 'late update of an item that need not be there',
    caughtBy: 2,
    seedsMax: 200,
    rewrite: only(['handler'], freePut),
  },
  {
    name: 'old letters replayed by their versions',
    caughtBy: 929,
    seedsMax: 5_000,
    rules: (settings, kind) =>
      kind === 'redrive' ? { ...settings, arrival: 'in-order' } : settings,
  },
  {
    name: 'moved to another stream without a new epoch',
    caughtBy: 25,
    seedsMax: 500,
    rewrite: withoutNewEpoch,
  },
  {
    name: 'ties not counted',
    caughtBy: 234,
    seedsMax: 5_000,
    replicate: (replicate) => async (records, context) => {
      const { superseded, ...summary } = await replicate(records, context);
      const redelivery = superseded.redelivery + superseded.tied;
      return { ...summary, superseded: { ...superseded, redelivery, tied: 0 } };
    },
  },
];
