// One invocation: a batch of stream records in, every record in exactly one outcome out.
// Items are written side by side, records of one item one after the other.

import { toLanes } from '../core/item-lanes.ts';
import { type BatchSummary, type Outcome, summarizeBatch } from '../core/outcome.ts';
import { parseStreamRecord } from '../core/stream-record.ts';
import type { DeadLetterQueue, Log, Metrics } from '../ports.ts';
import { applyLane, type RecordWriter } from './apply-lane.ts';
import { deadLetter } from './dead-letter-record.ts';
import { type WriteContext, writeRecord } from './write-record.ts';

export interface ReplicationContext extends WriteContext {
  readonly deadLetters: DeadLetterQueue;
  readonly metrics: Metrics;
  readonly log: Log;
}

/**
 * Replicates `rawRecords`, `event.Records` of one stream shard in stream order.
 * @returns what to answer to Lambda, and the figures, which have been published.
 * @throws only where nothing can be said about the batch; Lambda then delivers all of it again.
 */
export async function replicateBatch(
  rawRecords: readonly unknown[],
  context: ReplicationContext,
): Promise<BatchSummary> {
  const parsed = rawRecords.map(parseStreamRecord);
  const outcomes: Outcome[] = parsed.map(() => ({ kind: 'unfinished', why: 'behind' }));
  const throttles = { count: 0 };
  const writer = recordWriter(rawRecords, context, throttles);

  const lanes = toLanes(
    parsed.flatMap((one) => (one.kind === 'record' ? [one.record] : [])),
    context.settings.ttlDeletes,
  );
  const malformed = parsed.flatMap((one) => (one.kind === 'malformed' ? [one.record] : []));
  const tasks = [
    ...malformed.map((record) => async () => {
      outcomes[record.position] = await writer.deadLetter(record, record.reason);
    }),
    ...lanes.map((lane) => () => applyLane(lane, writer, outcomes)),
  ];
  await inParallel(tasks, context.settings.concurrency);

  const summary = summarizeBatch(
    parsed.map(({ record }, index) => ({
      sequenceNumber: record.sequenceNumber,
      outcome: outcomes[index] as Outcome,
    })),
    throttles.count,
  );
  context.metrics.publish(summary);
  return summary;
}

function recordWriter(
  rawRecords: readonly unknown[],
  context: ReplicationContext,
  throttles: { count: number },
): RecordWriter {
  const counting: ReplicationContext = {
    ...context,
    onThrottle: () => {
      throttles.count += 1;
    },
  };
  return {
    write: (record) => writeRecord(record, counting),
    deadLetter: (record, reason) =>
      deadLetter({ identity: record, reason, raw: rawRecords[record.position] }, counting),
  };
}

/** Runs all tasks, at most `concurrency` at the same time. A task that throws fails the whole. */
async function inParallel(
  tasks: ReadonlyArray<() => Promise<void>>,
  concurrency: number,
): Promise<void> {
  const queue = tasks.values();
  const worker = async () => {
    for (const task of queue) await task();
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, tasks.length) }, worker));
}
