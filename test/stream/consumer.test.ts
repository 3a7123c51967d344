import { CreateTableCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import type { DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { dynamoDbStreamReader } from '../../src/aws/dynamodb-streams.ts';
import { systemClock } from '../../src/aws/system-clock.ts';
import type { OnFailureDocument } from '../../src/stream/on-failure-document.ts';
import { startEmbeddedDynamoDb } from '../../src/local/engine/embedded-dynamodb.ts';
import { type EventRecord, sequenceNumberOf } from '../../src/stream/event-record.ts';
import { startConsumer, type StreamConsumer } from '../../src/stream/consumer.ts';
import type { ConsumerOptions } from '../../src/stream/context.ts';
import type { StreamReader } from '../../src/ports.ts';
import { eventually } from '../local/fixtures/processes.ts';
import { ScriptedStream, serviceError } from '../local/fixtures/scripted-stream.ts';
import { VirtualClock } from '../local/fixtures/virtual-clock.ts';

const SETTINGS = {
  batchSize: 100,
  maxBatchingWindowSeconds: 0,
  parallelizationFactor: 1,
  retryAttempts: -1,
  maxRecordAgeSeconds: 3_600,
};
const FUNCTION_ARN = 'arn:aws:lambda:us-east-1:000000000000:function:replicate';
const STREAM_ARN = 'arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-01-01T00:00:00.000';

const mappings: StreamConsumer[] = [];

afterEach(async () => {
  await Promise.all(mappings.splice(0).map((mapping) => mapping.stop()));
});

function record(sequenceNumber: number, key = 'a', createdAtSeconds?: number): DynamoDBRecord {
  return {
    eventName: 'MODIFY',
    dynamodb: {
      Keys: { pk: { S: key } },
      SequenceNumber: String(sequenceNumber),
      ...(createdAtSeconds === undefined ? {} : { ApproximateCreationDateTime: createdAtSeconds }),
    },
  };
}

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);
const records = (from: number, to: number) => range(from, to).map((number) => record(number));
const numbers = (list: readonly EventRecord[]) => list.map((one) => Number(sequenceNumberOf(one)));
const failAt = (number: number) => ({ batchItemFailures: [{ itemIdentifier: String(number) }] });

interface Overrides extends Partial<Omit<ConsumerOptions, 'settings'>> {
  readonly settings?: Partial<ConsumerOptions['settings']>;
}

/** A mapping whose batches, problems and given-up documents can be looked at. */
function start(stream: StreamReader, { settings, ...overrides }: Overrides = {}) {
  const clock = new VirtualClock();
  const batches: number[][] = [];
  const problems: string[] = [];
  const documents: OnFailureDocument[] = [];
  const { invoke = () => Promise.resolve(null), ...others } = overrides;
  const mapping = startConsumer({
    reader: stream,
    streamArn: STREAM_ARN,
    functionArn: FUNCTION_ARN,
    settings: { ...SETTINGS, ...settings },
    clock,
    onFailure: (document) => void documents.push(document),
    onProblem: (problem) => problems.push(problem),
    ...others,
    invoke: (event) => {
      batches.push(numbers(event.Records));
      return invoke(event);
    },
  });
  mappings.push(mapping);
  return { mapping, clock, batches, problems, documents };
}

/** Something that happens when the test says so. */
function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

describe('a stream consumer', () => {
  it('hands over every record from the oldest on, in order, and then settles', async () => {
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(1, 2_500));
    const { mapping, batches, problems } = start(stream);

    await mapping.settled();

    expect(batches.flat()).toEqual(range(1, 2_500));
    expect(Math.max(...batches.map(({ length }) => length))).toBeLessThanOrEqual(100);
    expect(mapping.counts).toEqual({
      received: 2_500,
      done: 2_500,
      givenUp: 0,
      invocations: batches.length,
      retries: 0,
      redelivered: 0,
      trimmed: 0,
    });
    expect(problems).toEqual([]);
  });

  it('hands over what is written later', async () => {
    const stream = new ScriptedStream().addShard('shard-1');
    const { mapping, batches } = start(stream);
    await mapping.settled();
    expect(batches).toEqual([]);

    stream.append('shard-1', ...records(1, 3));
    await mapping.settled();

    expect(batches.flat()).toEqual([1, 2, 3]);
  });

  it('invokes side by side for different items, never for the same one', async () => {
    const keys = range(1, 40).map((key) => `item#${key}`);
    const stream = new ScriptedStream().addShard('shard-1');
    range(1, 2_000).forEach((number) =>
      stream.append('shard-1', record(number, keys[(number * 7) % keys.length])),
    );
    const busy = new Set<string>();
    const seen = new Map<string, number[]>();
    let running = 0;
    let runningMax = 0;
    const invoke = async ({ Records }: DynamoDBStreamEvent) => {
      const touched = new Set(Records.map(({ dynamodb }) => dynamodb?.Keys?.['pk']?.S ?? ''));
      for (const key of touched) expect(busy.has(key)).toBe(false);
      for (const key of touched) busy.add(key);
      running += 1;
      runningMax = Math.max(runningMax, running);
      await new Promise((resolve) => setImmediate(resolve));
      for (const one of Records) {
        const key = one.dynamodb?.Keys?.['pk']?.S ?? '';
        seen.set(key, [...(seen.get(key) ?? []), ...numbers([one])]);
      }
      for (const key of touched) busy.delete(key);
      running -= 1;
    };
    const { mapping } = start(stream, {
      invoke,
      settings: { batchSize: 10, parallelizationFactor: 4 },
    });

    await mapping.settled();

    expect(mapping.counts).toMatchObject({ done: 2_000, retries: 0 });
    expect(runningMax).toBe(4);
    for (const order of seen.values()) expect(order).toEqual(order.toSorted((a, b) => a - b));
  });

  it('reads a child shard only after all of its parent was taken', async () => {
    const stream = new ScriptedStream()
      .addShard('child', 'parent')
      .addShard('grandchild', 'child')
      .addShard('parent')
      .append('parent', ...records(1, 3))
      .append('child', ...records(4, 5))
      .append('grandchild', ...records(6, 7))
      .close('parent')
      .close('child');
    const held = gate();
    const { mapping, batches } = start(stream, { invoke: () => held.opened });

    await eventually(() => batches.length === 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(stream.calls.filter((call) => call.includes('child'))).toEqual([]);
    held.open();
    await mapping.settled();

    expect(batches).toEqual([
      [1, 2, 3],
      [4, 5],
      [6, 7],
    ]);
  });

  it('reads a shard whose parent has been trimmed away', async () => {
    const stream = new ScriptedStream().addShard('child', 'long gone').append('child', record(9));
    const { mapping, batches } = start(stream);

    await mapping.settled();

    expect(batches).toEqual([[9]]);
  });

  it('finds shards that appear later, as children or on their own', async () => {
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', record(1));
    const { mapping, batches } = start(stream);
    await mapping.settled();

    stream.close('shard-1').addShard('shard-2', 'shard-1').append('shard-2', record(2));
    stream.addShard('shard-3').append('shard-3', record(3));
    await eventually(() => mapping.counts.received === 3);

    expect(new Set(batches.flat())).toEqual(new Set([1, 2, 3]));
    expect(batches.flat()).toHaveLength(3);
  });

  it('gathers a batch while the window is open, and sends a full one at once', async () => {
    const clock = new VirtualClock();
    const startedAt = clock.now();
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', record(1));
    const seconds: number[] = [];
    const { mapping, batches } = start(stream, {
      clock,
      settings: { batchSize: 4, maxBatchingWindowSeconds: 60 },
      invoke: () => Promise.resolve(void seconds.push((clock.now() - startedAt) / 1000)),
    });

    await clock.sleep(10_000);
    stream.append('shard-1', ...records(2, 3));
    await clock.sleep(70_000);
    stream.append('shard-1', ...records(4, 7));
    await mapping.settled();

    expect(batches).toEqual([
      [1, 2, 3],
      [4, 5, 6, 7],
    ]);
    expect(Math.round(seconds[0] ?? 0)).toBe(60);
    expect(Math.floor(seconds[1] ?? 0)).toBe(80);
  });
});

describe('a function that fails', () => {
  it('gets everything from the failed record on once more, and nothing before it', async () => {
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(8, 12));
    let calls = 0;
    const invoke = () => Promise.resolve((calls += 1) === 1 ? failAt(10) : null);
    const { mapping, batches } = start(stream, { invoke });

    await mapping.settled();

    expect(batches).toEqual([
      [8, 9, 10, 11, 12],
      [10, 11, 12],
    ]);
    expect(mapping.counts).toMatchObject({
      received: 5,
      done: 5,
      invocations: 2,
      retries: 1,
      redelivered: 3,
    });
  });

  it('is retried ever more slowly, and its error is reported each time', async () => {
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', record(1));
    const times: number[] = [];
    let clockNow: () => number = () => 0;
    const invoke = () => {
      times.push(clockNow());
      return times.length < 9
        ? Promise.reject(serviceError('Sandbox.Timedout'))
        : Promise.resolve();
    };
    const { mapping, clock, problems } = start(stream, { invoke });
    clockNow = () => clock.now();

    await mapping.settled();

    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(pauses).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    expect(problems).toHaveLength(8);
    expect(problems[0]).toContain('Sandbox.Timedout');
  });

  it('is retried at the first pace again after it has moved on', async () => {
    const clock = new VirtualClock();
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(1, 4));
    const times: number[] = [];
    const answers = ['throw', 'throw', 3, 'throw', null];
    const { mapping } = start(stream, {
      clock,
      invoke: async () => {
        times.push(clock.now());
        const answer = answers.shift();
        if (answer === 'throw') throw serviceError('Error');
        return typeof answer === 'number' ? failAt(answer) : null;
      },
    });

    await mapping.settled();

    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(pauses).toEqual([100, 200, 100, 200]);
  });

  it('does not hold up other items of its shard', async () => {
    const stream = new ScriptedStream().addShard('shard-1');
    range(1, 50).forEach((number) => stream.append('shard-1', record(number, `item#${number}`)));
    const poison = gate();
    const taken = new Set<number>();
    const invoke = async ({ Records }: DynamoDBStreamEvent) => {
      if (numbers(Records).includes(1)) await poison.opened;
      numbers(Records).forEach((number) => taken.add(number));
    };
    const settings = { batchSize: 100, parallelizationFactor: 10 };
    const { mapping } = start(stream, { invoke, settings });

    await eventually(() => taken.size >= 35);
    expect(taken.has(1)).toBe(false);
    poison.open();
    await mapping.settled();

    expect(taken.size).toBe(50);
  });

  it('is given up to the destination when its retries are used up, and the rest goes on', async () => {
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(1, 4));
    const invoke = ({ Records }: DynamoDBStreamEvent) =>
      numbers(Records).includes(3) ? Promise.reject(serviceError('Error')) : Promise.resolve();
    const settings = { batchSize: 2, retryAttempts: 1, bisectBatchOnFunctionError: true };
    const { mapping, batches, documents } = start(stream, { invoke, settings });

    await mapping.settled();

    expect(batches).toEqual([[1, 2], [3, 4], [3], [3], [4]]);
    expect(documents).toHaveLength(1);
    expect(documents[0]).toMatchObject({
      requestContext: {
        functionArn: FUNCTION_ARN,
        condition: 'RetryAttemptsExhausted',
        approximateInvokeCount: 3,
      },
      DDBStreamBatchInfo: {
        shardId: 'shard-1',
        startSequenceNumber: '3',
        endSequenceNumber: '3',
        batchSize: 1,
        streamArn: STREAM_ARN,
      },
    });
    expect(mapping.counts).toMatchObject({ received: 4, done: 3, givenUp: 1 });
  });

  it('never sees records that are too old, on their first delivery either', async () => {
    const clock = new VirtualClock();
    const nowSeconds = clock.now() / 1000;
    const stream = new ScriptedStream()
      .addShard('shard-1')
      .append('shard-1', record(1, 'a', nowSeconds - 4_000), record(2, 'a', nowSeconds - 3_500));
    const { mapping, batches, documents } = start(stream, { clock });

    await mapping.settled();

    expect(batches).toEqual([[2]]);
    expect(documents).toHaveLength(1);
    expect(documents[0]).toMatchObject({
      requestContext: { condition: 'RecordAgeExceeded', approximateInvokeCount: 0 },
      DDBStreamBatchInfo: { startSequenceNumber: '1', endSequenceNumber: '1' },
    });
    expect(documents[0]).not.toHaveProperty('responseContext');
  });

  it('is retried until the records are too old when retries are endless', async () => {
    const clock = new VirtualClock();
    const createdAt = clock.now() / 1000;
    const stream = new ScriptedStream()
      .addShard('shard-1')
      .append('shard-1', record(1, 'a', createdAt));
    const invoke = () => Promise.reject(serviceError('Error'));
    const { mapping, documents } = start(stream, { clock, invoke });

    await mapping.settled();

    expect(documents[0]).toMatchObject({
      requestContext: {
        condition: 'RecordAgeExceeded',
        approximateInvokeCount: mapping.counts.invocations,
      },
    });
    const waitedSeconds = clock.now() / 1000 - createdAt;
    expect(waitedSeconds).toBeGreaterThan(3_600);
    expect(waitedSeconds).toBeLessThan(3_620);
  });

  it('is given up only once the destination has the document', async () => {
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', record(1));
    let attempts = 0;
    const counted: number[] = [];
    const { mapping, problems } = start(stream, {
      settings: { retryAttempts: 0 },
      invoke: () => Promise.reject(serviceError('Error')),
      onFailure: () => {
        attempts += 1;
        counted.push(mapping.counts.givenUp);
        return attempts < 3 ? Promise.reject(serviceError('NoSuchBucket')) : Promise.resolve();
      },
    });

    await mapping.settled();

    expect(counted).toEqual([0, 0, 0]);
    expect(mapping.counts.givenUp).toBe(1);
    expect(problems.filter((problem) => problem.includes('NoSuchBucket'))).toHaveLength(2);
  });
});

describe('a stream that fails', () => {
  it('is read on behind the last record when its iterators expire', async () => {
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(1, 3));
    const { mapping, batches, problems } = start(stream);
    await mapping.settled();

    stream.expireIterators().append('shard-1', ...records(4, 5));
    await mapping.settled();

    expect(batches.flat()).toEqual([1, 2, 3, 4, 5]);
    expect(stream.calls).toContain('open shard-1 after 3');
    expect(problems).toEqual([]);
  });

  it('delivers nothing twice when a shard that is opened again steps back', async () => {
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(1, 30));
    stream.stepsBack = true;
    const { mapping, batches } = start(stream, { settings: { batchSize: 2 } });
    await mapping.settled();

    stream.expireIterators().append('shard-1', ...records(31, 33));
    await mapping.settled();

    expect(batches.flat()).toEqual(range(1, 33));
    expect(mapping.counts.received).toBe(33);
  });

  it('is read on at the horizon after a loss, which is reported and counted', async () => {
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(1, 3));
    const { mapping, batches, problems } = start(stream);
    await mapping.settled();

    stream.append('shard-1', ...records(4, 9)).trim('shard-1', 6);
    await mapping.settled();

    expect(batches.flat()).toEqual([1, 2, 3, 7, 8, 9]);
    expect(mapping.counts.trimmed).toBe(1);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/shard-1 has lost records behind 3/);
  });

  it('is tried again ever more slowly, for as long as it takes, and each failure is reported', async () => {
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(1, 3));
    const names = ['ECONNREFUSED', 'ThrottlingException', 'InternalServerError', 'TimeoutError'];
    stream.errors.push(...range(1, 20).map((number) => serviceError(names[number % 4] ?? '')));
    const { mapping, clock, batches, problems } = start(stream);
    const startedAt = clock.now();

    await mapping.settled();

    expect(batches).toEqual([[1, 2, 3]]);
    expect(problems).toHaveLength(20);
    for (const name of names) expect(problems.join()).toContain(name);
    expect(clock.now() - startedAt).toBeGreaterThan(10 * 5_000);
  });

  it('does not stop the reading of other shards', async () => {
    const stream = new ScriptedStream()
      .addShard('shard-1')
      .addShard('shard-2')
      .append('shard-1', record(1))
      .append('shard-2', record(2));
    const { mapping, batches } = start({
      shards: () => stream.shards(),
      read: (iterator, limit) => stream.read(iterator, limit),
      open: (shardId) =>
        shardId === 'shard-1' ? Promise.reject(serviceError('Throttled')) : stream.open(shardId),
    });

    await eventually(() => mapping.counts.done === 1);

    expect(batches).toEqual([[2]]);
  });

  it('is not read on while four batches wait', async () => {
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(1, 1_000));
    const held = gate();
    const settings = { batchSize: 10 };
    const { mapping, clock } = start(stream, { settings, invoke: () => held.opened });

    await eventually(() => mapping.counts.received > 0);
    const until = clock.now() + 60_000;
    // The mapping has nothing to sleep for while it waits for room.
    while (clock.now() < until) await clock.sleep(1_000);
    const received = mapping.counts.received;
    held.open();
    await mapping.settled();

    expect(received).toBe(5 * 10);
    expect(mapping.counts.done).toBe(1_000);
  });
});

describe('settling', () => {
  async function isPending(promise: Promise<unknown>, clock: VirtualClock): Promise<boolean> {
    let pending = true;
    void promise.then(
      () => (pending = false),
      () => (pending = false),
    );
    for (let second = 0; second < 30; second += 1) await clock.sleep(1_000);
    return pending;
  }

  it('waits for an invocation in flight', async () => {
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', record(1));
    const held = gate();
    const { mapping, clock } = start(stream, { invoke: () => held.opened });
    const settled = mapping.settled();

    expect(await isPending(settled, clock)).toBe(true);
    held.open();
    await settled;

    expect(mapping.counts.done).toBe(1);
  });

  it('waits for a batch that fails again and again', async () => {
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', record(1));
    let failing = true;
    const invoke = () => (failing ? Promise.reject(serviceError('Error')) : Promise.resolve());
    const { mapping, clock } = start(stream, { invoke });
    const settled = mapping.settled();

    expect(await isPending(settled, clock)).toBe(true);
    failing = false;
    await settled;

    expect(mapping.counts.done).toBe(1);
  });

  it('waits for a shard that cannot be read', async () => {
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', record(1));
    stream.errors.push(...range(1, 100).map(() => serviceError('Throttled')));
    const { mapping, clock } = start(stream);
    const settled = mapping.settled();

    expect(await isPending(settled, clock)).toBe(true);
    stream.errors.length = 0;
    await settled;

    expect(mapping.counts.done).toBe(1);
  });

  it('looks for shards again, and at each of them twice, before it believes in quiet', async () => {
    const stream = new ScriptedStream().addShard('shard-1');
    const { mapping } = start(stream);
    await mapping.settled();
    stream.close('shard-1').addShard('shard-2', 'shard-1').append('shard-2', record(1));
    const before = stream.calls.length;

    await mapping.settled();

    expect(mapping.counts.done).toBe(1);
    const calls = stream.calls.slice(before);
    expect(calls.filter((call) => call === 'list').length).toBeGreaterThanOrEqual(2);
    expect(calls.filter((call) => call === 'read shard-2').length).toBeGreaterThanOrEqual(3);
  });

  it('waits for the list of shards, however slow', async () => {
    const clock = new VirtualClock();
    const stream = new ScriptedStream().addShard('shard-1');
    const { mapping } = start(
      {
        shards: async () => {
          await clock.sleep(5_000);
          return stream.shards();
        },
        open: (shardId, after) => stream.open(shardId, after),
        read: (iterator, limit) => stream.read(iterator, limit),
      },
      { clock },
    );
    await mapping.settled();
    stream.addShard('shard-2').append('shard-2', record(1));

    await mapping.settled();

    expect(mapping.counts.done).toBe(1);
  });

  it('answers everyone who asks', async () => {
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(1, 5));
    const { mapping } = start(stream);

    await Promise.all([mapping.settled(), mapping.settled()]);
    await mapping.settled();

    expect(mapping.counts.done).toBe(5);
  });
});

describe('disabling', () => {
  it('leaves everything in the stream until it is enabled again, and goes on where it was', async () => {
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(1, 3));
    const { mapping, batches, clock } = start(stream);
    await mapping.settled();

    mapping.setEnabled(false);
    stream.append('shard-1', ...records(4, 6));
    await clock.sleep(60_000);

    expect(mapping.state).toBe('Disabled');
    expect(batches.flat()).toEqual([1, 2, 3]);
    mapping.setEnabled(true);
    expect(mapping.state).toBe('Enabled');
    await mapping.settled();
    expect(batches.flat()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('takes effect once the invocation in flight is over', async () => {
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(1, 1));
    const { opened, open } = gate();
    const { mapping, batches } = start(stream, { invoke: () => opened });
    await eventually(() => batches.length === 1);

    mapping.setEnabled(false);
    expect(mapping.state).toBe('Disabling');
    open();

    await eventually(() => mapping.state === 'Disabled');
  });
});

describe('a stream that is gone', () => {
  it('is told to the run, which would wait for ever', async () => {
    const gone = () => Promise.reject(serviceError('ResourceNotFoundException'));
    const { mapping } = start({ shards: gone, open: gone, read: gone });

    await expect(mapping.lost).rejects.toMatchObject({
      code: 'stream.gone',
      message: expect.stringContaining(STREAM_ARN),
    });
  });

  it('may be known again soon, to an engine that has just been started', async () => {
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(1, 2));
    let looks = 0;
    const shards = () => {
      looks += 1;
      return looks <= 3
        ? Promise.reject(serviceError('ResourceNotFoundException'))
        : stream.shards();
    };
    const reader: StreamReader = {
      shards,
      open: (shardId, after) => stream.open(shardId, after),
      read: (iterator, limit) => stream.read(iterator, limit),
    };
    const { mapping, batches } = start(reader);

    await Promise.race([mapping.settled(), mapping.lost]);

    expect(batches.flat()).toEqual([1, 2]);
  });
});

describe('stopping', () => {
  it('lets the invocation in flight finish, and reads and invokes no more', async () => {
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(1, 50));
    const held = gate();
    const settings = { batchSize: 10 };
    const { mapping, batches } = start(stream, { settings, invoke: () => held.opened });
    const unsettled = mapping.settled().catch((error: unknown) => error);
    await eventually(() => batches.length === 1);

    let stopped = false;
    const stopping = mapping.stop().then(() => (stopped = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(stopped).toBe(false);
    held.open();
    await stopping;
    const calls = stream.calls.length;
    await mapping.stop();
    await new Promise((resolve) => setImmediate(resolve));

    expect(mapping.counts).toMatchObject({ invocations: 1, done: 10 });
    expect(stream.calls).toHaveLength(calls);
    expect(await unsettled).toMatchObject({ code: 'stream.stopped' });
    await expect(mapping.settled()).rejects.toMatchObject({ code: 'stream.stopped' });
  });

  it('does not wait for a back-off, an idle poll or a full buffer', async () => {
    const frozen = { now: () => 0, sleep: () => new Promise<void>(() => undefined) };
    const failing = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(1, 50));
    const idle = new ScriptedStream().addShard('shard-1');
    const broken = new ScriptedStream().addShard('shard-1');
    broken.errors.push(serviceError('Throttled'));
    const invoke = () => Promise.reject(serviceError('Error'));
    const one = start(failing, { clock: frozen, invoke, settings: { batchSize: 2 } });
    const two = start(idle, { clock: frozen });
    const three = start(broken, { clock: frozen });
    await eventually(() => one.mapping.counts.invocations === 1 && idle.reads('shard-1') === 1);

    await Promise.all([one, two, three].map(({ mapping }) => mapping.stop()));

    expect(one.mapping.counts).toMatchObject({ invocations: 1, done: 0 });
  });
});

describe('whatever goes wrong', () => {
  const trouble = fc.oneof(
    fc.constant('ok'),
    fc.constantFrom('ExpiredIteratorException', 'ThrottlingException', 'ECONNRESET'),
  );
  const answer = fc.oneof(
    fc.constant('ok' as const),
    fc.constant('throw' as const),
    fc.constant('nonsense' as const),
    fc.nat(20),
  );

  it('every record is taken or given up, those of an item in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          counts: fc.array(fc.integer({ min: 0, max: 25 }), { minLength: 1, maxLength: 4 }),
          keys: fc.integer({ min: 1, max: 5 }),
          troubles: fc.array(trouble, { maxLength: 30 }),
          answers: fc.array(answer, { maxLength: 40 }),
          batchSize: fc.integer({ min: 1, max: 12 }),
          parallelizationFactor: fc.integer({ min: 1, max: 5 }),
          retryAttempts: fc.integer({ min: -1, max: 3 }),
          bisectBatchOnFunctionError: fc.boolean(),
        }),
        async ({ counts, keys, troubles, answers, ...settings }) => {
          const { stream, all } = lineage(counts, keys);
          const ended = new Map<string, number[]>();
          const end = (list: readonly DynamoDBRecord[]) => {
            for (const one of list) {
              const key = one.dynamodb?.Keys?.['pk']?.S ?? '';
              ended.set(key, [...(ended.get(key) ?? []), ...numbers([one])]);
            }
          };
          const failing = new Proxy(stream, {
            get: (target, name) =>
              name === 'read'
                ? async (iterator: string, limit: number) => {
                    const next = troubles.shift() ?? 'ok';
                    if (next !== 'ok') throw serviceError(next);
                    return target.read(iterator, limit);
                  }
                : Reflect.get(target, name).bind(target),
          });
          const invoke = async ({ Records }: DynamoDBStreamEvent) => {
            await new Promise((resolve) => setImmediate(resolve));
            const how = answers.shift() ?? 'ok';
            if (how === 'throw') throw serviceError('Error');
            if (how === 'nonsense') return failAt(-1);
            const failed = how === 'ok' ? Records.length : how % Records.length;
            end(Records.slice(0, failed));
            return how === 'ok' ? null : failAt(numbers(Records)[failed] ?? 0);
          };
          const { mapping } = start(failing, {
            settings,
            invoke,
            onFailure: ({ payload }) =>
              end((JSON.parse(payload) as { Records: DynamoDBRecord[] }).Records),
          });

          await mapping.settled();
          await mapping.stop();

          const sorted = [...ended.values()].flat().toSorted((a, b) => a - b);
          expect(sorted).toEqual(all);
          for (const order of ended.values()) {
            expect(order).toEqual(order.toSorted((a, b) => a - b));
          }
          const { received, done, givenUp } = mapping.counts;
          expect([received, done + givenUp]).toEqual([all.length, all.length]);
        },
      ),
      { numRuns: 200 },
    );
  });

  /** Shards that follow each other, with records of the same few items in all of them. */
  function lineage(counts: readonly number[], keys: number) {
    const stream = new ScriptedStream();
    let last = 0;
    counts.forEach((count, index) => {
      stream.addShard(`shard-${index}`, `shard-${index - 1}`);
      for (let more = 0; more < count; more += 1) {
        last += 1;
        stream.append(`shard-${index}`, record(last, `item#${last % keys}`));
      }
      if (index < counts.length - 1) stream.close(`shard-${index}`);
    });
    return { stream, all: range(1, last) };
  }
});

const here = process.platform === 'linux' && process.arch === 'x64';

describe.runIf(here)('behind the embedded engine', () => {
  it('hands over every write of a table, in order per item, to a function that often fails', async () => {
    const engine = await startEmbeddedDynamoDb();
    const config = {
      endpoint: engine.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    };
    const table = new DynamoDBClient(config);
    const streams = new DynamoDBStreamsClient(config);
    const { TableDescription } = await table.send(
      new CreateTableCommand({
        TableName: 'Orders',
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        BillingMode: 'PAY_PER_REQUEST',
        StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
      }),
    );
    const streamArn = TableDescription?.LatestStreamArn ?? '';
    const taken = new Map<string, number[]>();
    let calls = 0;
    const mapping = startConsumer({
      reader: dynamoDbStreamReader(streams, streamArn),
      streamArn,
      functionArn: FUNCTION_ARN,
      settings: { ...SETTINGS, batchSize: 25, parallelizationFactor: 4 },
      clock: systemClock,
      pollIntervalMs: 20,
      onFailure: () => undefined,
      onProblem: () => undefined,
      invoke: async ({ Records }: DynamoDBStreamEvent) => {
        calls += 1;
        if (calls % 5 === 0) throw serviceError('Error');
        const upTo = calls % 3 === 0 ? Math.floor(Records.length / 2) : Records.length;
        for (const { dynamodb } of Records.slice(0, upTo)) {
          const key = dynamodb?.Keys?.['pk']?.S ?? '';
          taken.set(key, [...(taken.get(key) ?? []), Number(dynamodb?.NewImage?.['n']?.N)]);
        }
        return upTo < Records.length ? failAt(numbers(Records)[upTo] ?? 0) : null;
      },
    });
    mappings.push(mapping);

    try {
      for (let n = 1; n <= 300; n += 1) {
        const Item = { pk: { S: `order#${n % 20}` }, n: { N: String(n) } };
        await table.send(new PutItemCommand({ TableName: 'Orders', Item }));
      }
      await mapping.settled();
    } finally {
      await mapping.stop();
      table.destroy();
      streams.destroy();
      await engine.stop();
    }

    expect([...taken.values()].flat().toSorted((a, b) => a - b)).toEqual(range(1, 300));
    for (const order of taken.values()) expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(mapping.counts).toMatchObject({ received: 300, done: 300, givenUp: 0, trimmed: 0 });
    expect(mapping.counts.retries).toBeGreaterThan(0);
  });
});
