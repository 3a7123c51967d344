// `ferry adopt` from the stream of a table to a Kinesis stream, and back, with the function as it is deployed: whatever
// is left in the old source, comes early from the new one, late or twice, no change is lost, and none is put aside.

import type { Context, DynamoDBRecord, KinesisStreamRecord } from 'aws-lambda';
import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { dynamoDbStreamReader } from '../../src/aws/dynamodb-streams.ts';
import { systemClock } from '../../src/aws/system-clock.ts';
import { parseConfig } from '../../src/config/config.ts';
import { functionVariables } from '../../src/config/function-variable.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { type LocalFailures, openLocalFailures } from '../../src/local/run/local-failures.ts';
import { parseControlRow } from '../../src/model/control-item.ts';
import type { Clock } from '../../src/ports.ts';
import { kinesisRecord } from '../fixtures/kinesis-records.ts';
import {
  KINESIS_ARN,
  KINESIS_SOURCE,
  type KinesisStandIn,
  readThroughKinesis,
} from '../fixtures/kinesis-source.ts';
import { contents, openTwoRegions, runHere, type TwoRegions } from '../fixtures/two-regions.ts';

const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };
const INVOCATION = { getRemainingTimeInMillis: () => 60_000 } as Context;

type Records = ReadonlyArray<DynamoDBRecord | KinesisStreamRecord>;

let regions: TwoRegions;
let kinesis: KinesisStandIn;
let failures: LocalFailures;
/** As the file was before the Kinesis stream. */
let ofTable = '';
let ofKinesis = '';
/** All that the table has sent to the Kinesis stream. */
let sent: KinesisStreamRecord[] = [];

beforeEach(async () => {
  regions = await openTwoRegions(undefined, 'NEW_AND_OLD_IMAGES');
  ofTable = readFileSync(regions.config, 'utf8');
  kinesis = await readThroughKinesis(regions);
  ofKinesis = readFileSync(regions.config, 'utf8');
  failures = await openLocalFailures(replicationIn(ofTable, 'strict'), CREDENTIALS);
  sent = [];
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  vi.stubEnv('AWS_ENDPOINT_URL_S3', failures.objectEndpoint);
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await Promise.all([failures.close(), kinesis.close()]);
  await regions.close();
});

function replicationIn(file: string, tombstones: string): ReplicationConfig {
  const { replications } = JSON.parse(file) as { replications: [object] };
  const [replication] = parseConfig({
    replications: [{ ...replications[0], tombstones }],
  }).replications;
  if (replication === undefined) throw new Error('The file has no replication.');
  return replication;
}

interface Deployed {
  /** @returns whether all records were acknowledged. */
  deliver(records: Records): Promise<boolean>;
}

/** A new version of the function; commands find the same configuration. */
async function deploy(file: string, tombstones: string): Promise<Deployed> {
  const replication = replicationIn(file, tombstones);
  writeFileSync(regions.config, JSON.stringify({ replications: [fileOf(file, tombstones)] }));
  const variables = functionVariables({
    replication,
    streamArn: replication.source.kinesisStreamArn ?? regions.streamArn,
    deadLetterQueueUrl: failures.queueUrl,
    onFailureBucket: failures.bucketName,
    lookAgainQueueUrl: failures.lookAgainQueueUrl,
  });
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  Object.assign(regions.lambda, { variables });
  return newInstance();
}

function fileOf(file: string, tombstones: string): object {
  const { replications } = JSON.parse(file) as { replications: [object] };
  return { ...replications[0], tombstones };
}

async function newInstance(): Promise<Deployed> {
  vi.resetModules();
  const { handler } = await import('../../src/handlers/replicate.ts');
  return {
    async deliver(records) {
      const event = { Records: [...records] } as Parameters<typeof handler>[0];
      const { batchItemFailures } = await handler(event, INVOCATION);
      return batchItemFailures.length === 0;
    },
  };
}

/** What the table's own stream has, from its oldest record on. */
async function ownRecords(): Promise<DynamoDBRecord[]> {
  const client = new DynamoDBStreamsClient({
    region: 'us-east-1',
    endpoint: regions.source.endpoint,
    credentials: CREDENTIALS,
  });
  const reader = dynamoDbStreamReader(client, regions.streamArn, waiting());
  const found: DynamoDBRecord[] = [];
  for (const { shardId } of await reader.shards()) {
    let iterator: string | undefined = await reader.open(shardId, undefined);
    for (let empty = 0; iterator !== undefined && empty < 2; ) {
      const page = await reader.read(iterator, 1_000);
      found.push(...page.records);
      empty = page.records.length === 0 ? empty + 1 : 0;
      iterator = page.nextIterator;
    }
  }
  client.destroy();
  return found;
}

/** Each write has a time of its own, as DynamoDB gives it in microseconds. */
let micros = 0;

/** Writes to the source; what is new in its own stream goes to the Kinesis stream, too, if that is on. */
async function write(texts: Readonly<Record<string, string | null>>): Promise<DynamoDBRecord[]> {
  const before = (await ownRecords()).length;
  const { client } = regions.source;
  for (const [pk, text] of Object.entries(texts)) {
    const key = { pk: { S: pk } };
    await (text === null
      ? client.send(new DeleteItemCommand({ TableName: 'Orders', Key: key }))
      : client.send(
          new PutItemCommand({ TableName: 'Orders', Item: { ...key, text: { S: text } } }),
        ));
  }
  return (await ownRecords()).slice(before);
}

function send(records: readonly DynamoDBRecord[]): KinesisStreamRecord[] {
  const added = records.map((record) => {
    micros = Math.max(micros + 1, Date.now() * 1_000);
    return kinesisRecord(record, { micros, place: sent.length + 1 });
  });
  sent.push(...added);
  return added;
}

/** `ferry adopt` with waits that take no time, while Lambda has these mappings. */
async function adopt(eventSourceArn: string): Promise<string> {
  const mapping = { id: 'a1b2', state: 'Enabled', streamArn: eventSourceArn };
  Object.assign(regions.lambda, { mappings: [mapping] });
  const args = ['adopt', '--apply', '--config', regions.config];
  const { exitCode, out, err } = await runHere(args, new AbortController().signal, hurried());
  expect({ exitCode, err }).toMatchObject({ exitCode: 0 });
  // What it has disabled is enabled again: the stream may write now.
  expect(regions.lambda.changes.splice(0)).toEqual(['disable a1b2', 'enable a1b2']);
  return out;
}

function hurried(): Clock {
  let skewMs = 0;
  return {
    now: () => Date.now() + skewMs,
    async sleep(ms) {
      skewMs += ms;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

async function epochs(): Promise<unknown> {
  const row = await regions.destination.get('ferry-orders-state', {
    id: { S: 'orders#control' },
  });
  const found = parseControlRow(row);
  return found.kind === 'row' ? found.row.epochs.map(({ n, streams }) => [n, streams]) : found;
}

/** No letters, and the same items. */
async function expectEqual(): Promise<void> {
  expect(await failures.queue.size()).toBe(0);
  const { exitCode, out } = await regions.ferry('verify', '--settle', '0');
  expect({ exitCode, out }).toMatchObject({ exitCode: 0 });
  const [here, there] = await Promise.all(
    [regions.source, regions.destination].map((one) => contents(one, 'Orders')),
  );
  expect([...(there?.keys() ?? [])].toSorted()).toEqual([...(here?.keys() ?? [])].toSorted());
  expect(here?.size).toBeGreaterThan(3);
}

/** Later ones first within each batch, and a part of them twice. */
function disordered(records: readonly KinesisStreamRecord[]): KinesisStreamRecord[] {
  return [...records.toReversed(), ...records.filter((_, index) => index % 2 === 0)];
}

describe.each(['strict', 'checked'])('with %s tombstones, a replication', (tombstones) => {
  it('goes over to a Kinesis stream and back, and loses no change', {
    timeout: 120_000,
  }, async () => {
    const first = await deploy(ofTable, tombstones);
    const early = await write({ a: '1', b: '1', c: '1', gone: '1', d: '1' });
    expect(await first.deliver(early)).toBe(true);

    // The Kinesis stream is on. What both have is applied from the table's stream, but for the last.
    const both = await write({ a: '2', gone: null, e: '1', f: '1', c: null });
    send(both);
    expect(await first.deliver(both.slice(0, 3))).toBe(true);

    // The deployment: for a while, both mappings invoke the new function.
    const second = await deploy(ofKinesis, tombstones);
    expect(await second.deliver(both.slice(3, 4))).toBe(true);
    const more = await write({ f: '2', b: null, g: '1' });
    send(more);
    expect(await second.deliver(disordered(sent))).toBe(false);

    expect(await adopt(KINESIS_ARN)).toContain(`Epoch 2 is open for the stream ${KINESIS_SOURCE}`);
    expect(await epochs()).toEqual([
      [1, [regions.streamArn]],
      [2, [KINESIS_SOURCE]],
    ]);
    // The old mapping is gone, and the new one begins at the oldest record. Copies of the row are too old by now.
    const third = await newInstance();
    send(await write({ b: '3', a: null, g: '2', h: '1' }));
    expect(await third.deliver(disordered(sent.slice(0, 6)))).toBe(true);
    expect(await third.deliver(disordered(sent.slice(4)))).toBe(true);
    await expectEqual();

    // Back: the table's stream has been on all the time.
    const late = await write({ h: '2', e: null, i: '1' });
    const lateInKinesis = send(late);
    const fourth = await deploy(ofTable, tombstones);
    // Of the old mapping, and of the new one.
    expect(await fourth.deliver(lateInKinesis.slice(0, 1))).toBe(true);
    expect(await fourth.deliver(late)).toBe(false);
    expect(await adopt(regions.streamArn)).toContain(
      `Epoch 3 is open for the stream ${regions.streamArn}`,
    );
    const fifth = await newInstance();
    await write({ i: '2', d: null, j: '1' });
    expect(await fifth.deliver(await ownRecords())).toBe(true);
    await expectEqual();
  });
});

function waiting() {
  return { clock: systemClock, random: { next: () => 0 } };
}

it('is not adopted from a stream that the table does not send its changes to', async () => {
  await deploy(ofTable, 'strict');
  await regions.adopt();
  writeFileSync(regions.config, ofKinesis);
  kinesis.state.precision = 'MILLISECOND';
  const { exitCode, err } = await regions.ferry('adopt', '--apply');

  expect(exitCode).toBe(1);
  expect(err).toContain('aws dynamodb update-kinesis-streaming-destination --region us-east-1');
  expect(regions.lambda.changes).toEqual([]);
});
