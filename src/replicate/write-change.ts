// One change of the stream -> its requests, sent one after the other.

import { GuardedPut } from '../model/guarded-put.ts';
import { latenciesOf } from '../model/latency.ts';
import { LEDGER_ATTRIBUTES, YOUNG_MS } from '../config/names.ts';
import { refusalCause, type Version } from '../model/guard.ts';
import type { PutRecord, RemoveRecord, StreamRecord } from '../model/stream-record.ts';
import { guardedDelete, putTransaction, tombstone } from '../model/tombstone.ts';
import type { StreamRules } from '../model/rules.ts';
import { leaves } from '../model/ties.ts';
import type { WriteReply } from '../ports.ts';
import type { WriteOutcome } from './apply-lane.ts';
import { send, type SendContext, type SendResult } from './send.ts';

export interface WriteContext extends SendContext {
  readonly rules: StreamRules;
  /** When this batch was decided on: no later insert is taken for a young one, epoch milliseconds. */
  readonly decidedAtMs: number;
  /**
   * The newest delete that the ledger row of an item remembers; empty, which is below all, if none.
   * @returns undefined where the row was not read, or not answered.
   */
  readonly deletedVersion: (keyText: string) => Promise<Version | undefined>;
  /** Called for each record that can never be applied: putting it aside takes time. */
  readonly onRejected: () => void;
}

/**
 * Applies one record of the stream under the guard. Never rejects.
 * @param mayBeNew whether an INSERT is among the records that it stands for: its place may be empty.
 */
export async function writeRecord(
  record: StreamRecord,
  mayBeNew: boolean,
  context: WriteContext,
): Promise<WriteOutcome> {
  if (record.eventName === 'REMOVE') return removeRecord(record, context);
  const { rules } = context;
  // Nearly every record, with nothing awaited but its one request: hundreds are in memory at a time.
  if (!mayBeNew || isPlain(record, context)) {
    const place = mayBeNew ? 'free' : 'older-item';
    const result = await send(new GuardedPut(record, rules, place), context);
    const isEmpty = !mayBeNew && result.kind === 'refused' && result.item === undefined;
    if (!isEmpty) return outcomeOf(result, record, context);
    // Its item may have been deleted since, and only the ledger row can tell.
    return outcomeOf(await send(putTransaction(record, rules), context), record, context);
  }
  return outcomeOf(await insertLate(record, context), record, context);
}

/** An insert that needs no look at its ledger row. */
function isPlain(record: PutRecord, context: WriteContext): boolean {
  const { tombstones } = context.rules;
  // The function of the other direction looks at it.
  if (tombstones === 'insert-check') return true;
  return tombstones === 'checked' && isYoung(record, context);
}

/** Or any, with strict tombstones. */
async function insertLate(record: PutRecord, context: WriteContext): Promise<SendResult> {
  const { rules } = context;
  const deleted = await context.deletedVersion(record.keyText);
  if (deleted === undefined) return send(putTransaction(record, rules), context);
  if (deleted >= record.version)
    return {
      kind: 'refused',
      by: 'ledger-row',
      item: { [LEDGER_ATTRIBUTES.deleted]: { S: deleted } },
    };
  return send(new GuardedPut(record, rules, 'free'), context);
}

/** Too young for its delete to be looked at again before it has landed. In any order, that may have been long ago. */
export function isYoung(
  { createdAtSeconds }: StreamRecord,
  { rules, decidedAtMs }: Pick<WriteContext, 'rules' | 'decidedAtMs'>,
): boolean {
  if (rules.arrival === 'any-order' || createdAtSeconds === undefined) return false;
  return decidedAtMs - createdAtSeconds * 1000 <= YOUNG_MS;
}

/**
 * A delete is remembered before it is done, so that no later put of an older state finds an empty
 * place and no memory of why. Where a newer one is remembered, it is done all the same: who remembered it
 * may have got no further, and never will.
 */
export async function removeRecord(
  record: RemoveRecord,
  context: WriteContext,
): Promise<WriteOutcome> {
  const { rules, clock } = context;
  const remembered = await send(tombstone(record, rules, clock.now()), context);
  if (remembered.kind !== 'written' && remembered.kind !== 'refused')
    return outcomeOf(remembered, record, context);
  const removed = await send(guardedDelete(record, rules), context);
  if (removed.kind === 'written' && remembered.kind === 'refused')
    return { kind: 'superseded', cause: 'deleted' };
  return outcomeOf(removed, record, context);
}

export function outcomeOf(
  result: SendResult,
  record: StreamRecord,
  context: WriteContext,
): WriteOutcome {
  switch (result.kind) {
    case 'written':
      return appliedOutcome(record, context);
    case 'no-time':
      return { kind: 'unfinished', why: 'deadline' };
    case 'halted':
      return { kind: 'unfinished', why: 'halted' };
    case 'failed':
      return noted(failureOutcome(result), context);
    case 'refused':
      return noted(refusalOutcome(result, record, context), context);
  }
}

function noted(outcome: WriteOutcome, { onRejected }: WriteContext): WriteOutcome {
  if (outcome.kind === 'rejected') onRejected();
  return outcome;
}

function appliedOutcome(record: StreamRecord, { rules, clock }: WriteContext): WriteOutcome {
  const { latencyMs, heartbeatMs, isTimestampFallback } = latenciesOf(record, rules, clock.now());
  // Written out: a spread would cost more than all of it.
  return { kind: 'applied', latencyMs, heartbeatMs, isTimestampFallback };
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
  record: StreamRecord,
  { rules }: WriteContext,
): WriteOutcome {
  // The ledger row refuses only when it knows a newer delete.
  if (by === 'ledger-row') {
    const isTied = item?.[LEDGER_ATTRIBUTES.deleted]?.S === record.version;
    return { kind: 'superseded', cause: isTied ? 'tied' : 'deleted' };
  }
  const cause = refusalCause(item, record, rules);
  const mayTie = cause === 'redelivery' && rules.arrival === 'any-order';
  if (mayTie && !leaves(record, item, rules)) return { kind: 'superseded', cause: 'tied' };
  if (cause !== 'not-comparable') return { kind: 'superseded', cause };
  return {
    kind: 'rejected',
    reason: {
      class: 'conflict',
      name: 'ReservedAttributeTaken',
      message: `the destination item's attribute ${rules.reservedAttribute} is not a version that Ferry wrote`,
    },
    attempts: [],
  };
}
