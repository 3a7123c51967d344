// The operations that the local SQS offers: fields of a request -> the object to answer with, or a thrown
// SqsError. What is not offered is refused, never ignored.

import { createHash } from 'node:crypto';
import { SqsError } from './error.ts';
import {
  type Fields,
  optionalInteger,
  optionalText,
  requiredText,
  textMap,
  texts,
} from './input.ts';
import { longPoll } from './long-poll.ts';
import type { ReceivedMessage, SqsQueue } from './queue.ts';
import { parseSettings, RANGES, unknownAttribute } from './queue-settings.ts';
import { queueArn, queueName, queueUrl, type SqsQueues } from './queues.ts';

interface Context {
  readonly queues: SqsQueues;
  /** As the caller has addressed it. */
  readonly endpoint: string;
  /** Region that the request was signed for, for ARNs. */
  readonly region: string;
  /** Aborts when the caller is gone or the server stops. */
  readonly signal: AbortSignal;
}

type Operation = (input: Fields, context: Context) => object | Promise<object>;

const MESSAGES_PER_RECEIVE = [1, 10] as const;
const WAIT_SECONDS = [0, 20] as const;
const DELAY_SECONDS = [0, 900] as const;

const OPERATIONS: Readonly<Record<string, Operation>> = {
  CreateQueue(input, { queues, endpoint }) {
    const name = requiredText(input, 'QueueName');
    queues.create(name, parseSettings(textMap(input, 'Attributes')));
    return { QueueUrl: queueUrl(endpoint, name) };
  },

  GetQueueUrl(input, { queues, endpoint }) {
    const name = requiredText(input, 'QueueName');
    queues.get(name);
    return { QueueUrl: queueUrl(endpoint, name) };
  },

  DeleteQueue(input, { queues }) {
    queues.delete(nameIn(input));
    return {};
  },

  GetQueueAttributes: describe,
  SendMessage: send,
  ReceiveMessage: receive,

  DeleteMessage(input, { queues }) {
    queueIn(input, queues).delete(requiredText(input, 'ReceiptHandle'));
    return {};
  },

  ChangeMessageVisibility(input, { queues }) {
    const receiptHandle = requiredText(input, 'ReceiptHandle');
    const seconds = optionalInteger(input, 'VisibilityTimeout', RANGES.VisibilityTimeout) ?? 0;
    queueIn(input, queues).changeVisibility(receiptHandle, seconds);
    return {};
  },
};

/** @throws SqsError for everything that is refused, unknown operations included. */
export async function perform(name: string, input: Fields, context: Context): Promise<object> {
  const operation = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined;
  if (operation !== undefined) return operation(input, context);
  const problem =
    name === ''
      ? 'The request has no header "X-Amz-Target: AmazonSQS.OPERATION".'
      : `The local SQS does not offer ${name}.`;
  const offered = Object.keys(OPERATIONS).join(', ');
  throw new SqsError('UnknownOperationException', `${problem} Offered are: ${offered}.`);
}

function describe(input: Fields, { queues, region }: Context): object {
  const known: Readonly<Record<string, string | number>> = {
    ...queueIn(input, queues).attributes(),
    QueueArn: queueArn(nameIn(input), region),
  };
  const wanted = texts(input, 'AttributeNames');
  const unknown = wanted.find((name) => name !== 'All' && !Object.hasOwn(known, name));
  if (unknown !== undefined) throw unknownAttribute(unknown);
  return { Attributes: selected(known, wanted) };
}

/** Parameters of a message that the local queue could only ignore. */
const REFUSED = [
  'MessageAttributes',
  'MessageDeduplicationId',
  'MessageGroupId',
  'MessageSystemAttributes',
];

function send(input: Fields, { queues }: Context): object {
  const queue = queueIn(input, queues);
  const refused = REFUSED.find((name) => (input[name] ?? undefined) !== undefined);
  if (refused !== undefined) {
    throw new SqsError('UnsupportedOperation', `The local queue does not offer ${refused}.`);
  }
  const body = optionalText(input, 'MessageBody') ?? '';
  const delaySeconds = optionalInteger(input, 'DelaySeconds', DELAY_SECONDS);
  return { MessageId: queue.send(body, delaySeconds), MD5OfMessageBody: md5(body) };
}

async function receive(input: Fields, { queues, signal }: Context): Promise<object> {
  const queue = queueIn(input, queues);
  const limit = optionalInteger(input, 'MaxNumberOfMessages', MESSAGES_PER_RECEIVE) ?? 1;
  const visibility = optionalInteger(input, 'VisibilityTimeout', RANGES.VisibilityTimeout);
  const messages = await longPoll({
    queue,
    // Addressed anew each time, so that the wait ends when the queue is deleted.
    attempt: () => queueIn(input, queues).receive(limit, visibility),
    waitMs: (optionalInteger(input, 'WaitTimeSeconds', WAIT_SECONDS) ?? 0) * 1_000,
    now: queues.now,
    signal,
  });
  if (messages.length === 0) return {};
  return { Messages: messages.map((message) => shown(message, input)) };
}

function shown(message: ReceivedMessage, request: Fields): object {
  const { messageId: MessageId, receiptHandle: ReceiptHandle, body: Body } = message;
  const known = {
    ApproximateFirstReceiveTimestamp: message.firstReceivedAtMs,
    ApproximateReceiveCount: message.receiveCount,
    SentTimestamp: message.sentAtMs,
  };
  // The second is the older name of the same parameter.
  const wanted = ['MessageSystemAttributeNames', 'AttributeNames'];
  const Attributes = selected(
    known,
    wanted.flatMap((name) => texts(request, name)),
  );
  return { MessageId, ReceiptHandle, Body, MD5OfBody: md5(Body), Attributes };
}

/** The attributes that are asked for, as texts; undefined where there is none. */
function selected(
  known: Readonly<Record<string, string | number>>,
  wanted: readonly string[],
): Record<string, string> | undefined {
  const names = Object.keys(known).filter(
    (name) => wanted.includes('All') || wanted.includes(name),
  );
  if (names.length === 0) return undefined;
  return Object.fromEntries(names.map((name) => [name, String(known[name])]));
}

/** The SDK computes it again. */
function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

function nameIn(input: Fields): string {
  return queueName(optionalText(input, 'QueueUrl') ?? '');
}

function queueIn(input: Fields, queues: SqsQueues): SqsQueue {
  return queues.get(nameIn(input));
}
