// The dead-letter queue in SQS, and a bucket for the rare record that is too large for it.

import { randomUUID } from 'node:crypto';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { DEAD_LETTER_OBJECT_PREFIX, REQUEST_TIMEOUT_MS } from '../config/names.ts';
import { servicesAt } from '../config/partition-services.ts';
import { deadLetterMessage } from '../model/dead-letter.ts';
import type { DeadLetterQueue, ObjectStore } from '../ports.ts';
import { configuredEndpoint } from './endpoints.ts';
import { type QueueSettings, queueSettings } from './queue-settings.ts';

/** The Region is the queue's own. */
export interface SqsDeadLettersOptions extends QueueSettings {
  /** Letters sent at the same time, at most. */
  readonly concurrency: number;
  /** Opened with the first record that needs it, because hardly any ever does. */
  readonly openBucket: () => Promise<ObjectStore>;
}

export interface SqsDeadLetters extends DeadLetterQueue {
  /** Sends what is no letter of a record: a note about a batch, as Lambda sends it. */
  readonly note: (body: string) => Promise<void>;
  readonly close: () => void;
}

/** A letter sent twice is harmless, so the SDK may retry, within the time that a request has. */
export function sqsDeadLetters(options: SqsDeadLettersOptions): SqsDeadLetters {
  const { queueUrl, region, concurrency, openBucket } = options;
  const agent = { keepAlive: true, maxSockets: concurrency };
  const client: SQSClient = new SQSClient({
    ...queueSettings(options, () => configuredEndpoint(client)),
    maxAttempts: 2,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: 2_000,
      httpAgent: agent,
      httpsAgent: agent,
    }),
  });
  const post = async (MessageBody: string, abortSignal: AbortSignal) => {
    await client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }), { abortSignal });
  };
  return {
    note: (body) => post(body, AbortSignal.timeout(REQUEST_TIMEOUT_MS)),
    close: () => client.destroy(),
    async send(letter) {
      const abortSignal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
      const objectKey = `${DEAD_LETTER_OBJECT_PREFIX}${letter.failedAt.slice(0, 10)}/${randomUUID()}.json`;
      const message = deadLetterMessage(letter, {
        sizeBytesMax: servicesAt(region).messageBytesMax,
        objectKey,
      });
      // Stored first: a message must never point to nothing.
      if ('record' in message) {
        await (await openBucket()).put(objectKey, message.record, abortSignal);
      }
      await post(message.body, abortSignal);
    },
  };
}
