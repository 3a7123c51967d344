// A record that can never be applied: first its failure bound, then its letter. It counts only after
// the queue has acknowledged the letter.

import type { DeadLetterReason } from '../core/dead-letter.ts';
import type { Outcome } from '../core/outcome.ts';
import type { MalformedRecord, StreamRecord } from '../core/stream-record.ts';
import { classifyFailure } from '../core/write-failure.ts';
import { failureBound, keepStateRow } from '../core/write-request.ts';
import type { DeadLetterQueue } from '../ports.ts';
import { SETTLE_MARGIN_MS } from '../contract.ts';
import { send, type WriteContext } from './write-record.ts';

export interface DeadLetterContext extends WriteContext {
  readonly deadLetters: DeadLetterQueue;
}

export interface FailedRecord {
  readonly identity: StreamRecord | MalformedRecord;
  readonly reason: DeadLetterReason;
  /** The record as Lambda delivered it. */
  readonly raw: unknown;
}

/** Puts a record aside. Never rejects: what cannot be put aside is unfinished. */
export async function deadLetter(
  failed: FailedRecord,
  context: DeadLetterContext,
): Promise<Outcome> {
  const bound = await raiseFailureBound(failed, context);
  if (bound.kind !== 'dead-lettered') return bound;
  if (context.remainingMs() < SETTLE_MARGIN_MS) return { kind: 'unfinished', why: 'deadline' };
  const { identity, reason, raw } = failed;
  const { sequenceNumber, version, key } = identity;
  try {
    await context.deadLetters.send({
      replication: context.settings.replication,
      reason: { name: reason.name, message: reason.message },
      failedAt: new Date(context.clock.now()).toISOString(),
      sequenceNumber,
      version,
      key,
      record: raw,
    });
  } catch (error) {
    return unfinished(error, 'dead-letter.unfinished', failed, context);
  }
  context.log({ event: 'record.dead-lettered', reason: reason.name, sequenceNumber });
  return { kind: 'dead-lettered', reason: reason.name };
}

async function raiseFailureBound(
  { identity, reason }: FailedRecord,
  context: DeadLetterContext,
): Promise<Outcome> {
  const done: Outcome = { kind: 'dead-lettered', reason: reason.name };
  const { key, keyText, version } = identity;
  // Without a key and a version there is no item that a redrive could make older.
  if (key === undefined || keyText === undefined || version === undefined) return done;
  const row = { key, keyText };
  const nowMs = context.clock.now();
  let result = await send(failureBound(row, version, context.settings, nowMs), context);
  if (result.kind === 'refused')
    result = await send(keepStateRow(row, context.settings, nowMs), context);
  if (result.kind === 'no-time') return { kind: 'unfinished', why: 'deadline' };
  if (result.kind === 'failed') return { kind: 'unfinished', why: result.failure.kind };
  return done;
}

function unfinished(
  error: unknown,
  event: string,
  { identity }: FailedRecord,
  context: DeadLetterContext,
): Outcome {
  const failure = classifyFailure(error);
  context.log({
    event,
    failure: failure.kind,
    error: failure.name,
    sequenceNumber: identity.sequenceNumber,
  });
  return { kind: 'unfinished', why: failure.kind };
}
