// The dead-letter queue, whose messages live for 14 days, are hidden while somebody has them, and may come
// twice; and the on-failure bucket.

import { functionName } from '../../src/config/names.ts';
import { deadLetterMessage } from '../../src/model/dead-letter.ts';
import type { DeadLetterQueue, MessageQueue, ObjectStore, QueuedMessage } from '../../src/ports.ts';
import type { GivenUp } from './event-source.ts';
import { KINESIS_STREAM_ARN } from './kinesis-stream.ts';
import type { Network } from './network.ts';
import { DAY } from './plan.ts';
import type { Process } from './process.ts';
import { happens } from './random.ts';
import { eventOf } from './stream.ts';

const RETENTION_MS = 14 * DAY;
const MESSAGES_PER_RECEIVE = 10;
const FUNCTION_ARN = `arn:aws:lambda:us-east-1:111122223333:function:${functionName('orders')}:$LATEST`;

interface StoredMessage {
  readonly id: string;
  readonly body: string;
  readonly sentAtMs: number;
  visibleAtMs: number;
}

/** Of letters in the queue, by their bodies. */
export interface LetterEvents {
  posted(body: string, process: Process): void;
  expired(body: string): void;
  /** To be told of everything that is stored. */
  kept(text: string): void;
}

export class FailurePlaces {
  readonly objects = new Map<string, string>();
  readonly #messages = new Map<string, StoredMessage>();
  readonly #network: Network;
  readonly #events: LetterEvents;
  #count = 0;

  constructor(network: Network, events: LetterEvents) {
    this.#network = network;
    this.#events = events;
  }

  /** Bodies of everything that is in the queue, hidden or not. */
  bodies(): string[] {
    this.#expire();
    return [...this.#messages.values()].map(({ body }) => body);
  }

  deadLetters(process: Process): DeadLetterQueue {
    const send: DeadLetterQueue['send'] = async (letter) => {
      const options = { sizeBytesMax: 1_048_576, objectKey: 'dead-letters/unused' };
      const { body } = deadLetterMessage(letter, options);
      const sent = { ...letter, isAcknowledged: false };
      process.letters.push(sent);
      try {
        await this.#network.send(process, 'queue', () => this.#keep(body, process));
      } catch (error) {
        process.failedLetters += 1;
        throw error;
      }
      sent.isAcknowledged = true;
    };
    return { send };
  }

  queue(process: Process): MessageQueue {
    const call = <T>(action: () => T) => this.#network.send(process, 'queue', action);
    return {
      receive: (hiddenSeconds) => call(() => this.#receive(hiddenSeconds, process)),
      delete: ({ messageId }) => call(() => void this.#messages.delete(messageId)),
      release: ({ messageId }) =>
        call(() => {
          const message = this.#messages.get(messageId);
          if (message !== undefined) message.visibleAtMs = 0;
        }),
      size: () => call(() => this.bodies().length),
    };
  }

  bucket(process: Process): ObjectStore {
    const call = <T>(action: () => T) => this.#network.send(process, 'bucket', action);
    const page = (prefix: string) =>
      [...this.objects.keys()].filter((key) => key.startsWith(prefix));
    return {
      put: (key, body) => call(() => void this.objects.set(key, body)),
      get: (key) => call(() => this.objects.get(key)),
      delete: (key) => call(() => void this.objects.delete(key)),
      async *list(prefix, after = '') {
        const keys = await call(() =>
          page(prefix)
            .toSorted()
            .filter((key) => key > after),
        );
        yield keys.map((key) => ({ key, sizeBytes: 0, storedAtMs: 0 }));
      },
    };
  }

  /**
   * What Lambda puts into the bucket, by itself.
   * @param isRange or into the queue, without the records.
   */
  storeBatch({ entries, condition, invocations, shardId }: GivenUp, isRange = false): void {
    const nowMs = this.#network.scheduler.now();
    this.#count += 1;
    const [first] = entries;
    const isKinesis = first?.kinesis !== undefined;
    const info = {
      shardId,
      batchSize: entries.length,
      streamArn: isKinesis ? KINESIS_STREAM_ARN : first?.record.eventSourceARN,
    };
    const document = {
      requestContext: { functionArn: FUNCTION_ARN, condition, approximateInvokeCount: invocations },
      version: '1.0',
      timestamp: new Date(nowMs).toISOString(),
      [isKinesis ? 'KinesisBatchInfo' : 'DDBStreamBatchInfo']: {
        ...info,
        startSequenceNumber: first?.sequenceNumber,
        endSequenceNumber: entries.at(-1)?.sequenceNumber,
      },
      ...(isRange ? {} : { payload: JSON.stringify({ Records: entries.map(eventOf) }) }),
    };
    if (isRange) {
      this.#store(JSON.stringify(document));
      return;
    }
    const number = String(this.#count).padStart(6, '0');
    this.objects.set(`aws/lambda/mapping/${shardId}/${number}`, JSON.stringify(document));
  }

  #keep(body: string, process: Process): void {
    this.#store(body);
    this.#events.posted(body, process);
  }

  #store(body: string): void {
    const sentAtMs = this.#network.scheduler.now();
    const id = `message-${(this.#count += 1)}`;
    this.#messages.set(id, { id, body, sentAtMs, visibleAtMs: 0 });
    this.#events.kept(body);
  }

  #receive(hiddenSeconds: number, { facts }: Process): QueuedMessage[] {
    this.#expire();
    const nowMs = this.#network.scheduler.now();
    const visible = [...this.#messages.values()].filter(({ visibleAtMs }) => visibleAtMs <= nowMs);
    return visible.slice(0, MESSAGES_PER_RECEIVE).map((message) => {
      // A queue of this kind promises to deliver at least once, not once.
      const again = happens(facts.random, this.#network.rates().queueDuplicate);
      if (!again) message.visibleAtMs = nowMs + hiddenSeconds * 1000;
      else this.#network.note('message delivered to two');
      const { id: messageId, body, sentAtMs } = message;
      return { messageId, body, sentAtMs, receiptHandle: messageId };
    });
  }

  #expire(): void {
    const nowMs = this.#network.scheduler.now();
    for (const { id, body, sentAtMs } of this.#messages.values()) {
      if (nowMs - sentAtMs <= RETENTION_MS) continue;
      this.#messages.delete(id);
      this.#events.expired(body);
    }
  }
}
