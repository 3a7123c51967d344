// Records of a shard -> batches, as Lambda forms them: by size, by bytes, and in order for each item.

import type { AttributeValue, DynamoDBRecord } from 'aws-lambda';
import { canonicalNumber } from '../text/decimal.ts';

/** Records of one shard, in stream order, never empty; and what it has cost so far. */
export interface Batch {
  readonly records: readonly DynamoDBRecord[];
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
  readonly record: DynamoDBRecord;
  readonly bytes: number;
}

export function toWaitingRecord(record: DynamoDBRecord): WaitingRecord {
  return { record, bytes: Buffer.byteLength(JSON.stringify(record)) };
}

export function newBatch(records: readonly DynamoDBRecord[]): Batch {
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

/**
 * The slot, 0 up to `parallelizationFactor - 1`, in which a record's batches are made: always the
 * same one for an item, so that its records stay in order while the slots run side by side.
 */
export function slotOf(record: DynamoDBRecord, parallelizationFactor: number): number {
  if (parallelizationFactor === 1) return 0;
  const keys = record.dynamodb?.Keys ?? {};
  const names = Object.keys(keys).toSorted();
  const text = JSON.stringify(names.map((name) => [name, withCanonicalNumber(keys[name])]));
  return hash(text) % parallelizationFactor;
}

/** Negative, zero or positive, by number: sequence numbers have 1 to 40 digits. */
export function compareSequenceNumbers(a: string, b: string): number {
  const [left, right] = [a.padStart(40, '0'), b.padStart(40, '0')];
  return left < right ? -1 : Number(left > right);
}

export function sequenceNumberOf(record: DynamoDBRecord): string {
  return record.dynamodb?.SequenceNumber ?? '';
}

/** Some engines write one number in several ways. */
function withCanonicalNumber(value: AttributeValue | undefined) {
  return value?.N === undefined ? value : { N: canonicalNumber(value.N) };
}

/** FNV-1a, 32 bits: spreads keys evenly, and the same way in every run. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value >>> 0;
}
