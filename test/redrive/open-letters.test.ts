// What a switch finds in the dead-letter queue and in the bucket: everything that a redrive would apply, left as it is.

import { expect, it } from 'vitest';
import type { ControlRow } from '../../src/model/control-row.ts';
import type { ItemReader } from '../../src/ports.ts';
import type { RedriveContext } from '../../src/redrive/context.ts';
import { waitingLetters } from '../../src/redrive/open-letters.ts';
import { ConcurrencyLimit } from '../../src/replicate/concurrency-limit.ts';
import { destinationHealth } from '../../src/replicate/destination-health.ts';
import { type FailurePlaces, failurePlaces } from '../fixtures/failure-places.ts';
import {
  givenUp,
  lambdaRecord,
  type RecordFacts,
  SETTINGS,
  STREAM_ARN,
} from '../fixtures/records.ts';
import { controlRow, invocation, NOW_MS } from '../fixtures/replication.ts';

const FAILED = { class: 'rejected', name: 'ItemTooLarge', message: '' } as const;
const OTHER = STREAM_ARN.replace('/Orders/', '/Others/');

/** Nothing is asked about an item. */
const unread: ItemReader = {
  get: async () => {
    throw new Error('an item was read');
  },
};

function contextOf(places: FailurePlaces, parts: Partial<RedriveContext> = {}): RedriveContext {
  const { clock, random, remainingMs, twinWriter, lookAgain } = invocation();
  return {
    rules: { ...SETTINGS, projection: undefined },
    control: controlRow(),
    withoutSource: false,
    source: unread,
    twin: unread,
    ledger: unread,
    twinWriter,
    lookAgain,
    queue: places.queue,
    bucket: places.bucket,
    readRange: async () => 'trimmed',
    health: destinationHealth(),
    limit: new ConcurrencyLimit(1),
    clock,
    random,
    remainingMs,
    ...parts,
  };
}

const look = (
  places: FailurePlaces,
  parts?: Partial<RedriveContext>,
  stop = new AbortController(),
) => waitingLetters(contextOf(places, parts), stop.signal);

async function putAside(places: FailurePlaces, ...records: readonly RecordFacts[]) {
  for (const facts of records)
    await places.deadLetters.send({
      replication: SETTINGS.replication,
      reason: FAILED,
      attempts: [],
      failedAt: new Date(NOW_MS).toISOString(),
      record: lambdaRecord(facts),
    });
}

/** One that has ended, before the one that is open in the same Region. */
function afterSwitches(): ControlRow {
  const row = controlRow();
  const [first] = row.epochs;
  if (first === undefined) throw new Error('no epoch');
  const endMs = NOW_MS - 60_000;
  return {
    ...row,
    epochs: [
      { ...first, end: 'drained', toMs: endMs },
      { ...first, n: first.n + 2, fromMs: endMs + 10_000 },
    ],
  };
}

it('finds nothing where nothing waits', async () => {
  expect(await look(failurePlaces())).toEqual({ letters: [], batches: 0, lost: 0 });
});

it('lists every letter of the queue, and leaves all of them visible', async () => {
  const places = failurePlaces();
  const numbers = Array.from({ length: 25 }, (_, index) => `${101 + index}`);
  await putAside(places, ...numbers.map((sequenceNumber) => ({ sequenceNumber })));
  const before = places.contents();

  const { letters, batches } = await look(places);

  expect(letters).toHaveLength(numbers.length);
  expect(new Set(letters.map(({ sequenceNumber }) => sequenceNumber))).toEqual(new Set(numbers));
  expect(letters[0]).toMatchObject({ reason: 'ItemTooLarge', key: expect.any(Object) as object });
  expect(batches).toBe(0);
  expect(places.contents()).toEqual(before);
});

it('counts a batch that Lambda gave up, also where the stream no longer has it', async () => {
  const places = failurePlaces();
  await places.bucket.put('aws/lambda/1', givenUp([lambdaRecord()]));
  const { payload: _, ...range } = JSON.parse(givenUp([lambdaRecord()])) as { payload: string };
  await places.bucket.put('aws/lambda/2', JSON.stringify(range));
  places.post('no letter');
  const before = places.contents();

  expect(await look(places)).toEqual({ letters: [], batches: 3, lost: 2 });
  expect(places.contents()).toEqual(before);
});

it('counts no batch of an epoch that has ended, or of another table', async () => {
  const places = failurePlaces();
  const createdAtSeconds = NOW_MS / 1000 - 600;
  await places.bucket.put('aws/lambda/1', givenUp([lambdaRecord({ createdAtSeconds })]));
  await places.bucket.put('aws/lambda/2', givenUp([lambdaRecord({ streamArn: OTHER })], OTHER));

  expect(await look(places, { control: afterSwitches() })).toMatchObject({ batches: 0, lost: 0 });
  expect(await look(places)).toMatchObject({ batches: 1 });
});

it('counts messages that another reader has in hand: it may be dead, and they come back', async () => {
  const places = failurePlaces();
  await putAside(places, { sequenceNumber: '101' }, { sequenceNumber: '102' });
  const [taken] = await places.queue.receive(900);
  if (taken === undefined) throw new Error('no message');
  await putAside(places, { sequenceNumber: '103' });

  const { letters } = await look(places);

  expect(letters.map(({ sequenceNumber, reason }) => [sequenceNumber, reason])).toEqual([
    ['103', 'ItemTooLarge'],
    [undefined, 'HeldByAnotherReader'],
    [undefined, 'HeldByAnotherReader'],
  ]);
});

it('counts no batch of markers: a redrive has nothing to do with them', async () => {
  const places = failurePlaces();
  const keys = { pk: { S: 'ferry-marker-0-1' } };
  await places.bucket.put('aws/lambda/1', givenUp([lambdaRecord({ keys })]));

  expect(await look(places)).toMatchObject({ batches: 0 });
});

it('proves nothing where it was stopped, or could not read', async () => {
  const places = failurePlaces();
  await putAside(places, {});
  const stop = new AbortController();
  stop.abort(new Error('stopped'));

  await expect(look(places, {}, stop)).rejects.toThrow('stopped');
  const broken = {
    ...places.bucket,
    async *list() {
      yield await Promise.reject(new Error('no answer'));
    },
  };
  await expect(look(places, { bucket: broken })).rejects.toThrow('no answer');
  expect(places.contents().messages).toHaveLength(1);
});
