import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ListQueuesCommand,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  SQSClient,
  SQSServiceException,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FerryError } from '../../../src/errors.ts';
import { type SqsServer, startSqsServer } from '../../../src/local/sqs/server.ts';

const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function setUp({ now = Date.now }: { now?: () => number } = {}) {
  let clockReads = 0;
  const server = await startSqsServer({
    now: () => {
      clockReads += 1;
      return now();
    },
  });
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const { endpoint } = server;
  const client = new SQSClient({ endpoint, region: 'eu-west-1', credentials, maxAttempts: 1 });
  stops.push(async () => {
    client.destroy();
    await server.stop();
  });
  const QueueUrl = server.queueUrl('letters');
  await client.send(new CreateQueueCommand({ QueueName: 'letters' }));
  /** Starts a long poll and resolves when the server has found nothing to answer it with. */
  const startLongPoll = async () => {
    const readsBefore = clockReads;
    const abort = new AbortController();
    const command = new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 });
    const bodies = client
      .send(command, { abortSignal: abort.signal })
      .then(({ Messages = [] }) => Messages.map(({ Body }) => Body));
    // A rejection is handled where the test awaits it.
    bodies.catch(() => undefined);
    await vi.waitFor(() => expect(clockReads).toBeGreaterThan(readsBefore), { interval: 5 });
    return { bodies, abort: () => abort.abort() };
  };
  return { server, client, QueueUrl, startLongPoll };
}

/** A request as no SDK would send it. */
async function post(server: SqsServer, body: string | Uint8Array, target = 'SendMessage') {
  const response = await fetch(server.endpoint, {
    method: 'POST',
    headers: { 'x-amz-target': `AmazonSQS.${target}` },
    body,
  });
  const answer = (await response.json()) as Record<string, unknown>;
  return { status: response.status, answer, error: response.headers.get('x-amzn-query-error') };
}

describe('requests', () => {
  it('refuses an operation that it does not offer, naming those it does', async () => {
    const { client } = await setUp();

    const refused = client.send(new ListQueuesCommand({}));

    await expect(refused).rejects.toMatchObject({
      name: 'InvalidAction',
      message: expect.stringMatching(
        /does not offer ListQueues\. Offered are: CreateQueue, /,
      ) as string,
    });
  });

  it('refuses names that JavaScript objects have by nature', async () => {
    const { server } = await setUp();

    const { status, error } = await post(server, '{}', 'constructor');

    expect({ status, error }).toEqual({ status: 400, error: 'InvalidAction;Sender' });
  });

  it('refuses a request without an operation', async () => {
    const { server } = await setUp();

    const response = await fetch(server.endpoint);

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      __type: 'com.amazon.coral.service#UnknownOperationException',
    });
  });

  it.each<[string, string, string?]>([
    ['half an object', '{"QueueUrl":'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a number for a text', '{"QueueUrl":1}'],
    ['a text for an integer', '{"QueueUrl":"URL","MessageBody":"a","DelaySeconds":"1"}'],
    ['a fraction for an integer', '{"QueueUrl":"URL","MessageBody":"a","DelaySeconds":1.5}'],
    ['a list for a map', '{"QueueName":"x","Attributes":[]}', 'CreateQueue'],
    [
      'a number in a map of texts',
      '{"QueueName":"x","Attributes":{"VisibilityTimeout":1}}',
      'CreateQueue',
    ],
    [
      'a number in a list of texts',
      '{"QueueUrl":"URL","AttributeNames":[1]}',
      'GetQueueAttributes',
    ],
  ])('refuses %s as malformed', async (_, body, target = 'SendMessage') => {
    const { server, QueueUrl } = await setUp();

    const { status, answer, error } = await post(server, body.replace('URL', QueueUrl), target);

    expect({ status, error }).toEqual({ status: 400, error: 'MalformedInput;Sender' });
    expect(answer).toMatchObject({
      __type: 'com.amazon.coral.service#SerializationException',
      message: expect.stringMatching(/./) as string,
    });
  });

  it('refuses bytes that are not UTF-8, rather than storing other characters', async () => {
    const { server, QueueUrl } = await setUp();
    const body = Buffer.from(`{"QueueUrl":"${QueueUrl}","MessageBody":"\u00FF"}`, 'latin1');

    const { status, error } = await post(server, body);

    expect({ status, error }).toEqual({ status: 400, error: 'MalformedInput;Sender' });
  });

  it('refuses a body above its bound, and goes on serving', async () => {
    const { server, client, QueueUrl } = await setUp();

    const { status, answer } = await post(server, new Uint8Array(6 * 1_048_576 + 65_537));

    expect(status).toBe(413);
    expect(answer['message']).toMatch(/must not be longer than 6356992 bytes, got 6356993/);
    const sent = await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'a' }));
    expect(sent.MessageId).toBeDefined();
  });

  it('takes a message of 1 MiB that JSON spells at six times its length', async () => {
    const { server, QueueUrl } = await setUp();
    const text = String.raw`\u0061`.repeat(1_048_576);

    const { status, answer } = await post(
      server,
      `{"QueueUrl":"${QueueUrl}","MessageBody":"${text}"}`,
    );

    expect(status).toBe(200);
    expect(answer['MessageId']).toMatch(/^[\w-]{36}$/);
  });

  it('refuses what it could only ignore', async () => {
    const { client, QueueUrl } = await setUp();

    const MessageAttributes = { a: { DataType: 'String', StringValue: 'b' } };
    for (const more of [{ MessageGroupId: 'g' }, { MessageAttributes }]) {
      const sent = client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'a', ...more }));
      await expect(sent).rejects.toMatchObject({ name: 'UnsupportedOperation' });
    }
    const fifo = client.send(
      new CreateQueueCommand({ QueueName: 'other', Attributes: { FifoQueue: 'true' } }),
    );
    await expect(fifo).rejects.toMatchObject({ name: 'InvalidAttributeName' });
  });

  it('refuses attribute values out of range', async () => {
    const { client } = await setUp();

    const refused = client.send(
      new CreateQueueCommand({ QueueName: 'other', Attributes: { MaximumMessageSize: '1023' } }),
    );

    await expect(refused).rejects.toMatchObject({ name: 'InvalidAttributeValue' });
  });

  it('says SQSServiceException to the SDK for its own failures, with a status of 400', async () => {
    const { client, QueueUrl } = await setUp();

    const refused = client.send(new SendMessageCommand({ QueueUrl, MessageBody: '' }));

    await expect(refused).rejects.toBeInstanceOf(SQSServiceException);
    await expect(refused).rejects.toMatchObject({
      $fault: 'client',
      $metadata: { httpStatusCode: 400, requestId: expect.stringMatching(/^[\w-]{36}$/) as string },
    });
  });

  it('tells exact counts and the region of the request in the ARN', async () => {
    const { client, QueueUrl } = await setUp();
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'a' }));
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'b', DelaySeconds: 9 }));
    await client.send(new ReceiveMessageCommand({ QueueUrl }));

    const { Attributes } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
    );

    expect(Attributes).toMatchObject({
      ApproximateNumberOfMessages: '0',
      ApproximateNumberOfMessagesNotVisible: '1',
      ApproximateNumberOfMessagesDelayed: '1',
      QueueArn: 'arn:aws:sqs:eu-west-1:000000000000:letters',
    });
  });
});

describe('long polls', () => {
  it('end at once when a message arrives', async () => {
    const { client, QueueUrl, startLongPoll } = await setUp();
    const poll = await startLongPoll();

    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'a' }));

    expect(await poll.bodies).toEqual(['a']);
  });

  it('end when time makes a message visible, by the injected clock', async () => {
    const clock = { nowMs: 1_000_000 };
    const { client, QueueUrl, startLongPoll } = await setUp({ now: () => clock.nowMs });
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'a', DelaySeconds: 10 }));
    const poll = await startLongPoll();

    clock.nowMs += 10_000;

    expect(await poll.bodies).toEqual(['a']);
  });

  it('end when their wait is over by the injected clock', async () => {
    const clock = { nowMs: 1_000_000 };
    const { startLongPoll } = await setUp({ now: () => clock.nowMs });
    const poll = await startLongPoll();

    clock.nowMs += 20_000;

    expect(await poll.bodies).toEqual([]);
  });

  it('end when their wait is over although the injected clock stands still', async () => {
    const { client, QueueUrl } = await setUp({ now: () => 1_000_000 });

    const { Messages } = await client.send(
      new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1 }),
    );

    expect(Messages).toBeUndefined();
  });

  it('take no message for a client that is gone', async () => {
    const { client, QueueUrl, startLongPoll } = await setUp();
    const poll = await startLongPoll();
    poll.abort();
    await expect(poll.bodies).rejects.toMatchObject({ name: 'AbortError' });

    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'a' }));
    const { Messages } = await client.send(new ReceiveMessageCommand({ QueueUrl }));

    expect(Messages?.map(({ Body }) => Body)).toEqual(['a']);
  });

  it('end when their queue is deleted', async () => {
    const { client, QueueUrl, startLongPoll } = await setUp();
    const poll = await startLongPoll();

    await client.send(new DeleteQueueCommand({ QueueUrl }));

    await expect(poll.bodies).rejects.toBeInstanceOf(QueueDoesNotExist);
  });
});

describe('stop', () => {
  it('ends long polls, without messages', async () => {
    const { server, startLongPoll } = await setUp();
    const poll = await startLongPoll();

    await server.stop();

    expect(await poll.bodies).toEqual([]);
  });

  it('closes idle connections, also those in the middle of a request', async () => {
    const { server } = await setUp();
    const { port } = new URL(server.endpoint);
    const idle = connect(Number(port), '127.0.0.1');
    const halfway = connect(Number(port), '127.0.0.1');
    const closed = [idle, halfway].map(
      (socket) => new Promise((resolve) => socket.on('error', () => {}).on('close', resolve)),
    );
    halfway.write('POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{');

    await server.stop();

    await expect(Promise.all(closed)).resolves.toHaveLength(2);
    await expect(fetch(server.endpoint)).rejects.toThrow(TypeError);
  });

  it('can be repeated', async () => {
    const { server } = await setUp();

    await Promise.all([server.stop(), server.stop()]);

    await expect(server.stop()).resolves.toBeUndefined();
  });
});

describe('start', () => {
  it('names the port that is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    stops.push(async () => void other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;

    const started = startSqsServer({ port });

    await expect(started).rejects.toThrow(FerryError);
    await expect(started).rejects.toMatchObject({
      code: 'local.port.in-use',
      message: expect.stringContaining(String(port)) as string,
    });
  });

  it('listens on loopback only', async () => {
    const { server } = await setUp();

    expect(server.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(server.queueUrl('letters')).toBe(`${server.endpoint}/000000000000/letters`);
  });

  it('takes a given port again after a stop', async () => {
    const first = await startSqsServer();
    const port = Number(new URL(first.endpoint).port);
    await first.stop();

    const second = await startSqsServer({ port });
    stops.push(() => second.stop());

    expect(second.endpoint).toBe(first.endpoint);
  });
});
