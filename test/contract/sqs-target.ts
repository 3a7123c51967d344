// The endpoints that the SQS contract is held against, and the requests that its tests repeat.

import { randomUUID } from 'node:crypto';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  type Message,
  ReceiveMessageCommand,
  type ReceiveMessageCommandInput,
  SQSClient,
  SendMessageCommand,
  type SendMessageCommandInput,
  type SendMessageCommandOutput,
} from '@aws-sdk/client-sqs';
import { startSqsServer } from '../../src/local/sqs/server.ts';

/** A standard queue at some endpoint, for the tests alone: every message met there is deleted. */
interface Target {
  readonly client: SQSClient;
  readonly queueUrl: string;
  /** A receive that waits this long sees all there is: a short poll asks only some servers. */
  readonly settleSeconds: number;
  readonly stop: () => Promise<void>;
}

/** Longest time to wait for a message that is on its way. */
const ARRIVAL_TIMEOUT_MS = 90_000;

export async function startLocal(): Promise<SqsUser> {
  const server = await startSqsServer();
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = new SQSClient({ endpoint: server.endpoint, region: 'eu-west-1', credentials });
  const queueUrl = await createQueue(client);
  return new SqsUser({ client, queueUrl, settleSeconds: 0, stop: () => server.stop() });
}

/** Region and credentials come from the environment, as the SDK finds them. */
export async function connectRemote(endpoint: string, givenUrl?: string): Promise<SqsUser> {
  const client = new SQSClient({ endpoint });
  const queueUrl = givenUrl ?? (await createQueue(client));
  const stop = async () => {
    if (givenUrl === undefined) await client.send(new DeleteQueueCommand({ QueueUrl: queueUrl }));
  };
  return new SqsUser({ client, queueUrl, settleSeconds: 1, stop });
}

async function createQueue(client: SQSClient): Promise<string> {
  const QueueName = `ferry-contract-${randomUUID()}`;
  const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName }));
  return QueueUrl ?? '';
}

/** Producer and consumer of the target's queue. */
export class SqsUser {
  readonly client: SQSClient;
  readonly queueUrl: string;
  readonly #target: Target;
  #handles: string[] = [];

  constructor(target: Target) {
    this.client = target.client;
    this.queueUrl = target.queueUrl;
    this.#target = target;
  }

  send(input: Partial<SendMessageCommandInput> = {}): Promise<SendMessageCommandOutput> {
    const request = { QueueUrl: this.queueUrl, MessageBody: randomUUID(), ...input };
    return this.client.send(new SendMessageCommand(request));
  }

  async receive(input: Partial<ReceiveMessageCommandInput> = {}): Promise<Message[]> {
    const request = { QueueUrl: this.queueUrl, MaxNumberOfMessages: 10, ...input };
    const { Messages = [] } = await this.client.send(new ReceiveMessageCommand(request));
    this.#handles.push(...Messages.map(({ ReceiptHandle }) => ReceiptHandle ?? ''));
    return Messages;
  }

  /** Receives until the messages with these ids have all come; others are leftovers. */
  async receiveOwn(
    ids: readonly (string | undefined)[],
    input: Partial<ReceiveMessageCommandInput> = {},
  ): Promise<Message[]> {
    const own = new Map<string | undefined, Message>();
    const deadline = Date.now() + ARRIVAL_TIMEOUT_MS;
    while (own.size < ids.length) {
      if (Date.now() > deadline) throw new Error(`${own.size} of ${ids.length} messages came`);
      for (const message of await this.receive({ WaitTimeSeconds: 5, ...input })) {
        if (ids.includes(message.MessageId)) own.set(message.MessageId, message);
      }
    }
    return [...own.values()];
  }

  async sendAndReceive(
    sent: Partial<SendMessageCommandInput> = {},
    asked: Partial<ReceiveMessageCommandInput> = {},
  ): Promise<Message> {
    const { MessageId } = await this.send(sent);
    const [message] = await this.receiveOwn([MessageId], asked);
    return message as Message;
  }

  async delete(ReceiptHandle: string | undefined): Promise<void> {
    await this.client.send(new DeleteMessageCommand({ QueueUrl: this.queueUrl, ReceiptHandle }));
  }

  /** Deletes everything that is visible. */
  async drain(): Promise<void> {
    const wait = { WaitTimeSeconds: this.#target.settleSeconds };
    while ((await this.receive(wait)).length > 0) await this.forget();
  }

  /** Deletes what was received so far: left in flight, it would come back in a later test. */
  async forget(): Promise<void> {
    for (const handle of this.#handles) await this.delete(handle);
    this.#handles = [];
  }

  async stop(): Promise<void> {
    await this.#target.stop();
    this.client.destroy();
  }
}
