// The progress of a redrive and its time left, from the messages and bytes that wait.

import type { RedriveContext, RedriveOptions } from '../redrive/redrive.ts';
import { measureBucket } from '../redrive/redrive.ts';
import { systemClock } from '../aws/system-clock.ts';
import { grouped, type Io } from './output.ts';
import { progressReporter } from './progress.ts';

const INTERVAL_MS = 100;

/** A message is a record. How many records are in the objects is known once some of them have been read. */
export async function redriveProgress(
  { queue, bucket }: Pick<RedriveContext, 'queue' | 'bucket'>,
  io: Io,
): Promise<RedriveOptions['onProgress']> {
  const [messages, { bytes }] = await Promise.all([queue.size(), measureBucket(bucket)]);
  const report = progressReporter(io, systemClock, 'records');
  let recordsPerByte = 0;
  let shownMs = -Infinity;
  return (outcomes, taken) => {
    // It is called for every item.
    const nowMs = systemClock.now();
    if (nowMs - shownMs < INTERVAL_MS && nowMs >= shownMs) return;
    shownMs = nowMs;
    const ofObjects = Math.max(0, taken.records - messages);
    if (taken.bytes > 0) recordsPerByte = ofObjects / taken.bytes;
    report({
      done: taken.records,
      expected: Math.round(messages + recordsPerByte * bytes),
      facts: outcomeFacts(outcomes),
    });
  };
}

export function outcomeFacts(
  outcomes: Readonly<Record<'applied' | 'superseded' | 'failing', number>>,
): string[] {
  const names = ['applied', 'superseded', 'failing'] as const;
  return names.map((name) => `${name} ${grouped(outcomes[name])}`);
}
