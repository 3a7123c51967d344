// Arbitrary items under arbitrary rules, compiled as the function compiles them, delivered in any way that Lambda could
// produce: the twin ends as the projection of the source, and shows nothing else on the way. Batches are cut anywhere,
// delivered again after lost answers and failures, bisected, delivered to a second invocation while the first goes on,
// and read again from the beginning; shards take turns. Through a Kinesis stream, changes come in any order, too, and
// some of them twice. Mutants show that this test can fail.

import type { DynamoDBRecord } from 'aws-lambda';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { canonicalItem, decodeItem } from '../../src/model/attribute-value.ts';
import { putControlRow } from '../../src/model/control-item.ts';
import { ProjectionFailed } from '../../src/model/projection.ts';
import type { StreamRules } from '../../src/model/rules.ts';
import type { WriteRequest } from '../../src/model/write-request.ts';
import { lookAgain } from '../../src/look-again/look-again.ts';
import type { Item, TwinReader, TwinWriter } from '../../src/ports.ts';
import { rulesProjection } from '../../src/projection/rules-projection.ts';
import { projectedAttributes, projectionRules } from '../fixtures/arbitrary-rules.ts';
import { type ChangeSource, SOURCES, TABLE_STREAM } from '../fixtures/kinesis-records.ts';
import { lambdaRecord, SETTINGS } from '../fixtures/records.ts';
import { controlRow, invocation, NOW_MS } from '../fixtures/replication.ts';
import { MemoryDynamoDb, serviceError, tableWith } from '../simulation/memory-dynamodb.ts';
import { toWriteReply } from '../simulation/ports.ts';

const RUNS = 300;
const SEED = Number(process.env['SEED'] ?? Math.floor(Date.now() / 86_400_000));
const TABLES = { twin: tableWith('pk'), state: tableWith('id') };
const SHARDS = 2;

/** A put under one of a few keys, or a delete. */
const write = fc.record({
  key: fc.integer({ min: 0, max: 2 }),
  attributes: fc.oneof(
    { weight: 4, arbitrary: projectedAttributes },
    { weight: 1, arbitrary: fc.constant(undefined) },
  ),
});

const step = fc.record({
  shard: fc.integer({ min: 0, max: SHARDS - 1 }),
  size: fc.integer({ min: 1, max: 8 }),
  fate: fc.constantFrom(
    'fine',
    'fine',
    'throttled',
    'answer lost',
    'bisected',
    'overlapped',
    'overlapped',
    'read from the beginning',
  ),
  /** Which request the fate strikes. */
  at: fc.integer({ min: 1, max: 4 }),
  /** Steps until a late request lands, or an overlapped invocation goes on. */
  lateness: fc.integer({ min: 0, max: 3 }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Of a Kinesis stream: how many places later a change comes, and once more. */
const arrival = fc.record({
  late: fc.integer({ min: 0, max: 5 }),
  again: fc.option(fc.integer({ min: 0, max: 8 })),
});

const scenario = fc.record({
  rules: projectionRules,
  writes: fc.array(write, { minLength: 1, maxLength: 20 }),
  arrivals: fc.array(arrival, { maxLength: 20 }),
  steps: fc.array(step, { maxLength: 12 }),
  isYoung: fc.boolean(),
  tombstones: fc.constantFrom('checked', 'strict'),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

/** What is wrong with the code, for once. */
interface Mutant {
  /** What the function is given in the place of a batch. */
  readonly records?: (batch: readonly DynamoDBRecord[], world: History) => DynamoDBRecord[];
  readonly writer?: (port: TwinWriter) => TwinWriter;
  readonly rules?: (rules: StreamRules) => StreamRules;
  /** With checked tombstones, the second look may put it right. */
  readonly tombstones?: Scenario['tombstones'];
}

it.each(SOURCES)(
  `makes the twin the projection of the source (seed ${SEED}): $name`,
  async (through) => {
    let [left, entered, failed] = [0, 0, 0];
    await fc.assert(
      fc.asyncProperty(scenario, async (plan) => {
        const result = await play(plan, through, {});
        left += result.left;
        entered += result.entered;
        failed += result.failed;
        expect(result.problems).toEqual([]);
      }),
      { numRuns: RUNS, seed: SEED },
    );
    // Otherwise nothing of interest has happened.
    expect(Math.min(left, entered, failed)).toBeGreaterThan(RUNS / 20);
  },
);

const MUTANTS: ReadonlyArray<[string, Mutant]> = [
  ['items that leave stay', { writer: withoutDeletes, tombstones: 'strict' }],
  ['the newest record of a run decides alone whether it is skipped', { records: skippedByNewest }],
  ['the new image decides alone whether a record is skipped', { records: withoutBefore }],
  ['an item that enters is taken for an update', { writer: onlyOfItems, records: asDelivered }],
  ['a change is projected twice', { rules: twice }],
  ['a change is not projected', { rules: (rules) => ({ ...rules, projection: undefined }) }],
  ['nothing remembers that an item has left', { writer: withoutTombstones }],
];

const MUTANTS_OF_SOURCES = SOURCES.flatMap((through) =>
  MUTANTS.map(([name, mutant]) => [name, through.name, mutant, through] as const),
);

it.each(MUTANTS_OF_SOURCES)('notices when %s: %s', async (_, __, mutant, through) => {
  const found = await fc.check(
    fc.asyncProperty(scenario, async (drawn) => {
      const { tombstones = 'checked' } = mutant;
      const { problems } = await play({ ...drawn, isYoung: false, tombstones }, through, mutant);
      return problems.length === 0;
    }),
    { numRuns: 4_000, seed: SEED, endOnFailure: true },
  );

  expect(found.counterexample).not.toBeNull();
});

interface History {
  readonly through: ChangeSource;
  readonly rules: StreamRules;
  readonly records: ReadonlyArray<readonly DynamoDBRecord[]>;
  /** What the source has in the end, by key. */
  readonly source: ReadonlyMap<string, Item | undefined>;
  /** By key, what the twin may show at some time. */
  readonly contents: ReadonlyMap<string, ReadonlySet<string>>;
  /** How many changes are of each kind, as the twin sees them. */
  readonly left: number;
  readonly entered: number;
  readonly failed: number;
}

function rulesOf({ rules, tombstones }: Scenario, { settings }: ChangeSource): StreamRules {
  return {
    ...settings,
    destinationTable: 'twin',
    stateTable: 'state',
    tombstones,
    systemicRejections: 'dead-letter',
    projection: rulesProjection(rules),
  };
}

/** What it makes of an item, `left out`, or `fails`. */
function projected(item: Item | undefined, { projection }: StreamRules): string {
  if (item === undefined) return 'left out';
  try {
    const content = projection?.project(item, { pk: item['pk'] ?? { S: '' } });
    return content === undefined ? 'left out' : canonicalItem(content);
  } catch (error) {
    if (error instanceof ProjectionFailed) return 'fails';
    throw error;
  }
}

/** The records of each shard, whose items come one after the other as the writes do. */
function historyOf(plan: Scenario, through: ChangeSource): History {
  const rules = rulesOf(plan, through);
  const wire = new Map<string, object>();
  const records: DynamoDBRecord[][] = Array.from({ length: SHARDS }, () => []);
  const contents = new Map<string, Set<string>>();
  let [left, entered, failed] = [0, 0, 0];
  for (const [index, { key, attributes }] of plan.writes.entries()) {
    const id = `item-${key}`;
    const [before, after] = [wire.get(id), attributes && { pk: { S: id }, ...attributes }];
    if (after === undefined && before === undefined) continue;
    const eventName = after === undefined ? 'REMOVE' : before === undefined ? 'INSERT' : 'MODIFY';
    const createdAtSeconds = NOW_MS / 1000 - (plan.isYoung ? 1.5 : 3_600);
    const facts = { id, sequenceNumber: String(9_990 + index), createdAtSeconds, eventName };
    const record = lambdaRecord({ ...facts, attributes: attributes ?? {} });
    const change = { ...record.dynamodb, ...(before && { OldImage: before }) };
    records[key % SHARDS]?.push(asJson({ ...record, dynamodb: change } as DynamoDBRecord));
    if (after === undefined) wire.delete(id);
    else wire.set(id, after);
    const [was, is] = [before, after].map((item) => projected(decoded(item), rules));
    if (before !== undefined && was === 'left out' && is !== 'left out') entered += 1;
    if (after !== undefined && was !== 'left out' && is === 'left out') left += 1;
    if (is === 'fails') failed += 1;
    contents.set(id, (contents.get(id) ?? new Set()).add(is ?? ''));
  }
  const source = new Map([...contents.keys()].map((id) => [id, decoded(wire.get(id))]));
  const arriving =
    through === TABLE_STREAM ? records : records.map((shard) => arrivingIn(shard, plan));
  return { through, rules, records: arriving, source, contents, left, entered, failed };
}

function arrivingIn(shard: readonly DynamoDBRecord[], { arrivals }: Scenario): DynamoDBRecord[] {
  const places = shard.flatMap((record, index) => {
    const { late = 0, again = null } = arrivals[index] ?? {};
    const once = { record, at: index + late };
    // Another object: deliveries are told apart by it.
    return again === null ? [once] : [once, { record: asJson(record), at: index + late + again }];
  });
  return places.toSorted((a, b) => a.at - b.at).map(({ record }) => record);
}

function decoded(wire: object | undefined): Item | undefined {
  return wire && decodeItem(asJson(wire), 'item');
}

function asJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/** Plays a scenario to its end, and heals: what is left is delivered without faults. */
async function play(plan: Scenario, through: ChangeSource, mutant: Mutant) {
  const history = historyOf(plan, through);
  const world = new World(history, mutant);
  for (const one of plan.steps) {
    await world.deliver(one);
    await world.pass();
  }
  await world.heal();
  return { ...history, problems: [...world.problems, ...world.differences()] };
}

class World {
  readonly problems: string[] = [];
  readonly #history: History;
  readonly #mutant: Mutant;
  readonly #db: MemoryDynamoDb;
  readonly #announced: string[] = [];
  /** Of each shard: batches that are to be delivered first, and how far it has been read. */
  readonly #shards = Array.from({ length: SHARDS }, () => ({
    batches: [] as Array<readonly DynamoDBRecord[]>,
    position: 0,
  }));
  readonly #late: Array<{ inSteps: number; readonly land: () => Promise<unknown> | void }> = [];

  constructor(history: History, mutant: Mutant) {
    this.#history = history;
    this.#mutant = mutant;
    this.#db = new MemoryDynamoDb({
      tables: TABLES,
      now: () => NOW_MS,
      isExpired: () => false,
      isInvalid: () => false,
      onChange: ({ table, key, before, after }) => {
        if (table === 'twin') this.#judge(key, before, after);
      },
    });
    const { input } = putControlRow(controlRow(), history.rules);
    this.#db.execute({ operation: 'PutItem', input } as WriteRequest, undefined);
  }

  #judge(key: string, before: Item | undefined, after: Item | undefined): void {
    if (after === undefined) return;
    const [old, next] = [before, after].map((item) => item?.['_ferry']?.M?.['v']?.S ?? '');
    const { _ferry: _, ...content } = after;
    if ((next ?? '') < (old ?? '')) this.problems.push(`${key} went from ${old} to ${next}`);
    if (this.#history.contents.get(key)?.has(canonicalItem(content)) !== true)
      this.problems.push(`${key} shows what no projection has made`);
  }

  differences(): string[] {
    const { source, rules } = this.#history;
    return [...source].flatMap(([key, item]) => {
      const wanted = projected(item, rules);
      const { _ferry: _, ...twin } = this.#db.get('twin', key) ?? {};
      const shown = this.#db.get('twin', key) && canonicalItem(twin);
      const isEqual = wanted === 'fails' || shown === (wanted === 'left out' ? undefined : wanted);
      return isEqual ? [] : [`${key} is ${shown}, not ${wanted}`];
    });
  }

  /** A step of time: late requests land, overlapped invocations go on. */
  async pass(): Promise<void> {
    const due = this.#late.filter((one) => (one.inSteps -= 1) < 0);
    for (const one of due) {
      this.#late.splice(this.#late.indexOf(one), 1);
      await one.land();
    }
    await settled();
  }

  async heal(): Promise<void> {
    const rest = { size: 100, fate: 'fine', at: 1, lateness: 0 } as const;
    for (const [shard, place] of this.#shards.entries()) {
      const end = this.#history.records[shard]?.length;
      while (place.batches.length > 0 || place.position !== end)
        await this.deliver({ ...rest, shard });
    }
    while (this.#late.length > 0) await this.pass();
    const { rules } = this.#history;
    const messages = this.#announced.map((body, index) => ({ messageId: String(index), body }));
    const { clock, random, remainingMs, log } = invocation();
    const ports = { twinReader: this.#reader(), twinWriter: this.#plainWriter() };
    const { failed } = await lookAgain(messages, {
      rules,
      ...ports,
      clock,
      random,
      remainingMs,
      log,
    });
    this.problems.push(...failed.map((id) => `announcement ${id} is not dealt with`));
  }

  async deliver(one: Step): Promise<void> {
    const { shard, size, fate } = one;
    const place = this.#shards[shard];
    const records = this.#history.records[shard];
    if (place === undefined || records === undefined) return;
    if (fate === 'read from the beginning') Object.assign(place, { position: 0, batches: [] });
    const batch = place.batches.shift() ?? records.slice(place.position, place.position + size);
    place.position = Math.max(place.position, records.findIndex((one) => one === batch.at(-1)) + 1);
    if (batch.length === 0) return;
    if (fate === 'overlapped') {
      place.batches.unshift(batch);
      this.#overlap(batch, one);
      await settled();
    } else if (fate === 'bisected') {
      this.#abandon(batch, one);
      await settled();
      const middle = Math.ceil(batch.length / 2);
      const halves = [batch.slice(0, middle), batch.slice(middle)];
      place.batches.unshift(...halves.filter(({ length }) => length > 0));
    } else {
      const from = await this.#invoke(
        batch,
        fate === 'throttled' ? this.#throttling(one) : undefined,
      );
      const left = fate === 'answer lost' ? batch : batch.slice(from);
      if (left.length > 0) place.batches.unshift(left);
    }
  }

  /** @returns the place of the first record that is to be delivered again. */
  async #invoke(batch: readonly DynamoDBRecord[], writer = this.#plainWriter()): Promise<number> {
    const { rules, through } = this.#history;
    const given = this.#mutant.records?.(batch, this.#history) ?? [...batch];
    const context = invocation({
      control: through.control,
      rules: { ...SETTINGS, ...(this.#mutant.rules?.(rules) ?? rules) },
      twinWriter: this.#mutant.writer?.(writer) ?? writer,
      twinReader: this.#reader(),
      lookAgain: { announce: async (body) => void this.#announced.push(body) },
    });
    const events = through.delivered(given);
    const { batchItemFailures } = await through.replicate(events, context);
    const [failed] = batchItemFailures;
    const place = events.findIndex((one) => through.numberOf(one) === failed?.itemIdentifier);
    const number = given[place]?.dynamodb?.SequenceNumber;
    const index = batch.findIndex((one) => one.dynamodb?.SequenceNumber === number);
    return index < 0 ? batch.length : index;
  }

  #plainWriter(): TwinWriter {
    return { write: async (request) => toWriteReply(this.#db.execute(request, {}), request) };
  }

  #reader(): TwinReader {
    const capacity = { ageMs: () => 0, isProcessed: () => true };
    return {
      read: async (request) => this.#db.read(request, capacity),
      tableId: async (table) => this.#db.tableId(table),
    };
  }

  #throttling({ at }: Step): TwinWriter {
    const plain = this.#plainWriter();
    let count = 0;
    return {
      async write(request) {
        if ((count += 1) % at === 0) throw serviceError('ThrottlingException');
        return plain.write(request);
      },
    };
  }

  /** Its poller is replaced while one of its requests is under way; it goes on, and its answer is not heard. */
  #overlap(batch: readonly DynamoDBRecord[], { at, lateness }: Step): void {
    const plain = this.#plainWriter();
    let count = 0;
    const running = this.#invoke(batch, {
      write: async (request) => {
        if ((count += 1) === at) await this.#until(lateness, () => running);
        return plain.write(request);
      },
    });
  }

  /** Resolves so many steps later, which then go on when all that comes of it is done. */
  #until(inSteps: number, done: () => Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const land = () => {
        resolve();
        return done();
      };
      this.#late.push({ inSteps, land });
    });
  }

  /** It dies with a request under way, which lands late. */
  #abandon(batch: readonly DynamoDBRecord[], { at, lateness }: Step): void {
    const plain = this.#plainWriter();
    let count = 0;
    void this.#invoke(batch, {
      write: (request) => {
        if ((count += 1) < at) return plain.write(request);
        if (count === at)
          this.#late.push({
            inSteps: lateness,
            land: async () => void (await plain.write(request)),
          });
        return new Promise(() => undefined);
      },
    });
  }
}

/** Everything that waits for nothing has been done. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function withoutDeletes(port: TwinWriter): TwinWriter {
  return {
    write: async (request) =>
      request.operation === 'DeleteItem' ? { kind: 'written' } : port.write(request),
  };
}

function withoutTombstones(port: TwinWriter): TwinWriter {
  return {
    write: async (request) =>
      request.operation === 'UpdateItem' ? { kind: 'written' } : port.write(request),
  };
}

/** Without another try where there is no item. */
function onlyOfItems(port: TwinWriter): TwinWriter {
  return {
    async write(request) {
      if (request.operation !== 'TransactWriteItems') return port.write(request);
      return { kind: 'written' };
    },
  };
}

function imagesOf({ dynamodb = {} }: DynamoDBRecord, { rules }: History) {
  const { OldImage, NewImage } = dynamodb;
  return [OldImage, NewImage].map((image) => projected(decoded(image), rules)) as [string, string];
}

/** As if the source's event were the twin's: an item that enters is one that was there. */
function asDelivered(batch: readonly DynamoDBRecord[], history: History): DynamoDBRecord[] {
  return batch.map((record) => {
    const [was, is] = imagesOf(record, history);
    const enters = record.eventName === 'MODIFY' && was === 'left out' && is !== 'left out';
    const change = { ...record.dynamodb, OldImage: record.dynamodb?.NewImage };
    return enters ? asJson({ ...record, dynamodb: change }) : record;
  });
}

function skippedByNewest(batch: readonly DynamoDBRecord[], history: History): DynamoDBRecord[] {
  const keyOf = ({ dynamodb }: DynamoDBRecord) => JSON.stringify(dynamodb?.Keys);
  const isLeftOut = (record: DynamoDBRecord) =>
    imagesOf(record, history).every((one) => one === 'left out');
  return batch.filter((record) => {
    const newest = batch.findLast((one) => keyOf(one) === keyOf(record));
    return newest === undefined || !isLeftOut(newest);
  });
}

function withoutBefore(batch: readonly DynamoDBRecord[], history: History): DynamoDBRecord[] {
  return batch.filter(
    (record) => record.eventName === 'REMOVE' || imagesOf(record, history)[1] !== 'left out',
  );
}

function twice(rules: StreamRules): StreamRules {
  const { projection } = rules;
  if (projection === undefined) return rules;
  const project: typeof projection.project = (source, key) => {
    const once = projection.project(source, key);
    return once && projection.project(once, key);
  };
  return { ...rules, projection: { ...projection, project } };
}
