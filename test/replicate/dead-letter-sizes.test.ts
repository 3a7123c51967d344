// Dead letters around the limit of the queue, through real protocols: put aside, redriven, and arrived
// byte for byte.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { sqsDeadLetters } from '../../src/aws/sqs-dead-letters.ts';
import { main } from '../../src/cli/main.ts';
import { parseConfig } from '../../src/config/config.ts';
import { servicesAt } from '../../src/config/partition-services.ts';
import { openLocalFailures } from '../../src/local/run/local-failures.ts';
import { type DeployedReplication, deployLocally, TWIN } from '../fixtures/deployed-replication.ts';
import { lambdaRecord } from '../fixtures/records.ts';
import { wireCall, wireJson } from '../fixtures/wire.ts';

let deployed: DeployedReplication;
beforeAll(async () => {
  deployed = await deployLocally('sizes');
});
afterAll(() => deployed.close());
let sequence = 0;
/** A record that the destination refuses at first, with an old image that does not matter to it. */
function poisoned(attributes: object, oldImageBytes = 0) {
  sequence += 1;
  const record = lambdaRecord({
    id: `item-${sequence}`,
    sequenceNumber: String(sequence).padStart(21, '1'),
    attributes: { ...attributes, poison: { BOOL: true } },
  });
  const OldImage =
    oldImageBytes === 0 ? {} : { OldImage: { filler: { S: 'o'.repeat(oldImageBytes) } } };
  return { ...record, dynamodb: { ...record.dynamodb, ...OldImage } };
}

/** Length of the message that the same record makes with an old image of no length. */
async function bodyLength(attributes: object): Promise<number> {
  await deployed.stream([poisoned(attributes, 1)]);
  const [message] = await deployed.queue.receive(60);
  if (message === undefined) throw new Error('no letter');
  await deployed.queue.delete(message);
  return message.body.length - 1;
}

async function redriveAll() {
  const out: string[] = [];
  const exitCode = await main(
    ['redrive', '--apply', '--json', '--rate', '100000', ...deployed.places],
    {
      out: (line) => out.push(line),
      err: (line) => out.push(line),
      status: () => undefined,
      isTerminal: false,
      environment: deployed.environment,
      interrupted: new AbortController().signal,
    },
  );
  expect({ exitCode, out }).toMatchObject({ exitCode: 0 });
}

async function expectTwin(record: { dynamodb: { NewImage?: unknown; Keys?: unknown } }) {
  const { Keys, NewImage } = record.dynamodb;
  const { Item = {} } = await wireCall<{ Item?: Record<string, object> }>(
    deployed.engine.endpoint,
    'GetItem',
    {
      TableName: TWIN,
      Key: Keys,
    },
  );
  const { _ferry: version, ...item } = Item;
  expect(version).toBeDefined();
  expect(wireJson(item) === wireJson(NewImage as object)).toBe(true);
}

const DEAD_LETTER_SIZE_BYTES_MAX = servicesAt('us-east-1').messageBytesMax;
const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };
const bytes = (length: number) => Buffer.alloc(length, 7).toString('base64');

it.each([
  ['one byte under the limit', -1, 'whole'],
  ['just at the limit', 0, 'whole'],
  ['one byte over the limit', 1, 'without the old image'],
])('keeps a letter %s', async (_, difference, kept) => {
  const attributes = { photo: { B: bytes(200_000) } };
  const room = DEAD_LETTER_SIZE_BYTES_MAX - (await bodyLength(attributes));
  const record = poisoned(attributes, room + difference);

  await deployed.stream([record]);

  const [message] = await deployed.queue.receive(60);
  expect(message?.body.includes('OldImage')).toBe(kept === 'whole');
  const whole = DEAD_LETTER_SIZE_BYTES_MAX + difference;
  expect(message?.body.length === whole).toBe(kept === 'whole');
  expect(message?.body.length).toBeLessThanOrEqual(DEAD_LETTER_SIZE_BYTES_MAX);
  if (message !== undefined) await deployed.queue.release(message);
  await redriveAll();
  await expectTwin(record);
});

it.each([
  ['a binary item of nearly 400 KB', { photo: { B: bytes(398_000) } }, 0],
  [
    'many small binaries',
    { photos: { L: Array.from({ length: 3_000 }, () => ({ B: bytes(100) })) } },
    0,
  ],
  ['Cyrillic text, three times as long in a letter', { text: { S: 'Ж'.repeat(198_000) } }, 1],
  [
    'a long list of flags',
    { flags: { L: Array.from({ length: 90_000 }, () => ({ BOOL: true })) } },
    1,
  ],
])('keeps and redrives %s', async (_, attributes, objects) => {
  const record = poisoned(attributes);

  await deployed.stream([record]);

  expect((await deployed.attributes()).objects).toHaveLength(objects);
  await redriveAll();
  await expectTwin(record);
  expect((await deployed.attributes()).objects).toEqual([]);
});

it.each([
  ['us-east-1', 'in the message'],
  ['cn-north-1', 'in the bucket'],
])('keeps a record of 300 KB where a message of %s may be: %s', async (region, where) => {
  const [replication] = parseConfig({
    replications: [
      {
        name: 'sizes',
        source: { region, table: 'Orders', create: true, partitionKey: { name: 'pk', type: 'S' } },
        destination: { region, table: 'OrdersTwin' },
      },
    ],
  }).replications;
  if (replication === undefined) throw new Error('There is no replication.');
  const failures = await openLocalFailures(replication, CREDENTIALS);
  const { queueUrl, queue, bucket } = failures;
  const openBucket = async () => bucket;
  const letters = sqsDeadLetters({ queueUrl, region, concurrency: 1, openBucket });
  const record = lambdaRecord({ id: 'large', attributes: { text: { S: 'x'.repeat(300_000) } } });

  await letters.send({
    replication: 'sizes',
    reason: { class: 'rejected', name: 'ValidationException', message: 'too odd' },
    attempts: [],
    failedAt: '2026-01-31T12:00:00.000Z',
    record,
  });

  const [message] = await queue.receive(60);
  expect(message?.body.includes('recordObject')).toBe(where === 'in the bucket');
  expect(message?.body.length).toBeLessThanOrEqual(servicesAt(region).messageBytesMax);
  await failures.close();
});
