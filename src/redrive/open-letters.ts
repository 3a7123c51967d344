// What waits for a redrive, looked at as a whole: every message of the queue, and every object of the bucket. Changes
// nothing.

import type { Version } from '../model/guard.ts';
import type { Item } from '../ports.ts';
import { objectLoads } from './bucket-objects.ts';
import type { RedriveContext } from './context.ts';
import type { DeadLetter } from './dead-letter.ts';
import { HeldMessages } from './held-messages.ts';
import type { Load } from './load.ts';
import { dueOf } from './past-epoch.ts';
import { messageLoads } from './queue-messages.ts';
import { newRun } from './run.ts';

export interface OpenLetters {
  /** Of the queue. */
  readonly letters: readonly OpenLetter[];
  /** Batches that Lambda gave up, with records that a redrive would apply, or that cannot be read. */
  readonly batches: number;
  /** Of these, those that cannot be read: the stream no longer has them, or they make no sense. */
  readonly lost: number;
}

export interface OpenLetter {
  /** Both are absent where the record does not tell them: such a letter cannot be accepted. */
  readonly sequenceNumber: string | undefined;
  readonly key: Item | undefined;
  readonly version?: Version | undefined;
  /** When the source accepted the write, epoch seconds. */
  readonly createdAtSeconds?: number | undefined;
  /** Name of the error. */
  readonly reason: string;
}

/** Meanwhile, no other reader gets the messages. */
const HIDDEN_SECONDS = 120;

/** @throws what a request throws, or the reason of `stop`: a part of them proves nothing. */
export async function waitingLetters(
  context: RedriveContext,
  stop: AbortSignal,
): Promise<OpenLetters> {
  const everything = { filter: {}, limit: Infinity, recordsPerSecond: Infinity };
  const options = { ...everything, apply: false, hiddenSeconds: HIDDEN_SECONDS, stop };
  const run = newRun(context, { ...options, onProgress: () => undefined });
  const letters: OpenLetter[] = [];
  const held = new HeldMessages(run);
  const size = await context.queue.size();
  try {
    for await (const loads of messageLoads(run, held))
      letters.push(...loads.flatMap((load) => load.letters.map(letterOf)));
    if (held.isFull) throw new Error('the queue holds more messages than can be looked at');
    for (let others = size - held.size; others > 0; others -= 1) letters.push(IN_OTHER_HANDS);
  } finally {
    await held.release();
  }
  let batches = 0;
  for await (const { loads } of objectLoads(run)) {
    batches += loads.filter((load) => load.letters.some((one) => isDue(one, load, context))).length;
  }
  stop.throwIfAborted();
  const lost = run.report.trimmed + run.report.unreadable;
  return { letters, batches: batches + lost, lost };
}

/** A redrive that was killed hides them for a while: what they are is not known. */
const IN_OTHER_HANDS: OpenLetter = {
  sequenceNumber: undefined,
  key: undefined,
  reason: 'HeldByAnotherReader',
};

/** A redrive applies no marker, no record of an epoch that has ended, and none of Ferry's own writes. */
function isDue(letter: DeadLetter, { control }: Load, { rules }: RedriveContext): boolean {
  const { kind } = dueOf(letter, rules, control);
  return kind !== 'superseded' && kind !== 'skipped';
}

function letterOf({ reason, parsed: { record } }: DeadLetter): OpenLetter {
  const { sequenceNumber, key, version, createdAtSeconds } = record;
  return { sequenceNumber, key, version, createdAtSeconds, reason };
}
