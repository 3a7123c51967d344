// The function with a projection and projected dead letters, and the redrive of what it has put aside: no value that the
// projection drops is in queue, bucket, log or output, whatever fails.

import { readFileSync } from 'node:fs';
import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { Context, DynamoDBStreamEvent } from 'aws-lambda';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { sqsDeadLetters } from '../../src/aws/sqs-dead-letters.ts';
import { main } from '../../src/cli/main.ts';
import { confined } from '../../src/composition/confined-module.ts';
import { parseConfig } from '../../src/config/config.ts';
import { functionVariables } from '../../src/config/function-variable.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { digestOfRules } from '../../src/projection/digest.ts';
import { moduleContext, moduleProjection } from '../../src/projection/module-projection.ts';
import type { Item } from '../../src/ports.ts';
import { replicateBatch } from '../../src/replicate/replicate-batch.ts';
import { type DeployedReplication, deployLocally, TWIN } from '../fixtures/deployed-replication.ts';
import { noteBatch } from '../fixtures/noted-batch.ts';
import { lambdaRecord, SETTINGS, STREAM_ARN } from '../fixtures/records.ts';
import { invocation } from '../fixtures/replication.ts';

const SECRET = 'SECRETMARK';
const PERSON = { email: { S: SECRET }, profile: { M: { [SECRET]: { S: SECRET } } } };
const PROJECTION = { attributes: { drop: ['email', 'profile'], rename: { phone: 'contact' } } };
/** DynamoDB does not store it. */
const TOO_LARGE = { S: 'x'.repeat(500_000) };

let deployed: DeployedReplication;
let replication: ReplicationConfig;
let printed: string[] = [];
let ids = 0;

beforeAll(async () => {
  deployed = await deployLocally('orders', { projection: PROJECTION, deadLetters: 'projected' });
  const file: unknown = JSON.parse(readFileSync(deployed.config[1] ?? '', 'utf8'));
  replication = parseConfig(file).replications[0] as ReplicationConfig;
});
afterAll(() => deployed.close());
beforeEach(async () => {
  printed = [];
  await deployed.empty();
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    printed.push(String(chunk));
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  vi.resetModules();
});

const newId = () => `person-${(ids += 1)}`;
const option = (name: string) => deployed.places[deployed.places.indexOf(name) + 1] ?? '';

/** Records through the handler as Lambda runs it. */
async function invoke(records: readonly object[]) {
  const variables = functionVariables({
    replication,
    streamArn: replication.source.streamArn ?? '',
    deadLetterQueueUrl: option('--queue-url'),
    onFailureBucket: option('--bucket'),
    lookAgainQueueUrl: option('--look-again-queue-url'),
    projectionDigest: digestOfRules(PROJECTION),
  });
  for (const [name, value] of Object.entries({ ...deployed.environment, ...variables }))
    vi.stubEnv(name, value);
  const { handler } = await import('../../src/handlers/replicate.ts');
  const event = JSON.parse(JSON.stringify({ Records: records })) as DynamoDBStreamEvent;
  return handler(event, { getRemainingTimeInMillis: () => 60_000 } as Context);
}

/** Everything that is stored outside the tables, which must be some letters. */
async function stored(): Promise<string[]> {
  const messages = await deployed.queue.receive(60);
  for (const message of messages) await deployed.queue.release(message);
  expect((await deployed.attributes()).objects).toEqual([]);
  return messages.map(({ body }) => body);
}

async function redrive(...args: string[]) {
  const out: string[] = [];
  const exitCode = await main(['redrive', ...args, ...deployed.places], {
    out: (line) => out.push(line),
    err: (line) => out.push(line),
    status: (line) => out.push(line),
    isTerminal: false,
    environment: deployed.environment,
    interrupted: new AbortController().signal,
  });
  return { exitCode, out };
}

async function putSource(id: string, attributes: Item) {
  const Item = { pk: { S: id }, ...attributes };
  await deployed.engine.client.send(new PutItemCommand({ TableName: 'Orders', Item }));
}

async function twin(id: string) {
  const { _ferry: _, ...content } = (await deployed.engine.get(TWIN, { pk: { S: id } })) ?? {};
  return content;
}

function expectNoSecret(...texts: readonly string[][]) {
  expect(texts.flat().filter((text) => text.includes(SECRET))).toEqual([]);
}

it('keeps nothing of a record that the projection or the twin rejects, and redrives it from the source', async () => {
  const [taken, large] = [newId(), newId()];
  const both = { phone: { S: '1' }, contact: { S: SECRET } };

  const answer = await invoke([
    lambdaRecord({ id: taken, sequenceNumber: '11', attributes: { ...PERSON, ...both } }),
    lambdaRecord({
      id: large,
      sequenceNumber: '12',
      attributes: { ...PERSON, text: TOO_LARGE },
    }),
  ]);
  const letters = await stored();
  await putSource(taken, { ...PERSON, phone: { S: '2' } });
  await putSource(large, { ...PERSON, text: { S: 'short' } });
  const looked = await redrive();
  const listed = await redrive('--json');
  const applied = await redrive('--apply', '--json');

  expect(answer).toEqual({ batchItemFailures: [] });
  const names = letters.map(
    (body) => (JSON.parse(body) as { reason: { name: string } }).reason.name,
  );
  expect(names.toSorted()).toEqual(['ProjectionNameTaken', 'ValidationException']);
  expect(letters.join('')).not.toContain('xxxx');
  expect(JSON.parse(applied.out[0] ?? '')).toMatchObject({ resynchronized: 2, left: 0 });
  expect(applied.exitCode).toBe(0);
  expect(await twin(taken)).toEqual({ pk: { S: taken }, contact: { S: '2' } });
  expect(await twin(large)).toEqual({ pk: { S: large }, text: { S: 'short' } });
  expect(printed.join('')).toContain('dead-lettered.ProjectionNameTaken');
  expectNoSecret(printed, letters, looked.out, listed.out, applied.out);
});

it('keeps nothing of records that make no sense, wherever a value is in them', async () => {
  const whole = lambdaRecord({ id: newId(), sequenceNumber: '21', attributes: PERSON });
  const withChange = (change: object) => ({ ...whole, dynamodb: { ...whole.dynamodb, ...change } });

  const answer = await invoke([
    { ...whole, eventName: SECRET },
    withChange({ Keys: { pk: { S: SECRET, N: '1' } } }),
    withChange({ NewImage: { [SECRET]: { M: { [SECRET]: SECRET } } } }),
    withChange({ NewImage: { pk: { S: SECRET } } }),
    withChange({ NewImage: undefined, StreamViewType: SECRET }),
    withChange({ ApproximateCreationDateTime: SECRET }),
  ]);
  const letters = await stored();
  const looked = await redrive();
  const applied = await redrive('--apply', '--json');

  expect(answer).toEqual({ batchItemFailures: [] });
  expect(letters).toHaveLength(6);
  expectNoSecret(printed, letters, looked.out, applied.out);
  // Of one, not even the key is known.
  expect(JSON.parse(applied.out[0] ?? '')).toMatchObject({ left: 1, failures: { KeyUnknown: 1 } });
});

it('keeps nothing of what a module says of an item', async () => {
  const { queueUrl, deadLetters } = {
    queueUrl: option('--queue-url'),
    deadLetters: 'projected',
  } as const;
  const thrown = Object.assign(new Error(SECRET), { name: SECRET });
  const projects: Array<(item: Item) => unknown> = [
    () => {
      throw thrown;
    },
    () => {
      throw SECRET;
    },
    (item) => {
      console.log(item, console);
      return { ...item, [SECRET]: {} };
    },
    ({ email, pk }) => ({ pk, [SECRET]: { X: email } }),
    ({ email }) => ({ pk: email }),
    async ({ email }) => Promise.reject(new Error(email?.S)),
    (item) => {
      delete (item as Record<string, unknown>)['pk'];
      return item;
    },
  ];
  const openBucket = async () => deployed.bucket;
  const queue = sqsDeadLetters({ queueUrl, region: 'us-east-1', concurrency: 4, openBucket });
  for (const [index, project] of projects.entries()) {
    const options = { digest: '0'.repeat(64), context: moduleContext(replication), confined };
    // Not async by its type, as a module may be.
    const made = (item: Item) => project(item);
    const projection = moduleProjection(
      { project: made },
      { ...options, reservedAttribute: '_ferry' },
    );
    const rules = { ...SETTINGS, projection, deadLetters };
    const context = invocation({ rules, deadLetters: queue });
    const record = lambdaRecord({
      id: newId(),
      sequenceNumber: `${31 + index}`,
      attributes: PERSON,
    });

    const { counts } = await replicateBatch([record], context);

    expect(counts['dead-lettered']).toBe(1);
    printed.push(JSON.stringify(context.logged));
  }

  const letters = await stored();
  expect(letters).toHaveLength(projects.length);
  expectNoSecret(printed, letters);
});

it('keeps nothing of a batch that Lambda gave up, and reads it from the stream again', async () => {
  const [changed, gone] = [newId(), newId()];
  await noteBatch(deployed, [changed, gone], { ...PERSON, phone: { S: '1' } });
  const Key = { pk: { S: gone } };
  await deployed.engine.client.send(new DeleteItemCommand({ TableName: 'Orders', Key }));

  const messages = await stored();
  const looked = await redrive();
  const applied = await redrive('--apply', '--json');

  expect(messages).toHaveLength(1);
  expect(JSON.parse(applied.out[0] ?? '')).toMatchObject({
    found: 2,
    resynchronized: 2,
    left: 0,
  });
  expect(await twin(changed)).toEqual({ pk: { S: changed }, contact: { S: '1' } });
  expect(await twin(gone)).toEqual({});
  expectNoSecret(messages, looked.out, applied.out);
});

it('has the whole record in a letter where the configuration does not say otherwise', async () => {
  const { deadLetters: _, ...others } = replication;
  replication = parseConfig({
    replications: [{ ...others, deadLetters: 'whole' }],
  }).replications[0] as ReplicationConfig;

  await invoke([
    lambdaRecord({
      id: newId(),
      sequenceNumber: '41',
      attributes: { ...PERSON, phone: { S: '1' }, contact: { S: '2' } },
      streamArn: STREAM_ARN,
    }),
  ]);

  const [letter = ''] = await stored();
  expect(letter).toContain(SECRET);
  expectNoSecret(printed);
});
