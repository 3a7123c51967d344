// The commands on local engines, with failures on every side: they tell keys and names of attributes, never
// what an item holds, and never a credential. What lies broken in the bucket does not stop a redrive.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { CreateQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { type FaultProxy, startFaultProxy } from '../../src/local/faults/fault-proxy.ts';
import type { Fault } from '../../src/local/faults/faults.ts';
import type { ServiceServer } from '../../src/local/loopback/service.ts';
import { startS3Server } from '../../src/local/s3/server.ts';
import { type SqsServer, startSqsServer } from '../../src/local/sqs/server.ts';
import { lambdaRecord, type RecordFacts } from '../fixtures/records.ts';
import { contents, openTwoRegions, putAll, type TwoRegions } from '../fixtures/two-regions.ts';

const CREDENTIALS = {
  AWS_ACCESS_KEY_ID: 'AKIAMARKOFACCESS',
  AWS_SECRET_ACCESS_KEY: 'mark/of/the/secret',
  AWS_SESSION_TOKEN: 'mark+of+the+session',
};
const MARKS = ['VALUEMARK', 'QllURVNNQVJL', ...Object.values(CREDENTIALS)];
const BUCKET = 'failures';

let regions: TwoRegions;
let proxy: FaultProxy;
let s3: ServiceServer;
let sqs: SqsServer;
let objects: S3Client;
let messages: SQSClient;
let queueUrl = '';
let config = '';
const directory = mkdtempSync(join(tmpdir(), 'ferry-contents-'));
/** All that the commands have said. */
const said: string[] = [];

beforeAll(async () => {
  [regions, s3, sqs] = await Promise.all([openTwoRegions(), startS3Server(), startSqsServer()]);
  proxy = await startFaultProxy({ upstream: regions.destination.endpoint });
  const { replications } = JSON.parse(readFileSync(regions.config, 'utf8')) as {
    replications: Array<{ destination: object }>;
  };
  const [replication] = replications;
  const destination = { ...replication?.destination, endpoint: proxy.endpoint };
  config = join(directory, 'ferry.json');
  writeFileSync(config, JSON.stringify({ replications: [{ ...replication, destination }] }));
  const local = {
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  objects = new S3Client({ ...local, endpoint: s3.endpoint, forcePathStyle: true });
  messages = new SQSClient({ ...local, endpoint: sqs.endpoint });
  await objects.send(new CreateBucketCommand({ Bucket: BUCKET }));
  queueUrl = (await messages.send(new CreateQueueCommand({ QueueName: 'letters' }))).QueueUrl ?? '';
});
beforeEach(() => {
  for (const [name, value] of Object.entries(CREDENTIALS)) vi.stubEnv(name, value);
});
afterEach(() => {
  vi.unstubAllEnvs();
  said.length = 0;
});
afterAll(async () => {
  rmSync(directory, { recursive: true, force: true });
  objects.destroy();
  messages.destroy();
  await proxy.stop();
  await Promise.all([regions.close(), s3.stop(), sqs.stop()]);
});

async function ferry(...args: string[]): Promise<number> {
  const keep = (line: string) => void said.push(line);
  return main([...args, '--config', config], {
    out: keep,
    err: keep,
    status: keep,
    isTerminal: true,
    environment: { ...CREDENTIALS, AWS_ENDPOINT_URL_S3: s3.endpoint },
    interrupted: new AbortController().signal,
  });
}

async function during<T>(fault: Fault, action: () => Promise<T>): Promise<T> {
  const takeBack = proxy.inject(fault);
  try {
    return await action();
  } finally {
    takeBack();
  }
}

function expectSaid(...expected: string[]): void {
  const all = said.join('\n');
  for (const text of expected) expect(all).toContain(text);
  for (const mark of MARKS) expect(all).not.toContain(mark);
}

const item = (name: string, extra: object = {}) => ({
  pk: { S: `KEY-${name}` },
  text: { S: 'VALUEMARK' },
  bytes: { B: Buffer.from('BYTESMARK') },
  deep: { M: { VALUEMARKS: { L: [{ S: 'VALUEMARK' }] } } },
  ...extra,
});

describe('a command tells keys, never contents', () => {
  beforeAll(async () => {
    const names = ['a', 'b', 'c', 'd'].map((name) => item(name));
    await putAll(regions.source, 'Orders', [
      ...names,
      item('refused', { poison: { S: 'VALUEMARK' } }),
    ]);
    await putAll(regions.destination, 'Orders', [
      item('a', { text: { S: 'VALUEMARK2' } }),
      item('z'),
    ]);
  });
  const report = join(directory, 'report.jsonl');
  const poison: Fault = { kind: 'poison', marker: 'poison' };

  it('when a verify finds differences', async () => {
    expect(await ferry('verify', '--settle', '0', '--report', report)).toBe(3);
    await ferry('verify', '--settle', '0', '--json', '--report', join(directory, 'other.jsonl'));
    await ferry('verify', '--settle', '0', '--key', '{"pk":"KEY-a"}');

    expectSaid('missing {"pk":{"S":"KEY-b"}}', 'different {"pk":{"S":"KEY-a"}}: text');
    expect(readFileSync(report, 'utf8')).not.toMatch(new RegExp(MARKS.slice(0, 2).join('|')));
  });

  it('when a repair is refused, throttled, denied, or given a report of another table', async () => {
    const strange = join(directory, 'strange.jsonl');
    const withValues = { kind: 'missing', key: { id: { S: 'KEY-x' } }, source: item('x') };
    const [header = ''] = readFileSync(report, 'utf8').split('\n');
    writeFileSync(strange, `${header}\n${JSON.stringify(withValues)}\n`);

    await ferry('repair', '--settle', '0', '--report', report);
    expect(await ferry('repair', '--settle', '0', '--report', strange)).toBe(2);
    const apply = ['repair', '--settle', '0', '--report', report, '--apply'];
    expect(await during({ kind: 'deny' }, () => ferry(...apply))).toBe(1);
    // Not the questions at the start: a command that cannot ask them ends with 1, as it should.
    const operations = ['PutItem', 'UpdateItem', 'DeleteItem', 'TransactWriteItems'];
    const throttled: Fault = { kind: 'throttle', share: 0.3, operations };
    expect(await during(throttled, () => during(poison, () => ferry(...apply)))).toBe(3);

    expectSaid(
      'line 2 names no key',
      'AccessDeniedException',
      'left {"pk":{"S":"KEY-refused"}}: ValidationException',
    );
  });

  it('when a backfill is refused, or finds nobody', async () => {
    await ferry('backfill');
    await during({ kind: 'outage' }, () => ferry('backfill', '--apply'));
    expect(await during(poison, () => ferry('backfill', '--apply', '--restart'))).toBe(3);
    await during(poison, () => ferry('backfill', '--apply', '--restart', '--json'));

    expectSaid('rejected {"pk":{"S":"KEY-refused"}}', 'the backfill has processed all items');
  });

  it('when a redrive fails again, with keys and errors by name', async () => {
    const send = (record: object) =>
      messages.send(
        new SendMessageCommand({
          QueueUrl: queueUrl,
          MessageBody: letterOf(record, 'ValidationException'),
        }),
      );
    const attributes = { text: { S: 'VALUEMARK' } };
    await send(
      ownRecord({ id: 'KEY-l', attributes: { ...attributes, poison: { S: 'VALUEMARK' } } }),
    );
    await send(ownRecord({ keys: { pk: { B: 'S0VZ' } }, attributes }));
    await send({ eventName: 'VALUEMARK' });
    await messages.send(
      new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: '{"VALUEMARK":1}' }),
    );

    await redrive();
    expect(await during(poison, () => redrive('--apply'))).toBe(3);
    await during({ kind: 'deny' }, () => redrive('--apply'));
    await redrive('--json');

    expectSaid(
      'write {"pk":{"S":"KEY-l"}}: applied',
      'still fail with ValidationException: 2',
      'that is not a dead letter',
      '{"pk":{"B":"S0VZ"}}',
    );
  });
});

/** Of the stream that the control row knows. */
const ownRecord = (facts: RecordFacts) => lambdaRecord({ ...facts, streamArn: regions.streamArn });
const places = () => ['--queue-url', queueUrl, '--bucket', BUCKET];
const redrive = (...args: string[]) => ferry('redrive', ...places(), '--hide-for', '1', ...args);

function letterOf(record: object, name: string): string {
  const letter = {
    schemaVersion: 1,
    replication: 'orders',
    reason: { name },
    failedAt: new Date(),
  };
  return JSON.stringify({ ...letter, record });
}

describe('an object of the bucket that is no text', () => {
  it('counts as one that cannot be read, stays as it is, and what is behind it is applied', async () => {
    const put = (Key: string, Body: Buffer | string) =>
      objects.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body }));
    const broken = Buffer.from(letterOf(ownRecord({ id: 'caf\u00e9' }), 'X'), 'latin1');
    const behind = ownRecord({ id: 'behind', attributes: { text: { S: 'VALUEMARK' } } });
    await put('aws/lambda/1-broken', broken);
    await put('aws/lambda/2-behind', letterOf(behind, 'X'));
    await put('dead-letters/broken.json', broken);
    const { record: _, ...pointer } = JSON.parse(letterOf({}, 'X')) as { record: object };
    const body = JSON.stringify({ ...pointer, recordObject: 'dead-letters/broken.json' });
    await messages.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body }));

    const exitCode = await redrive('--apply', '--reason', 'X', '--json');

    expect(exitCode).toBe(3);
    // With the message of the tests before, which is no letter either.
    expect(JSON.parse(said.at(-1) ?? '')).toMatchObject({ applied: 1, unreadable: 3 });
    expectSaid('"applied":1');
    expect((await contents(regions.destination, 'Orders')).has('behind')).toBe(true);
    for (const Key of ['aws/lambda/1-broken', 'dead-letters/broken.json']) {
      const { Body } = await objects.send(new GetObjectCommand({ Bucket: BUCKET, Key }));
      expect(Buffer.from((await Body?.transformToByteArray()) ?? [])).toEqual(broken);
    }
  });
});
