// The handler as Lambda runs it, against services that fail in every way and repeat in their answers what
// they were sent: log, metrics and errors tell names and counts, never an item and never a credential.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Context, DynamoDBBatchResponse, DynamoDBStreamEvent } from 'aws-lambda';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { putControlRow } from '../../src/model/control-item.ts';
import { environmentOf } from '../fixtures/deployment.ts';
import { type SqsServer, startSqsServer } from '../../src/local/sqs/server.ts';
import { lambdaRecord, type RecordFacts, SETTINGS } from '../fixtures/records.ts';
import { controlRow } from '../fixtures/replication.ts';

const CREDENTIALS = {
  AWS_ACCESS_KEY_ID: 'AKIAMARKOFACCESS',
  AWS_SECRET_ACCESS_KEY: 'mark/of/the/secret',
  AWS_SESSION_TOKEN: 'mark+of+the+session',
};
const CONTENTS = ['KEYMARK', 'VALUEMARK', 'NAMEMARK', 'QllURVNNQVJL'];
const MARKS = [...CONTENTS, ...Object.values(CREDENTIALS)];

let echo: Server;
let endpoint = '';
let sqs: SqsServer;
let queue: SQSClient;
let queueUrl = '';
/** Whether a request has been left without an answer: the handler would wait for it to land. */
let isOutcomeUnknown = false;
const throttled = { left: 0 };

beforeAll(async () => {
  echo = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  endpoint = `http://127.0.0.1:${(echo.address() as AddressInfo).port}`;
  sqs = await startSqsServer();
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  queue = new SQSClient({ region: 'us-east-1', endpoint: sqs.endpoint, credentials });
  queueUrl = (await queue.send(new CreateQueueCommand({ QueueName: 'letters' }))).QueueUrl ?? '';
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  vi.resetModules();
});
afterAll(async () => {
  queue.destroy();
  await sqs.stop();
  echo.closeAllConnections();
  echo.close();
});

const CONTROL = (putControlRow(controlRow(), SETTINGS).input as { Item: object }).Item;
const TAKEN = { pk: { S: 'KEYMARK' }, _ferry: { S: 'VALUEMARK' } };

/** Fails as the item asks for, with a message that has all of the request in it. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request);
  const say = (status: number, content: string | object) => {
    const said = typeof content === 'string' ? content : JSON.stringify(content);
    response.writeHead(status, {
      'content-type': 'application/x-amz-json-1.0',
      'x-amzn-requestid': 'BUO7GBSC1JCE4LR4BE4NS8QTVRVV4KQNSO5AEMVJF66Q9ASUAAJG',
      'x-amz-crc32': String(crc32(said)),
    });
    response.end(said);
  };
  const fail = (type: string, status = 400, more = {}) => {
    // A refused signature is told with the headers that were signed, a refused item is not.
    const headers = type === 'ValidationException' ? '' : JSON.stringify(request.headers);
    say(status, { __type: `x#${type}`, message: `${body} ${headers}`, ...more });
  };
  if (String(request.headers['x-amz-target']).endsWith('.GetItem'))
    return say(200, { Item: CONTROL });
  if (String(request.headers['x-amz-target']).endsWith('.BatchGetItem'))
    return say(200, { Responses: {}, UnprocessedKeys: {} });
  switch (/"fault":\{"S":"(\w+)"/.exec(body)?.[1]) {
    case 'invalid':
      return fail('ValidationException');
    case 'denied':
      return fail('AccessDeniedException');
    case 'missing':
      return fail('ResourceNotFoundException');
    case 'throttled':
      throttled.left -= 1;
      return throttled.left >= 0 ? fail('ThrottlingException') : say(200, {});
    case 'taken':
      return fail('ConditionalCheckFailedException', 400, { Item: TAKEN });
    case 'broken':
      isOutcomeUnknown = true;
      return fail('InternalServerError', 500);
    case 'garbled':
      isOutcomeUnknown = true;
      return say(500, `<html>${body}`);
    case 'reset':
      isOutcomeUnknown = true;
      request.socket.destroy();
      return;
    case undefined:
    default:
      return request.headers['x-amz-target']?.includes('SQS')
        ? fail('InvalidMessageContents')
        : say(200, {});
  }
}

const FAULTS = [
  'none',
  'invalid',
  'denied',
  'missing',
  'throttled',
  'taken',
  'broken',
  'garbled',
  'reset',
];

function marked(facts: RecordFacts, fault: string): object {
  const attributes = {
    fault: { S: fault },
    text: { S: 'VALUEMARK' },
    NAMEMARK: { M: { NAMEMARK: { L: [{ SS: ['VALUEMARK'] }, { B: 'QllURVNNQVJL' }] } } },
  };
  return lambdaRecord({ id: `KEYMARK-${fault}`, attributes, ...facts });
}

/** Records that make no sense, with marks wherever there is room for one. */
function malformed(): object[] {
  const whole = marked({ sequenceNumber: '1' }, 'none') as { dynamodb: object };
  const withChange = (change: object) => ({ ...whole, dynamodb: { ...whole.dynamodb, ...change } });
  return [
    { ...whole, eventName: 'VALUEMARK' },
    withChange({ Keys: { KEYMARK: { S: 1 } } }),
    withChange({ NewImage: { NAMEMARK: { VALUEMARK: 'VALUEMARK' } } }),
    withChange({ NewImage: { pk: { S: 'VALUEMARK' } } }),
    withChange({ NewImage: undefined, StreamViewType: 'VALUEMARK' }),
    withChange({ ApproximateCreationDateTime: 'VALUEMARK' }),
  ];
}

async function loadHandler(settings: object) {
  for (const [name, value] of Object.entries(CREDENTIALS)) vi.stubEnv(name, value);
  const places = { destinationEndpoint: endpoint, deadLetterQueueUrl: queueUrl };
  const environment = environmentOf({ ...places, ...settings });
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  const printed: string[] = [];
  const keep = (chunk: unknown) => {
    printed.push(String(chunk));
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(keep);
  vi.spyOn(process.stderr, 'write').mockImplementation(keep);
  for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) {
    vi.spyOn(console, method).mockImplementation((...all) => void keep(all.join(' ')));
  }
  const { handler } = await import('../../src/handlers/replicate.ts');
  const invoke = (records: readonly object[]): Promise<DynamoDBBatchResponse> => {
    isOutcomeUnknown = false;
    const invocation = { getRemainingTimeInMillis: () => (isOutcomeUnknown ? 600 : 60_000) };
    // What travels is JSON.
    const event = JSON.parse(JSON.stringify({ Records: records })) as DynamoDBStreamEvent;
    return handler(event, invocation as Context);
  };
  return { invoke, printed };
}

function expectNoMarks(lines: readonly string[]): void {
  for (const mark of MARKS) expect(lines.filter((line) => line.includes(mark))).toEqual([]);
}

it.each(['signed', 'sdk'] as const)(
  'tells what went wrong with %s requests, and nothing of any item',
  async (httpClient) => {
    const { invoke, printed } = await loadHandler({ httpClient });
    throttled.left = 2;

    for (const [index, fault] of FAULTS.entries()) {
      await invoke([marked({ sequenceNumber: String(index + 1) }, fault)]);
    }
    await invoke(malformed());

    const told = printed.join('');
    const causes = [
      'dead-lettered.ValidationException',
      'dead-lettered.ReservedAttributeTaken',
      'dead-lettered.UnknownEventName',
      'dead-lettered.MalformedValue',
      'dead-lettered.KeysNotInImage',
      'dead-lettered.NewImageMissing',
      'unfinished.denied',
      'unfinished.unreachable',
      'unfinished.unknown',
      '"errors":{',
      '"CloudWatchMetrics"',
    ];
    expect(causes.filter((cause) => !told.includes(cause))).toEqual([]);
    expectNoMarks(printed);
    // The letters have it all.
    const letters = await received();
    expect(CONTENTS.filter((mark) => !letters.includes(mark))).toEqual([]);
    for (const secret of Object.values(CREDENTIALS)) expect(letters).not.toContain(secret);
  },
);

it('tells nothing of an item when the queue refuses its letter, not even in the error of a batch', async () => {
  const { invoke, printed } = await loadHandler({ deadLetterQueueUrl: `${endpoint}/1/KEYMARK` });

  const unsent = await invoke([marked({ sequenceNumber: '7' }, 'invalid')]);
  const nameless = invoke([marked({ sequenceNumber: 'VALUEMARK' }, 'none')]);
  const error: unknown = await nameless.catch((thrown: unknown) => thrown);

  expect(unsent).toEqual({ batchItemFailures: [{ itemIdentifier: '7' }] });
  expect(error).toBeInstanceOf(Error);
  expect(printed.join('')).toContain(
    '"errors":{"ValidationException":1,"queue: InvalidMessageContents":1}',
  );
  // Lambda logs an error with its stack and its own fields.
  expectNoMarks([...printed, (error as Error).stack ?? '', JSON.stringify(error)]);
});

it('tells nothing of an item when its delete cannot be announced', async () => {
  const { invoke, printed } = await loadHandler({ lookAgainQueueUrl: `${endpoint}/1/KEYMARK` });
  const createdAtSeconds = 1_700_000_000;

  const answer = await invoke([
    marked({ sequenceNumber: '6', eventName: 'INSERT', createdAtSeconds }, 'none'),
    marked({ sequenceNumber: '7', eventName: 'REMOVE', id: 'KEYMARK' }, 'none'),
  ]);

  expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: '7' }] });
  expect(printed.join('')).toContain('"errors":{"look-again queue: InvalidMessageContents":1}');
  expectNoMarks(printed);
});

it('tells nothing of a batch that is held back', async () => {
  const { invoke, printed } = await loadHandler({});

  const answer = await invoke([
    marked({ sequenceNumber: '7', streamArn: 'arn:VALUEMARK' }, 'none'),
  ]);

  expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: '7' }] });
  expect(printed.join('')).toContain('"why":"the control row does not know the stream"');
  expectNoMarks(printed);
});

async function received(): Promise<string> {
  const bodies: string[] = [];
  for (;;) {
    const { Messages = [] } = await queue.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: 600,
      }),
    );
    if (Messages.length === 0) return bodies.join('\n');
    bodies.push(...Messages.map(({ Body = '' }) => Body));
  }
}
