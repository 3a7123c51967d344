// A record that can never be applied: first its failure bound, then its letter. It counts only after
// the queue has acknowledged the letter.

import type { Outcome } from '../core/outcome.ts';
import type { MalformedRecord, StreamRecord } from '../core/stream-record.ts';
import { classifyFailure } from '../core/write-failure.ts';
import { failureBound, keepStateRow } from '../core/write-request.ts';
import type { DeadLetterQueue } from '../ports.ts';
import { SETTLE_MARGIN_MS } from '../contract.ts';
import type { Rejection } from './apply-lane.ts';
import { send, type WriteContext } from './write-record.ts';

export interface DeadLetterContext extends WriteContext {
  readonly deadLetters: DeadLetterQueue;
}

export interface FailedRecord {
  readonly identity: StreamRecord | MalformedRecord;
  readonly why: Rejection;
  /** The record as Lambda delivered it. */
  readonly raw: unknown;
}

/** Puts a record aside. Never rejects: what cannot be put aside is unfinished. */
export async function deadLetter(
  failed: FailedRecord,
  context: DeadLetterContext,
): Promise<Outcome> {
  const obstacle =
    (await raiseFailureBound(failed, context)) ?? (await sendLetter(failed, context));
  if (obstacle !== undefined) return { kind: 'unfinished', why: obstacle };
  return { kind: 'dead-lettered', reason: failed.why.reason.name };
}

type Obstacle = Extract<Outcome, { kind: 'unfinished' }>['why'];

async function raiseFailureBound(
  { identity }: FailedRecord,
  context: DeadLetterContext,
): Promise<Obstacle | undefined> {
  const { key, keyText, version } = identity;
  // Without a key and a version there is no item that a redrive could make older.
  if (key === undefined || keyText === undefined || version === undefined) return undefined;
  const row = { key, keyText };
  const nowMs = context.clock.now();
  let result = await send(failureBound(row, version, context.settings, nowMs), context);
  // A higher bound is known and stays; only the row's life is prolonged, for this letter's sake.
  if (result.kind === 'refused') {
    result = await send(keepStateRow(row, context.settings, nowMs), context);
  }
  if (result.kind === 'no-time') return 'deadline';
  if (result.kind === 'halted') return 'halted';
  return result.kind === 'failed' ? result.failure.kind : undefined;
}

async function sendLetter(
  { identity, why, raw }: FailedRecord,
  context: DeadLetterContext,
): Promise<Obstacle | undefined> {
  if (context.remainingMs() < SETTLE_MARGIN_MS) return 'deadline';
  const { sequenceNumber, version, key } = identity;
  try {
    await context.deadLetters.send({
      replication: context.settings.replication,
      reason: why.reason,
      attempts: why.attempts,
      failedAt: new Date(context.clock.now()).toISOString(),
      sequenceNumber,
      version,
      key,
      record: raw,
    });
    return undefined;
  } catch (error) {
    const failure = classifyFailure(error);
    context.health.noteError(`queue: ${failure.name}`);
    // Whatever the queue says, the record is not put aside, and waits in the stream.
    return failure.kind;
  }
}
