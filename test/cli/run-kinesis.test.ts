// `ferry run` with a Kinesis stream as its source, between two real engines: the stand-in of Kinesis has what is written
// to the source's table, in several shards, more than once, and not in the order of time.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import type { KinesisStreamRecord } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startFaultProxy } from '../../src/local/faults/fault-proxy.ts';
import { openFeed } from '../fixtures/kinesis-feed.ts';
import { KINESIS_ARN, readThroughKinesis } from '../fixtures/kinesis-source.ts';
import { type Running, startRun } from '../fixtures/run-processes.ts';
import { openKinesis } from '../fixtures/streams-cloud.ts';
import { contents, openTwoRegions, putAll, type TwoRegions } from '../fixtures/two-regions.ts';
import { ScriptedStream } from '../local/fixtures/scripted-stream.ts';

const ONE = 'shardId-01';
const OTHER = 'shardId-02';
const MERGED = 'shardId-03';
const BOTH = [ONE, OTHER];

let regions: TwoRegions;
let stream: ScriptedStream<KinesisStreamRecord>;
let counter: { place: number };
let closers: Array<() => unknown>;
const processes: Running[] = [];
beforeEach(async () => {
  regions = await openTwoRegions();
  stream = new ScriptedStream<KinesisStreamRecord>().addShard(ONE).addShard(OTHER);
  counter = { place: 0 };
  const table = await readThroughKinesis(regions);
  const cloud = await openKinesis(KINESIS_ARN, stream, { retentionHours: 168 });
  closers = [() => table.close(), () => cloud.stop()];
  change(({ source }) => ({
    source: { ...source, endpoints: { kinesis: cloud.endpoint } },
    tombstones: 'strict',
  }));
});
afterEach(async () => {
  for (const { child } of processes.splice(0)) child.kill('SIGKILL');
  for (const close of closers) await close();
  await regions.close();
});

interface Written {
  readonly source: object;
  readonly destination: object;
}

/** Changes settings of the replication. */
function change(settings: (written: Written) => object): void {
  const { replications } = JSON.parse(readFileSync(regions.config, 'utf8')) as {
    replications: [Written];
  };
  const replication = { ...replications[0], ...settings(replications[0]) };
  writeFileSync(regions.config, JSON.stringify({ replications: [replication] }));
}

function feedOf(tableName = 'Orders', streamArn = regions.streamArn) {
  const table = { endpoint: regions.source.endpoint, streamArn, tableName };
  const feed = openFeed(table, stream, counter);
  closers.unshift(() => feed.close());
  return feed;
}

const letters = () => join(regions.directory, 'letters');

function start(...args: string[]): Running {
  const fixed = ['--config', regions.config, '--letters', letters(), '--listen', 'none'];
  const running = startRun([...fixed, ...args]);
  processes.push(running);
  return running;
}

const items = (from: number, to: number, text = 'x') =>
  Array.from({ length: to - from }, (_, index) => ({
    pk: { S: `item-${from + index}` },
    text: { S: text },
    bytes: { B: Buffer.from([from, index, 255]) },
    parts: { M: { set: { BS: [Buffer.from([index]), Buffer.from('part')] } } },
  }));

async function remove(from: number, to: number) {
  for (const { pk } of items(from, to))
    await regions.source.client.send(new DeleteItemCommand({ TableName: 'Orders', Key: { pk } }));
}

const twinHas = (count: number) =>
  expect.poll(async () => (await contents(regions.destination, 'Orders')).size).toBe(count);

/** Nothing differs, and nothing was put aside. */
async function areEqual() {
  const verified = await regions.ferry('verify');
  expect(verified.out).not.toBe('');
  expect(verified.exitCode).toBe(0);
  expect(readdirSync(join(letters(), 'orders'))).toEqual([]);
}

/** The sum of a metric, of all lines. */
function sumOf(metric: string, { out }: Running): number {
  const lines = out.map((line) => JSON.parse(line) as Record<string, number | number[]>);
  return lines.flatMap((line) => line[metric] ?? []).reduce((sum, one) => sum + one, 0);
}

it('applies what arrives twice, in several shards, and in no order', async () => {
  const feed = feedOf();
  await putAll(regions.source, 'Orders', items(0, 40, 'first'));
  await putAll(regions.source, 'Orders', items(0, 20, 'second'));
  await remove(10, 25);
  await putAll(regions.source, 'Orders', items(20, 23, 'again'));
  const sent = await feed.send({ shards: BOTH, copies: 2, isShuffled: true });
  expect(sent).toBe(2 * (40 + 20 + 15 + 3));

  const running = start('--until-caught-up', '--metrics', 'emf');

  expect(await running.ended).toBe(0);
  expect(running.events.at(-1)).toMatchObject({ received: sent, done: sent, givenUp: 0 });
  expect(running.events.map(({ event }) => event)).not.toContain('position.trimmed');
  const twin = await contents(regions.destination, 'Orders');
  expect(twin.size).toBe(28);
  const text = (pk: string) => twin.get(pk)?.['text'];
  expect(['item-0', 'item-20', 'item-30'].map(text)).toEqual([
    { S: 'second' },
    { S: 'again' },
    { S: 'first' },
  ]);
  expect(sumOf('TiedRecords', running)).toBe(0);
  await areEqual();
});

it('ends with SIGTERM, and goes on at the positions of its shards', async () => {
  const feed = feedOf();
  await putAll(regions.source, 'Orders', items(0, 30));
  await feed.send({ shards: BOTH });
  const first = start();
  await twinHas(30);
  await putAll(regions.source, 'Orders', items(30, 40));
  await feed.send({ shards: BOTH });
  await twinHas(40);
  first.child.kill('SIGTERM');
  expect(await first.ended).toBe(0);
  expect(first.events.at(-1)).toMatchObject({ event: 'replication.stopped', received: 40 });

  await putAll(regions.source, 'Orders', items(35, 50, 'new'));
  await remove(0, 5);
  const more = await feed.send({ shards: BOTH, copies: 2, isShuffled: true });
  const second = start('--until-caught-up');

  expect(await second.ended).toBe(0);
  // Nothing is delivered again.
  expect(second.events.at(-1)).toMatchObject({ event: 'replication.stopped', received: more });
  await twinHas(45);
  await areEqual();
});

it('reads a merged shard after both of its parents, and remembers that they are closed', async () => {
  const feed = feedOf();
  await putAll(regions.source, 'Orders', items(0, 30, 'old'));
  await feed.send({ shards: BOTH });
  const first = start();
  await twinHas(30);
  await putAll(regions.source, 'Orders', items(0, 10, 'last of the parents'));
  await feed.send({ shards: BOTH });
  stream.addShard(MERGED, ONE, OTHER);
  await putAll(regions.source, 'Orders', items(5, 35, 'child'));
  await remove(20, 25);
  await feed.send({ shards: [MERGED], copies: 2 });
  // The child waits for its second parent, too.
  stream.close(ONE);
  const reads = stream.reads(OTHER);
  await expect.poll(() => stream.reads(OTHER)).toBeGreaterThan(reads + 4);
  expect(stream.calls).not.toContain(`open ${MERGED}`);
  stream.close(OTHER);
  await expect.poll(() => stream.calls).toContain(`open ${MERGED}`);
  await putAll(regions.source, 'Orders', items(35, 36));
  await feed.send({ shards: [MERGED] });
  await twinHas(31);
  first.child.kill('SIGTERM');
  expect(await first.ended).toBe(0);

  await putAll(regions.source, 'Orders', items(36, 41));
  await feed.send({ shards: [MERGED] });
  const before = stream.calls.length;
  const second = start('--until-caught-up');

  expect(await second.ended).toBe(0);
  expect(second.events.at(-1)).toMatchObject({ received: 5 });
  const later = stream.calls.slice(before);
  expect(later).not.toContain(`read ${ONE}`);
  expect(later).not.toContain(`read ${OTHER}`);
  await twinHas(36);
  await areEqual();
});

it('leaves records of another table alone', async () => {
  const feed = feedOf();
  const books = await regions.source.createTable('Books', [{ name: 'pk', type: 'S' }], true);
  const other = feedOf('Books', books);
  await putAll(regions.source, 'Orders', items(0, 10));
  await putAll(regions.source, 'Books', items(5, 20, 'a book'));
  await feed.send({ shards: BOTH });
  await other.send({ shards: BOTH });
  await putAll(regions.source, 'Orders', items(5, 12, 'later'));
  await feed.send({ shards: BOTH });

  const running = start('--until-caught-up', '--metrics', 'emf');

  expect(await running.ended).toBe(0);
  expect(running.events.at(-1)).toMatchObject({ received: 32, done: 32 });
  expect(sumOf('ForeignRecords', running)).toBe(15);
  await twinHas(12);
  await areEqual();
});

describe('letters of its records', () => {
  const redrive = (...args: string[]) =>
    regions.ferry('redrive', '--letters', letters(), ...args, '--json');
  const poisoned = (pk: string) => ({ pk: { S: pk }, text: { S: 'poison' } });

  it('are redriven once the twin takes them, the newest of an item only', async () => {
    const proxy = await startFaultProxy({ upstream: regions.destination.endpoint });
    closers.unshift(() => proxy.stop());
    change(({ destination }) => ({ destination: { ...destination, endpoint: proxy.endpoint } }));
    const heal = proxy.inject({ kind: 'poison', marker: 'poison' });
    const feed = feedOf();
    await putAll(regions.source, 'Orders', [...items(0, 5), poisoned('bad-1'), poisoned('bad-2')]);
    await putAll(regions.source, 'Orders', [{ ...poisoned('bad-1'), more: { S: 'later' } }]);
    await feed.send({ shards: BOTH, isShuffled: true });
    expect(await start('--until-caught-up').ended).toBe(0);
    expect((await contents(regions.destination, 'Orders')).size).toBe(5);

    const early = await redrive('--apply');
    heal();
    const { exitCode, out } = await redrive('--apply');

    expect(early.exitCode).toBe(3);
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ found: 3, left: 0 });
    const twin = await contents(regions.destination, 'Orders');
    expect(twin.get('bad-1')?.['more']).toEqual({ S: 'later' });
    expect(twin.size).toBe(7);
    await areEqual();
  });

  it('are read again from the Kinesis stream, where they say no more than their places in it', async () => {
    const feed = feedOf();
    await putAll(regions.source, 'Orders', items(0, 3));
    await feed.send({ shards: [ONE] });
    const { records } = await stream.read(await stream.open(ONE), 10);
    const numbers = records.map(({ kinesis }) => kinesis.sequenceNumber);
    await regions.adopt();
    mkdirSync(join(letters(), 'orders'), { recursive: true });
    const note = {
      requestContext: { condition: 'RetryAttemptsExhausted' },
      timestamp: new Date().toISOString(),
      KinesisBatchInfo: {
        shardId: ONE,
        startSequenceNumber: numbers[0],
        endSequenceNumber: numbers.at(-1),
        batchSize: numbers.length,
        streamArn: KINESIS_ARN,
      },
    };
    writeFileSync(join(letters(), 'orders', 'letter-1.json'), JSON.stringify(note));

    const { exitCode, out } = await redrive('--apply');

    expect(JSON.parse(out)).toMatchObject({ found: 3, applied: 3, left: 0 });
    expect(exitCode).toBe(0);
    await areEqual();
  });
});

it('is carried by a process, as a status shows', async () => {
  regions.lambda.isDeployed = false;
  const feed = feedOf();
  await putAll(regions.source, 'Orders', items(0, 3));
  await feed.send({ shards: BOTH });
  const running = start();
  await twinHas(3);

  const status = async () => JSON.parse((await regions.ferry('status', '--json')).out) as unknown;
  const holder = expect.stringContaining(` ${running.child.pid} `) as string;
  await expect
    .poll(status)
    .toMatchObject({ level: 'healthy', process: { holder, isRenewed: true } });
  running.child.kill('SIGTERM');
  expect(await running.ended).toBe(0);
});

it('goes on with a Kinesis stream after the stream of the table, once that is adopted', async () => {
  regions.lambda.isDeployed = false;
  const throughKinesis = readFileSync(regions.config, 'utf8');
  const { replications } = JSON.parse(throughKinesis) as {
    replications: [{ source: Readonly<Record<string, unknown>> }];
  };
  const { streamArn } = regions;
  const {
    kinesisStreamArn: _,
    kinesisRetentionHours: __,
    ...source
  } = {
    kinesisStreamArn: '',
    kinesisRetentionHours: 0,
    ...replications[0].source,
  };
  const ofTable = { ...replications[0], source: { ...source, streamArn } };
  writeFileSync(regions.config, JSON.stringify({ replications: [ofTable] }));
  const feed = feedOf();
  await putAll(regions.source, 'Orders', items(0, 10, 'by the stream'));
  expect(await start('--until-caught-up').ended).toBe(0);
  await twinHas(10);
  await remove(0, 2);
  await putAll(regions.source, 'Orders', items(5, 12, 'by Kinesis'));
  // Also what the twin has by the stream of the table.
  const sent = await feed.send({ shards: BOTH, isShuffled: true });

  writeFileSync(regions.config, throughKinesis);
  const adopted = await regions.ferry('adopt', '--apply');
  expect(adopted).toMatchObject({ exitCode: 0, err: expect.stringContaining('epoch 2') as string });
  const running = start('--until-caught-up');

  expect(await running.ended).toBe(0);
  expect(running.events.at(-1)).toMatchObject({ received: sent, done: sent });
  await twinHas(10);
  await areEqual();
});
