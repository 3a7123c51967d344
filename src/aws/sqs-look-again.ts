// The look-again queue in SQS. A message is not delivered before its delay is over.

import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { REQUEST_TIMEOUT_MS } from '../config/names.ts';
import type { LookAgainQueue } from '../ports.ts';
import { configuredEndpoint } from './endpoints.ts';
import { sdkClient } from './sdk-client.ts';
import { type QueueSettings, queueSettings } from './queue-settings.ts';

export interface SqsLookAgainOptions extends QueueSettings {
  /** Until a message is delivered, 0 to 900. */
  readonly delaySeconds: number;
}

/** A message sent twice is harmless, so the SDK may retry, within the time that a request has. */
export function sqsLookAgain(options: SqsLookAgainOptions): LookAgainQueue {
  const { queueUrl, delaySeconds } = options;
  const client: SQSClient = new SQSClient({
    ...queueSettings(options, () => configuredEndpoint(client)),
    maxAttempts: 2,
    requestHandler: new NodeHttpHandler({ connectionTimeout: 2_000 }),
  });
  sdkClient(client, options);
  return {
    async announce(body) {
      const message = { QueueUrl: queueUrl, MessageBody: body, DelaySeconds: delaySeconds };
      const abortSignal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
      await client.send(new SendMessageCommand(message), { abortSignal });
    },
  };
}
