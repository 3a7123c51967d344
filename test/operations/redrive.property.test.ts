// The stream, deletes and redrives in any order: once all is redriven, the twin equals the source.
// Mutants without the guard or without the memory of deletes show that this test can fail.

import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { dynamoDbReader } from '../../src/adapters/dynamodb-reader.ts';
import { destinationHealth } from '../../src/core/destination-health.ts';
import type { WriteRequest } from '../../src/core/write-request.ts';
import { redrive } from '../../src/operations/redrive.ts';
import { replicateBatch } from '../../src/operations/replicate-batch.ts';
import type { DestinationTable } from '../../src/ports.ts';
import { useEngine } from '../fixtures/engine.ts';
import { failurePlaces } from '../fixtures/failure-places.ts';
import { lambdaRecord, type RecordFacts, SETTINGS } from '../fixtures/records.ts';
import { invocation, NOW_MS, serviceError } from '../fixtures/replication.ts';

const TWIN = 'interleaved-twin';
const settings = { ...SETTINGS, destinationTable: TWIN };
const engine = useEngine();
beforeAll(async () => {
  await engine().createTable(TWIN, [{ name: 'pk', type: 'S' }]);
});

/** A write of the application, delivered at once, refused by the destination for a while or not. */
const write = fc.record({
  kind: fc.constant('write' as const),
  key: fc.integer({ min: 0, max: 1 }),
  value: fc.option(fc.integer({ min: 0, max: 9 })),
  refused: fc.boolean(),
});
const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: write },
    { weight: 1, arbitrary: fc.constant({ kind: 'redrive' as const }) },
  ),
  { minLength: 1, maxLength: 14 },
);
type Step = typeof steps extends fc.Arbitrary<Array<infer T>> ? T : never;

let runs = 0;

it('ends equal, whatever the order of writes, deletes and redrives', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const { actual, expected, left } = await play(plan, (destination) => destination);
      expect(left).toBe(0);
      expect(actual).toEqual(expected);
    }),
    { numRuns: 150 },
  );
}, 60_000);

it.each([
  ['writes blindly', blindly],
  ['forgets that an item was deleted', withoutDeleteCheck],
])(
  'notices a redrive that %s',
  async (_, mutate) => {
    const outcome = await fc.check(
      fc.asyncProperty(steps, async (plan) => {
        const { actual, expected } = await play(plan, mutate);
        return JSON.stringify(actual) === JSON.stringify(expected);
      }),
      { numRuns: 2_000, interruptAfterTimeLimit: 30_000, endOnFailure: true },
    );

    expect(outcome.counterexample).not.toBeNull();
  },
  60_000,
);

async function play(
  plan: readonly Step[],
  mutate: (destination: DestinationTable) => DestinationTable,
) {
  runs += 1;
  const places = failurePlaces();
  const expected: Record<string, unknown> = {};
  for (const [index, step] of plan.entries()) {
    if (step.kind === 'redrive') {
      await redriveAll(places, mutate);
      continue;
    }
    const id = `run-${runs}-${step.key}`;
    const facts = recordFacts(step.value, expected[id]);
    if (facts === undefined) continue;
    expected[id] = step.value === null ? undefined : { N: String(step.value) };
    const record = lambdaRecord({ id, sequenceNumber: String(9_995 + index), ...facts });
    const destination = step.refused ? refusing : engine().destination;
    await replicateBatch(
      [record],
      invocation({ destination, settings, deadLetters: places.deadLetters }),
    );
  }
  const { left } = await redriveAll(places, mutate);
  const actual: Record<string, unknown> = {};
  for (const id of Object.keys(expected))
    actual[id] = (await engine().get(TWIN, { pk: { S: id } }))?.['value'];
  return { actual, expected, left };
}

/** The record that writing `value` makes where `before` is stored, if any. */
function recordFacts(value: number | null, before: unknown): RecordFacts | undefined {
  if (value === null) return before === undefined ? undefined : { eventName: 'REMOVE' };
  return {
    eventName: before === undefined ? 'INSERT' : 'MODIFY',
    attributes: { value: { N: String(value) } },
  };
}

/** Takes state rows, but no items and no deletes of items. */
const refusing: DestinationTable = {
  async write(request) {
    if (request.operation === 'UpdateItem') return engine().destination.write(request);
    throw serviceError('ValidationException');
  },
};

function redriveAll(
  places: ReturnType<typeof failurePlaces>,
  mutate: (destination: DestinationTable) => DestinationTable,
) {
  const reader = (table: string) =>
    dynamoDbReader(engine().client, { table, keyAttributes: ['pk'] });
  const { random, remainingMs } = invocation();
  return redrive(
    {
      settings,
      arrival: 'out-of-order',
      random,
      remainingMs,
      health: destinationHealth(),
      destination: mutate(engine().destination),
      queue: places.queue,
      bucket: places.bucket,
      source: reader(TWIN),
      twin: reader(TWIN),
      stateTable: reader(settings.stateTable),
      readRange: async () => 'trimmed',
      clock: { now: () => NOW_MS, sleep: async () => undefined },
    },
    {
      apply: true,
      filter: {},
      limit: Infinity,
      recordsPerSecond: 1e9,
      hiddenSeconds: 300,
      stop: new AbortController().signal,
      onProgress: () => undefined,
    },
  );
}

function blindly(destination: DestinationTable): DestinationTable {
  return {
    write(request) {
      if (request.operation !== 'TransactWriteItems') return destination.write(request);
      const { TableName, Item } = request.input.TransactItems?.[0]?.Put ?? {};
      return destination.write({ operation: 'PutItem', input: { TableName, Item } });
    },
  };
}

function withoutDeleteCheck(destination: DestinationTable): DestinationTable {
  return {
    write(request): ReturnType<DestinationTable['write']> {
      if (request.operation !== 'TransactWriteItems') return destination.write(request);
      const input = request.input.TransactItems?.[0]?.Put;
      return destination.write({ operation: 'PutItem', input } as WriteRequest);
    },
  };
}
