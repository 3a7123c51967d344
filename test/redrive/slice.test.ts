import { describe, expect, it } from 'vitest';
import type { BulkTask, RedriveTask } from '../../src/bulk/task.ts';
import { destinationHealth } from '../../src/replicate/destination-health.ts';
import type { RedriveContext } from '../../src/redrive/redrive.ts';
import type { RedriveReport } from '../../src/redrive/report.ts';
import { redriveSlice, type SliceWork } from '../../src/redrive/slice.ts';
import type { TwinWriter, ObjectStore } from '../../src/ports.ts';
import { failurePlaces } from '../fixtures/failure-places.ts';
import { lambdaRecord, SETTINGS } from '../fixtures/records.ts';
import { controlRow, invocation, NOW_MS, scripted, serviceError } from '../fixtures/replication.ts';

const empty = { get: async () => undefined };
const keyOf = (number: number) => `aws/lambda/m/shard-1/${number}`;
const task: RedriveTask = {
  operation: 'redrive',
  run: 'run',
  boundaries: [keyOf(4)],
  filter: {},
};
const call: BulkTask = { segment: 0, task, part: 0, done: false };

/** Four objects, each so large that it is redriven by itself, unless told otherwise. */
async function fourObjects(records: number, sizeBytes = 6 * 1_024 * 1_024) {
  const places = failurePlaces();
  for (const object of [1, 2, 3, 4]) {
    const Records = Array.from({ length: records }, (_, index) =>
      lambdaRecord({ id: `${object}-${index}`, sequenceNumber: '5' }),
    );
    const batch = {
      requestContext: { condition: 'RetryAttemptsExhausted' },
      timestamp: new Date(NOW_MS).toISOString(),
      DDBStreamBatchInfo: {},
      payload: JSON.stringify({ Records }),
    };
    await places.bucket.put(keyOf(object), JSON.stringify(batch));
  }
  const bucket: ObjectStore = {
    ...places.bucket,
    async *list(prefix, after) {
      for await (const page of places.bucket.list(prefix, after))
        yield page.map((object) => ({ ...object, sizeBytes }));
    },
  };
  return { bucket, left: () => places.contents().objects.map(([key]) => key), places };
}

function workOf(
  twinWriter: TwinWriter,
  bucket: ObjectStore,
  parts: Partial<SliceWork> = {},
): SliceWork {
  const { clock, random, remainingMs } = invocation();
  const context: RedriveContext = {
    rules: SETTINGS,
    control: controlRow(),
    withoutSource: false,
    lookAgain: { announce: async () => undefined },
    clock,
    random,
    remainingMs,
    health: destinationHealth(),
    twinWriter,
    queue: failurePlaces().queue,
    bucket,
    source: empty,
    twin: empty,
    ledger: empty,
  };
  return { context, isTimeUp: () => false, store: async () => undefined, ...parts };
}

describe('a slice of a bucket', () => {
  it('is left where time is up, and gone on with behind the last object that had its turn', async () => {
    const { bucket, left } = await fourObjects(3);
    const destination = scripted(() => ({ kind: 'written' }));
    const cursors: Array<string | undefined> = [];
    let cursor: string | undefined;
    do {
      const work = workOf(destination, bucket, { isTimeUp: () => true });
      const { next, report } = await redriveSlice({ ...call, cursor }, task, work);
      expect(report).toMatchObject({ found: 3, applied: 3, left: 0 });
      cursors.push(next);
      cursor = next;
    } while (cursor !== undefined);

    expect(cursors).toEqual([keyOf(1), keyOf(2), keyOf(3), undefined]);
    expect(destination.requests).toHaveLength(12);
    expect(left()).toEqual([]);
  });

  it.each([
    ['all together', Infinity, undefined],
    ['one by one, where more would not be done before its time is up', 1, keyOf(1)],
  ])('is redriven %s', async (_, recordsPerSecond, expected) => {
    const { bucket } = await fourObjects(1, 40_000);
    const work = workOf(
      scripted(() => ({ kind: 'written' })),
      bucket,
      { isTimeUp: () => true },
    );

    const { next } = await redriveSlice(call, { ...task, recordsPerSecond }, work);

    expect(next).toBe(expected);
  });

  it('is not done where objects were passed over, although the destination answers again', async () => {
    const { bucket, left } = await fourObjects(16);
    let tellDown = () => undefined as void;
    const down = new Promise<void>((resolve) => (tellDown = resolve));
    let writes = 0;
    const destination: TwinWriter = {
      async write() {
        writes += 1;
        const number = writes;
        if (number === 10) tellDown();
        if (number <= 10) throw serviceError('ECONNREFUSED');
        await down;
        // Time to come to the next objects.
        for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
        return { kind: 'written' };
      },
    };
    const waiting: ObjectStore = {
      ...bucket,
      async get(key) {
        if (key === keyOf(2)) await down;
        return bucket.get(key);
      },
    };
    const stored: RedriveReport[] = [];
    const store = async (report: RedriveReport) => void stored.push(report);

    const slice = redriveSlice(call, task, workOf(destination, waiting, { store }));

    await expect(slice).rejects.toThrow('the destination is down');
    // Who follows the run is told what was done all the same.
    expect(stored.at(-1)).toMatchObject({ applied: 6 });
    expect(left()).toContain(keyOf(2));
  });
});
