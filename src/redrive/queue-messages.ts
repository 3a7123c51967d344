// The dead-letter queue, read once: some hundred messages are redriven together, deleted when their records are
// final, and released at the end otherwise.

import { type FailureMessage, parseFailureMessage } from '../model/failure-message.ts';
import type { QueuedMessage } from '../ports.ts';
import { mapInParallel } from '../pacing/in-parallel.ts';
import type { HeldMessages } from './held-messages.ts';
import { type Load, loadOf } from './load.ts';
import { atOnce, isOver, type Run } from './run.ts';
import { unpack } from './unpack.ts';

/** A short poll that finds nothing does not prove a queue empty. */
const EMPTY_RECEIVES_MAX = 2;
const RECEIVES_AT_ONCE = 4;
const MESSAGES_PER_RECEIVE = 10;
/** Messages that are redriven together. */
const MESSAGES_MAX = 1_000;
const MESSAGE_BYTES_MAX = 8 * 1_024 * 1_024;
/** Of what a message only points to, with room to spare: an item has 400 KB, a batch 6 MB. */
const STORED_BYTES = 1_024 * 1_024;
const RANGE_BYTES = 6 * 1_024 * 1_024;
const UNPACKED_AT_ONCE = 4;
/** Messages in the order of their receipt, to be redriven together. */
export async function* messageLoads(run: Run, held: HeldMessages): AsyncGenerator<Load[]> {
  let empty = 0;
  while (empty < EMPTY_RECEIVES_MAX && !isOver(run) && !held.isFull) {
    const loads: Load[] = [];
    const room = atOnce(run, Math.min(MESSAGES_MAX, run.options.limit - run.report.matched));
    for (let bytes = 0, count = 0; count < room && bytes < MESSAGE_BYTES_MAX; ) {
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
  const { rules, bucket } = run.context;
  const control = await run.control();
  const parsed = messages.map(({ body }) => parseFailureMessage(body, rules.replication));
  const contents = await mapInParallel(parsed, UNPACKED_AT_ONCE, (message) =>
    unpack(message, control, run.context),
  );
  const loads = contents.flatMap((found, index) => {
    const [message, id] = [parsed[index], messages[index]?.messageId ?? ''];
    const remove = async () => {
      await held.delete(id);
      // Last: an object without a message does no harm, a message without its object is lost.
      if (message?.kind === 'stored') await bucket.delete(message.objectKey);
    };
    return loadOf(found, { control, remove }, run) ?? [];
  });
  const sizes = parsed.map((message, index) => sizeOf(messages[index]?.body ?? '', message));
  return { loads, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

function sizeOf({ length }: string, { kind }: FailureMessage): number {
  if (kind === 'stored') return length + STORED_BYTES;
  return kind === 'range' ? length + RANGE_BYTES : length;
}
