// A consumer that keeps positions: where it starts, what it writes and when, and what it reports as lost.

import type { DynamoDBRecord } from 'aws-lambda';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { FerryError } from '../../src/errors.ts';
import type { StoredPosition } from '../../src/ports.ts';
import { startConsumer, type StreamConsumer } from '../../src/stream/consumer.ts';
import type { ConsumerOptions, TrimmedPosition } from '../../src/stream/context.ts';
import { type EventRecord, sequenceNumberOf } from '../../src/stream/event-record.ts';
import { MemoryPositions } from '../fixtures/memory-positions.ts';
import { eventually } from '../local/fixtures/processes.ts';
import { ScriptedStream, serviceError } from '../local/fixtures/scripted-stream.ts';
import { VirtualClock } from '../local/fixtures/virtual-clock.ts';

const STREAM_ARN = 'arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-01-01T00:00:00.000';
const HOUR_MS = 3_600_000;

const consumers: StreamConsumer[] = [];

afterEach(async () => {
  await Promise.all(consumers.splice(0).map((consumer) => consumer.stop()));
});

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);
const record = (number: number, key = 'a'): DynamoDBRecord => ({
  eventName: 'MODIFY',
  dynamodb: { Keys: { pk: { S: key } }, SequenceNumber: String(number) },
});
const createdAt = (ms: number, number: number): DynamoDBRecord => {
  const { dynamodb, ...one } = record(number);
  return { ...one, dynamodb: { ...dynamodb, ApproximateCreationDateTime: ms / 1000 } };
};
const records = (from: number, to: number) => range(from, to).map((number) => record(number));
const numbers = (list: readonly EventRecord[]) => list.map((one) => Number(sequenceNumberOf(one)));

interface Overrides extends Partial<Omit<ConsumerOptions, 'settings'>> {
  readonly settings?: Partial<ConsumerOptions['settings']>;
  readonly rows?: Readonly<Record<string, StoredPosition>>;
}

function start(stream: ScriptedStream, { settings, rows, ...others }: Overrides = {}) {
  const clock = others.clock ?? new VirtualClock();
  const positions = new MemoryPositions(clock, rows);
  const taken: number[] = [];
  const trimmed: TrimmedPosition[] = [];
  const problems: string[] = [];
  const consumer = startConsumer({
    reader: stream,
    streamArn: STREAM_ARN,
    functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:f',
    settings: {
      batchSize: 100,
      maxBatchingWindowSeconds: 0,
      parallelizationFactor: 1,
      retryAttempts: -1,
      maxRecordAgeSeconds: -1,
      ...settings,
    },
    clock,
    positions,
    onTrimmed: (position) => trimmed.push(position),
    onFailure: () => undefined,
    onProblem: (problem) => problems.push(problem),
    invoke: async ({ Records }) => void taken.push(...numbers(Records)),
    ...others,
  });
  consumers.push(consumer);
  return { consumer, clock, positions, taken, trimmed, problems };
}

const open = (atMs: number, after?: string): StoredPosition => ({ after, closed: false, atMs });

describe('positions', () => {
  it('are read on from: behind the record of an open one, and past a closed one to its child', async () => {
    const clock = new VirtualClock();
    const stream = new ScriptedStream()
      .addShard('parent')
      .append('parent', ...records(1, 3))
      .close('parent')
      .addShard('child', 'parent')
      .append('child', ...records(4, 9));
    const rows = {
      parent: { after: '3', closed: true, atMs: clock.now() },
      child: open(clock.now(), '6'),
    };
    const { consumer, taken, trimmed } = start(stream, { clock, rows });

    await consumer.settled();

    expect(taken).toEqual([7, 8, 9]);
    expect(stream.calls.filter((call) => call.includes('parent'))).toEqual([]);
    expect(stream.calls).toContain('open child after 6');
    expect(trimmed).toEqual([]);
  });

  it('of a merge: the child waits for both of its parents', async () => {
    const stream = new ScriptedStream()
      .addShard('child', 'left', 'right')
      .append('child', record(5))
      .addShard('left')
      .append('left', record(1))
      .close('left')
      .addShard('right')
      .append('right', record(2));
    const { clock, taken } = start(stream);
    await eventually(() => taken.length === 2);
    await clock.sleep(5_000);
    expect(new Set(taken)).toEqual(new Set([1, 2]));

    stream.append('right', record(3)).close('right');
    await eventually(() => taken.length === 4);

    expect(taken.slice(2)).toEqual([3, 5]);
  });

  it('are written once a second at most, and at the end', async () => {
    const clock = new VirtualClock();
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(1, 500));
    const invoke = () => clock.sleep(70);
    const { consumer, positions } = start(stream, { clock, invoke, settings: { batchSize: 5 } });

    await consumer.settled();
    await consumer.stop();

    const writes = positions.writesOf('shard-1');
    const last = writes.pop();
    expect(last).toMatchObject({ after: '500', closed: false });
    const gaps = writes.slice(1).map((one, at) => one.writtenAtMs - (writes[at]?.writtenAtMs ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1_000);
    // 100 batches of 70 ms.
    expect(writes.length).toBeGreaterThanOrEqual(6);
    expect(writes.length).toBeLessThanOrEqual(9);
  });

  it('stand before the first record that is open, however far other slots are', async () => {
    const stream = new ScriptedStream().addShard('shard-1');
    for (const number of range(1, 60)) stream.append('shard-1', record(number, `item#${number}`));
    const held: Array<() => void> = [];
    const invoke: ConsumerOptions['invoke'] = ({ Records }) =>
      numbers(Records).includes(11)
        ? new Promise<void>((resolve) => held.push(resolve))
        : Promise.resolve();
    const settings = { parallelizationFactor: 10, batchSize: 1 };
    const { consumer, positions, clock } = start(stream, { invoke, settings, readIntervalMs: 200 });
    await eventually(() => consumer.counts.done > 40);
    await clock.sleep(5_000);

    expect(positions.rows.get('shard-1')?.after).toBe('10');
    for (const release of held) release();
    await consumer.settled();
    await consumer.stop();
    expect(positions.rows.get('shard-1')?.after).toBe('60');
  });

  it('count a batch as settled once it is given up and stored, not before', async () => {
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(1, 4));
    let stored = 0;
    let before: string | undefined;
    const { consumer, positions, clock } = start(stream, {
      settings: { batchSize: 2, retryAttempts: 0 },
      invoke: async ({ Records }) => {
        if (numbers(Records).includes(3)) throw serviceError('Error');
      },
      onFailure: async () => {
        stored += 1;
        await clock.sleep(3_000);
        before = positions.rows.get('shard-1')?.after;
        if (stored === 1) throw serviceError('NoSuchBucket');
      },
    });

    await consumer.settled();
    await consumer.stop();

    expect([stored, before]).toEqual([2, '2']);
    expect(positions.rows.get('shard-1')?.after).toBe('4');
  });

  it('are written again where that failed, and reading goes on meanwhile', async () => {
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(1, 5));
    const { consumer, positions, taken, problems, clock } = start(stream);
    positions.errors.push(serviceError('ThrottlingException'), serviceError('ECONNRESET'));

    await consumer.settled();
    expect(taken).toEqual(range(1, 5));
    await clock.sleep(20_000);

    expect(positions.rows.get('shard-1')?.after).toBe('5');
    expect(problems).toHaveLength(2);
    expect(problems[0]).toMatch(/write the position of shard shard-1.*ThrottlingException/);
  });

  it('are read again where that failed: nothing starts without them', async () => {
    const clock = new VirtualClock();
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(1, 5));
    const positions = new MemoryPositions(clock, { 'shard-1': open(clock.now(), '3') });
    let reads = 0;
    const failing = {
      read: () =>
        (reads += 1) <= 8
          ? Promise.reject(serviceError('ResourceNotFoundException'))
          : positions.read(),
      write: (shardId: string, position: StoredPosition) => positions.write(shardId, position),
      remove: (shardId: string) => positions.remove(shardId),
    };
    const { consumer, taken, problems } = start(stream, { clock, positions: failing });

    await Promise.race([consumer.settled(), consumer.lost]);

    expect(taken).toEqual([4, 5]);
    expect(problems.filter((problem) => problem.includes('read the positions'))).toHaveLength(8);
  });

  it('of an idle shard say from time to time that it is read', async () => {
    const clock = new VirtualClock();
    const startedAt = clock.now();
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', record(1));
    const { positions } = start(stream, { clock, pollIntervalMs: 60_000 });

    await clock.sleep(HOUR_MS);

    const writes = positions.writesOf('shard-1');
    expect(writes.length).toBeGreaterThanOrEqual(4);
    expect(writes.length).toBeLessThanOrEqual(7);
    const last = writes.at(-1);
    expect(last?.after).toBe('1');
    expect((last?.atMs ?? 0) - startedAt).toBeGreaterThan(HOUR_MS / 2);
  });

  it('of a shard that was read to its end stay until the stream no longer lists it', async () => {
    const stream = new ScriptedStream()
      .addShard('parent')
      .append('parent', ...records(1, 3))
      .close('parent')
      .addShard('child', 'parent')
      .append('child', record(4));
    const { consumer, positions, clock, trimmed } = start(stream);
    await consumer.settled();
    await clock.sleep(30_000);
    expect(positions.rows.get('parent')).toMatchObject({ after: '3', closed: true });

    stream.drop('parent');
    await clock.sleep(30_000);

    expect([...positions.rows.keys()]).toEqual(['child']);
    expect(trimmed).toEqual([]);
  });

  it('are there for a shard that waits for its parent', async () => {
    const stream = new ScriptedStream()
      .addShard('parent')
      .append('parent', record(1))
      .addShard('child', 'parent')
      .append('child', record(2));
    let release: () => void = () => undefined;
    const invoke = () => new Promise<void>((resolve) => (release = resolve));
    const { positions, clock } = start(stream, { invoke });
    await clock.sleep(5_000);
    release();

    expect(positions.rows.get('child')).toEqual({ closed: false, atMs: expect.any(Number) });
  });
});

describe('records that are lost', () => {
  it('are reported where the shard of an open position is gone, and its row goes', async () => {
    const clock = new VirtualClock();
    const stream = new ScriptedStream()
      .addShard('child', 'parent')
      .append('child', ...records(7, 8));
    const rows = { parent: open(clock.now() - HOUR_MS, '3') };
    const { consumer, positions, taken, trimmed, problems } = start(stream, { clock, rows });

    await consumer.settled();
    await clock.sleep(5_000);

    expect(trimmed).toEqual([{ shardId: 'parent', after: '3' }]);
    expect(consumer.counts.trimmed).toBe(1);
    expect(problems).toEqual([expect.stringContaining('parent has lost records behind 3')]);
    expect(taken).toEqual([7, 8]);
    expect([...positions.rows.keys()]).toEqual(['child']);
  });

  it('are reported where the stream has trimmed the position, and reading goes on at the oldest', async () => {
    const clock = new VirtualClock();
    const stream = new ScriptedStream()
      .addShard('shard-1')
      .append('shard-1', ...records(1, 9))
      .trim('shard-1', 6);
    const rows = { 'shard-1': open(clock.now() - 25 * HOUR_MS, '3') };
    const { consumer, positions, taken, trimmed } = start(stream, { clock, rows });

    await consumer.settled();
    await consumer.stop();

    expect(trimmed).toEqual([{ shardId: 'shard-1', after: '3' }]);
    expect(taken).toEqual([7, 8, 9]);
    expect(positions.rows.get('shard-1')?.after).toBe('9');
  });

  it('are reported where a shard is gone while it is read, and its children go on', async () => {
    const stream = new ScriptedStream().addShard('parent').append('parent', ...records(1, 3));
    const { consumer, positions, taken, trimmed, clock } = start(stream);
    await consumer.settled();

    stream.addShard('child', 'parent').append('child', record(9)).drop('parent');
    await eventually(() => taken.length === 4);
    await clock.sleep(30_000);

    expect(taken).toEqual([1, 2, 3, 9]);
    expect(trimmed).toEqual([{ shardId: 'parent', after: '3' }]);
    expect([...positions.rows.keys()]).toEqual(['child']);
  });

  it.each([
    ['by a process that was away for a day', 25, [{ shardId: 'shard-1', after: undefined }]],
    ['but not by one that was away for less', 23, []],
  ])('are suspected in a shard that was never read: %s', async (_, hours, expected) => {
    const clock = new VirtualClock();
    const stream = new ScriptedStream()
      .addShard('shard-1')
      .append('shard-1', ...records(1, 9))
      .trim('shard-1', 6);
    const rows = { 'shard-1': open(clock.now() - hours * HOUR_MS) };
    const { consumer, taken, trimmed } = start(stream, { clock, rows });

    await consumer.settled();

    expect(trimmed).toEqual(expected);
    expect(taken).toEqual([7, 8, 9]);
  });

  it('are suspected in a backlog that a first start found, and no process has settled in time', async () => {
    const clock = new VirtualClock();
    const [startedAt, first] = [clock.now(), clock.now() - 20 * HOUR_MS];
    const stream = new ScriptedStream()
      .addShard('shard-1')
      .append('shard-1', createdAt(first, 1), createdAt(startedAt, 2));
    const { consumer, positions } = start(stream, {
      clock,
      invoke: async () => {
        throw serviceError('Error');
      },
    });
    await clock.sleep(5_000);
    expect(positions.rows.get('shard-1')).toEqual({ closed: false, atMs: first });
    expect(consumer.settledAtMs).toBe(first);
    await consumer.stop();

    await clock.sleep(5 * HOUR_MS);
    stream.trim('shard-1', 1);
    const again = start(stream, { clock, rows: Object.fromEntries(positions.rows) });
    await again.consumer.settled();

    expect(again.trimmed).toEqual([{ shardId: 'shard-1', after: undefined }]);
    expect(again.taken).toEqual([2]);
    await again.consumer.stop();
    const last = again.positions.rows.get('shard-1');
    expect(last?.after).toBe('2');
    expect(last?.atMs).toBeGreaterThanOrEqual(startedAt);
  });

  it('are suspected where the stream was made to keep records for longer, and they were gone', async () => {
    const clock = new VirtualClock();
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(1, 9));
    const asked: Array<number | undefined> = [];
    const reader = {
      shards: () => stream.shards(),
      open: (shardId: string, after?: string, settledAtMs?: number) => {
        asked.push(settledAtMs);
        return stream.open(shardId, after);
      },
      read: (iterator: string, limit: number) => stream.read(iterator, limit),
    };
    const kept = { ...open(clock.now() - 25 * HOUR_MS, '3'), keptMs: 24 * HOUR_MS };
    const options = { clock, reader, retentionMs: 168 * HOUR_MS };
    const late = start(stream, { ...options, rows: { 'shard-1': kept } });
    await late.consumer.settled();
    await late.consumer.stop();

    expect(late.positions.rows.get('shard-1')).toMatchObject({ after: '9', keptMs: 168 * HOUR_MS });
    const inTime = { ...kept, atMs: clock.now() - 23 * HOUR_MS };
    await start(stream, { ...options, rows: { 'shard-1': inTime } }).consumer.settled();
    // Without a time, a service that does not tell what is gone takes it to be gone.
    expect(asked).toEqual([undefined, inTime.atMs]);
  });

  it('are not suspected where the retention was raised in time, whatever has been settled since', async () => {
    const clock = new VirtualClock();
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(1, 3));
    const kept = { ...open(clock.now() - 10 * HOUR_MS), keptMs: 24 * HOUR_MS };
    const invoke = async () => {
      throw serviceError('Error');
    };
    const raised = { clock, retentionMs: 168 * HOUR_MS };
    const outage = start(stream, { ...raised, invoke, rows: { 'shard-1': kept } });
    await clock.sleep(5_000);
    await outage.consumer.stop();

    await clock.sleep(20 * HOUR_MS);
    const rows = Object.fromEntries(outage.positions.rows);
    const again = start(stream, { ...raised, rows });
    await again.consumer.settled();

    expect([...outage.trimmed, ...again.trimmed]).toEqual([]);
    expect(again.taken).toEqual([1, 2, 3]);
  });

  it('are suspected by a process that has not read for as long as they were kept', async () => {
    const clock = new VirtualClock();
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(1, 3));
    const asked: Array<number | undefined> = [];
    let pauseMs = 0;
    const reader = {
      shards: () => stream.shards(),
      open: (shardId: string, after?: string, settledAtMs?: number) => {
        asked.push(settledAtMs);
        return stream.open(shardId, after);
      },
      async read(iterator: string, limit: number) {
        const page = await stream.read(iterator, limit);
        if (pauseMs === 0) return page;
        await clock.sleep(pauseMs);
        pauseMs = 0;
        throw serviceError('ExpiredIteratorException');
      },
    };
    const { consumer, taken } = start(stream, { clock, reader, retentionMs: 24 * HOUR_MS });
    for (const hours of [23, 25]) {
      await eventually(() => taken.length === 3);
      pauseMs = hours * HOUR_MS;
      await eventually(() => pauseMs === 0);
      await consumer.settled();
    }

    // The retention may have been raised since, and what was gone by then stays gone.
    expect(asked).toEqual([expect.any(Number), expect.any(Number), undefined]);
  });

  it('are suspected in a shard that was listed late, since the list before', async () => {
    const clock = new VirtualClock();
    const stream = new ScriptedStream().addShard('parent');
    const { positions } = start(stream, { clock, discoveryIntervalMs: HOUR_MS });
    await clock.sleep(60_000);

    const addedAt = clock.now();
    stream.addShard('child', 'parent');
    await eventually(() => positions.rows.has('child'));

    expect(clock.now() - addedAt).toBeGreaterThan(HOUR_MS / 2);
    expect(positions.rows.get('child')?.atMs).toBeLessThanOrEqual(addedAt);
  });

  it('are suspected in a shard without a position, by the age of those of others', async () => {
    const clock = new VirtualClock();
    const stream = new ScriptedStream().addShard('new').append('new', record(1));
    const rows = { old: { after: '5', closed: true, atMs: clock.now() - 30 * HOUR_MS } };
    const { consumer, trimmed } = start(stream, { clock, rows });

    await consumer.settled();

    expect(trimmed).toEqual([{ shardId: 'new', after: undefined }]);
  });

  it('are suspected in a child whose parent took longer than the stream keeps records', async () => {
    const clock = new VirtualClock();
    const stream = new ScriptedStream()
      .addShard('parent')
      .append('parent', record(1))
      .close('parent')
      .addShard('child', 'parent')
      .append('child', ...records(2, 4));
    let release: () => void = () => undefined;
    const { taken, trimmed } = start(stream, {
      clock,
      invoke: ({ Records }) => {
        taken.push(...numbers(Records));
        return taken.length > 1
          ? Promise.resolve()
          : new Promise<void>((resolve) => (release = resolve));
      },
      retentionMs: 60_000,
    });
    await eventually(() => taken.length === 1);
    await clock.sleep(70_000);
    stream.trim('child', 2);
    release();

    await eventually(() => taken.length === 2);

    expect(taken).toEqual([1, 4]);
    expect(trimmed).toEqual([{ shardId: 'child', after: undefined }]);
  });

  it('are none where the first start of all finds an old stream', async () => {
    const stream = new ScriptedStream()
      .addShard('shard-1')
      .append('shard-1', ...records(1, 9))
      .trim('shard-1', 6);
    stream.errors.push(serviceError('TrimmedDataAccessException'));
    const { consumer, taken, trimmed } = start(stream);

    await consumer.settled();

    expect(taken).toEqual([7, 8, 9]);
    expect(trimmed).toEqual([]);
  });
});

it('goes on reading and writing positions where the clock is set back by a day', async () => {
  const virtual = new VirtualClock();
  let setBackMs = 0;
  const clock = { now: () => virtual.now() - setBackMs, sleep: (ms: number) => virtual.sleep(ms) };
  const stream = new ScriptedStream().addShard('shard-1').append('shard-1', record(1));
  const { consumer, positions } = start(stream, {
    clock,
    readIntervalMs: 250,
    settings: { maxBatchingWindowSeconds: 1 },
  });
  await virtual.sleep(10_100);

  setBackMs = 24 * HOUR_MS;
  stream.append('shard-1', record(2)).close('shard-1').addShard('child', 'shard-1');
  stream.append('child', record(3));
  await virtual.sleep(30_000);

  expect(positions.rows.get('shard-1')).toMatchObject({ after: '2', closed: true });
  expect(positions.rows.get('child')).toMatchObject({ after: '3' });
  // Not the time of before, which would be later than any to come for a day.
  expect(clock.now() - (consumer.settledAtMs ?? Infinity)).toBeLessThan(1_000);
  expect(positions.rows.get('child')?.atMs).toBeLessThanOrEqual(clock.now());
});

it('is lost to this process once another one has written its positions', async () => {
  const stream = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(1, 3));
  const { consumer, positions } = start(stream);
  positions.errors.push(new FerryError('another process', { code: 'positions.fenced' }));

  await expect(consumer.lost).rejects.toMatchObject({ code: 'positions.fenced' });
});

describe('a stream that is turned off', () => {
  it('is lost once all of it is settled, and says what to do', async () => {
    const stream = new ScriptedStream().addShard('shard-1').append('shard-1', ...records(1, 3));
    const { consumer, taken, positions } = start(stream);
    await consumer.settled();

    stream.append('shard-1', ...records(4, 5)).disable();

    await expect(consumer.lost).rejects.toMatchObject({
      code: 'stream.disabled',
      message: expect.stringContaining(STREAM_ARN),
      hint: expect.stringContaining('runbook'),
    });
    expect(taken).toEqual([1, 2, 3, 4, 5]);
    await consumer.stop();
    expect(positions.rows.get('shard-1')).toMatchObject({ after: '5', closed: true });
  });

  it('is not lost while a batch is not settled, nor while children may be listed late', async () => {
    const stream = new ScriptedStream()
      .addShard('parent')
      .append('parent', record(1))
      .close('parent')
      .addShard('child', 'parent')
      .append('child', record(2))
      .hide('child');
    const clock = new VirtualClock();
    const times: number[] = [];
    const invoke = async () => {
      times.push(clock.now());
      if (times.length === 1) void clock.sleep(2_500).then(() => stream.hide('child', true));
    };
    const { consumer } = start(stream, { clock, invoke, discoveryIntervalMs: 60_000 });
    let isLost = false;
    consumer.lost.catch(() => (isLost = true));

    await eventually(() => times.length === 2);

    expect(isLost).toBe(false);
    // Not only at the next regular list.
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeLessThan(10_000);
  });
});

describe('pace', () => {
  it('keeps the interval between reads of a shard, but not behind a full page', async () => {
    const clock = new VirtualClock();
    const stream = new ScriptedStream().addShard('a').addShard('b');
    stream.append('a', ...records(1, 3_500));
    const times: Record<string, number[]> = { a: [], b: [] };
    const reader = {
      shards: () => stream.shards(),
      open: (shardId: string) => stream.open(shardId),
      read: (iterator: string, limit: number) => {
        times[iterator.split('|')[0] ?? '']?.push(clock.now());
        return stream.read(iterator, limit);
      },
    };
    const { consumer } = start(stream, {
      clock,
      reader,
      readIntervalMs: 200,
      settings: { batchSize: 1_000 },
    });
    await consumer.settled();
    await clock.sleep(10_000);
    await consumer.stop();

    const gaps = (shardId: string) =>
      (times[shardId] ?? []).slice(1).map((time, at) => time - (times[shardId]?.[at] ?? 0));
    expect(Math.min(...gaps('b'))).toBeGreaterThanOrEqual(200);
    expect(gaps('b').length).toBeGreaterThan(20);
    expect(gaps('a').slice(0, 3)).toEqual([0, 0, 0]);
    expect(Math.min(...gaps('a').slice(3))).toBeGreaterThanOrEqual(200);
  });

  it('keeps the interval that a service asks for behind a full page, too', async () => {
    const clock = new VirtualClock();
    const stream = new ScriptedStream().addShard('a').append('a', ...records(1, 3_500));
    const times: number[] = [];
    const reader = {
      readIntervalMs: 200,
      shards: () => stream.shards(),
      open: (shardId: string) => stream.open(shardId),
      read: (iterator: string, limit: number) => {
        times.push(clock.now());
        return stream.read(iterator, limit);
      },
    };
    const settings = { batchSize: 1_000 };
    const { consumer } = start(stream, { clock, reader, readIntervalMs: 200, settings });
    await consumer.settled();

    const gaps = times.slice(1).map((time, at) => time - (times[at] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(200);
  });

  it('lists once a second at most, while many shards end at once', async () => {
    const clock = new VirtualClock();
    const stream = new ScriptedStream();
    for (const number of range(1, 200)) {
      stream.addShard(`old-${number}`).append(`old-${number}`, record(number, `k${number}`));
      stream.close(`old-${number}`).addShard(`new-${number}`, `old-${number}`);
    }
    const startedAt = clock.now();
    const { consumer, taken } = start(stream, { clock, readIntervalMs: 200 });
    await eventually(() => taken.length === 200);
    await clock.sleep(10_000);
    await consumer.stop();

    const lists = stream.calls.filter((call) => call === 'list').length;
    expect(lists).toBeLessThanOrEqual((clock.now() - startedAt) / 1_000 + 2);
  });

  it.each([
    [0, 50],
    [0.5, 100],
    [0.999, 149.9],
  ])('spreads a retry by chance %d: after %d ms', async (chance, expected) => {
    const clock = new VirtualClock();
    const stream = new ScriptedStream().addShard('a').append('a', record(1));
    const times: number[] = [];
    const { consumer } = start(stream, {
      clock,
      random: { next: () => chance },
      invoke: async () => {
        times.push(clock.now());
        if (times.length === 1) throw serviceError('Error');
      },
    });
    await consumer.settled();

    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeCloseTo(expected, 0);
  });
});

describe('killed and started again, at any moment', () => {
  it('every record is settled at least once, and no position is ahead of what is settled', async () => {
    const world = fc.record({
      counts: fc.array(fc.integer({ min: 0, max: 25 }), { minLength: 1, maxLength: 4 }),
      answers: fc.array(fc.constantFrom('ok', 'throw', 'nonsense', 'half'), { maxLength: 30 }),
      kills: fc.array(fc.integer({ min: 50, max: 4_000 }), { minLength: 1, maxLength: 5 }),
      parallelizationFactor: fc.integer({ min: 1, max: 5 }),
      batchSize: fc.integer({ min: 1, max: 12 }),
      bisectBatchOnFunctionError: fc.boolean(),
      retryAttempts: fc.integer({ min: -1, max: 2 }),
    });
    await fc.assert(
      fc.asyncProperty(world, async ({ counts, answers, kills, ...settings }) => {
        const clock = new VirtualClock();
        const { stream, all } = lineage(counts);
        const settled = new Set<number>();
        const shared = new Map<string, StoredPosition>();
        const check = (position: StoredPosition, shardId: string) => {
          const ids = all.filter((one) => one.shardId === shardId).map(({ number }) => number);
          const upTo = ids.filter((number) => number <= Number(position.after ?? 0));
          for (const number of position.closed ? ids : upTo) expect(settled.has(number)).toBe(true);
        };
        const invoke: ConsumerOptions['invoke'] = async ({ Records }) => {
          await clock.sleep(90);
          const how = answers.shift() ?? 'ok';
          if (how === 'throw') throw serviceError('Error');
          if (how === 'nonsense') return { batchItemFailures: [{ itemIdentifier: '-1' }] };
          const upTo = how === 'half' ? Math.floor(Records.length / 2) : Records.length;
          for (const number of numbers(Records.slice(0, upTo))) settled.add(number);
          const first = Records[upTo];
          return first && { batchItemFailures: [{ itemIdentifier: sequenceNumberOf(first) }] };
        };
        const run = (lifeMs: number | undefined) => {
          const positions = new MemoryPositions(clock, Object.fromEntries(shared));
          const { consumer } = start(stream, {
            clock,
            settings,
            invoke,
            positions,
            onFailure: ({ payload }) => {
              const { Records } = JSON.parse(payload) as { Records: DynamoDBRecord[] };
              for (const number of numbers(Records)) settled.add(number);
            },
          });
          return { consumer, positions, ended: lifeMs && clock.sleep(lifeMs) };
        };
        for (const lifeMs of [...kills, undefined]) {
          const { consumer, positions, ended } = run(lifeMs);
          await (ended ?? consumer.settled());
          positions.isDead = ended !== undefined;
          await consumer.stop();
          shared.clear();
          for (const [shardId, position] of positions.rows) shared.set(shardId, position);
          for (const write of positions.writes) check(write, write.shardId);
        }

        expect([...settled].toSorted((a, b) => a - b)).toEqual(all.map(({ number }) => number));
        for (const shardId of new Set(all.map((one) => one.shardId))) {
          const last = all.findLast((one) => one.shardId === shardId);
          expect(shared.get(shardId)?.after).toBe(String(last?.number));
        }
      }),
      { numRuns: 60 },
    );
  });

  function lineage(counts: readonly number[]) {
    const stream = new ScriptedStream();
    const all: Array<{ shardId: string; number: number }> = [];
    counts.forEach((count, index) => {
      const shardId = `shard-${index}`;
      stream.addShard(shardId, ...(index === 0 ? [] : [`shard-${index - 1}`]));
      for (let more = 0; more < count; more += 1) {
        const number = all.length + 1;
        all.push({ shardId, number });
        stream.append(shardId, record(number, `item#${number % 4}`));
      }
      if (index < counts.length - 1) stream.close(shardId);
    });
    return { stream, all };
  }
});
