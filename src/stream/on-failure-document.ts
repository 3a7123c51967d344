// A batch that is given up -> the document that Lambda stores in the on-failure bucket.

import type { DynamoDBRecord } from 'aws-lambda';
import { type Batch, sequenceNumberOf } from './batches.ts';
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
