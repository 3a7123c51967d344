// Any way in which Lambda could deliver a history must leave the destination equal to the source:
// batches cut anywhere, delivered again after a crash or a partial failure, cut otherwise the second
// time, and requests of a dead invocation that land late. Two mutants show that this test can fail.

import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import type { WriteRequest } from '../../src/core/write-request.ts';
import { replicateBatch } from '../../src/operations/replicate-batch.ts';
import type { DestinationTable, Item } from '../../src/ports.ts';
import { useEngine } from '../fixtures/engine.ts';
import { lambdaRecord, SETTINGS } from '../fixtures/records.ts';
import { invocation, serviceError } from '../fixtures/replication.ts';

const RUNS = 60;
const TABLE = 'twin';
const engine = useEngine();
beforeAll(async () => {
  await engine().createTable(TABLE, [{ name: 'pk', type: 'S' }]);
});

/** One write of the application: a value put under one of a few keys, or a delete. */
const write = fc.record({
  key: fc.integer({ min: 0, max: 3 }),
  value: fc.option(fc.integer({ min: 0, max: 9 })),
});

/** One delivery: how many records, and what goes wrong. */
const delivery = fc.record({
  size: fc.integer({ min: 1, max: 8 }),
  fate: fc.constantFrom('fine', 'fine', 'throttled', 'answer lost', 'killed'),
  /** Which requests the fate strikes: every nth. */
  every: fc.integer({ min: 1, max: 3 }),
  /** Deliveries until the requests of a killed invocation land. */
  lateness: fc.integer({ min: 0, max: 3 }),
});
type Delivery = typeof delivery extends fc.Arbitrary<infer T> ? T : never;

const scenario = fc.record({
  writes: fc.array(write, { minLength: 1, maxLength: 24 }),
  deliveries: fc.array(delivery, { maxLength: 12 }),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

let runs = 0;

it('converges however a history is delivered', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async (plan) => {
      const { actual, expected } = await deliver(plan, (destination) => destination);
      expect(actual).toEqual(expected);
    }),
    { numRuns: RUNS },
  );
}, 60_000);

it.each([
  ['the guard is taken out', withoutConditions],
  ['the guard lets equal and older seconds pass', withGuardOnSeconds],
])(
  'notices when %s',
  async (_, mutate) => {
    const outcome = await fc.check(
      fc.asyncProperty(scenario, async (plan) => {
        const { actual, expected } = await deliver(plan, mutate);
        return JSON.stringify(actual) === JSON.stringify(expected);
      }),
      { numRuns: 2_000, interruptAfterTimeLimit: 30_000, endOnFailure: true },
    );

    expect(outcome.counterexample).not.toBeNull();
  },
  60_000,
);

/** Plays a scenario to its end, and heals: what is left is delivered without faults. */
async function deliver(
  { writes, deliveries }: Scenario,
  mutate: (destination: DestinationTable) => DestinationTable,
) {
  runs += 1;
  const { history, expected } = historyOf(writes, `run-${runs}`);
  const late = lateRequests(mutate(engine().destination));
  let checkpoint = 0;
  for (const step of deliveries) {
    checkpoint += await deliverOnce(history.slice(checkpoint, checkpoint + step.size), step, late);
    await late.land();
  }
  await replicateBatch(history.slice(checkpoint), contextWith(late.destination));
  await late.landAll();
  const actual: Record<string, unknown> = {};
  for (const id of Object.keys(expected))
    actual[id] = (await engine().get(TABLE, { pk: { S: id } }))?.['value'];
  return { actual, expected };
}

/** @returns how far Lambda's checkpoint moves. */
async function deliverOnce(
  batch: readonly object[],
  { fate, every, lateness }: Delivery,
  late: LateRequests,
): Promise<number> {
  let requests = 0;
  const strikes = () => (requests += 1) % every === 0;
  const destination: DestinationTable = {
    async write(request) {
      if (fate === 'throttled' && strikes()) throw serviceError('ThrottlingException');
      if (fate === 'killed' && strikes()) {
        late.keep(request, lateness);
        throw serviceError('TimeoutError');
      }
      return late.destination.write(request);
    },
  };
  const { batchItemFailures } = await replicateBatch(batch, contextWith(destination));
  // Everything was written, but Lambda never heard of it.
  if (fate === 'answer lost') return 0;
  const [failure] = batchItemFailures;
  const index = batch.findIndex((record) =>
    JSON.stringify(record).includes(`"${failure?.itemIdentifier}"`),
  );
  return index < 0 ? batch.length : index;
}

type LateRequests = ReturnType<typeof lateRequests>;

/** Requests that were given up and are applied later all the same. */
function lateRequests(destination: DestinationTable) {
  let waiting: Array<{ request: WriteRequest; landsIn: number }> = [];
  /** The newest delete that has been applied, by item. */
  const deleted = new Map<string, string>();
  return {
    destination: {
      write(request: WriteRequest) {
        if (request.operation === 'DeleteItem')
          deleted.set(idOf(request.input.Key), versionOf(request));
        return destination.write(request);
      },
    },
    keep(request: WriteRequest, landsIn: number) {
      waiting.push({ request, landsIn });
    },
    async land() {
      const landing = waiting.filter(({ landsIn }) => landsIn <= 0);
      waiting = waiting
        .filter(({ landsIn }) => landsIn > 0)
        .map(({ request, landsIn }) => ({ request, landsIn: landsIn - 1 }));
      for (const { request } of landing) {
        // Exception E2 of the guarantees: a put that lands after a newer delete of its item.
        const newerDelete =
          request.operation === 'PutItem' ? deleted.get(idOf(request.input.Item)) : undefined;
        if (newerDelete === undefined || versionOf(request) > newerDelete)
          await this.destination.write(request);
      }
    },
    async landAll() {
      while (waiting.length > 0) await this.land();
    },
  };
}

function versionOf({ input }: WriteRequest): string {
  return (input as { ExpressionAttributeValues?: Item }).ExpressionAttributeValues?.[':v']?.S ?? '';
}

function idOf(item: Item | undefined): string {
  return item?.['pk']?.S ?? '';
}

function contextWith(destination: DestinationTable) {
  return invocation({ destination, settings: { ...SETTINGS, destinationTable: TABLE } });
}

/** The stream's records of `writes`, all of the same second, and what the source holds in the end. */
function historyOf(writes: Scenario['writes'], run: string) {
  const expected: Record<string, unknown> = {};
  const history = writes.flatMap(({ key, value }, index) => {
    const id = `${run}-${key}`;
    const before = expected[id];
    if (value === null && before === undefined) return [];
    const sequenceNumber = String(9_990 + index);
    expected[id] = value === null ? undefined : { N: String(value) };
    if (value === null) return [lambdaRecord({ eventName: 'REMOVE', id, sequenceNumber })];
    const eventName = before === undefined ? 'INSERT' : 'MODIFY';
    return [
      lambdaRecord({ eventName, id, sequenceNumber, attributes: { value: { N: String(value) } } }),
    ];
  });
  return { history, expected };
}

function withoutConditions(destination: DestinationTable): DestinationTable {
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
function withGuardOnSeconds(destination: DestinationTable): DestinationTable {
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
