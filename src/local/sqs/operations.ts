// The operations that the local SQS offers: fields of a request -> the object to answer with, or a thrown
// SqsError to refuse with.

import { type BatchEntry, batchEntries, performBatch } from './batch.ts';
import { SqsError } from './error.ts';
import {
  type Fields,
  inRange,
  optionalInteger,
  optionalText,
  requiredInteger,
  requiredText,
  textMap,
  texts,
} from './input.ts';
import { longPoll } from './long-poll.ts';
import { MESSAGE_BYTES_MAX, type MessageDraft, sizeBytes } from './message.ts';
import { readDraft, receivedJson, sentJson } from './message-json.ts';
import type { SqsQueue } from './queue.ts';
import { RANGES, parseSettings, shownAttributes } from './queue-attributes.ts';
import type { SqsQueues } from './queues.ts';

/** What an operation works on, beside the fields of its request. */
interface Context {
  readonly queues: SqsQueues;
  /** Region that the request was signed for, for ARNs. */
  readonly region: string;
  /** Aborts when the caller is gone or the server stops. */
  readonly signal: AbortSignal;
}

type Operation = (input: Fields, context: Context) => object | Promise<object>;

/** A message with the delay that the request gives it. */
interface Submission {
  readonly draft: MessageDraft;
  readonly delaySeconds: number | undefined;
}

const MESSAGES_PER_RECEIVE = [1, 10] as const;

const OPERATIONS: Readonly<Record<string, Operation>> = {
  CreateQueue(input, { queues }) {
    const name = requiredText(input, 'QueueName');
    queues.create(name, parseSettings(textMap(input, 'Attributes')));
    return { QueueUrl: queues.url(name) };
  },

  GetQueueUrl(input, { queues }) {
    const name = requiredText(input, 'QueueName');
    queues.get(name);
    return { QueueUrl: queues.url(name) };
  },

  DeleteQueue(input, { queues }) {
    queues.delete(addressedName(input, queues));
    return {};
  },

  PurgeQueue(input, { queues }) {
    addressedQueue(input, queues).purge();
    return {};
  },

  GetQueueAttributes(input, { queues, region }) {
    const queue = addressedQueue(input, queues);
    const arn = queues.arn(addressedName(input, queues), region);
    return { Attributes: shownAttributes({ queue, arn }, texts(input, 'AttributeNames')) };
  },

  SetQueueAttributes(input, { queues }) {
    addressedQueue(input, queues).configure(parseSettings(textMap(input, 'Attributes')));
    return {};
  },

  SendMessage(input, { queues }) {
    return send(addressedQueue(input, queues), readSubmission(input));
  },

  SendMessageBatch(input, { queues }) {
    const queue = addressedQueue(input, queues);
    const entries = batchEntries(input).map(({ id, value }) => ({
      id,
      value: readSubmission(value),
    }));
    checkBatchSize(entries);
    return performBatch(entries, (submission) => send(queue, submission));
  },

  ReceiveMessage: receive,

  DeleteMessage(input, { queues }) {
    return deleteMessage(addressedQueue(input, queues), input);
  },

  DeleteMessageBatch(input, { queues }) {
    const queue = addressedQueue(input, queues);
    return performBatch(batchEntries(input), (entry) => deleteMessage(queue, entry));
  },

  ChangeMessageVisibility(input, { queues }) {
    return changeVisibility(addressedQueue(input, queues), input);
  },

  ChangeMessageVisibilityBatch(input, { queues }) {
    const queue = addressedQueue(input, queues);
    return performBatch(batchEntries(input), (entry) => changeVisibility(queue, entry));
  },
};

/**
 * Performs the operation that `name` names.
 * @throws SqsError for everything that is refused, unknown operations included.
 */
export async function perform(name: string, input: Fields, context: Context): Promise<object> {
  const operation = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined;
  if (operation === undefined) {
    const offered = Object.keys(OPERATIONS).join(', ');
    const problem =
      name === ''
        ? 'The request has no header "X-Amz-Target: AmazonSQS.OPERATION".'
        : `The local SQS does not offer ${name}.`;
    throw new SqsError('UnknownOperationException', `${problem} Offered are: ${offered}.`);
  }
  return operation(input, context);
}

async function receive(input: Fields, { queues, signal }: Context): Promise<object> {
  const queue = addressedQueue(input, queues);
  const limit = optionalIn(input, 'MaxNumberOfMessages', MESSAGES_PER_RECEIVE) ?? 1;
  const visibility = optionalIn(input, 'VisibilityTimeout', RANGES.VisibilityTimeout);
  const waitSeconds =
    optionalIn(input, 'WaitTimeSeconds', RANGES.ReceiveMessageWaitTimeSeconds) ??
    queue.settings.ReceiveMessageWaitTimeSeconds;
  const messages = await longPoll({
    queue,
    // Addressed anew each time, so that the wait ends when the queue is deleted.
    attempt: () => addressedQueue(input, queues).receive(limit, visibility),
    waitMs: waitSeconds * 1_000,
    now: queues.now,
    signal,
  });
  if (messages.length === 0) return {};
  return { Messages: messages.map((message) => receivedJson(message, input)) };
}

function send(queue: SqsQueue, { draft, delaySeconds }: Submission): object {
  if (delaySeconds !== undefined) inRange('DelaySeconds', delaySeconds, RANGES.DelaySeconds);
  return sentJson(queue.send(draft, delaySeconds), draft);
}

function deleteMessage(queue: SqsQueue, fields: Fields): object {
  queue.delete(requiredText(fields, 'ReceiptHandle'));
  return {};
}

function changeVisibility(queue: SqsQueue, fields: Fields): object {
  const receiptHandle = requiredText(fields, 'ReceiptHandle');
  const seconds = requiredInteger(fields, 'VisibilityTimeout');
  inRange('VisibilityTimeout', seconds, RANGES.VisibilityTimeout);
  queue.changeVisibility(receiptHandle, seconds);
  return {};
}

function readSubmission(fields: Fields): Submission {
  return { draft: readDraft(fields), delaySeconds: optionalInteger(fields, 'DelaySeconds') };
}

function checkBatchSize(entries: readonly BatchEntry<Submission>[]): void {
  const size = entries.reduce((sum, { value }) => sum + sizeBytes(value.draft), 0);
  if (size <= MESSAGE_BYTES_MAX) return;
  throw new SqsError(
    'BatchRequestTooLong',
    `Batch requests cannot be longer than ${MESSAGE_BYTES_MAX} bytes. You have sent ${size} bytes.`,
  );
}

function optionalIn(
  input: Fields,
  name: string,
  range: readonly [number, number],
): number | undefined {
  const value = optionalInteger(input, name);
  return value === undefined ? undefined : inRange(name, value, range);
}

function addressedName(input: Fields, queues: SqsQueues): string {
  return queues.nameIn(optionalText(input, 'QueueUrl') ?? '');
}

function addressedQueue(input: Fields, queues: SqsQueues): SqsQueue {
  return queues.get(addressedName(input, queues));
}
