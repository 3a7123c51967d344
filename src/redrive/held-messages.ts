// Messages that are hidden from others because of a run, without their bodies: received, deleted, and released.

import { inParallel } from '../pacing/in-parallel.ts';
import type { QueuedMessage } from '../ports.ts';
import type { Run } from './run.ts';

const RELEASES_AT_ONCE = 16;
/** SQS hides 120,000 messages of a queue at the most, and each takes memory here. */
const HELD_MAX = 50_000;
/** Any message may be delivered twice: so many do not show that all of them are. */
const REPEATED_MAX = 100;

export class HeldMessages {
  readonly #run: Run;
  readonly #messages = new Map<string, QueuedMessage>();
  /** Deliveries of messages that are held already, since another message came. */
  #repeated = 0;

  constructor(run: Run) {
    this.#run = run;
  }

  /**
   * Whether no more may be held, or only held messages come: they are visible again before the whole queue has been
   * read. The other messages are left to another run.
   */
  get isFull(): boolean {
    const { size } = this.#messages;
    return size >= HELD_MAX || this.#repeated > size + REPEATED_MAX;
  }

  get size(): number {
    return this.#messages.size;
  }

  /** Whether the latest reply held nothing new: it does not show whether the queue holds more. */
  get isRepeating(): boolean {
    return this.#repeated > 0;
  }

  /** A repeated message has had its turn; only its latest delivery can be deleted or released. */
  async receive(): Promise<QueuedMessage[]> {
    const { context, options } = this.#run;
    const messages = await context.queue.receive(options.hiddenSeconds);
    const fresh = messages.filter(({ messageId }) => !this.#messages.has(messageId));
    for (const message of messages) this.#messages.set(message.messageId, { ...message, body: '' });
    this.#repeated =
      fresh.length > 0 || messages.length === 0 ? 0 : this.#repeated + messages.length;
    return fresh;
  }

  async delete(messageId: string): Promise<void> {
    const message = this.#messages.get(messageId);
    if (message === undefined) return;
    await this.#run.context.queue.delete(message);
    this.#messages.delete(messageId);
  }

  /** Makes all of them visible again. */
  async release(): Promise<void> {
    const { queue } = this.#run.context;
    const tasks = [...this.#messages.values()].map((message) => () => queue.release(message));
    await inParallel(tasks, RELEASES_AT_ONCE);
  }
}
