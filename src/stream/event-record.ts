// A record as a Lambda event shows it, of a DynamoDB stream or of a Kinesis stream: what the consumer asks of either.

import type { AttributeValue, DynamoDBRecord, KinesisStreamRecord } from 'aws-lambda';
import { canonicalNumber } from '../text/decimal.ts';

export type EventRecord = DynamoDBRecord | KinesisStreamRecord;

export interface StreamEvent {
  readonly Records: EventRecord[];
}

export function sequenceNumberOf(record: EventRecord): string {
  if ('kinesis' in record) return record.kinesis.sequenceNumber;
  return record.dynamodb?.SequenceNumber ?? '';
}

/** Of a sequence number of Kinesis: 56 today. Those of DynamoDB have 1 to 40. */
const DIGITS_MAX = 64;

/** Negative, zero or positive, by number. */
export function compareSequenceNumbers(a: string, b: string): number {
  const [left, right] = [a.padStart(DIGITS_MAX, '0'), b.padStart(DIGITS_MAX, '0')];
  return left < right ? -1 : Number(left > right);
}

/** When it was written, or came to Kinesis, epoch seconds. */
export function createdAtSecondsOf(record: EventRecord): number | undefined {
  if ('kinesis' in record) return record.kinesis.approximateArrivalTimestamp;
  return record.dynamodb?.ApproximateCreationDateTime;
}

/**
 * The slot, 0 up to `parallelizationFactor - 1`, in which a record's batches are made: always the
 * same one for an item, so that its records stay in order while the slots run side by side.
 */
export function slotOf(record: EventRecord, parallelizationFactor: number): number {
  if (parallelizationFactor === 1) return 0;
  return hash(orderedText(record)) % parallelizationFactor;
}

/** Records with the same text stay in order: those of an item, or of a Kinesis partition key. */
function orderedText(record: EventRecord): string {
  if ('kinesis' in record) return record.kinesis.partitionKey;
  const keys = record.dynamodb?.Keys ?? {};
  const names = Object.keys(keys).toSorted();
  return JSON.stringify(names.map((name) => [name, withCanonicalNumber(keys[name])]));
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
