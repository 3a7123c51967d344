// The rules of Lambda's event source mapping for DynamoDB streams: how records become batches, and
// what becomes of a batch after an invocation. Pure: the poll loop around them has the clock.
// Where Lambda's documentation is silent, these rules take the reading that helps the function less,
// so that what works here does not rely on luck there.

import type { AttributeValue, DynamoDBRecord } from 'aws-lambda';
import type { EventSourceConfig } from '../config/config.ts';
import { canonicalNumber } from '../text/decimal.ts';

/** The settings of an event source mapping. `ReportBatchItemFailures` is always on. */
export interface DeliverySettings extends Omit<EventSourceConfig, 'enabled'> {
  /** Halve a batch whose invocation failed. @default false, as in Lambda. */
  readonly bisectBatchOnFunctionError?: boolean | undefined;
}

/** Records of one shard, in stream order, never empty; and what it has cost so far. */
export interface Batch {
  readonly records: readonly DynamoDBRecord[];
  /** Invocations with this batch or with one that it was cut from. */
  readonly invocations: number;
  /** How many of `retryAttempts` are used up. */
  readonly retries: number;
}

export type InvocationResult =
  | { readonly kind: 'returned'; readonly response: unknown }
  | { readonly kind: 'failed'; readonly errorName: string };

export type FailureCondition = 'RetryAttemptsExhausted' | 'RecordAgeExceeded';

/** Each record of the batch is in exactly one of the three. */
export interface Delivery {
  readonly done: readonly DynamoDBRecord[];
  /** To be delivered again, in this order. */
  readonly retry: readonly Batch[];
  /** Goes to the on-failure destination, because the retries are used up. */
  readonly givenUp?: Batch | undefined;
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
 * How many of the waiting records, of which there is at least one, make the next batch, and whether
 * more would not fit. A record that is too large alone still goes, as a batch of one.
 */
export function nextBatchSize(
  waiting: readonly WaitingRecord[],
  { batchSize }: Pick<DeliverySettings, 'batchSize'>,
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

/**
 * Separates the records that are too old to be delivered, also for the first time. Only those at the
 * batch's beginning: a record that is younger than the ones behind it shows how coarse the creation
 * times are, and then the function rather gets one record too many.
 */
export function separateExpired(
  batch: Batch,
  nowMs: number,
  { maxRecordAgeSeconds }: Pick<DeliverySettings, 'maxRecordAgeSeconds'>,
): { readonly expired?: Batch; readonly live?: Batch } {
  const { records } = batch;
  const firstLive = records.findIndex(
    (record) => ageSeconds(record, nowMs) <= maxRecordAgeSeconds || maxRecordAgeSeconds < 0,
  );
  if (firstLive === 0) return { live: batch };
  if (firstLive === -1) return { expired: batch };
  return {
    expired: { ...batch, records: records.slice(0, firstLive) },
    live: { ...batch, records: records.slice(firstLive) },
  };
}

/** What becomes of the batch, now that the function has been invoked with it once more. */
export function afterInvocation(
  batch: Batch,
  result: InvocationResult,
  settings: DeliverySettings,
): Delivery {
  const failure = failureIn(batch, result);
  const { records } = batch;
  if (failure.kind === 'none') return { done: records, retry: [] };

  const rest = { ...batch, invocations: batch.invocations + 1 };
  if (failure.kind === 'from') {
    const done = records.slice(0, failure.index);
    const remaining = { ...rest, records: records.slice(failure.index) };
    // Split at the checkpoint, which like every split uses no retry; but at the first record there
    // is nothing to split.
    const split = settings.bisectBatchOnFunctionError && failure.index > 0;
    return { done, ...(split ? { retry: [remaining] } : retryOrGiveUp(remaining, settings)) };
  }
  if (settings.bisectBatchOnFunctionError && records.length > 1) {
    const middle = Math.ceil(records.length / 2);
    const halves = [records.slice(0, middle), records.slice(middle)];
    return { done: [], retry: halves.map((half) => ({ ...rest, records: half })) };
  }
  return { done: [], ...retryOrGiveUp(rest, settings) };
}

/**
 * Silent in the documentation: whether progress refills the retries. Here it does not, so that a
 * batch that moves on by one record at a time may be given up before its end.
 */
function retryOrGiveUp(batch: Batch, { retryAttempts }: DeliverySettings): Omit<Delivery, 'done'> {
  const exhausted = retryAttempts >= 0 && batch.retries >= retryAttempts;
  if (exhausted) return { retry: [], givenUp: batch };
  return { retry: [{ ...batch, retries: batch.retries + 1 }] };
}

type Failure =
  | { readonly kind: 'none' }
  | { readonly kind: 'whole' }
  /** Everything before `index` is done. */
  | { readonly kind: 'from'; readonly index: number };

const NONE: Failure = { kind: 'none' };
const WHOLE: Failure = { kind: 'whole' };

function failureIn({ records }: Batch, result: InvocationResult): Failure {
  if (result.kind === 'failed') return WHOLE;
  const { response } = result;
  if (response === undefined || response === null || response === '') return NONE;
  // Silent in the documentation: answers that are no object, and lists that are no list.
  if (typeof response !== 'object' || Array.isArray(response)) return WHOLE;
  const failures = (response as { batchItemFailures?: unknown }).batchItemFailures;
  if (failures === undefined || failures === null) return NONE;
  if (!Array.isArray(failures)) return WHOLE;
  return lowestOf(failures, records);
}

/** One identifier that names no record of the batch makes the whole batch fail. */
function lowestOf(failures: readonly unknown[], records: readonly DynamoDBRecord[]): Failure {
  const positions = new Map(records.map((record, index) => [sequenceNumberOf(record), index]));
  let lowest: string | undefined;
  for (const failure of failures) {
    const identifier = (failure as { itemIdentifier?: unknown } | null | undefined)?.itemIdentifier;
    if (typeof identifier !== 'string' || !positions.has(identifier)) return WHOLE;
    if (lowest === undefined || compareSequenceNumbers(identifier, lowest) < 0) lowest = identifier;
  }
  return lowest === undefined ? NONE : { kind: 'from', index: positions.get(lowest) ?? 0 };
}

/** Negative, zero or positive, by number: sequence numbers have 1 to 40 digits. */
export function compareSequenceNumbers(a: string, b: string): number {
  const [left, right] = [a.padStart(40, '0'), b.padStart(40, '0')];
  return left < right ? -1 : Number(left > right);
}

export function sequenceNumberOf(record: DynamoDBRecord): string {
  return record.dynamodb?.SequenceNumber ?? '';
}

/** What Lambda stores in the on-failure bucket: about the batch, and the batch itself. */
export interface OnFailureDocument {
  readonly requestContext: {
    readonly requestId: string;
    readonly functionArn: string;
    readonly condition: FailureCondition;
    readonly approximateInvokeCount: number;
  };
  /** Absent if the function was never invoked with the batch. */
  readonly responseContext?: {
    readonly statusCode: number;
    readonly executedVersion: string;
    /** Absent if the function answered with failures instead of failing itself. */
    readonly functionError?: string;
  };
  readonly version: '1.0';
  readonly timestamp: string;
  readonly DDBStreamBatchInfo: {
    readonly shardId: string;
    readonly startSequenceNumber: string;
    readonly endSequenceNumber: string;
    readonly approximateArrivalOfFirstRecord: string | undefined;
    readonly approximateArrivalOfLastRecord: string | undefined;
    readonly batchSize: number;
    readonly streamArn: string;
  };
  /** The whole event, as JSON text. */
  readonly payload: string;
}

export interface GivenUpBatch {
  readonly batch: Batch;
  readonly condition: FailureCondition;
  /** Of the last invocation, if there was one. */
  readonly result?: InvocationResult | undefined;
  readonly shardId: string;
  readonly streamArn: string;
  readonly functionArn: string;
  readonly nowMs: number;
}

/** The document for a batch that is given up. */
export function onFailureDocument(given: GivenUpBatch): OnFailureDocument {
  const { batch, condition, result, shardId, streamArn, functionArn, nowMs } = given;
  const [first, last] = [batch.records[0], batch.records.at(-1)];
  const startSequenceNumber = first ? sequenceNumberOf(first) : '';
  return {
    requestContext: {
      requestId: `${shardId}/${startSequenceNumber}/${batch.invocations}`,
      functionArn,
      condition,
      approximateInvokeCount: batch.invocations,
    },
    ...(result && { responseContext: responseContext(result) }),
    version: '1.0',
    timestamp: new Date(nowMs).toISOString(),
    DDBStreamBatchInfo: {
      shardId,
      startSequenceNumber,
      endSequenceNumber: last ? sequenceNumberOf(last) : '',
      approximateArrivalOfFirstRecord: arrivalOf(first),
      approximateArrivalOfLastRecord: arrivalOf(last),
      batchSize: batch.records.length,
      streamArn,
    },
    payload: JSON.stringify({ Records: batch.records }),
  };
}

function responseContext(result: InvocationResult) {
  const context = { statusCode: 200, executedVersion: '$LATEST' };
  return result.kind === 'failed' ? { ...context, functionError: 'Unhandled' } : context;
}

/** To the second, as the stream has it. */
function arrivalOf(record: DynamoDBRecord | undefined): string | undefined {
  const seconds = record?.dynamodb?.ApproximateCreationDateTime;
  if (seconds === undefined) return undefined;
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}

/**
 * Whole seconds, rounded down like the creation times themselves: at more than the maximum, the
 * record is surely too old. A record without a creation time never is.
 */
function ageSeconds(record: DynamoDBRecord, nowMs: number): number {
  const createdAt = record.dynamodb?.ApproximateCreationDateTime;
  return createdAt === undefined ? 0 : Math.floor(nowMs / 1000) - createdAt;
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
