// A batch that is given up -> the document that Lambda stores in the on-failure bucket.

import { ON_FAILURE_OBJECT_PREFIX } from '../config/names.ts';
import type { Batch } from './batches.ts';
import { createdAtSecondsOf, type EventRecord, sequenceNumberOf } from './event-record.ts';
import type { FailureCondition, InvocationResult } from './retry-and-bisect.ts';

/** About the batch, and the batch itself. */
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
  /** Of a DynamoDB stream. */
  readonly DDBStreamBatchInfo?: BatchInfo;
  readonly KinesisBatchInfo?: BatchInfo;
  /** The whole event, as JSON text. */
  readonly payload: string;
}

/** What the document says of its batch, whatever the stream. */
export function batchInfoOf(document: Omit<OnFailureDocument, 'payload'>): BatchInfo {
  const info = document.DDBStreamBatchInfo ?? document.KinesisBatchInfo;
  if (info === undefined) throw new Error('an on-failure document without its batch');
  return info;
}

/** The key of its object, as Lambda names it: mapping, shard, day, and what makes it unique. */
export function onFailureObjectKey(
  document: Omit<OnFailureDocument, 'payload'>,
  mapping: string,
): string {
  const { shardId, startSequenceNumber } = batchInfoOf(document);
  const { timestamp, requestContext } = document;
  const day = timestamp.slice(0, 10).replaceAll('-', '/');
  const unique = `${timestamp}-${startSequenceNumber}-${requestContext.approximateInvokeCount}`;
  return `${ON_FAILURE_OBJECT_PREFIX}${mapping}/${shardId}/${day}/${unique}`;
}

interface BatchInfo {
  readonly shardId: string;
  readonly startSequenceNumber: string;
  readonly endSequenceNumber: string;
  readonly approximateArrivalOfFirstRecord: string | undefined;
  readonly approximateArrivalOfLastRecord: string | undefined;
  readonly batchSize: number;
  readonly streamArn: string;
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

export function onFailureDocument(given: GivenUpBatch): OnFailureDocument {
  const { batch, condition, result, shardId, streamArn, functionArn, nowMs } = given;
  const [first, last] = [batch.records[0], batch.records.at(-1)];
  const startSequenceNumber = first ? sequenceNumberOf(first) : '';
  const info: BatchInfo = {
    shardId,
    startSequenceNumber,
    endSequenceNumber: last ? sequenceNumberOf(last) : '',
    approximateArrivalOfFirstRecord: arrivalOf(first),
    approximateArrivalOfLastRecord: arrivalOf(last),
    batchSize: batch.records.length,
    streamArn,
  };
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
    [first && 'kinesis' in first ? 'KinesisBatchInfo' : 'DDBStreamBatchInfo']: info,
    payload: JSON.stringify({ Records: batch.records }),
  };
}

function responseContext(result: InvocationResult) {
  const context = { statusCode: 200, executedVersion: '$LATEST' };
  return result.kind === 'failed' ? { ...context, functionError: 'Unhandled' } : context;
}

/** To the second, as the stream has it. */
function arrivalOf(record: EventRecord | undefined): string | undefined {
  const seconds = record && createdAtSecondsOf(record);
  if (seconds === undefined) return undefined;
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}
