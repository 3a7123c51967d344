// One standard queue: what is stored, who may see it when, and which receipt handles count. Time comes
// from the injected clock and nothing happens by itself: visibility, delay and retention are worked out
// on each call.

import { randomUUID } from 'node:crypto';
import { invalidParameter, invalidValue, missingParameter, SqsError } from './error.ts';
import { type QueueSettings, RANGES } from './queue-settings.ts';

interface StoredMessage {
  readonly body: string;
  readonly messageId: string;
  readonly sentAtMs: number;
  visibleAtMs: number;
  firstReceivedAtMs: number | undefined;
  lastReceivedAtMs: number;
  receiveCount: number;
}

/** A message as it was handed to one consumer. */
export interface ReceivedMessage extends Readonly<StoredMessage> {
  readonly receiptHandle: string;
  readonly firstReceivedAtMs: number;
}

const REFUSED_CHARACTER = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;
const ALLOWED_CHARACTERS =
  '#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF';

export class SqsQueue {
  readonly settings: QueueSettings;
  readonly #now: () => number;
  readonly #createdAtMs: number;
  /** Marks the receipt handles of this queue, so that those of another or an earlier one are refused. */
  readonly #queueId = randomUUID();
  /** In the order of sending, which is the order of delivery where visibility allows. */
  readonly #messages = new Map<string, StoredMessage>();
  readonly #arrivalListeners = new Set<() => void>();

  constructor({ settings, now }: { settings: QueueSettings; now: () => number }) {
    this.settings = settings;
    this.#now = now;
    this.#createdAtMs = now();
  }

  /**
   * Stores a message and returns its id.
   * @throws SqsError for a body that is empty, too long, or has characters that SQS refuses.
   */
  send(body: string, delaySeconds = 0): string {
    checkBody(body, this.settings.MaximumMessageSize);
    const messageId = randomUUID();
    const sentAtMs = this.#now();
    this.#messages.set(messageId, {
      body,
      messageId,
      sentAtMs,
      visibleAtMs: sentAtMs + delaySeconds * 1_000,
      firstReceivedAtMs: undefined,
      lastReceivedAtMs: sentAtMs,
      receiveCount: 0,
    });
    this.#announceArrival();
    return messageId;
  }

  /** When the oldest message that is still there was sent; undefined where there is none. */
  oldestSentAtMs(): number | undefined {
    for (const { sentAtMs } of this.#unexpired(this.#now())) return sentAtMs;
    return undefined;
  }

  /** Hands out up to `limit` visible messages, each with a new receipt handle, and hides them. */
  receive(
    limit: number,
    visibilityTimeoutSeconds = this.settings.VisibilityTimeout,
  ): readonly ReceivedMessage[] {
    const now = this.#now();
    const received: ReceivedMessage[] = [];
    for (const message of this.#unexpired(now)) {
      if (received.length === limit) break;
      if (message.visibleAtMs > now) continue;
      message.visibleAtMs = now + visibilityTimeoutSeconds * 1_000;
      message.lastReceivedAtMs = now;
      message.firstReceivedAtMs ??= now;
      message.receiveCount += 1;
      const { firstReceivedAtMs } = message;
      received.push({ ...message, firstReceivedAtMs, receiptHandle: this.#receiptHandle(message) });
    }
    return received;
  }

  /**
   * Deletes the message of a receipt handle, also after its visibility timeout. The handle of an
   * earlier receive, or of a message that is gone, is accepted and deletes nothing.
   */
  delete(receiptHandle: string): void {
    const message = this.#find(receiptHandle);
    if (message !== undefined) this.#messages.delete(message.messageId);
  }

  /** Lets the visibility timeout of a message in flight end `seconds` from now. */
  changeVisibility(receiptHandle: string, seconds: number): void {
    const now = this.#now();
    const message = this.#find(receiptHandle);
    if (message === undefined) {
      const reason = 'Message does not exist or is not available for visibility timeout change.';
      throw invalidValue('ReceiptHandle', receiptHandle, reason);
    }
    // The documented refusal. The service has also been seen to accept this: count on neither.
    if (message.visibleAtMs <= now) {
      throw new SqsError('MessageNotInflight', 'The specified message is not in flight.');
    }
    // The limit counts from the receive, so the longest timeout cannot be asked for again later.
    const [, secondsMax] = RANGES.VisibilityTimeout;
    if (now + seconds * 1_000 - message.lastReceivedAtMs > secondsMax * 1_000) {
      const reason = `Total VisibilityTimeout for the message is beyond the limit [${secondsMax} seconds].`;
      throw invalidValue('VisibilityTimeout', seconds, reason);
    }
    message.visibleAtMs = now + seconds * 1_000;
    if (seconds === 0) this.#announceArrival();
  }

  /** Ends every delay now, which SQS cannot do: delayed messages can be received. */
  hasten(): void {
    const now = this.#now();
    for (const message of this.#unexpired(now)) {
      if (message.receiveCount === 0) message.visibleAtMs = Math.min(message.visibleAtMs, now);
    }
    this.#announceArrival();
  }

  /** The settings, and counts that are exact here; the service's are approximate. */
  attributes(): Readonly<Record<string, number>> {
    const now = this.#now();
    const counts = { visible: 0, notVisible: 0, delayed: 0 };
    for (const { visibleAtMs, receiveCount } of this.#unexpired(now)) {
      if (visibleAtMs <= now) counts.visible += 1;
      else if (receiveCount > 0) counts.notVisible += 1;
      else counts.delayed += 1;
    }
    return {
      ...this.settings,
      ApproximateNumberOfMessages: counts.visible,
      ApproximateNumberOfMessagesNotVisible: counts.notVisible,
      ApproximateNumberOfMessagesDelayed: counts.delayed,
      CreatedTimestamp: Math.floor(this.#createdAtMs / 1_000),
    };
  }

  /** Calls `listener` whenever a message may have become visible, until the returned function runs. */
  onArrival(listener: () => void): () => void {
    this.#arrivalListeners.add(listener);
    return () => this.#arrivalListeners.delete(listener);
  }

  #announceArrival(): void {
    for (const listener of this.#arrivalListeners) listener();
  }

  *#unexpired(now: number): Generator<StoredMessage> {
    const retentionMs = this.settings.MessageRetentionPeriod * 1_000;
    for (const message of this.#messages.values()) {
      if (now - message.sentAtMs < retentionMs) yield message;
      else this.#messages.delete(message.messageId);
    }
  }

  #receiptHandle({ messageId, receiveCount }: StoredMessage): string {
    return Buffer.from(`${this.#queueId} ${messageId} ${receiveCount}`).toString('base64');
  }

  /** The message that `receiptHandle` is the newest handle of, unless it is deleted or expired. */
  #find(receiptHandle: string): StoredMessage | undefined {
    const handle = Buffer.from(receiptHandle, 'base64').toString();
    const [queueId, messageId, receiveCount] = handle.split(' ');
    if (queueId !== this.#queueId || messageId === undefined || receiveCount === undefined) {
      const message = `The input receipt handle "${receiptHandle}" is not a valid receipt handle.`;
      throw new SqsError('ReceiptHandleIsInvalid', message);
    }
    const message = this.#messages.get(messageId);
    if (message === undefined || String(message.receiveCount) !== receiveCount) return undefined;
    const ageMs = this.#now() - message.sentAtMs;
    return ageMs < this.settings.MessageRetentionPeriod * 1_000 ? message : undefined;
  }
}

function checkBody(body: string, bytesMax: number): void {
  if (body === '') throw missingParameter('MessageBody');
  if (REFUSED_CHARACTER.test(body)) {
    throw new SqsError(
      'InvalidMessageContents',
      `Invalid characters found. Valid unicode characters are ${ALLOWED_CHARACTERS}.`,
    );
  }
  if (Buffer.byteLength(body) > bytesMax) {
    const reason = `Message must be shorter than ${bytesMax} bytes.`;
    throw invalidParameter(`One or more parameters are invalid. Reason: ${reason}`);
  }
}
