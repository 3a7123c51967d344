// The dead-letter queue, once through: letters are taken in hand some hundred at a time, removed when their
// records are final, and let go at the end otherwise.

import { type FailureMessage, parseFailureMessage } from '../model/failure-message.ts';
import type { QueuedMessage } from '../ports.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import { choose, type Load, unpack, type Unpacked } from './unpack.ts';
import { atOnce, isOver, type Run } from './run.ts';

/** A short poll that finds nothing does not prove a queue empty. */
const EMPTY_RECEIVES_MAX = 2;
const RECEIVES_AT_ONCE = 4;
const MESSAGES_PER_RECEIVE = 10;
/** Letters that are redriven together. */
const LETTERS_MAX = 1_000;
const LETTER_BYTES_MAX = 8 * 1_024 * 1_024;
/** Of what a letter only points to, with room to spare: an item has 400 KB, a batch six megabytes. */
const STORED_BYTES = 1_024 * 1_024;
const RANGE_BYTES = 6 * 1_024 * 1_024;
const UNPACKED_AT_ONCE = 4;
const RELEASES_AT_ONCE = 16;
/** SQS hides 120,000 messages of a queue at the most, and each takes memory here. */
const HELD_MAX = 50_000;
/** Any message may be delivered twice: these are no sign that all of them are. */
const AGAIN_MAX = 100;

/** Messages that are hidden from others because of this run, without their bodies. */
export class HeldMessages {
  readonly #run: Run;
  readonly #messages = new Map<string, QueuedMessage>();
  /** Deliveries of what is held already, since anything else came. */
  #again = 0;

  constructor(run: Run) {
    this.#run = run;
  }

  /**
   * Whether no more may be held, or only those come that are: they are visible again before the queue has
   * been gone through. The others of the queue are left to another run.
   */
  get isFull(): boolean {
    const { size } = this.#messages;
    return size >= HELD_MAX || this.#again > size + AGAIN_MAX;
  }

  /** Whether the latest answer told nothing of what else is in the queue. */
  get isRepeating(): boolean {
    return this.#again > 0;
  }

  /** What is delivered again has had its turn; only its latest delivery can be deleted or let go. */
  async receive(): Promise<QueuedMessage[]> {
    const { context, options } = this.#run;
    const messages = await context.queue.receive(options.hiddenSeconds);
    const fresh = messages.filter(({ messageId }) => !this.#messages.has(messageId));
    for (const message of messages) this.#messages.set(message.messageId, { ...message, body: '' });
    this.#again = fresh.length > 0 || messages.length === 0 ? 0 : this.#again + messages.length;
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

/** Letters as they are found, to be redriven together. */
export async function* messageLoads(run: Run, held: HeldMessages): AsyncGenerator<Load[]> {
  let empty = 0;
  while (empty < EMPTY_RECEIVES_MAX && !isOver(run) && !held.isFull) {
    const loads: Load[] = [];
    const room = atOnce(run, Math.min(LETTERS_MAX, run.options.limit - run.report.matched));
    for (let bytes = 0, count = 0; count < room && bytes < LETTER_BYTES_MAX; ) {
      const messages = await receiveSome(room - count, held);
      const opened = await open(messages, run, held);
      loads.push(...opened.loads);
      if (messages.length > 0) empty = 0;
      else if (!held.isRepeating) empty += 1;
      count += messages.length;
      bytes += opened.bytes;
      if (empty === EMPTY_RECEIVES_MAX || isOver(run) || held.isFull) break;
    }
    yield loads;
  }
}

async function receiveSome(wanted: number, held: HeldMessages): Promise<QueuedMessage[]> {
  const receives = Math.min(RECEIVES_AT_ONCE, Math.ceil(wanted / MESSAGES_PER_RECEIVE));
  const replies = await Promise.all(Array.from({ length: receives }, () => held.receive()));
  return replies.flat();
}

async function open(
  messages: readonly QueuedMessage[],
  run: Run,
  held: HeldMessages,
): Promise<{ readonly loads: readonly Load[]; readonly bytes: number }> {
  const { context, options, report } = run;
  const { rules, bucket } = context;
  const control = await run.control();
  const parcels = messages.map(({ body }) => parseFailureMessage(body, rules.replication));
  const unpacked: Unpacked[] = [];
  const tasks = parcels.map((parcel, index) => async () => {
    unpacked[index] = await unpack(parcel, control, context);
  });
  await inParallel(tasks, UNPACKED_AT_ONCE);
  const loads = messages.flatMap(({ messageId }, index) => {
    const [parcel, records] = [parcels[index], unpacked[index] ?? 'unreadable'];
    const load = choose(records, options, control, report);
    const remove = async () => {
      await held.delete(messageId);
      // Last: an object without a message does no harm, a message without its object is lost.
      if (parcel?.kind === 'stored') await bucket.delete(parcel.objectKey);
    };
    return load === undefined ? [] : [{ ...load, remove }];
  });
  const sizes = messages.map(({ body }, index) => body.length + pointedTo(parcels[index]));
  return { loads, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

function pointedTo(parcel: FailureMessage | undefined): number {
  if (parcel?.kind === 'stored') return STORED_BYTES;
  return parcel?.kind === 'range' ? RANGE_BYTES : 0;
}
