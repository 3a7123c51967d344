// What Ferry relies on in SQS, held against the local server, and against a real endpoint when
// SQS_ENDPOINT names one. There, SQS_QUEUE_URL names a standard queue for tests only (every message met
// is deleted); without it, a queue with a unique name is created and deleted.

import { createHash, randomUUID } from 'node:crypto';
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  QueueDoesNotExist,
  ReceiptHandleIsInvalid,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type SqsUser, connectRemote, startLocal } from './sqs-target.ts';

const { SQS_ENDPOINT: endpoint, SQS_QUEUE_URL: queueUrl } = process.env;

const targets = [{ name: 'local SQS', start: startLocal }];
if (endpoint !== undefined) {
  targets.push({ name: `SQS at ${endpoint}`, start: () => connectRemote(endpoint, queueUrl) });
}

describe.each(targets)('$name', ({ start }) => {
  let user: SqsUser;
  let stop: (() => Promise<void>) | undefined;
  let client: SQSClient;
  let QueueUrl: string;

  beforeAll(async () => {
    user = await start();
    stop = () => user.stop();
    client = user.client;
    QueueUrl = user.queueUrl;
  });
  afterEach(() => user.forget());
  afterAll(() => stop?.());

  const changeVisibility = (ReceiptHandle: string | undefined, VisibilityTimeout: number) =>
    client.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout }));

  it('hands a body over unchanged, whatever allowed characters it holds', async () => {
    const MessageBody = `"\\ \t\r\n é € 😀 \u{10FFFF}\uE000\uFFFD\u007F </>& ${randomUUID()}`;

    const { MessageId, MD5OfMessageBody } = await user.send({ MessageBody });
    const [message] = await user.receiveOwn([MessageId]);

    expect(message?.Body).toBe(MessageBody);
    expect(MD5OfMessageBody).toBe(createHash('md5').update(MessageBody).digest('hex'));
    expect(message?.MD5OfBody).toBe(MD5OfMessageBody);
  });

  it('shows no attributes that nobody asked for', async () => {
    const message = await user.sendAndReceive();

    expect(message.Attributes).toBeUndefined();
  });

  it.each(['MessageSystemAttributeNames', 'AttributeNames'] as const)(
    'tells when a message was sent and how often it was received (%s)',
    async (parameter) => {
      const message = await user.sendAndReceive({}, { [parameter]: ['All'] });

      const milliseconds = expect.stringMatching(/^\d{13}$/) as string;
      expect(message.Attributes).toMatchObject({
        SentTimestamp: milliseconds,
        ApproximateFirstReceiveTimestamp: milliseconds,
        ApproximateReceiveCount: '1',
      });
    },
  );

  it('shows only the system attributes that are asked for', async () => {
    const message = await user.sendAndReceive(
      {},
      { MessageSystemAttributeNames: ['SentTimestamp'] },
    );

    expect(Object.keys(message.Attributes ?? {})).toEqual(['SentTimestamp']);
  });

  it('takes a message of exactly the size limit, and not one byte more', async () => {
    const AttributeNames = ['MaximumMessageSize' as const];
    const { Attributes } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames }),
    );
    const limit = Number(Attributes?.MaximumMessageSize);
    const largest = `é${'a'.repeat(limit - 2)}`;

    const message = await user.sendAndReceive({ MessageBody: largest });
    const refused = user.send({ MessageBody: `${largest}a` });

    expect(message.Body).toBe(largest);
    await expect(refused).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });

  it('refuses an empty body', async () => {
    const refused = user.send({ MessageBody: '' });

    await expect(refused).rejects.toMatchObject({ name: 'MissingParameter' });
  });

  it.each(['\0', '\u0008', '\u000B', '\u001F', '\uFFFE', '\uFFFF'])(
    'refuses a body with the character %j',
    async (character) => {
      const refused = user.send({ MessageBody: `a${character}z` });

      await expect(refused).rejects.toMatchObject({ name: 'InvalidMessageContents' });
    },
  );

  it('refuses a delay above 15 minutes', async () => {
    await expect(user.send({ DelaySeconds: 901 })).rejects.toMatchObject({
      name: 'InvalidParameterValue',
    });
  });

  it('holds a delayed message back', async () => {
    await user.drain();
    const { MessageId } = await user.send({ DelaySeconds: 1 });

    const early = await user.receive();
    const [late] = await user.receiveOwn([MessageId]);

    expect(early).toEqual([]);
    expect(late?.MessageId).toBe(MessageId);
  });

  it('ends a long poll as soon as a message arrives', async () => {
    await user.drain();

    const waiting = user.receive({ WaitTimeSeconds: 20 });
    const { MessageId } = await user.send();
    const messages = await waiting;

    expect(messages.map((message) => message.MessageId)).toEqual([MessageId]);
  });

  it('ends a long poll without messages when its time is over', async () => {
    await user.drain();
    const startedAt = performance.now();

    const messages = await user.receive({ WaitTimeSeconds: 1 });

    expect(messages).toEqual([]);
    expect(performance.now() - startedAt).toBeGreaterThan(900);
  });

  it.each([{ MaxNumberOfMessages: 0 }, { MaxNumberOfMessages: 11 }, { WaitTimeSeconds: 21 }])(
    'refuses to receive with %o',
    async (input) => {
      await expect(user.receive(input)).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    },
  );

  it('hands out no more messages than asked for', async () => {
    await user.drain();
    await Promise.all([user.send(), user.send(), user.send()]);

    const messages = await user.receive({ MaxNumberOfMessages: 1, WaitTimeSeconds: 5 });
    await user.drain();

    expect(messages).toHaveLength(1);
  });

  it('delivers a message again after its visibility timeout, with a new receipt handle', async () => {
    const MessageSystemAttributeNames = ['ApproximateReceiveCount' as const];
    const first = await user.sendAndReceive(
      {},
      { VisibilityTimeout: 1, MessageSystemAttributeNames },
    );

    const [second] = await user.receiveOwn([first.MessageId], { MessageSystemAttributeNames });

    expect(first.Attributes?.ApproximateReceiveCount).toBe('1');
    expect(second?.Attributes?.ApproximateReceiveCount).toBe('2');
    expect(second?.ReceiptHandle).not.toBe(first.ReceiptHandle);
  });

  it('hides a message while it is in flight', async () => {
    const { MessageId } = await user.send();
    await user.receiveOwn([MessageId], { VisibilityTimeout: 30 });

    const meanwhile = await user.receive({ WaitTimeSeconds: 1 });

    expect(meanwhile.map((message) => message.MessageId)).not.toContain(MessageId);
  });

  it('delivers a message again at once when its visibility timeout is set to zero', async () => {
    const message = await user.sendAndReceive({}, { VisibilityTimeout: 600 });

    const { ReceiptHandle } = message;
    await changeVisibility(ReceiptHandle, 0);

    const [again] = await user.receiveOwn([message.MessageId]);
    expect(again?.Body).toBe(message.Body);
  });

  it('keeps a message hidden for longer when its visibility timeout is extended', async () => {
    const { MessageId, ReceiptHandle } = await user.sendAndReceive({}, { VisibilityTimeout: 1 });

    await changeVisibility(ReceiptHandle, 30);

    const messages = await user.receive({ WaitTimeSeconds: 2 });
    expect(messages.map((message) => message.MessageId)).not.toContain(MessageId);
  });

  it('refuses a visibility timeout above 12 hours', async () => {
    const { ReceiptHandle } = await user.sendAndReceive({});

    const refused = changeVisibility(ReceiptHandle, 43_201);

    await expect(refused).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });

  it('does not deliver a deleted message again', async () => {
    const message = await user.sendAndReceive({}, { VisibilityTimeout: 0 });

    await user.delete(message.ReceiptHandle);

    const messages = await user.receive({ WaitTimeSeconds: 1 });
    expect(messages.map(({ MessageId }) => MessageId)).not.toContain(message.MessageId);
  });

  it('accepts a second delete of the same message', async () => {
    const { ReceiptHandle } = await user.sendAndReceive({});
    await user.delete(ReceiptHandle);

    await expect(user.delete(ReceiptHandle)).resolves.toBeUndefined();
  });

  it('refuses to change the visibility of a deleted message', async () => {
    const { ReceiptHandle } = await user.sendAndReceive({});
    await user.delete(ReceiptHandle);

    const refused = changeVisibility(ReceiptHandle, 30);

    await expect(refused).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });

  it('refuses a receipt handle that it never gave out', async () => {
    await expect(user.delete('garbage')).rejects.toBeInstanceOf(ReceiptHandleIsInvalid);
    await expect(changeVisibility('garbage', 30)).rejects.toBeInstanceOf(ReceiptHandleIsInvalid);
  });

  it('describes the queue', async () => {
    const request = { QueueUrl, AttributeNames: ['All' as const] };

    const { Attributes } = await client.send(new GetQueueAttributesCommand(request));

    const digits = expect.stringMatching(/^\d+$/) as string;
    expect(Attributes).toMatchObject({
      ApproximateNumberOfMessages: digits,
      ApproximateNumberOfMessagesDelayed: digits,
      ApproximateNumberOfMessagesNotVisible: digits,
      CreatedTimestamp: expect.stringMatching(/^\d{10}$/) as string,
      MaximumMessageSize: digits,
      MessageRetentionPeriod: digits,
      VisibilityTimeout: digits,
    });
    const name = QueueUrl.split('/').at(-1) ?? '';
    expect(Attributes?.QueueArn).toMatch(
      new RegExp(`^arn:aws[\\w-]*:sqs:[\\w-]+:\\d{12}:${name}$`),
    );
  });

  it('describes only what is asked for', async () => {
    const AttributeNames = ['VisibilityTimeout' as const];

    const some = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }));
    const none = await client.send(new GetQueueAttributesCommand({ QueueUrl }));

    expect(Object.keys(some.Attributes ?? {})).toEqual(AttributeNames);
    expect(none.Attributes ?? {}).toEqual({});
  });

  it.each([
    ['sending', (missing: string) => user.send({ QueueUrl: missing })],
    ['receiving', (missing: string) => user.receive({ QueueUrl: missing })],
    [
      'describing',
      (missing: string) => client.send(new GetQueueAttributesCommand({ QueueUrl: missing })),
    ],
  ])('says that a queue does not exist when %s', async (_, request) => {
    await expect(request(`${QueueUrl}-missing`)).rejects.toBeInstanceOf(QueueDoesNotExist);
  });

  it('finds a queue by its name', async () => {
    const QueueName = QueueUrl.split('/').at(-1);

    const found = await client.send(new GetQueueUrlCommand({ QueueName }));
    const missing = client.send(new GetQueueUrlCommand({ QueueName: `${QueueName}-missing` }));

    expect(found.QueueUrl?.split('/').at(-1)).toBe(QueueName);
    await expect(missing).rejects.toBeInstanceOf(QueueDoesNotExist);
  });

  it('creates a queue once, and refuses other attributes for it', async () => {
    const QueueName = `ferry-contract-${randomUUID()}`;
    const Attributes = { VisibilityTimeout: '69' };
    const first = await client.send(new CreateQueueCommand({ QueueName, Attributes }));

    const again = await client.send(new CreateQueueCommand({ QueueName }));
    const other = client.send(
      new CreateQueueCommand({ QueueName, Attributes: { VisibilityTimeout: '70' } }),
    );

    expect(again.QueueUrl).toBe(first.QueueUrl);
    await expect(other).rejects.toMatchObject({ name: 'QueueNameExists' });
    await client.send(new DeleteQueueCommand({ QueueUrl: first.QueueUrl }));
  });
});
