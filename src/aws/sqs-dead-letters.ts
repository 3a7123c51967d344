// The dead-letter queue in SQS, and a bucket for the rare record that is too large for it.

import { randomUUID } from 'node:crypto';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { DEAD_LETTER_OBJECT_PREFIX, REQUEST_TIMEOUT_MS } from '../config/names.ts';
import { servicesAt } from '../config/partition-services.ts';
import { deadLetterMessage } from '../model/dead-letter.ts';
import type { DeadLetterQueue, ObjectStore } from '../ports.ts';
import { configuredEndpoint } from './endpoints.ts';
import { queueSettings } from './queue-settings.ts';

export interface SqsDeadLettersOptions {
  readonly queueUrl: string;
  /** The queue's own Region. */
  readonly region: string;
  /** Letters sent at the same time, at most. */
  readonly concurrency: number;
  /** Opened with the first record that needs it, because hardly any ever does. */
  readonly openBucket: () => Promise<ObjectStore>;
}

/** A letter sent twice is harmless, so the SDK may retry, within the time that a request has. */
export function sqsDeadLetters(options: SqsDeadLettersOptions): DeadLetterQueue {
  const { queueUrl, region, concurrency, openBucket } = options;
  const agent = { keepAlive: true, maxSockets: concurrency };
  const client: SQSClient = new SQSClient({
    ...queueSettings({ region, queueUrl }, () => configuredEndpoint(client)),
    maxAttempts: 2,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: 2_000,
      httpAgent: agent,
      httpsAgent: agent,
    }),
  });
  return {
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
      await client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: message.body }), {
        abortSignal,
      });
    },
  };
}
