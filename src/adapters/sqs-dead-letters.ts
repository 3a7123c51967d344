// The dead-letter queue in SQS.

import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { DEAD_LETTER_SIZE_BYTES_MAX, REQUEST_TIMEOUT_MS } from '../contract.ts';
import { deadLetterBody } from '../core/dead-letter.ts';
import type { DeadLetterQueue } from '../ports.ts';

/** The queue's own Region is the function's. A letter sent twice is harmless, so the SDK may retry. */
export function sqsDeadLetters({
  queueUrl,
  region,
}: {
  queueUrl: string;
  region: string;
}): DeadLetterQueue {
  const client = new SQSClient({
    region,
    endpoint: new URL(queueUrl).origin,
    maxAttempts: 2,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: 1_000,
      requestTimeout: REQUEST_TIMEOUT_MS / 2,
      throwOnRequestTimeout: true,
    }),
  });
  return {
    async send(letter) {
      const MessageBody = deadLetterBody(letter, DEAD_LETTER_SIZE_BYTES_MAX);
      await client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }));
    },
  };
}
