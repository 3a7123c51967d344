// The look-again queue's event source mapping, over the local SQS and its real protocol.

import { CreateQueueCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { fixedCredentials } from '../../src/aws/access.ts';
import { queueClient, sqsMessages } from '../../src/aws/sqs-messages.ts';
import { systemClock } from '../../src/aws/system-clock.ts';
import {
  type QueueEvent,
  type QueueMapping,
  startQueueMapping,
} from '../../src/local/lambda/queue-mapping.ts';
import { type SqsServer, startSqsServer } from '../../src/local/sqs/server.ts';

const QUEUE = 'ferry-orders-look-again';
let sqs: SqsServer;
let client: SQSClient;
let queueUrl = '';
const mappings: QueueMapping[] = [];

beforeAll(async () => {
  sqs = await startSqsServer();
  client = queueClient({
    region: 'us-east-1',
    queueUrl: sqs.endpoint,
    credentials: fixedCredentials({ accessKeyId: 'test', secretAccessKey: 'test' }),
  });
  queueUrl = (await client.send(new CreateQueueCommand({ QueueName: QUEUE }))).QueueUrl ?? '';
});
afterEach(async () => {
  for (const mapping of mappings.splice(0)) await mapping.stop();
});
afterAll(async () => {
  client.destroy();
  await sqs.stop();
});

async function send(body: string, DelaySeconds = 0): Promise<void> {
  await client.send(
    new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body, DelaySeconds }),
  );
}

function start(invoke: (event: QueueEvent) => Promise<unknown>): QueueMapping {
  const mapping = startQueueMapping({
    queue: sqsMessages(client, queueUrl),
    hasten: () => sqs.queue(QUEUE).hasten(),
    invoke,
    clock: systemClock,
    onProblem: () => undefined,
  });
  mappings.push(mapping);
  return mapping;
}

const bodiesIn = ({ Records }: QueueEvent) => Records.map(({ body }) => body);

it('hands over what is in the queue, without waiting for its delay once it is asked to', async () => {
  const taken: string[] = [];
  const mapping = start(async (event) => void taken.push(...bodiesIn(event)));
  for (const body of ['a', 'b', 'c']) await send(body, 900);
  const before = [...taken];

  await mapping.drained();

  expect([before, taken.toSorted()]).toEqual([[], ['a', 'b', 'c']]);
});

it('brings back what the function says it has failed to do, and nothing else', async () => {
  const taken: string[] = [];
  const mapping = start(async (event) => {
    taken.push(...bodiesIn(event));
    const isFirst = taken.filter((body) => body === 'bad').length < 2;
    const failed = event.Records.filter(({ body }) => body === 'bad' && isFirst);
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  });
  for (const body of ['good', 'bad']) await send(body);

  await mapping.drained();

  expect(taken.toSorted()).toEqual(['bad', 'bad', 'good']);
});

it('brings everything back when the function throws', async () => {
  let invocations = 0;
  const mapping = start(async () => {
    invocations += 1;
    if (invocations === 1) throw new Error('no');
  });
  await send('a');

  await mapping.drained();

  expect(invocations).toBe(2);
});

it('hands nothing over once it is stopped', async () => {
  let invocations = 0;
  const mapping = start(async () => void (invocations += 1));
  await mapping.stop();
  await send('a');

  await mapping.drained();

  expect(invocations).toBe(0);
});
