// A queue -> invocations of a function, the way Lambda's event source mapping makes them of an SQS queue:
// what the function has taken is deleted, and what it reports as failed comes back.

import type { SQSBatchResponse, SQSRecord } from 'aws-lambda';
import { describeError } from '../../errors.ts';
import type { Clock, MessageQueue, QueuedMessage } from '../../ports.ts';

export interface QueueMappingOptions {
  readonly queue: MessageQueue;
  /** Resolves with the function's response, rejects with its error. */
  readonly invoke: (event: QueueEvent) => Promise<unknown>;
  /** Ends the delays of what waits in the queue. */
  readonly hasten: () => void;
  readonly clock: Clock;
  /** Something went wrong and is being dealt with; for people. */
  readonly onProblem: (problem: string) => void;
}

/** As much of Lambda's event as a function may rely on here. */
export interface QueueEvent {
  readonly Records: ReadonlyArray<
    Pick<SQSRecord, 'messageId' | 'receiptHandle' | 'body' | 'eventSource'> & {
      readonly attributes: Pick<SQSRecord['attributes'], 'SentTimestamp'>;
    }
  >;
}

export interface QueueMapping {
  /**
   * Hands over everything that is in the queue, delayed or not, and resolves once it is empty. For when
   * nothing may come any more that a delay waits for.
   */
  drained(): Promise<void>;
  /** Ends receiving, lets an invocation under way finish, and resolves. Safe to repeat. */
  stop(): Promise<void>;
}

/** Far longer than an invocation takes here. */
const HIDDEN_SECONDS = 300;
/** Pause after a failure, and between two looks at whether the queue is empty. */
const PAUSE_MS = 250;
const LOOK_MS = 50;

/** Begins to receive at once. */
export function startQueueMapping(options: QueueMappingOptions): QueueMapping {
  const { queue, hasten, clock } = options;
  const state = { stopping: false };
  const over = receiveAll(options, state);
  return {
    async drained() {
      while (!state.stopping && (await queue.size()) > 0) {
        hasten();
        await clock.sleep(LOOK_MS);
      }
    },
    async stop() {
      state.stopping = true;
      await over;
    },
  };
}

async function receiveAll(
  options: QueueMappingOptions,
  state: { readonly stopping: boolean },
): Promise<void> {
  const { queue, clock, onProblem } = options;
  while (!state.stopping) {
    try {
      const messages = await queue.receive(HIDDEN_SECONDS);
      if (messages.length > 0 && !(await handOver(messages, options))) await clock.sleep(PAUSE_MS);
    } catch (error) {
      onProblem(`receive from the queue: ${describeError(error)}`);
      await clock.sleep(PAUSE_MS);
    }
  }
}

/** @returns whether all of them were taken. */
async function handOver(
  messages: readonly QueuedMessage[],
  { queue, invoke, onProblem }: QueueMappingOptions,
): Promise<boolean> {
  let failed: ReadonlySet<string>;
  try {
    failed = failuresIn(await invoke(eventOf(messages)));
  } catch (error) {
    onProblem(`invoke the function with ${messages.length} messages: ${describeError(error)}`);
    failed = new Set(messages.map(({ messageId }) => messageId));
  }
  for (const message of messages) {
    if (failed.has(message.messageId)) await queue.release(message);
    else await queue.delete(message);
  }
  return failed.size === 0;
}

function eventOf(messages: readonly QueuedMessage[]): QueueEvent {
  return {
    Records: messages.map(({ messageId, receiptHandle, body, sentAtMs }) => ({
      messageId,
      receiptHandle,
      body,
      attributes: { SentTimestamp: String(sentAtMs) },
      eventSource: 'aws:sqs',
    })),
  };
}

/** With `ReportBatchItemFailures`. */
function failuresIn(response: unknown): ReadonlySet<string> {
  const { batchItemFailures = [] } = (response ?? {}) as Partial<SQSBatchResponse>;
  return new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
}
