// One invocation: a batch of stream records in, every record in exactly one outcome out.
// Items are written side by side, records of one item one after the other.

import { ANSWER_MARGIN_MS, LATE_REQUEST_MS } from '../contract.ts';
import type { ConcurrencyLimit } from '../core/concurrency-limit.ts';
import { type DestinationHealth, destinationHealth } from '../core/destination-health.ts';
import { toLanes } from '../core/item-lanes.ts';
import { type BatchSummary, type Outcome, summarizeBatch } from '../core/outcome.ts';
import { type ParsedRecord, parseStreamRecord, type StreamRecord } from '../core/stream-record.ts';
import type { DeadLetterQueue, Log, Metrics } from '../ports.ts';
import { applyLane, type RecordWriter } from './apply-lane.ts';
import { deadLetter } from './dead-letter-record.ts';
import { inParallel, type Task } from './in-parallel.ts';
import { type WriteContext, writeRecord } from './write-record.ts';

export interface ReplicationContext extends Omit<WriteContext, 'health' | 'arrival'> {
  /** Outlives the invocation: what one has learned is good for the next. */
  readonly limit: ConcurrencyLimit;
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
  if (!Array.isArray(rawRecords)) {
    throw new Error('the event holds no list of records, so the whole batch must be repeated');
  }
  const parsed = rawRecords.map(parseStreamRecord);
  const outcomes: Outcome[] = parsed.map(() => ({ kind: 'unfinished', why: 'behind' }));
  const health = destinationHealth();
  const { limit } = context;
  const writer = recordWriter(rawRecords, { ...context, health, arrival: 'in-order' });
  await inParallel(tasksOf(parsed, { writer, outcomes, context }), () => limit.current());

  await letLateRequestsLand(health, context);
  const summary = summarizeBatch(
    parsed.map(({ kind, record }, index) => ({
      sequenceNumber: record.sequenceNumber,
      createdAtSeconds: kind === 'record' ? record.createdAtSeconds : undefined,
      outcome: outcomes[index] as Outcome,
    })),
    { failures: health.failures, nowMs: context.clock.now() },
  );
  context.metrics.publish(summary);
  logTroubles(summary, health, context);
  return summary;
}

/** One line for a batch that did not go smoothly: names and counts, never an item. */
function logTroubles(
  { causes, retried }: BatchSummary,
  { errors }: DestinationHealth,
  { log }: ReplicationContext,
): void {
  if (Object.keys(causes).length > 0) log({ event: 'batch.troubled', retried, causes, errors });
}

/**
 * A request that was given up may still be under way. If the batch were answered at once, a delete of
 * the same item could be delivered and applied before it lands, and the item would be back.
 */
async function letLateRequestsLand(
  health: DestinationHealth,
  { clock, remainingMs }: ReplicationContext,
): Promise<void> {
  const givenUpMs = health.lastUnknownMs();
  if (givenUpMs === undefined) return;
  const dueMs = givenUpMs + LATE_REQUEST_MS - clock.now();
  const waitMs = Math.min(dueMs, remainingMs() - ANSWER_MARGIN_MS);
  if (waitMs > 0) await clock.sleep(waitMs);
}

function recordWriter(
  rawRecords: readonly unknown[],
  context: WriteContext & ReplicationContext,
): RecordWriter {
  return {
    write: (record) => writeRecord(record, context),
    putAside: (record, why) =>
      deadLetter({ identity: record, why, raw: rawRecords[record.position] }, context),
  };
}

interface Work {
  readonly writer: RecordWriter;
  readonly outcomes: Outcome[];
  readonly context: ReplicationContext;
}

/** One task per item, and one per record that makes no sense. */
function tasksOf(parsed: readonly ParsedRecord[], { writer, outcomes, context }: Work): Task[] {
  const records: StreamRecord[] = [];
  const tasks: Task[] = [];
  for (const { kind, record } of parsed) {
    if (kind === 'record') {
      records.push(record);
      continue;
    }
    tasks.push(async () => {
      const why = { kind: 'rejected', reason: record.reason, attempts: [] } as const;
      outcomes[record.position] = await writer.putAside(record, why);
    });
  }
  for (const lane of toLanes(records, context.settings.ttlDeletes))
    tasks.push(() => applyLane(lane, writer, outcomes));
  return tasks;
}
