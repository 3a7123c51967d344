// A queue in SQS as its reader sees it. Receives the SDK's client, whose time-outs must exceed the wait
// of a receive; rejects with the service's errors.

import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  MessageNotInflight,
  type QueueAttributeName,
  ReceiveMessageCommand,
  SQSClient,
  SQSServiceException,
} from '@aws-sdk/client-sqs';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { REQUEST_TIMEOUT_MS } from '../config/names.ts';
import { FerryError } from '../errors.ts';
import type { MessageQueue, QueuedMessage } from '../ports.ts';
import { configuredEndpoint } from './endpoints.ts';
import { sdkClient } from './sdk-client.ts';
import { type QueueSettings, queueSettings } from './queue-settings.ts';

/** The most that SQS gives at once. */
const MESSAGES_PER_RECEIVE = 10;

/** A receive that waits asks all of SQS's servers; one that does not may miss messages that are there. */
const WAIT_SECONDS = 1;

/** Time for an answer to begin, the wait included, and the longest pause within one. */
const ANSWER_TIMEOUT_MS = WAIT_SECONDS * 1_000 + REQUEST_TIMEOUT_MS / 2;

/** Together, all messages that are in the queue. */
const COUNTS: readonly QueueAttributeName[] = [
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesNotVisible',
  'ApproximateNumberOfMessagesDelayed',
];

/**
 * A client for the queue. It may retry: messages that were received by a request without an answer come back by
 * themselves.
 */
export function queueClient(settings: QueueSettings): SQSClient {
  const client: SQSClient = new SQSClient({
    ...queueSettings(settings, () => configuredEndpoint(client)),
    maxAttempts: 3,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: 1_000,
      requestTimeout: ANSWER_TIMEOUT_MS,
      socketTimeout: ANSWER_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    }),
  });
  return sdkClient(client, settings);
}

/** The messages of the queue. */
export function sqsMessages(client: SQSClient, queueUrl: string): MessageQueue {
  return {
    async receive(hiddenSeconds) {
      const { Messages = [] } = await client.send(
        new ReceiveMessageCommand({
          QueueUrl: queueUrl,
          MaxNumberOfMessages: MESSAGES_PER_RECEIVE,
          WaitTimeSeconds: WAIT_SECONDS,
          VisibilityTimeout: hiddenSeconds,
          MessageSystemAttributeNames: ['SentTimestamp'],
        }),
      );
      return Messages.map((message) => toQueuedMessage(queueUrl, message));
    },
    async delete({ receiptHandle: ReceiptHandle }) {
      await client.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle }));
    },
    release: ({ receiptHandle }) => release(client, queueUrl, receiptHandle),
    async size() {
      const { Attributes = {} } = await client.send(
        new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [...COUNTS] }),
      );
      return COUNTS.reduce((sum, name) => sum + Number(Attributes[name]), 0);
    },
  };
}

async function release(client: SQSClient, queueUrl: string, ReceiptHandle: string): Promise<void> {
  try {
    await client.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: queueUrl,
        ReceiptHandle,
        VisibilityTimeout: 0,
      }),
    );
  } catch (error) {
    if (!isOutOfHands(error)) throw error;
  }
}

/**
 * Whether the message is no longer the caller's to release: visible again, or else deleted, expired or
 * in the hands of another reader. For the latter, SQS has no error of its own.
 */
function isOutOfHands(error: unknown): boolean {
  if (error instanceof MessageNotInflight) return true;
  return (
    error instanceof SQSServiceException &&
    /^InvalidParameterValue(Exception)?$/.test(error.name) &&
    error.message.includes('ReceiptHandle')
  );
}

function toQueuedMessage(queueUrl: string, message: Message): QueuedMessage {
  const { Body: body, MessageId: messageId, ReceiptHandle: receiptHandle } = message;
  const sentAt = message.Attributes?.SentTimestamp;
  if (
    body === undefined ||
    messageId === undefined ||
    receiptHandle === undefined ||
    sentAt === undefined
  ) {
    throw new FerryError(`The queue ${queueUrl} gave a message that lacks its body, id or time.`, {
      code: 'queue.unreadable',
      hint: 'Check that the endpoint is SQS, and that the AWS SDK here is up to date.',
    });
  }
  return { body, messageId, receiptHandle, sentAtMs: Number(sentAt) };
}
