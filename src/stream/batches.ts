// Records of a shard -> batches, as Lambda forms them: by size, by bytes, and in order for each item.

import type { EventRecord } from './event-record.ts';

/** Records of one shard, in stream order, never empty; and what it has cost so far. */
export interface Batch {
  readonly records: readonly EventRecord[];
  /** Invocations with this batch or with one that it was cut from. */
  readonly invocations: number;
  /** How many of `retryAttempts` are used up. */
  readonly retries: number;
}

/** Largest event of a synchronous invocation. */
export const INVOCATION_PAYLOAD_BYTES_MAX = 6 * 1024 * 1024;
const EVENT_FRAME_BYTES = Buffer.byteLength('{"Records":[]}');

/** A record that waits for its batch, with its size in an event. */
export interface WaitingRecord {
  readonly record: EventRecord;
  readonly bytes: number;
}

export function toWaitingRecord(record: EventRecord): WaitingRecord {
  return { record, bytes: Buffer.byteLength(JSON.stringify(record)) };
}

export function newBatch(records: readonly EventRecord[]): Batch {
  return { records, invocations: 0, retries: 0 };
}

/**
 * How many of the waiting records (at least one) make the next batch, and whether more would not
 * fit. A record that is too large alone still goes, as a batch of one.
 */
export function nextBatchSize(
  waiting: readonly WaitingRecord[],
  { batchSize }: { readonly batchSize: number },
): { readonly size: number; readonly full: boolean } {
  let bytes = EVENT_FRAME_BYTES;
  for (const [size, next] of waiting.entries()) {
    bytes += next.bytes + (size > 0 ? 1 : 0);
    const tooLarge = bytes > INVOCATION_PAYLOAD_BYTES_MAX && size > 0;
    if (size === batchSize || tooLarge) return { size, full: true };
  }
  return { size: waiting.length, full: waiting.length >= batchSize };
}
