// The look-again queue in SQS. A message is not delivered before its delay is over.

import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { REQUEST_TIMEOUT_MS } from '../contract.ts';
import type { LookAgainQueue } from '../ports.ts';
import { type ClientSettings, clientSettings } from './client-settings.ts';

export interface SqsLookAgainOptions extends Pick<ClientSettings, 'credentials'> {
  readonly queueUrl: string;
  /** The queue's own Region. */
  readonly region: string;
  /** Until a message is delivered, 0 to 900. */
  readonly delaySeconds: number;
}

/** A message sent twice is harmless, so the SDK may retry, within the time that a request has. */
export function sqsLookAgain(options: SqsLookAgainOptions): LookAgainQueue {
  const { queueUrl, region, delaySeconds, credentials } = options;
  const client = new SQSClient({
    ...clientSettings({ region, endpoint: new URL(queueUrl).origin, credentials }),
    maxAttempts: 2,
    requestHandler: new NodeHttpHandler({ connectionTimeout: 2_000 }),
  });
  return {
    async announce(body) {
      const message = { QueueUrl: queueUrl, MessageBody: body, DelaySeconds: delaySeconds };
      const abortSignal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
      await client.send(new SendMessageCommand(message), { abortSignal });
    },
  };
}
