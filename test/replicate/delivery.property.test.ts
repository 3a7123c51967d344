// Any way in which Lambda could deliver a history must leave the destination equal to the source: batches
// cut anywhere, delivered again after a crash or a partial failure, cut otherwise the second time, handed
// to a second invocation while the first still runs; and requests of a dead invocation that land late.
// Through a Kinesis stream, changes also come twice, and in any order.
// Every state that the twin shows is judged, not only the last. Mutants show that this test can fail.

import type { DynamoDBRecord } from 'aws-lambda';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import type { WriteRequest } from '../../src/model/write-request.ts';
import type { HandlerSettings } from '../../src/config/handler-settings.ts';
import type { Clock, TwinReader, TwinWriter, Item } from '../../src/ports.ts';
import { useEngine } from '../fixtures/engine.ts';
import {
  BASE_MICROS,
  type ChangeSource,
  KINESIS_STREAM,
  kinesisRecord,
  SOURCES,
  TABLE_STREAM,
} from '../fixtures/kinesis-records.ts';
import { lookAgainAt } from '../fixtures/look-again.ts';
import { lambdaRecord } from '../fixtures/records.ts';
import { invocation, NOW_MS, serviceError } from '../fixtures/replication.ts';

const RUNS = 100;
const TABLE = 'twin';
const engine = useEngine();
beforeAll(async () => {
  await engine().createTable(TABLE, [{ name: 'pk', type: 'S' }]);
});

/** One write of the application: a put under one of a few keys, or a delete. */
const write = fc.record({
  key: fc.integer({ min: 0, max: 1 }),
  isDelete: fc.constantFrom(false, false, true),
});

/** How many places later a change comes than it was written, and then once more. */
const arrival = fc.record({
  late: fc.integer({ min: 0, max: 6 }),
  again: fc.option(fc.integer({ min: 0, max: 9 })),
});

/** One delivery: how many records, and what goes wrong. */
const delivery = fc.record({
  size: fc.integer({ min: 1, max: 8 }),
  fate: fc.constantFrom(
    'fine',
    'fine',
    'throttled',
    'answer lost',
    'killed',
    'overlapped',
    'overlapped',
    'read from the beginning',
  ),
  /** Which requests the fate strikes: every nth; of an overlapped one, the first such. */
  every: fc.integer({ min: 1, max: 3 }),
  /** Deliveries until the requests of a killed invocation land, or an overlapped one goes on. */
  lateness: fc.integer({ min: 0, max: 3 }),
});
type Delivery = typeof delivery extends fc.Arbitrary<infer T> ? T : never;

const scenario = fc.record({
  writes: fc.array(write, { minLength: 1, maxLength: 24 }),
  /** Of a Kinesis stream. */
  arrivals: fc.array(arrival, { maxLength: 24 }),
  deliveries: fc.array(delivery, { maxLength: 12 }),
  /** Whether the records are less than 30 seconds old. */
  isYoung: fc.boolean(),
  tombstones: fc.constantFrom('checked', 'strict'),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

/** The tombstone of a delete lands beside the item's redelivered updates, its DeleteItem only with the next try. */
const deleteStillToCome: Scenario = {
  writes: [false, false, true, false].map((isDelete) => ({ key: 0, isDelete })),
  arrivals: [],
  deliveries: [
    { size: 3, fate: 'killed', every: 1, lateness: 1 },
    { size: 1, fate: 'fine', every: 1, lateness: 0 },
    { size: 1, fate: 'fine', every: 1, lateness: 0 },
  ],
  isYoung: false,
  tombstones: 'checked',
};

/** A young insert is delivered again after its delete, and is not looked up. */
const backForAWhile: Scenario = {
  writes: [false, true].map((isDelete) => ({ key: 0, isDelete })),
  arrivals: [],
  deliveries: [
    { size: 2, fate: 'fine', every: 1, lateness: 0 },
    { size: 1, fate: 'read from the beginning', every: 1, lateness: 0 },
  ],
  isYoung: true,
  tombstones: 'checked',
};

/** An insert is looked up, and lands only after its delete. */
const decidedBefore: Scenario = {
  writes: [false, true].map((isDelete) => ({ key: 0, isDelete })),
  arrivals: [],
  deliveries: [
    { size: 1, fate: 'overlapped', every: 1, lateness: 1 },
    { size: 2, fate: 'fine', every: 1, lateness: 0 },
  ],
  isYoung: false,
  tombstones: 'checked',
};

/** What is wrong with the code, for once. */
interface Mutant {
  readonly destination?: (destination: TwinWriter) => TwinWriter;
  readonly reader?: TwinReader;
  readonly looksAgain?: boolean;
  readonly settings?: Partial<HandlerSettings>;
  /** When a change was written, as it is read by its place in the order of arrival. */
  readonly microsOf?: (micros: number, place: number) => number;
}

let runs = 0;

it.each(SOURCES)('shows nothing that it should not, and converges: $name', async (source) => {
  let met = 0;
  await fc.assert(
    fc.asyncProperty(scenario, async (plan) => {
      const { problems, actual, expected, returned } = await deliver(plan, source, {});
      met += returned;
      expect(problems).toEqual([]);
      expect(actual).toEqual(expected);
    }),
    { numRuns: RUNS, examples: [[deleteStillToCome], [backForAWhile], [decidedBefore]] },
  );
  // Otherwise nothing has come back for a while.
  expect(met).toBeGreaterThan(0);
});

const MUTANTS: ReadonlyArray<[string, Mutant]> = [
  ['the guard is taken out', { destination: withoutConditions }],
  ['nobody looks again at deletes', { looksAgain: false }],
  ['late inserts are not looked up', { reader: knowingNothing() }],
  ['an update does not ask for its item', { destination: updatingEmptyPlaces }],
  ['transactions do not ask for tombstones', { destination: withoutConditionChecks }],
  ['deletes are not remembered', { destination: withoutTombstones }],
];

const MUTANTS_OF_STREAMS: ReadonlyArray<[string, Mutant]> = [
  ...MUTANTS,
  ['the guard lets equal and older seconds pass', { destination: withGuardOnSeconds }],
];

const MUTANTS_OF_KINESIS: ReadonlyArray<[string, Mutant]> = [
  ...MUTANTS,
  ['changes are ordered by arrival', { microsOf: (_, place) => BASE_MICROS + 9_990 + place }],
  ['times are milliseconds', { microsOf: (micros) => Math.floor(micros / 1_000) * 1_000 }],
];

it.each([
  ...MUTANTS_OF_STREAMS.map((mutant) => [...mutant, TABLE_STREAM] as const),
  ...MUTANTS_OF_KINESIS.map((mutant) => [...mutant, KINESIS_STREAM] as const),
])('notices when %s', async (_, mutant, source) => {
  const outcome = await fc.check(
    fc.asyncProperty(scenario, async (drawn) => {
      // What is young may come back for a while, which would hide much.
      const plan = { ...drawn, isYoung: false };
      const { problems, actual, expected } = await deliver(plan, source, mutant);
      return problems.length === 0 && JSON.stringify(actual) === JSON.stringify(expected);
    }),
    { numRuns: 4_000, endOnFailure: true },
  );

  expect(outcome.counterexample).not.toBeNull();
});

/** Plays a scenario to its end, and heals: what is left is delivered without faults. */
async function deliver(drawn: Scenario, source: ChangeSource, mutant: Mutant) {
  // Changes that come in any order are not young.
  const plan = { ...drawn, isYoung: drawn.isYoung && source === TABLE_STREAM };
  const { writes, deliveries, tombstones, isYoung } = plan;
  runs += 1;
  const { changes, expected } = historyOf(writes, { run: `run-${runs}`, isYoung });
  const history = source === TABLE_STREAM ? changes : arriving(changes, plan, mutant);
  const settings = {
    ...source.settings,
    destinationTable: TABLE,
    tombstones,
    ...mutant.settings,
  };
  const { destination: mutate = (one: TwinWriter) => one } = mutant;
  const judge = judgeOver(plan, source);
  const mutated = mutate(engine().twinWriter);
  const late = lateRequests(judge.watching(mutated, 'late'));
  const world: World = {
    source,
    settings,
    destination: judge.watching(mutated, 'in time'),
    overlapping: judge.watching(mutated, 'late'),
    reader: mutant.reader ?? engine().twinReader,
    announced: [],
  };
  const overlapped: Overlapped[] = [];
  let checkpoint = 0;
  for (const step of deliveries) {
    if (step.fate === 'read from the beginning') checkpoint = 0;
    const batch = history.slice(checkpoint, checkpoint + step.size);
    if (step.fate === 'overlapped') overlapped.push(await beginOverlapped(batch, step, world));
    else checkpoint += await deliverOnce(batch, step, { ...world, late });
    await late.land();
    for (const one of overlapped) await one.goOnIfDue();
  }
  await replicateAll(history.slice(checkpoint), world);
  for (const one of overlapped) await one.goOn();
  await late.landAll();
  const bodies = mutant.looksAgain === false ? [] : world.announced;
  await lookAgainAt(engine(), bodies, settings);
  const actual: Record<string, unknown> = {};
  for (const id of Object.keys(expected)) actual[id] = await shownBy(id);
  return { actual, expected, problems: judge.problems, returned: judge.returned() };
}

/** A shard of a Kinesis stream. */
function arriving(
  changes: readonly DynamoDBRecord[],
  { arrivals }: Scenario,
  { microsOf = (micros) => micros }: Mutant,
): object[] {
  const places = changes.flatMap((change, index) => {
    const { late = 0, again = null } = arrivals[index] ?? {};
    const once = { change, at: index + late };
    return again === null ? [once] : [once, { change, at: index + late + again }];
  });
  const inOrder = places.toSorted((a, b) => a.at - b.at);
  return inOrder.map(({ change }, place) => {
    const micros = BASE_MICROS + Number(change.dynamodb?.SequenceNumber);
    return kinesisRecord(change, { place, micros: microsOf(micros, place) });
  });
}

interface World {
  readonly source: ChangeSource;
  readonly settings: HandlerSettings;
  readonly destination: TwinWriter;
  /** The same for an invocation whose poller was replaced. */
  readonly overlapping: TwinWriter;
  readonly reader: TwinReader;
  /** By whomever. */
  readonly announced: string[];
}

function contextWith(
  { source, announced, settings, destination: twinWriter, reader: twinReader }: World,
  parts: { clock?: Clock } = {},
) {
  const lookAgain = { announce: async (body: string) => void announced.push(body) };
  const { control } = source;
  return invocation({ rules: settings, control, twinWriter, twinReader, lookAgain, ...parts });
}

async function replicateAll(records: readonly object[], world: World): Promise<void> {
  const { batchItemFailures } = await world.source.replicate(records, contextWith(world));
  expect(batchItemFailures).toEqual([]);
}

/** @returns how far Lambda's checkpoint moves. */
async function deliverOnce(
  batch: readonly object[],
  { fate, every, lateness }: Delivery,
  { late, ...world }: World & { readonly late: LateRequests },
): Promise<number> {
  let requests = 0;
  const strikes = () => (requests += 1) % every === 0;
  const destination: TwinWriter = {
    async write(request) {
      if (fate === 'throttled' && strikes()) throw serviceError('ThrottlingException');
      if (fate === 'killed' && strikes()) {
        late.keep(request, lateness);
        throw serviceError('TimeoutError');
      }
      return world.destination.write(request);
    },
  };
  const context = contextWith({ ...world, destination });
  const { batchItemFailures } = await world.source.replicate(batch, context);
  // Everything was written, but Lambda never heard of it.
  if (fate === 'answer lost') return 0;
  const [failure] = batchItemFailures;
  const { numberOf } = world.source;
  const index = batch.findIndex((record) => numberOf(record) === failure?.itemIdentifier);
  return index < 0 ? batch.length : index;
}

interface Overlapped {
  /** After so many deliveries of others. */
  goOnIfDue(): Promise<void>;
  goOn(): Promise<void>;
}

/** Its poller is replaced while it waits to send a throttled request again. Nobody hears its answer. */
async function beginOverlapped(
  batch: readonly object[],
  { every, lateness }: Delivery,
  world: World,
): Promise<Overlapped> {
  let requests = 0;
  const destination: TwinWriter = {
    async write(request) {
      requests += 1;
      if (requests === every) throw serviceError('ThrottlingException');
      return world.overlapping.write(request);
    },
  };
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  let paused: () => void = () => undefined;
  const isPaused = new Promise<void>((resolve) => (paused = resolve));
  const clock = {
    now: () => NOW_MS,
    sleep: async () => {
      paused();
      await released;
    },
  };
  const context = contextWith({ ...world, destination }, { clock });
  const running = world.source.replicate(batch, context);
  await Promise.race([running, isPaused]);
  // Its other lanes go on meanwhile.
  await new Promise((resolve) => setTimeout(resolve, 20));
  let due = lateness;
  const goOn = async () => {
    release();
    await running;
  };
  return {
    goOn,
    async goOnIfDue() {
      due -= 1;
      if (due < 0) await goOn();
    },
  };
}

type LateRequests = ReturnType<typeof lateRequests>;

/** Requests that were given up and are applied later all the same. */
function lateRequests(destination: TwinWriter) {
  let waiting: Array<{ request: WriteRequest; landsIn: number }> = [];
  return {
    keep(request: WriteRequest, landsIn: number) {
      waiting.push({ request, landsIn });
    },
    async land() {
      const landing = waiting.filter(({ landsIn }) => landsIn <= 0);
      waiting = waiting
        .filter(({ landsIn }) => landsIn > 0)
        .map(({ request, landsIn }) => ({ request, landsIn: landsIn - 1 }));
      for (const { request } of landing) await destination.write(request);
    },
    async landAll() {
      while (waiting.length > 0) await this.land();
    },
  };
}

/**
 * Looks at an item after each write to it. While it is there, it never gets older; it goes only where a
 * newer delete is remembered; and it comes back older than that delete only by a write that was decided
 * before it, or while its record is young, and never with strict tombstones.
 */
function judgeOver({ isYoung, tombstones }: Scenario, { sequenceOf }: ChangeSource) {
  const problems: string[] = [];
  const shown = new Map<string, number | undefined>();
  const deleted = new Map<string, number>();
  let returned = 0;
  const note = (id: string, after: number | undefined, when: 'in time' | 'late') => {
    const before = shown.get(id);
    const newestDelete = deleted.get(id) ?? 0;
    shown.set(id, after);
    if (after === before) return;
    if (after === undefined) {
      if (newestDelete < (before ?? 0)) problems.push(`${id}: ${before} is gone, and not deleted`);
      return;
    }
    if (before !== undefined && after < before)
      problems.push(`${id}: shows ${after} after ${before}`);
    // An item that is there has not gone: its delete is remembered, and still to come.
    if (after > newestDelete || before !== undefined) return;
    returned += 1;
    const isExcused = tombstones === 'checked' && (isYoung || when === 'late');
    if (!isExcused) problems.push(`${id}: ${after} is back after the delete ${newestDelete}`);
  };
  const watching = (destination: TwinWriter, when: 'in time' | 'late'): TwinWriter => ({
    async write(request) {
      const reply = await destination.write(request);
      const { operation, input } = request;
      if (operation === 'UpdateItem') {
        const { ':v': version, ':key': key } = input.ExpressionAttributeValues ?? {};
        const id = /"(run-[^"]+)"/.exec(key?.S ?? '')?.[1] ?? '';
        const number = sequenceOf(version?.S ?? '');
        if (reply.kind === 'written') deleted.set(id, Math.max(number, deleted.get(id) ?? 0));
      } else {
        const id = idOf(request);
        note(id, await shownBy(id), when);
      }
      return reply;
    },
  });
  return { problems, watching, returned: () => returned };
}

/** The number of the write whose state the twin shows. */
async function shownBy(id: string): Promise<number | undefined> {
  const item = await engine().get(TABLE, { pk: { S: id } });
  return item === undefined ? undefined : Number(item['write']?.N);
}

function idOf({ operation, input }: WriteRequest): string {
  const key: Item | undefined =
    operation === 'PutItem'
      ? input.Item
      : operation === 'TransactWriteItems'
        ? input.TransactItems?.[0]?.Put?.Item
        : input.Key;
  return key?.['pk']?.S ?? '';
}

/** The stream's records of `writes`, all of the same second, and what the source holds in the end. */
function historyOf(
  writes: Scenario['writes'],
  { run, isYoung }: { readonly run: string; readonly isYoung: boolean },
) {
  const expected: Record<string, number | undefined> = {};
  const createdAtSeconds = NOW_MS / 1000 - (isYoung ? 1.5 : 3_600);
  const changes = writes.flatMap(({ key, isDelete }, index) => {
    const id = `${run}-${key}`;
    const before = expected[id];
    if (isDelete && before === undefined) return [];
    const number = 9_990 + index;
    const facts = { id, sequenceNumber: String(number), createdAtSeconds };
    expected[id] = isDelete ? undefined : number;
    if (isDelete) return [lambdaRecord({ ...facts, eventName: 'REMOVE' })];
    const eventName = before === undefined ? 'INSERT' : 'MODIFY';
    return [lambdaRecord({ ...facts, eventName, attributes: { write: { N: String(number) } } })];
  });
  return { changes, expected };
}

function withoutConditions(destination: TwinWriter): TwinWriter {
  return {
    write(request) {
      if (request.operation !== 'PutItem' && request.operation !== 'DeleteItem')
        return destination.write(request);
      const {
        ConditionExpression: _,
        ExpressionAttributeNames: __,
        ExpressionAttributeValues: ___,
        ...input
      } = request.input;
      return destination.write({ operation: request.operation, input } as WriteRequest);
    },
  };
}

/** The mistake of peers: newer or equal by the stream's clock, which counts whole seconds. */
function withGuardOnSeconds(destination: TwinWriter): TwinWriter {
  return {
    write(request) {
      if (request.operation !== 'PutItem') return destination.write(request);
      const { ExpressionAttributeValues: _, ...input } = request.input;
      const seconds = input.Item?.['_ferry']?.M?.['t'] ?? { N: '0' };
      return destination.write({
        operation: 'PutItem',
        input: {
          ...input,
          ConditionExpression:
            'attribute_not_exists(#pk) OR attribute_not_exists(#f) OR #f.#v <= :v',
          ExpressionAttributeNames: { '#pk': 'pk', '#f': '_ferry', '#v': 't' },
          ExpressionAttributeValues: { ':v': seconds },
        },
      });
    },
  };
}

function knowingNothing(): TwinReader {
  return {
    read: async () => ({ items: [], unprocessed: [] }),
    tableId: async () => 'id',
  };
}

function updatingEmptyPlaces(destination: TwinWriter): TwinWriter {
  return {
    write(request) {
      if (request.operation !== 'PutItem') return destination.write(request);
      const { ConditionExpression = '', ...input } = request.input;
      const anyPlace = ConditionExpression.replace(
        'attribute_exists(#pk) AND',
        'attribute_not_exists(#pk) OR',
      );
      return destination.write({
        operation: 'PutItem',
        input: { ...input, ConditionExpression: anyPlace },
      });
    },
  };
}

function withoutConditionChecks(destination: TwinWriter): TwinWriter {
  return {
    write(request) {
      if (request.operation !== 'TransactWriteItems') return destination.write(request);
      const TransactItems = request.input.TransactItems?.slice(0, 1);
      return destination.write({ ...request, input: { TransactItems } });
    },
  };
}

function withoutTombstones(destination: TwinWriter): TwinWriter {
  return {
    async write(request) {
      if (request.operation === 'UpdateItem') return { kind: 'written' };
      return destination.write(request);
    },
  };
}
