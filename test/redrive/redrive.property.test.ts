// The stream, copies and redrives in any order, also between a redrive's reads and its writes: no state that the
// twin shows is older than one before, and once all is redriven, the twin equals the source. Of either source of
// changes. Mutants show that this test can fail.

import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { dynamoDbReader } from '../../src/aws/dynamodb-reader.ts';
import { dynamoDbTransactions } from '../../src/aws/dynamodb-table.ts';
import { destinationHealth } from '../../src/replicate/destination-health.ts';
import { floorOf, streamLabelMs } from '../../src/model/guard.ts';
import type { WriteRequest } from '../../src/model/write-request.ts';
import { copyPage } from '../../src/backfill/copy-page.ts';
import { paceOf } from '../../src/pacing/pace.ts';
import { redrive } from '../../src/redrive/redrive.ts';
import type { RecordContext } from '../../src/redrive/context.ts';
import type { TwinWriter, Item, ReadableTable } from '../../src/ports.ts';
import { useEngine } from '../fixtures/engine.ts';
import { failurePlaces } from '../fixtures/failure-places.ts';
import {
  type ChangeSource,
  KINESIS_STREAM,
  SOURCES,
  TABLE_STREAM,
} from '../fixtures/kinesis-records.ts';
import { lambdaRecord, type RecordFacts, SETTINGS } from '../fixtures/records.ts';
import { controlRow, invocation, NOW_MS, serviceError } from '../fixtures/replication.ts';

const TWIN = 'interleaved-twin';
const settingsOf = ({ settings }: ChangeSource) => ({ ...settings, destinationTable: TWIN });
const engine = useEngine();
beforeAll(async () => {
  await engine().createTable(TWIN, [{ name: 'pk', type: 'S' }]);
});

const key = fc.integer({ min: 0, max: 1 });
/** Writes of the application, delivered as one batch: applied, refused one by one, or given up as a whole. */
const batch = fc.record({
  kind: fc.constant('batch' as const),
  writes: fc.array(fc.record({ key, isDelete: fc.boolean() }), { minLength: 1, maxLength: 3 }),
  fate: fc.constantFrom('applied' as const, 'refused' as const, 'lost' as const),
});
const copying = fc.record({ kind: fc.constant('copy' as const), key });
/** What others do after a redrive has read, and before it writes. */
const meanwhile = fc.array(fc.oneof(batch, copying), { maxLength: 2 });
const redriving = fc.record({
  kind: fc.constant('redrive' as const),
  limit: fc.constantFrom(1, Infinity),
  meanwhile,
});
const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: batch },
    { weight: 2, arbitrary: redriving },
    { weight: 2, arbitrary: copying },
  ),
  { minLength: 1, maxLength: 10 },
);
type Step = typeof steps extends fc.Arbitrary<Array<infer T>> ? T : never;
type OtherStep = Exclude<Step, { kind: 'redrive' }>;

interface Mutant {
  readonly destination?: (destination: TwinWriter) => TwinWriter;
  readonly context?: Partial<RecordContext>;
}

let runs = 0;
/** Reads of several items at once. */
let batches = 0;

it.each(SOURCES)(
  'never takes an item back, and ends equal, in whatever order: $name',
  async (through) => {
    const sum = { applied: 0, superseded: 0, coalesced: 0, resynchronized: 0 };
    batches = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (plan) => {
        const { problems, actual, expected, left, reports } = await play(plan, through);
        expect(problems).toEqual([]);
        expect(left).toBe(0);
        expect(actual).toEqual(expected);
        for (const report of reports)
          for (const name of Object.keys(sum) as Array<keyof typeof sum>) sum[name] += report[name];
      }),
      { numRuns: 150 },
    );
    // Otherwise nothing of interest has happened.
    for (const count of Object.values(sum)) expect(count).toBeGreaterThan(5);
    expect(batches).toBeGreaterThan(100);
  },
);

it.each<[string, Mutant]>([
  ['writes blindly', { destination: blindly }],
  [
    'forgets that an item was deleted',
    { destination: withoutLedgerRowCheck, context: { ledger: { get: async () => undefined } } },
  ],
  ['goes by versions beside copies', { context: { withoutSource: true } }],
])('notices a redrive that %s', async (_, mutant) => {
  const outcome = await fc.check(
    fc.asyncProperty(steps, async (plan) => {
      const { problems, actual, expected } = await play(plan, TABLE_STREAM, mutant);
      return problems.length === 0 && JSON.stringify(actual) === JSON.stringify(expected);
    }),
    { numRuns: 4_000, endOnFailure: true },
  );

  expect(outcome.counterexample).not.toBeNull();
});

async function play(plan: readonly Step[], through: ChangeSource, mutant: Mutant = {}) {
  runs += 1;
  const places = failurePlaces();
  const source = applicationOf(`run-${runs}`);
  const judge = judgeOf(source);
  const reports = [];
  let objects = 10;
  const doStep = async (step: OtherStep) => {
    if (step.kind === 'copy') return copyOne(step.key, { source, judge, through });
    const changes = step.writes.flatMap((write) => source.write(write) ?? []);
    // In any order, the newest comes first.
    const arriving = through === KINESIS_STREAM ? changes.toReversed() : changes;
    const records = through.delivered(arriving);
    if (step.fate === 'lost')
      return places.bucket.put(`aws/lambda/${(objects += 1)}`, givenUp(records));
    return deliver(records, step.fate, places, { judge, through });
  };
  // Twice in the end: what was given up while the first one wrote is left to the second.
  const ends = [1, 2].map(() => ({ kind: 'redrive' as const, limit: Infinity, meanwhile: [] }));
  for (const step of [...plan, ...ends]) {
    if (step.kind !== 'redrive') {
      await doStep(step);
      continue;
    }
    const between = async () => {
      for (const other of step.meanwhile) await doStep(other);
    };
    reports.push(await redriveAll(step.limit, places, { source, judge, mutant, between, through }));
  }
  const left = reports.at(-1)?.left;
  return { ...(await source.ending()), left, reports, problems: judge.problems };
}

type Application = ReturnType<typeof applicationOf>;
type Judge = ReturnType<typeof judgeOf>;

/** A source table; each write has a number, which is the value of a put and in the order of records. */
function applicationOf(name: string) {
  const stored = new Map<string, Item>();
  const history: Array<{ id: string; isDelete: boolean }> = [];
  const idOf = (one: number) => `${name}-${one}`;
  const table: ReadableTable = {
    keyOf: ({ pk }) => ({ pk: pk ?? { S: '' } }),
    get: async ({ pk }) => stored.get(pk?.S ?? ''),
    getMany: async (keys) => ({
      items: keys.map(({ pk }) => stored.get(pk?.S ?? '')).filter((item) => item !== undefined),
      unprocessed: [],
      unreadable: [],
    }),
    scan: () => Promise.reject(new Error('nobody scans it')),
  };
  return {
    table,
    history,
    idOf,
    write(change: { readonly key: number; readonly isDelete: boolean }) {
      const id = idOf(change.key);
      const before = stored.get(id);
      if (change.isDelete && before === undefined) return undefined;
      history.push({ id, isDelete: change.isDelete });
      const value = { value: { N: String(history.length) } };
      if (change.isDelete) stored.delete(id);
      else stored.set(id, { pk: { S: id }, ...value });
      const sequenceNumber = String(9_995 + history.length);
      const facts: RecordFacts = change.isDelete
        ? { eventName: 'REMOVE' }
        : { eventName: before === undefined ? 'INSERT' : 'MODIFY', attributes: value };
      return lambdaRecord({ id, sequenceNumber, ...facts });
    },
    async ending() {
      const actual: Record<string, unknown> = {};
      const expected: Record<string, unknown> = {};
      for (const id of new Set(history.map((one) => one.id))) {
        actual[id] = (await twinOf(id))?.['value'];
        expected[id] = stored.get(id)?.['value'];
      }
      return { actual, expected };
    },
  };
}

function twinOf(id: string): Promise<Item | undefined> {
  return engine().get(TWIN, { pk: { S: id } });
}

/** Looks at the twin after every write: what it shows must not go back. */
function judgeOf({ history, idOf }: Application) {
  const problems: string[] = [];
  const shown = new Map<string, { number: number; isThere: boolean }>();
  const look = async (id: string) => {
    const before = shown.get(id) ?? { number: 0, isThere: false };
    const number = Number((await twinOf(id))?.['value']?.N ?? 0);
    if (number === 0 && !before.isThere) return;
    const deleted = history.findIndex(
      (write, at) => at >= before.number && write.id === id && write.isDelete,
    );
    const now = number === 0 ? deleted + 1 : number;
    if (now === 0) problems.push(`${id}: gone after ${before.number}, but not deleted since`);
    if (now < before.number) problems.push(`${id}: from ${before.number} back to ${now}`);
    shown.set(id, { number: Math.max(now, before.number), isThere: number > 0 });
  };
  /** One look after the other, or an older state could seem to follow a newer one. */
  let looks = Promise.resolve();
  const lookOn = async (before: Promise<void>) => {
    await before;
    for (const one of [0, 1]) await look(idOf(one));
  };
  return {
    problems,
    watched: (destination: TwinWriter): TwinWriter => ({
      async write(request) {
        const reply = await destination.write(request);
        looks = lookOn(looks);
        await looks;
        return reply;
      },
    }),
  };
}

async function deliver(
  records: readonly object[],
  fate: 'applied' | 'refused',
  { deadLetters }: ReturnType<typeof failurePlaces>,
  { judge, through }: Pick<Redriving, 'judge' | 'through'>,
): Promise<void> {
  if (records.length === 0) return;
  const twinWriter = fate === 'refused' ? refusing : judge.watched(engine().twinWriter);
  const { control, replicate } = through;
  const rules = settingsOf(through);
  await replicate(records, invocation({ twinWriter, control, rules, deadLetters }));
}

/** Takes ledger rows, but no items and no deletes of items. */
const refusing: TwinWriter = {
  async write(request) {
    if (request.operation === 'UpdateItem') return engine().twinWriter.write(request);
    throw serviceError('ValidationException');
  },
};

function givenUp(Records: readonly object[]): string {
  return JSON.stringify({
    requestContext: { condition: 'RetryAttemptsExhausted' },
    timestamp: new Date(NOW_MS).toISOString(),
    DDBStreamBatchInfo: {},
    payload: JSON.stringify({ Records }),
  });
}

const clock = { now: () => NOW_MS, sleep: async () => undefined };
function reader(table: string): ReadableTable {
  const plain = dynamoDbReader(engine().client, { table, keyAttributes: ['pk'] });
  return {
    ...plain,
    async getMany(keys, attributes) {
      batches += 1;
      return (await plain.getMany?.(keys, attributes)) ?? expect.unreachable();
    },
  };
}
const lookAgain = { announce: async () => undefined };
const stop = new AbortController().signal;

async function copyOne(
  one: number,
  { source, judge, through }: Pick<Redriving, 'source' | 'judge' | 'through'>,
): Promise<void> {
  const item = await source.table.get({ pk: { S: source.idOf(one) } });
  if (item === undefined) return;
  const transactions = dynamoDbTransactions(engine().client);
  await copyPage(
    { items: [item], readAtMs: NOW_MS, beforeStream: false },
    {
      rules: settingsOf(through),
      floor: floorOf({ epoch: 1, labelMs: streamLabelMs(through.sourceArn) ?? -1 }),
      epoch: 1,
      ttlDeletes: 'replicate',
      source: source.table,
      twin: reader(TWIN),
      ledger: reader(SETTINGS.stateTable),
      twinWriter: judge.watched(engine().twinWriter),
      transactions,
      lookAgain,
      readPace: paceOf(Infinity, clock),
      writePace: paceOf(Infinity, clock),
      pageItems: 1,
      clock,
      random: { next: () => 0.5 },
      stop,
      onRejected: ({ reason }) => expect.unreachable(reason),
    },
  );
  // A copy goes another way than all other writes.
  await judge.watched({ write: async () => ({ kind: 'written' }) }).write(NOTHING);
}

const NOTHING: WriteRequest = { operation: 'PutItem', input: { TableName: '', Item: {} } };

interface Redriving {
  readonly through: ChangeSource;
  readonly source: Application;
  readonly judge: Judge;
  readonly mutant: Mutant;
  /** Done before its first write, when all is read. */
  readonly between: () => Promise<void>;
}

function redriveAll(
  limit: number,
  places: ReturnType<typeof failurePlaces>,
  { source, judge, mutant: { destination = (same) => same, context }, between, through }: Redriving,
) {
  let begun: Promise<void> | undefined;
  const interrupted: TwinWriter = {
    async write(request) {
      await (begun ??= between());
      return engine().twinWriter.write(request);
    },
  };
  const { random, remainingMs } = invocation();
  return redrive(
    {
      rules: settingsOf(through),
      control: controlRow(through.sourceArn),
      withoutSource: false,
      random,
      remainingMs,
      clock,
      lookAgain,
      health: destinationHealth(),
      twinWriter: judge.watched(destination(interrupted)),
      queue: places.queue,
      bucket: places.bucket,
      source: source.table,
      twin: reader(TWIN),
      ledger: reader(SETTINGS.stateTable),
      readRange: async () => 'trimmed',
      ...context,
    },
    {
      apply: true,
      filter: {},
      limit,
      recordsPerSecond: 1e9,
      hiddenSeconds: 300,
      stop,
      onProgress: () => undefined,
    },
  );
}

function blindly(destination: TwinWriter): TwinWriter {
  return puttingOtherwise(destination, ({ TableName, Item: item }) => ({ TableName, Item: item }));
}

/** The put alone, if its place is as it was read. */
function withoutLedgerRowCheck(destination: TwinWriter): TwinWriter {
  return puttingOtherwise(destination, (put) => put);
}

type Put = { readonly TableName?: string | undefined; readonly Item?: Item | undefined };

function puttingOtherwise(destination: TwinWriter, other: (put: Put) => Put): TwinWriter {
  return {
    write(request): ReturnType<TwinWriter['write']> {
      const { Put } =
        (request.operation === 'TransactWriteItems' && request.input.TransactItems?.[0]) || {};
      if (Put === undefined) return destination.write(request);
      return destination.write({ operation: 'PutItem', input: other(Put) } as WriteRequest);
    },
  };
}
