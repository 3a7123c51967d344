// `ferry run` as an operator runs it, between two real engines: in processes of its own where it is killed, and in this
// one otherwise.

import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { startFaultProxy } from '../../src/local/faults/fault-proxy.ts';
import { changeShards, putPosition } from '../../src/model/run-rows.ts';
import { type Running, startRun } from '../fixtures/run-processes.ts';
import {
  contents,
  openTwoRegions,
  putAll,
  runHere,
  type TwoRegions,
} from '../fixtures/two-regions.ts';

let regions: TwoRegions;
let config = '';
const processes: Running[] = [];
beforeEach(async () => {
  regions = await openTwoRegions();
  config = changed({});
});
afterEach(async () => {
  for (const { child } of processes.splice(0)) child.kill('SIGKILL');
  await regions.close();
});

/** A configuration with other settings of the replication. */
function changed(settings: object, name = 'run.json'): string {
  const { replications } = JSON.parse(readFileSync(regions.config, 'utf8')) as {
    replications: object[];
  };
  const path = join(regions.directory, name);
  const replication = { ...replications[0], tombstones: 'strict', ...settings };
  writeFileSync(path, JSON.stringify({ replications: [replication] }));
  return path;
}

const letters = () => join(regions.directory, 'letters');

function start(...args: string[]): Running {
  const listen = args.includes('--listen') ? [] : ['--listen', 'none'];
  const running = startRun(['--config', config, '--letters', letters(), ...listen, ...args]);
  processes.push(running);
  return running;
}

async function end({ child, ended }: Running): Promise<number | null> {
  child.kill('SIGTERM');
  return ended;
}

const items = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => ({
    pk: { S: `item-${from + index}` },
    text: { S: 'x' },
  }));

const twinHas = (count: number) =>
  expect.poll(async () => (await contents(regions.destination, 'Orders')).size).toBe(count);

it('replicates, ends with SIGTERM, and goes on at its positions', async () => {
  await putAll(regions.source, 'Orders', items(0, 40));
  const first = start();
  await twinHas(40);
  first.child.kill('SIGTERM');
  expect(await first.ended).toBe(0);
  expect(first.events.at(-1)).toMatchObject({
    event: 'replication.stopped',
    received: 40,
    done: 40,
  });
  // Each line of the log is JSON: the AWS SDK has no warnings between them.
  expect(first.events.filter(({ at }) => at === undefined)).toEqual([]);

  await putAll(regions.source, 'Orders', items(40, 50));
  const second = start('--until-caught-up');

  expect(await second.ended).toBe(0);
  await twinHas(50);
  // Nothing is delivered again.
  expect(second.events.at(-1)).toMatchObject({ event: 'replication.stopped', received: 10 });
});

it('stands by, and takes over from a process that was killed', async () => {
  const first = start();
  await first.event('lease.held');
  const second = start();
  await second.event('replication.standby');
  await putAll(regions.source, 'Orders', items(0, 20));
  await twinHas(20);

  first.child.kill('SIGKILL');
  await putAll(regions.source, 'Orders', items(20, 30));

  expect(await second.event('lease.held')).toMatchObject({ fence: 2 });
  await twinHas(30);
  expect(second.events.map(({ event }) => event)).not.toContain('position.trimmed');
  second.child.kill('SIGTERM');
  expect(await second.ended).toBe(0);
});

it('hands over at once to a standby when it is stopped', async () => {
  const first = start();
  await first.event('lease.held');
  const second = start();
  await second.event('replication.standby');

  first.child.kill('SIGINT');

  expect(await first.ended).toBe(0);
  await second.event('lease.held');
  await putAll(regions.source, 'Orders', items(0, 5));
  await twinHas(5);
});

/** Puts faults between the process and the twin. */
async function withFaults(settings: object = {}) {
  const proxy = await startFaultProxy({ upstream: regions.destination.endpoint });
  onTestFinished(() => proxy.stop());
  const { replications } = JSON.parse(readFileSync(regions.config, 'utf8')) as {
    replications: Array<{ destination: object }>;
  };
  const destination = { ...replications[0]?.destination, endpoint: proxy.endpoint };
  config = changed({ destination, ...settings });
  return proxy;
}

const poisoned = (name: string) => ({ pk: { S: name }, text: { S: 'poison' } });

describe('letters in a folder', () => {
  const redrive = (...args: string[]) =>
    runHere(['redrive', '--config', config, '--letters', letters(), ...args]);
  const files = () => readdirSync(join(letters(), 'orders'));

  it('are kept for what cannot be applied, and redriven', async () => {
    const proxy = await withFaults();
    const heal = proxy.inject({ kind: 'poison', marker: 'poison' });
    await putAll(regions.source, 'Orders', [...items(0, 5), poisoned('bad-1'), poisoned('bad-2')]);
    const running = start('--until-caught-up');
    expect(await running.ended).toBe(0);
    await twinHas(5);
    expect(files()).toHaveLength(2);

    expect((await redrive('--reason', 'Other', '--apply')).exitCode).toBe(0);
    expect((await redrive('--apply')).exitCode).toBe(3);
    expect(files()).toHaveLength(2);
    heal();
    const look = await redrive('--json');
    expect(look.exitCode).toBe(3);
    expect(files()).toHaveLength(2);
    const applied = await redrive('--apply');

    expect(applied).toMatchObject({ exitCode: 0 });
    await twinHas(7);
    expect(files()).toEqual([]);
    expect((await redrive()).exitCode).toBe(0);
  });

  it('are kept for batches that are given up, whole, and redriven', async () => {
    const eventSource = { retryAttempts: 0 };
    const proxy = await withFaults({ eventSource });
    const running = start();
    await running.event('lease.held');
    // The lease is renewed by other requests.
    const heal = proxy.inject({ kind: 'deny', operations: ['TransactWriteItems'] });
    await putAll(regions.source, 'Orders', items(0, 3));
    await expect.poll(files).not.toEqual([]);
    heal();
    expect(await end(running)).toBe(0);

    expect((await redrive('--apply')).exitCode).toBe(0);

    await twinHas(3);
    expect(files()).toEqual([]);
  });

  it('are refused beside a queue, and where there is no such folder', async () => {
    const queue = ['--queue-url', 'http://127.0.0.1:1/queue'];
    expect((await redrive(...queue)).exitCode).toBe(2);
    expect((await redrive()).exitCode).toBe(2);
  });
});

interface Health {
  readonly ok: boolean;
  readonly replications: ReadonlyArray<{
    readonly state: string;
    readonly iteratorAgeMs: number;
    readonly reasons: readonly string[];
  }>;
}

async function listening(running: Running) {
  const { port } = await running.event('run.listening');
  const get = (path: string) => fetch(`http://127.0.0.1:${String(port)}${path}`);
  return {
    get,
    async health() {
      const response = await get('/healthz');
      return { status: response.status, ...((await response.json()) as Health) };
    },
  };
}

describe('the port', () => {
  it('says that it keeps up, with figures of what it has done', async () => {
    await putAll(regions.source, 'Orders', items(0, 12));
    const holder = start('--listen', '127.0.0.1:0', '--metrics', 'prometheus');
    await twinHas(12);
    const first = await listening(holder);
    await expect.poll(async () => (await first.health()).status).toBe(200);
    expect(await first.health()).toMatchObject({ ok: true, replications: [{ state: 'holder' }] });
    const page = await (await first.get('/metrics')).text();
    const labels = 'replication="orders",source_region="us-east-1",receiving_region="eu-west-1"';
    expect(page).toContain(`ferry_applied_records_total{${labels}} 12\n`);
    expect(page).toContain(`ferry_lease_held{${labels}} 1\n`);
    expect((await first.get('/')).status).toBe(404);

    const standby = start('--listen', '127.0.0.1:0');
    const second = await listening(standby);
    await expect.poll(async () => (await second.health()).status).toBe(200);
    expect((await second.health()).replications[0]?.state).toBe('standby');
    expect((await second.get('/metrics')).status).toBe(404);
  });

  it('says that the twin is behind, and since when it no longer is', async () => {
    const proxy = await withFaults({ alarms: { latencySeconds: 1 } });
    const running = start('--listen', '127.0.0.1:0');
    const port = await listening(running);
    await running.event('lease.held');
    const heal = proxy.inject({ kind: 'deny', operations: ['TransactWriteItems'] });
    await putAll(regions.source, 'Orders', items(0, 1));
    await expect.poll(async () => (await port.health()).status).toBe(503);

    heal();

    await expect.poll(async () => (await port.health()).status).toBe(200);
    await twinHas(1);
  });

  it('says that records are held, and why', async () => {
    const item = { pk: { S: 'a' }, _ferry: { M: { v: { S: '0001.1.1' } } } };
    await putAll(regions.destination, 'Orders', [item]);
    await putAll(regions.source, 'Orders', items(0, 1));
    const running = start('--listen', '127.0.0.1:0');
    const port = await listening(running);

    await running.event('batch.held');
    await expect.poll(async () => (await port.health()).status).toBe(503);
    const { replications } = await port.health();
    expect(replications[0]?.reasons.join()).toContain('records are held');
    expect(await end(running)).toBe(0);
  });
});

it('shows in a status which process carries it, and whether it still does', async () => {
  regions.lambda.isDeployed = false;
  const status = async (...args: string[]) => runHere(['status', '--config', config, ...args]);
  expect(await status()).toMatchObject({ exitCode: 1 });
  await putAll(regions.source, 'Orders', items(0, 1));
  const running = start();
  await twinHas(1);

  const facts = async () => JSON.parse((await status('--json')).out) as unknown;
  const holder = expect.stringContaining(` ${running.child.pid} `) as string;
  const expected = {
    level: 'healthy',
    deployedFunction: 'none',
    process: { holder, isRenewed: true },
  };
  await expect.poll(facts).toMatchObject(expected);
  expect((await status()).exitCode).toBe(0);
  running.child.kill('SIGKILL');
  await running.ended;
  const dead = await status();
  expect(dead.exitCode).toBe(3);
  expect(dead.out).toContain('no process has renewed the lease');

  const next = start('--until-caught-up');
  expect(await next.ended).toBe(0);
  expect((await status()).out).toContain('it was stopped');
});

it('reports a position that the stream has trimmed, and ends with 3', async () => {
  const sourceArn = regions.streamArn;
  const place = { replication: 'orders', stateTable: 'ferry-orders-state', sourceArn };
  await regions.adopt();
  const { twinWriter } = regions.destination;
  const gone = 'shardId-00000001-gone';
  await twinWriter.write(changeShards(place, 'ADD', [gone]));
  await twinWriter.write(
    putPosition(place, gone, { after: '7', closed: false, atMs: Date.now() }, 1),
  );
  await putAll(regions.source, 'Orders', items(0, 2));

  const running = start('--until-caught-up');

  expect(await running.ended).toBe(3);
  expect(running.out.join()).toContain('deleted records behind 1 position');
  expect(await running.event('position.trimmed')).toMatchObject({ shardId: gone, after: '7' });
  await twinHas(2);
});

it('carries several replications, and one that fails stops no other', async () => {
  const { replications } = JSON.parse(readFileSync(config, 'utf8')) as {
    replications: Array<{ source: { streamArn: string } }>;
  };
  const [orders] = replications;
  const books = {
    ...orders,
    name: 'books',
    source: {
      ...orders?.source,
      table: 'Books',
      streamArn: orders?.source.streamArn.replace('/Orders/', '/Books/'),
    },
    destination: { region: 'eu-west-1', table: 'Books', endpoint: regions.destination.endpoint },
  };
  writeFileSync(config, JSON.stringify({ replications: [orders, books] }));
  await putAll(regions.source, 'Orders', items(0, 3));
  const running = start('--listen', '127.0.0.1:0');
  const port = await listening(running);

  await twinHas(3);
  expect(await running.event('replication.failed')).toMatchObject({ replication: 'books' });
  const { status, replications: all } = await port.health();
  expect(status).toBe(503);
  expect(all.map(({ state }) => state)).toEqual(['holder', 'failed']);
  expect(await end(running)).toBe(0);
});

it('writes heartbeats, unless something else does', async () => {
  config = changed({ heartbeat: { key: { pk: 'beat' } } });
  const running = start();
  const beatOf = async () => {
    const request = new GetItemCommand({ TableName: 'Orders', Key: { pk: { S: 'beat' } } });
    return (await regions.source.client.send(request)).Item?.['writtenAt']?.N;
  };
  await expect.poll(beatOf).toBeDefined();
  await end(running);
  const recent = String(Date.now());
  const item = { pk: { S: 'beat' }, writtenAt: { N: recent }, firstWrittenAt: { N: '1' } };
  await regions.source.client.send(new PutItemCommand({ TableName: 'Orders', Item: item }));

  const second = start();
  await twinHas(1);
  await second.event('lease.held');

  expect(await end(second)).toBe(0);
  expect(await beatOf()).toBe(recent);
});

it('publishes metrics to CloudWatch, and does not wait for it', async () => {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    const answer = async () => {
      const body = await buffer(request);
      const isZipped = request.headers['content-encoding'] === 'gzip';
      bodies.push((isZipped ? gunzipSync(body) : body).toString());
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end('{}');
    };
    void answer();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const endpoints = { cloudwatch: `http://127.0.0.1:${port}` };
  const { replications } = JSON.parse(readFileSync(regions.config, 'utf8')) as {
    replications: Array<{ source: object }>;
  };
  const source = { ...replications[0]?.source };
  config = changed({
    source: { ...source, endpoints },
  });
  await putAll(regions.source, 'Orders', items(0, 4));

  const running = start('--metrics', 'cloudwatch', '--until-caught-up');

  expect(await running.ended).toBe(0);
  const request = bodies.join();
  expect(request).toContain('"MetricName":"AppliedRecords"');
  expect(request).toContain('"ReceivingRegion"');
});

it('prints metrics as EMF on stdout, and nothing else', async () => {
  await putAll(regions.source, 'Orders', items(0, 4));

  const running = start('--metrics', 'emf', '--until-caught-up');

  expect(await running.ended).toBe(0);
  const documents = running.out.map(
    (line) => JSON.parse(line) as Readonly<Record<string, unknown>>,
  );
  expect(documents.reduce((sum, one) => sum + Number(one['AppliedRecords'] ?? 0), 0)).toBe(4);
  expect(documents.every((one) => '_aws' in one)).toBe(true);
});

describe('it refuses, before anything is read,', () => {
  const refused = async (args: readonly string[]) => {
    const finished = await runHere(['run', '--config', config, ...args]);
    expect(finished).toMatchObject({ exitCode: 2, out: '' });
    return finished.err;
  };

  it.each([
    ['"checked" tombstones', { tombstones: 'checked' }, 'look-again queue'],
    [
      'a replication that can be switched',
      {
        switching: {
          fence: 'application',
          streamArn:
            'arn:aws:dynamodb:eu-west-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000',
        },
      },
      'switches',
    ],
    [
      'a replication in both directions',
      {
        direction: 'both',
        tombstones: 'insert-check',
        twoWay: {
          mode: 'stamped',
          streamArn:
            'arn:aws:dynamodb:eu-west-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000',
        },
      },
      'both directions',
    ],
  ])('%s', async (_, settings, why) => {
    config = changed(settings);

    expect(await refused(['--letters', letters()])).toContain(why);
  });

  it('a replication without a place for letters', async () => {
    regions.lambda.isDeployed = false;

    expect(await refused(['--listen', 'none'])).toContain('--letters');
  });

  it.each([
    [['--metrics', 'statsd'], '--metrics'],
    [['--listen', '9464'], '--listen'],
    [['--listen', 'localhost:99999'], '--listen'],
    [['--letters', 'a', '--bucket', 'b'], 'contradict'],
  ])('%j', async (args, why) => {
    expect(await refused(args)).toContain(why);
  });
});
