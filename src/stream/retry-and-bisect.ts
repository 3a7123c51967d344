// What becomes of a batch after an invocation, by the rules of Lambda's event source mapping for DynamoDB
// streams. Pure. Where Lambda's documentation is silent, these rules take the reading that helps the
// function less, so that what works here also works there.

import type { EventSourceConfig } from '../config/schema.ts';
import type { Batch } from './batches.ts';
import {
  compareSequenceNumbers,
  createdAtSecondsOf,
  type EventRecord,
  sequenceNumberOf,
} from './event-record.ts';

/** The settings of an event source mapping. `ReportBatchItemFailures` is always on. */
export interface DeliverySettings extends Omit<EventSourceConfig, 'enabled'> {
  /** Halve a batch whose invocation failed. @default false, as in Lambda. */
  readonly bisectBatchOnFunctionError?: boolean | undefined;
}

export type InvocationResult =
  | { readonly kind: 'returned'; readonly response: unknown }
  | { readonly kind: 'failed' };

export type FailureCondition = 'RetryAttemptsExhausted' | 'RecordAgeExceeded';

/** Each record of the batch is in exactly one of the three. */
export interface Delivery {
  readonly done: readonly EventRecord[];
  /** To be delivered again, in this order. */
  readonly retry: readonly Batch[];
  /** Goes to the on-failure destination, because the retries are used up. */
  readonly givenUp?: Batch | undefined;
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
  if (failure === 'none') return { done: records, retry: [] };

  const rest = { ...batch, invocations: batch.invocations + 1 };
  if (failure !== 'whole') {
    const done = records.slice(0, failure);
    const remaining = { ...rest, records: records.slice(failure) };
    // Split at the checkpoint, which like every split uses no retry; but at the first record there
    // is nothing to split.
    const split = settings.bisectBatchOnFunctionError && failure > 0;
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

/** A number is the index before which everything is done. */
type Failure = 'none' | 'whole' | number;

function failureIn({ records }: Batch, result: InvocationResult): Failure {
  if (result.kind === 'failed') return 'whole';
  const { response } = result;
  if (response === undefined || response === null || response === '') return 'none';
  // Silent in the documentation: answers that are no object, and lists that are no list.
  if (typeof response !== 'object' || Array.isArray(response)) return 'whole';
  const failures = (response as { batchItemFailures?: unknown }).batchItemFailures;
  if (failures === undefined || failures === null) return 'none';
  if (!Array.isArray(failures)) return 'whole';
  return lowestOf(failures, records);
}

/** One identifier that names no record of the batch makes the whole batch fail. */
function lowestOf(failures: readonly unknown[], records: readonly EventRecord[]): Failure {
  const positions = new Map(records.map((record, index) => [sequenceNumberOf(record), index]));
  let lowest: string | undefined;
  for (const failure of failures) {
    const identifier = (failure as { itemIdentifier?: unknown } | null | undefined)?.itemIdentifier;
    if (typeof identifier !== 'string' || !positions.has(identifier)) return 'whole';
    if (lowest === undefined || compareSequenceNumbers(identifier, lowest) < 0) lowest = identifier;
  }
  return lowest === undefined ? 'none' : (positions.get(lowest) ?? 0);
}

/**
 * Whole seconds, rounded down like the creation times themselves: at more than the maximum, the
 * record is surely too old. A record without a creation time never is.
 */
function ageSeconds(record: EventRecord, nowMs: number): number {
  const createdAt = createdAtSecondsOf(record);
  return createdAt === undefined ? 0 : Math.floor(nowMs / 1000) - createdAt;
}
