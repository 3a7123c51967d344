// The contract of MessageQueue, held against the adapter for SQS: on the local server, and on a real
// endpoint when SQS_ENDPOINT names one. There, SQS_QUEUE_URL names a standard queue for tests only (every
// message met is deleted); without it, a queue with a unique name is created and deleted.

import { randomUUID } from 'node:crypto';
import { type RequestListener, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ReceiptHandleIsInvalid } from '@aws-sdk/client-sqs';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  onTestFinished,
  vi,
} from 'vitest';
import { queueClient, sqsMessages } from '../../src/aws/sqs-messages.ts';
import type { MessageQueue, QueuedMessage } from '../../src/ports.ts';
import { type SqsUser, connectRemote, startLocal } from './sqs-target.ts';

const { SQS_ENDPOINT: endpoint, SQS_QUEUE_URL: givenUrl } = process.env;

const targets = [{ name: 'local SQS', start: startLocal }];
if (endpoint !== undefined) {
  targets.push({ name: `SQS at ${endpoint}`, start: () => connectRemote(endpoint, givenUrl) });
}

/** Longest time to wait for messages that are on their way. */
const ARRIVAL_TIMEOUT_MS = 90_000;

/** Longer than any test takes: what is hidden for so long does not come back by itself. */
const LONG_SECONDS = 600;

const MD5_OF_A = '0cc175b9c0f1b6a831c399e269772661';

describe.each(targets)('$name', ({ start }) => {
  let user: SqsUser;
  let stop: (() => Promise<void>) | undefined;
  let queue: MessageQueue;
  /** Every message that a test received, newest delivery last. */
  let received: QueuedMessage[];

  beforeAll(async () => {
    user = await start();
    stop = () => user.stop();
    queue = sqsMessages(user.client, user.queueUrl);
  });
  beforeEach(async () => {
    received = [];
    await user.drain();
  });
  afterEach(async () => {
    for (const message of received) await queue.delete(message);
  });
  afterAll(() => stop?.());

  async function receive(hiddenSeconds = LONG_SECONDS): Promise<readonly QueuedMessage[]> {
    const messages = await queue.receive(hiddenSeconds);
    received.push(...messages);
    return messages;
  }

  /** Receives until `count` deliveries have come. */
  async function receiveMany(count: number, hiddenSeconds = LONG_SECONDS) {
    const messages: QueuedMessage[] = [];
    const deadline = Date.now() + ARRIVAL_TIMEOUT_MS;
    while (messages.length < count) {
      if (Date.now() > deadline) throw new Error(`${messages.length} of ${count} messages came`);
      messages.push(...(await receive(hiddenSeconds)));
    }
    return messages;
  }

  async function sendAndReceive(hiddenSeconds = LONG_SECONDS): Promise<QueuedMessage> {
    await user.send();
    const [message] = await receiveMany(1, hiddenSeconds);
    return message as QueuedMessage;
  }

  it.each([
    ['JSON', '{"schemaVersion":1,"record":{"dynamodb":{}}}'],
    ['spaces and line ends', ' \t\r\n\n a \r\n'],
    ['every kind of letter', 'é e\u0301 ß Ω 漢字 עברית 😀 \u{10FFFF}\uFFFD'],
    ['what looks like XML', '<Body>&amp;&#10;]]></Body>'],
    ['the longest text', 'a'.repeat(1_048_576)],
  ])('hands over %s as it was sent', async (_, MessageBody) => {
    await user.send({ MessageBody });

    const [message] = await receiveMany(1);

    expect(message?.body === MessageBody).toBe(true);
  });

  it('tells when a message was sent, in milliseconds, and its id', async () => {
    const { MessageId } = await user.send();

    const [message] = await receiveMany(1);

    expect(message?.messageId).toBe(MessageId);
    // A minute for clocks that disagree.
    expect(Math.abs((message?.sentAtMs ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it('receives nothing from an empty queue', async () => {
    expect(await receive()).toEqual([]);
  });

  it('receives every message once, ten at most at a time', async () => {
    const bodies = Array.from({ length: 12 }, () => randomUUID());
    await Promise.all(bodies.map((MessageBody) => user.send({ MessageBody })));

    const first = await receive();
    const others = await receiveMany(bodies.length - first.length);

    expect(first.length).toBeLessThanOrEqual(10);
    const seen = [...first, ...others].map(({ body }) => body);
    expect(seen.toSorted()).toEqual(bodies.toSorted());
  });

  it('hides what was received', async () => {
    await sendAndReceive();

    expect(await receive()).toEqual([]);
  });

  it('shows a message again that was neither deleted nor released in time', async () => {
    const first = await sendAndReceive(1);

    const [second] = await receiveMany(1);

    expect(second).toMatchObject({
      messageId: first.messageId,
      body: first.body,
      sentAtMs: first.sentAtMs,
    });
    expect(second?.receiptHandle).not.toBe(first.receiptHandle);
  });

  it('shows a message again at once that is released', async () => {
    const first = await sendAndReceive();

    await queue.release(first);

    const [second] = await receiveMany(1);
    expect(second?.messageId).toBe(first.messageId);
  });

  it('releases one message and no other', async () => {
    await Promise.all([user.send(), user.send()]);
    const [first] = await receiveMany(2);

    await queue.release(first as QueuedMessage);

    const again = await receiveMany(1);
    expect(again.map(({ messageId }) => messageId)).toEqual([first?.messageId]);
    expect(await receive()).toEqual([]);
  });

  it('deletes one message for good, twice if need be, and no other', async () => {
    await Promise.all([user.send(), user.send()]);
    const [first, second] = await receiveMany(2);

    await queue.delete(first as QueuedMessage);
    await queue.delete(first as QueuedMessage);
    for (const message of received) await queue.release(message);

    const again = await receiveMany(1);
    expect(again.map(({ messageId }) => messageId)).toEqual([second?.messageId]);
    expect(await receive()).toEqual([]);
  });

  it('deletes a message also after the time for which it was hidden', async () => {
    const message = await sendAndReceive(0);

    await queue.delete(message);

    expect(await receive()).toEqual([]);
  });

  it('takes no offence at releasing what was deleted', async () => {
    const message = await sendAndReceive();
    await queue.delete(message);

    await expect(queue.release(message)).resolves.toBeUndefined();

    expect(await receive()).toEqual([]);
  });

  it('takes no offence at releasing what is visible again', async () => {
    const message = await sendAndReceive(0);

    await expect(queue.release(message)).resolves.toBeUndefined();

    expect((await receiveMany(1))[0]?.messageId).toBe(message.messageId);
  });

  it('takes no offence at the handle of an older delivery', async () => {
    const older = await sendAndReceive(0);
    const [newer] = await receiveMany(1);
    expect(newer?.messageId).toBe(older.messageId);

    await expect(queue.release(older)).resolves.toBeUndefined();
    await expect(queue.delete(older)).resolves.toBeUndefined();
  });

  it('counts what it holds, hidden or not', async () => {
    await Promise.all([user.send(), user.send(), user.send({ DelaySeconds: 900 })]);
    await receiveMany(2);
    await user.send();
    // An estimate, which may take a while to become true.
    await vi.waitFor(async () => expect(await queue.size()).toBe(4), {
      timeout: ARRIVAL_TIMEOUT_MS,
    });

    for (const message of received) await queue.delete(message);

    await vi.waitFor(async () => expect(await queue.size()).toBe(2), {
      timeout: ARRIVAL_TIMEOUT_MS,
    });
  });

  it('rejects what is no receipt handle at all', async () => {
    const message = await sendAndReceive();
    const broken = { ...message, receiptHandle: 'broken' };

    await expect(queue.release(broken)).rejects.toThrow(ReceiptHandleIsInvalid);
    await expect(queue.delete(broken)).rejects.toThrow(ReceiptHandleIsInvalid);
  });

  it('rejects when there is no such queue: that is no empty one', async () => {
    const message = await sendAndReceive();
    const elsewhere = sqsMessages(user.client, `${user.queueUrl}-${randomUUID().slice(0, 8)}`);

    for (const ask of [
      () => elsewhere.receive(1),
      () => elsewhere.release(message),
      () => elsewhere.delete(message),
      () => elsewhere.size(),
    ]) {
      await expect(ask()).rejects.toMatchObject({ name: 'QueueDoesNotExist' });
    }
  });
});

it('leaves a message to a later reader when the handle is of an older delivery (local SQS)', async () => {
  const user = await startLocal();
  onTestFinished(() => user.stop());
  const queue = sqsMessages(user.client, user.queueUrl);
  await user.send();
  const [older] = await queue.receive(0);
  const [newer] = await queue.receive(LONG_SECONDS);

  await queue.release(older as QueuedMessage);
  await queue.delete(older as QueuedMessage);

  expect(await queue.receive(LONG_SECONDS)).toEqual([]);
  await queue.release(newer as QueuedMessage);
  expect(await queue.receive(LONG_SECONDS)).toMatchObject([{ messageId: older?.messageId }]);
});

it('receives ten messages at a time, where one server has them all (local SQS)', async () => {
  const user = await startLocal();
  onTestFinished(() => user.stop());
  const queue = sqsMessages(user.client, user.queueUrl);
  await Promise.all(Array.from({ length: 12 }, () => user.send()));

  expect(await queue.receive(LONG_SECONDS)).toHaveLength(10);
  expect(await queue.receive(LONG_SECONDS)).toHaveLength(2);
});

it('waits a moment for a message that is about to come (local SQS)', async () => {
  const user = await startLocal();
  onTestFinished(() => user.stop());
  const queue = sqsMessages(user.client, user.queueUrl);

  const receiving = queue.receive(LONG_SECONDS);
  const { MessageId } = await user.send();

  expect(await receiving).toMatchObject([{ messageId: MessageId }]);
});

// At the same time, because most of it is waiting.
describe('an endpoint in trouble', { concurrent: true }, () => {
  const stops: (() => Promise<void>)[] = [];

  afterAll(async () => {
    for (const stop of stops) await stop();
  });

  async function queueOf(answer: RequestListener) {
    const requests: string[] = [];
    const server = createServer((request, response) => {
      requests.push(String(request.headers['x-amz-target']));
      request.resume();
      answer(request, response);
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const queueUrl = `http://127.0.0.1:${port}/000000000000/letters`;
    const client = queueClient({ region: 'eu-west-1', queueUrl });
    stops.push(async () => {
      client.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    });
    return { queue: sqsMessages(client, queueUrl), requests };
  }

  const message = { body: 'a', messageId: 'a', receiptHandle: 'a', sentAtMs: 0 };

  it('is asked three times', async () => {
    const { queue, requests } = await queueOf((_, response) => {
      response.writeHead(503).end('{"__type":"ServiceUnavailable"}');
    });

    await expect(queue.receive(1)).rejects.toMatchObject({ name: 'ServiceUnavailable' });

    expect(requests).toEqual(Array.from({ length: 3 }, () => 'AmazonSQS.ReceiveMessage'));
  });

  it('is given up when it does not answer', async () => {
    const { queue, requests } = await queueOf((_, response) => {
      // Signs of life are no answer.
      const timer = setInterval(() => response.writeProcessing(), 200);
      response.on('close', () => clearInterval(timer));
    });

    await expect(queue.receive(1)).rejects.toMatchObject({ name: 'TimeoutError' });

    expect(requests).toHaveLength(3);
  });

  it('is given up when it stalls within an answer', async () => {
    const { queue, requests } = await queueOf((_, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('{');
    });

    await expect(queue.receive(1)).rejects.toMatchObject({ name: 'TimeoutError' });

    expect(requests).toHaveLength(3);
  });

  it('is not believed when a message lacks its time', async () => {
    const { queue } = await queueOf((_, response) => {
      const Messages = [{ Body: 'a', MessageId: 'a', ReceiptHandle: 'a', MD5OfBody: MD5_OF_A }];
      response.end(JSON.stringify({ Messages }));
    });

    await expect(queue.receive(1)).rejects.toMatchObject({ code: 'queue.unreadable' });
  });

  it.each([
    ['a message that is not in flight', 'MessageNotInflight', 'Not in flight.'],
    [
      'a message that it cannot find',
      'InvalidParameterValueException',
      'Value a for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.',
    ],
  ])('may refuse to release %s', async (_, name, text) => {
    const { queue } = await queueOf((_, response) => {
      response.writeHead(400).end(JSON.stringify({ __type: name, message: text }));
    });

    await expect(queue.release(message)).resolves.toBeUndefined();
  });

  it.each([
    ['a lack of permission', 'AccessDeniedException', 'No sqs:ChangeMessageVisibility here.'],
    [
      'another parameter',
      'InvalidParameterValueException',
      'Value 0 for parameter VisibilityTimeout is invalid.',
    ],
  ])('may not refuse to release a message for %s unnoticed', async (_, name, text) => {
    const { queue } = await queueOf((_, response) => {
      response.writeHead(400).end(JSON.stringify({ __type: name, message: text }));
    });

    await expect(queue.release(message)).rejects.toMatchObject({ name });
  });
});
