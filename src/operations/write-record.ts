// One record's requests, sent one after the other, repeated while the destination throttles, and not
// started when too little time is left to see them through.

import { SETTLE_MARGIN_MS } from '../contract.ts';
import type { ConcurrencyLimit } from '../core/concurrency-limit.ts';
import type { FailedAttempt } from '../core/dead-letter.ts';
import type { DestinationHealth } from '../core/destination-health.ts';
import { heartbeatLatencyMs, latencyMs } from '../core/latency.ts';
import { guardOf, refusalCause } from '../core/ordering-guard.ts';
import type { StreamRecord } from '../core/stream-record.ts';
import {
  classifyFailure,
  isOverload,
  retryDelayMs,
  type WriteFailure,
} from '../core/write-failure.ts';
import { type Arrival, toWriteRequests, type WriteRequest } from '../core/write-request.ts';
import type { HandlerSettings } from '../handler-settings.ts';
import type { Clock, DestinationTable, Random, WriteReply } from '../ports.ts';
import type { WriteOutcome } from './apply-lane.ts';

export interface SendContext {
  readonly destination: DestinationTable;
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds until Lambda ends the invocation. */
  readonly remainingMs: () => number;
  readonly health: DestinationHealth;
  /** To be told how long answers take, where it sets the pace. */
  readonly limit?: ConcurrencyLimit;
}

export interface WriteContext extends SendContext {
  readonly settings: HandlerSettings;
  readonly arrival: Arrival;
}

/** Tries of a throttled request in one invocation; about six seconds of waiting in all, on average. */
const ATTEMPTS_MAX = 8;

/** The result of a request that was answered, given up or never sent. */
export type SendResult =
  | WriteReply
  | {
      readonly kind: 'failed';
      readonly failure: WriteFailure;
      readonly attempts: readonly FailedAttempt[];
    }
  | { readonly kind: 'no-time' }
  /** Not sent, because the destination is down. */
  | { readonly kind: 'halted' };

/** Applies one record under the guard. Never rejects. */
export async function writeRecord(
  record: StreamRecord,
  context: WriteContext,
): Promise<WriteOutcome> {
  const { settings, arrival, clock } = context;
  const rules = { target: settings, arrival, nowMs: clock.now() };
  let isDeletedSince = false;
  for (const request of toWriteRequests(record, rules)) {
    const result = await send(request, context);
    if (request.operation === 'UpdateItem' && result.kind === 'refused') {
      // A newer delete is remembered, but who remembered it may have got no further, and never will:
      // a repair that was stopped. So this delete is done, too; the guard keeps what is newer.
      isDeletedSince = true;
    } else if (result.kind !== 'written') return outcomeOf(result, { record, context });
  }
  if (isDeletedSince) return { kind: 'superseded', cause: 'deleted' };
  const nowMs = clock.now();
  return {
    kind: 'applied',
    latencyMs: latencyMs(record, settings, nowMs),
    heartbeatMs: heartbeatLatencyMs(record, settings, nowMs),
  };
}

/** Sends one request, again and again while it is throttled and time is left. Never rejects. */
export async function send(request: WriteRequest, context: SendContext): Promise<SendResult> {
  const { destination, clock, random, health, limit, remainingMs } = context;
  const attempts: FailedAttempt[] = [];
  for (;;) {
    if (health.isDown()) return { kind: 'halted' };
    if (remainingMs() < SETTLE_MARGIN_MS) return { kind: 'no-time' };
    const startMs = clock.now();
    const ticket = limit?.started();
    try {
      const reply = await destination.write(request);
      const nowMs = clock.now();
      limit?.ended(ticket, nowMs - startMs);
      health.note(undefined, nowMs);
      return reply;
    } catch (error) {
      const failure = classifyFailure(error);
      limit?.ended(ticket, isOverload(failure) ? 'overloaded' : 'failed');
      health.note(failure, clock.now());
      attempts.push({ at: new Date(clock.now()).toISOString(), error: failure.name });
      const again = failure.kind === 'throttled' && attempts.length < ATTEMPTS_MAX;
      if (!again) return { kind: 'failed', failure, attempts };
    }
    await clock.sleep(retryDelayMs(attempts.length, random.next()));
  }
}

interface Attempt {
  readonly record: StreamRecord;
  readonly context: WriteContext;
}

function outcomeOf(
  result: Exclude<SendResult, { kind: 'written' }>,
  attempt: Attempt,
): WriteOutcome {
  switch (result.kind) {
    case 'no-time':
      return { kind: 'unfinished', why: 'deadline' };
    case 'halted':
      return { kind: 'unfinished', why: 'halted' };
    case 'failed':
      return failureOutcome(result);
    case 'refused':
      return refusalOutcome(result, attempt);
  }
}

function failureOutcome({
  failure,
  attempts,
}: Extract<SendResult, { kind: 'failed' }>): WriteOutcome {
  const { kind, name, message } = failure;
  if (kind !== 'rejected') return { kind: 'unfinished', why: kind };
  return { kind: 'rejected', reason: { class: kind, name, message }, attempts };
}

function refusalOutcome(
  { by, item }: Extract<WriteReply, { kind: 'refused' }>,
  { record, context }: Attempt,
): WriteOutcome {
  // The state row refuses only when it knows a newer delete.
  if (by === 'state-row') return { kind: 'superseded', cause: 'deleted' };
  const { reservedAttribute } = context.settings;
  const cause = refusalCause(item, guardOf(record, context.settings));
  if (cause !== 'not-comparable') return { kind: 'superseded', cause };
  return {
    kind: 'rejected',
    reason: {
      class: 'conflict',
      name: 'ReservedAttributeTaken',
      message: `the destination item's attribute ${reservedAttribute} is not a version that Ferry wrote`,
    },
    attempts: [],
  };
}
