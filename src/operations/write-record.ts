// One record's requests, sent one after the other, repeated while the destination throttles, and not
// started when too little time is left to see them through.

import { SETTLE_MARGIN_MS } from '../contract.ts';
import { refusalCause } from '../core/ordering-guard.ts';
import type { StreamRecord } from '../core/stream-record.ts';
import { classifyFailure, retryDelayMs, type WriteFailure } from '../core/write-failure.ts';
import { guardOf, toWriteRequests, type WriteRequest } from '../core/write-request.ts';
import type { HandlerSettings } from '../handler-settings.ts';
import type { Clock, DestinationTable, Log, Random, WriteReply } from '../ports.ts';
import type { WriteOutcome } from './apply-lane.ts';

export interface WriteContext {
  readonly settings: HandlerSettings;
  readonly destination: DestinationTable;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Milliseconds until Lambda ends the invocation. */
  readonly remainingMs: () => number;
  readonly onThrottle?: () => void;
}

/** Tries of a throttled request in one invocation; about six seconds of waiting in all, on average. */
const ATTEMPTS_MAX = 8;

/** The result of a request that was answered, given up or never sent. */
export type SendResult =
  | WriteReply
  | { readonly kind: 'failed'; readonly failure: WriteFailure }
  | { readonly kind: 'no-time' };

/** Applies one record under the guard. Never rejects. */
export async function writeRecord(
  record: StreamRecord,
  context: WriteContext,
): Promise<WriteOutcome> {
  const { settings, clock } = context;
  for (const request of toWriteRequests(record, settings, clock.now())) {
    const result = await send(request, context);
    if (result.kind !== 'written') return outcomeOf(result, { record, request, context });
  }
  return { kind: 'applied', latencyMs: latencyMs(record, settings, clock.now()) };
}

/** Sends one request, again and again while it is throttled and time is left. Never rejects. */
export async function send(request: WriteRequest, context: WriteContext): Promise<SendResult> {
  for (let attempt = 1; ; attempt += 1) {
    if (context.remainingMs() < SETTLE_MARGIN_MS) return { kind: 'no-time' };
    try {
      return await context.destination.write(request);
    } catch (error) {
      const failure = classifyFailure(error);
      if (failure.kind === 'throttled') context.onThrottle?.();
      if (failure.kind !== 'throttled' || attempt >= ATTEMPTS_MAX)
        return { kind: 'failed', failure };
    }
    await context.clock.sleep(retryDelayMs(attempt, context.random.next()));
  }
}

interface Attempt {
  readonly record: StreamRecord;
  readonly request: WriteRequest;
  readonly context: WriteContext;
}

function outcomeOf(
  result: Exclude<SendResult, { kind: 'written' }>,
  attempt: Attempt,
): WriteOutcome {
  switch (result.kind) {
    case 'no-time':
      return { kind: 'unfinished', why: 'deadline' };
    case 'failed':
      return failureOutcome(result.failure, attempt);
    case 'refused':
      return refusalOutcome(result, attempt);
  }
}

function failureOutcome(
  failure: WriteFailure,
  { record, request, context }: Attempt,
): WriteOutcome {
  if (failure.kind === 'rejected') return { kind: 'rejected', reason: failure };
  context.log({
    event: 'write.unfinished',
    operation: request.operation,
    table: request.input.TableName,
    failure: failure.kind,
    error: failure.name,
    sequenceNumber: record.sequenceNumber,
  });
  return { kind: 'unfinished', why: failure.kind };
}

function refusalOutcome(
  { item }: Extract<WriteReply, { kind: 'refused' }>,
  { record, request, context }: Attempt,
): WriteOutcome {
  // The state row refuses only when it knows a newer delete.
  if (request.operation === 'UpdateItem') return { kind: 'superseded', cause: 'newer' };
  const { reservedAttribute } = context.settings;
  const cause = refusalCause(item, guardOf(record, context.settings));
  if (cause !== 'not-comparable') return { kind: 'superseded', cause };
  return {
    kind: 'rejected',
    reason: {
      name: 'ReservedAttributeTaken',
      message: `the destination item's attribute ${reservedAttribute} is not a version that Ferry wrote`,
    },
  };
}

/** Milliseconds from the source's write to now, where the record tells its time. */
function latencyMs(
  record: StreamRecord,
  settings: HandlerSettings,
  nowMs: number,
): number | undefined {
  const { timestampAttribute } = settings;
  if (timestampAttribute !== undefined) {
    const stamp =
      record.eventName === 'REMOVE' ? undefined : record.newImage[timestampAttribute]?.N;
    return stamp === undefined ? undefined : Math.max(0, nowMs - Number(stamp));
  }
  const { createdAtSeconds } = record;
  return createdAtSeconds === undefined ? undefined : Math.max(0, nowMs - createdAtSeconds * 1000);
}
