// One replication in a process: a stream that was replaced, a start that fails, and what GET /healthz says meanwhile.

import type { DynamoDBRecord } from 'aws-lambda';
import { expect, it } from 'vitest';
import { FerryError } from '../../src/errors.ts';
import type { LeaseRow, LogEvent, Positions, ProcessLease } from '../../src/ports.ts';
import { carry, type CarryOptions, type OpenReplication } from '../../src/run/carry.ts';
import { ReplicationHealth } from '../../src/run/health.ts';
import type { SourceRow } from '../../src/run/ledger-rows.ts';
import { sourceToRead } from '../../src/run/source.ts';
import { startConsumer } from '../../src/stream/consumer.ts';
import { sequenceNumberOf } from '../../src/stream/event-record.ts';
import { MemoryPositions } from '../fixtures/memory-positions.ts';
import { ScriptedStream } from '../local/fixtures/scripted-stream.ts';

const TABLE = 'arn:aws:dynamodb:us-east-1:111122223333:table/Orders';
const [OLD, NEW] = [`${TABLE}/stream/2026-01-01`, `${TABLE}/stream/2026-02-01`];

/** A hundred times as fast. */
const clock = {
  now: () => performance.timeOrigin + performance.now() * 100,
  sleep: (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms / 100)),
};

const moment = () => ({ nowMs: clock.now(), monotonicMs: clock.now() });

class MemoryLease implements LeaseRow {
  lease: ProcessLease | undefined;

  async read() {
    return this.lease;
  }

  async write(lease: ProcessLease, expected: ProcessLease | undefined) {
    if (this.lease?.fence !== expected?.fence || this.lease?.beat !== expected?.beat) return false;
    this.lease = lease;
    return true;
  }
}

class MemorySource implements SourceRow {
  sourceArn: string | undefined;

  constructor(sourceArn?: string) {
    this.sourceArn = sourceArn;
  }

  async read() {
    return this.sourceArn;
  }

  async write(sourceArn: string) {
    this.sourceArn = sourceArn;
  }
}

const record = (number: number): DynamoDBRecord => ({
  eventName: 'MODIFY',
  dynamodb: {
    ApproximateCreationDateTime: Math.floor(clock.now() / 1000),
    Keys: { pk: { S: 'a' } },
    SequenceNumber: String(number),
  },
});

function carrying(open: CarryOptions['open']) {
  const stop = new AbortController();
  const events: LogEvent[] = [];
  const health = new ReplicationHealth('orders', { behindMs: 1e9, monotonicMs: clock.now() });
  const over = carry({
    open,
    holder: 'me',
    health,
    clock,
    monotonicMs: clock.now,
    log: (event) => events.push(event),
    stop: stop.signal,
    heartbeatPeriodMs: 60_000,
    untilCaughtUp: false,
    onFirst: () => undefined,
    begun: Promise.resolve(),
  });
  return {
    events,
    health,
    async end() {
      stop.abort();
      await over;
    },
  };
}

interface Streams {
  readonly source: SourceRow;
  /** The table's own of now. */
  readonly current: () => string;
  readonly streams: Readonly<Record<string, ScriptedStream>>;
  readonly seen: string[];
}

/** As it is opened with a ledger in memory. */
function opening({ source, current, streams, seen }: Streams) {
  const left: string[] = [];
  const starts: number[] = [];
  const written = { fence: 0 };
  /** As the ledger refuses what an earlier holder writes. */
  const fenced = (rows: MemoryPositions, fence: number): Positions => ({
    read: () => rows.read(),
    remove: (shardId) => rows.remove(shardId),
    async write(shardId, position) {
      if (fence < written.fence)
        throw new FerryError('Another process writes positions.', { code: 'positions.fenced' });
      written.fence = fence;
      await rows.write(shardId, position);
    },
  });
  const leaseRow = new MemoryLease();
  const positions = new Map<string, MemoryPositions>();
  const open = async (): Promise<OpenReplication> => ({
    leaseRow,
    close: () => undefined,
    async start(fence) {
      starts.push(fence);
      const sourceArn = await sourceToRead(source, current(), fence);
      const rows = positions.get(sourceArn) ?? new MemoryPositions(clock);
      positions.set(sourceArn, rows);
      const reader = streams[sourceArn];
      if (reader === undefined) throw new Error(`there is no stream ${sourceArn}`);
      const consumer = startConsumer({
        reader,
        streamArn: sourceArn,
        functionArn: 'replicate',
        invoke: async ({ Records }) => void seen.push(...Records.map(sequenceNumberOf)),
        settings: {
          batchSize: 10,
          maxBatchingWindowSeconds: 0,
          parallelizationFactor: 1,
          retryAttempts: -1,
          maxRecordAgeSeconds: -1,
        },
        clock,
        onFailure: () => undefined,
        onProblem: () => undefined,
        positions: fenced(rows, fence),
      });
      const leave = async () => {
        left.push(sourceArn);
        await source.write(current(), fence);
      };
      return { consumer, leave, close: () => undefined };
    },
  });
  return { open, left, leaseRow, starts, written, positions };
}

it('reads a stream that was turned off to its end, and then the next one', async () => {
  const old = new ScriptedStream().addShard('old').append('old', record(1), record(2)).disable();
  const streams = { [OLD]: old, [NEW]: new ScriptedStream().addShard('new') };
  const [source, seen] = [new MemorySource(OLD), [] as string[]];
  const { open, left, leaseRow } = opening({ source, current: () => NEW, streams, seen });
  const running = carrying(open);

  await expect.poll(() => source.sourceArn).toBe(NEW);
  streams[NEW]?.append('new', record(3));

  await expect.poll(() => seen).toEqual(['1', '2', '3']);
  expect(left).toEqual([OLD]);
  expect(running.health.view(moment())).toMatchObject({
    ok: true,
    state: 'holder',
    reasons: [],
  });
  await running.end();
  expect(leaseRow.lease).toMatchObject({ holder: 'me', released: true });
});

it('goes straight to another table’s stream, or to another kind: an adoption has decided that', async () => {
  const kinesis = 'arn:aws:kinesis:us-east-1:111122223333:stream/s/table/Orders';
  for (const current of [kinesis, NEW.replace('Orders', 'Books')]) {
    const source = new MemorySource(OLD);
    expect(await sourceToRead(source, current, 1)).toBe(current);
    expect(source.sourceArn).toBe(current);
  }
  const source = new MemorySource();
  expect(await sourceToRead(source, NEW, 1)).toBe(NEW);
  expect(source.sourceArn).toBe(NEW);
});

it('opens again what has failed, and says why it is not well', async () => {
  const streams = { [NEW]: new ScriptedStream().addShard('new').append('new', record(1)) };
  const [source, seen] = [new MemorySource(), [] as string[]];
  const { open } = opening({ source, current: () => NEW, streams, seen });
  let isDown = true;
  const running = carrying(async () => {
    if (isDown) throw new FerryError('The table is away.', { code: 'test.away' });
    return open();
  });
  await expect.poll(() => running.health.view(moment()).state).toBe('failed');
  expect(running.health.view(moment())).toMatchObject({
    ok: false,
    reasons: ['The table is away.'],
  });

  isDown = false;

  await expect.poll(() => seen).toEqual(['1']);
  await expect.poll(() => running.health.view(moment()).ok).toBe(true);
  await running.end();
  expect(running.events.map(({ event }) => event)).toContain('replication.failed');
});

it('becomes a standby when another process takes the lease, and the holder again when that one is gone', async () => {
  const streams = { [NEW]: new ScriptedStream().addShard('new') };
  const [source, seen] = [new MemorySource(), [] as string[]];
  const { open, leaseRow } = opening({ source, current: () => NEW, streams, seen });
  const running = carrying(open);
  const state = () => running.health.view(moment()).state;
  await expect.poll(state).toBe('holder');

  const other = { holder: 'other', fence: 9, beat: 1, released: false };
  leaseRow.lease = other;
  await expect.poll(state).toBe('standby');
  streams[NEW]?.append('new', record(1));
  expect(seen).toEqual([]);

  await expect.poll(state).toBe('holder');
  expect(leaseRow.lease.fence).toBe(10);
  await expect.poll(() => seen).toEqual(['1']);
  await running.end();
});

it('holds no lease whose positions are refused, and takes one that they are written under', async () => {
  const streams = { [NEW]: new ScriptedStream().addShard('new').append('new', record(1)) };
  const [source, seen] = [new MemorySource(), [] as string[]];
  const { open, leaseRow, starts, written, positions } = opening({
    source,
    current: () => NEW,
    streams,
    seen,
  });
  // The row of the lease was deleted while there was no process.
  written.fence = 9;
  const running = carrying(open);

  await expect.poll(() => written.fence, { timeout: 10_000 }).toBeGreaterThan(9);
  await expect.poll(() => running.health.view(moment()).ok).toBe(true);
  await running.end();

  expect(starts).toEqual([1, 3, 7, 15]);
  expect(leaseRow.lease).toMatchObject({ fence: 15, released: true });
  expect(positions.get(NEW)?.rows.get('new')).toMatchObject({ after: '1' });
  const names = running.events.map(({ event }) => event);
  expect(names.filter((name) => name === 'lease.lost')).toHaveLength(3);
  expect(names).not.toContain('replication.failed');
});
