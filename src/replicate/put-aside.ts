// Records that can never be applied, in the order of their places: first the failure bound, then the letter,
// and only below whatever is unfinished, so that no record that comes again has a letter already.

import { TAIL_TIME_MS } from '../config/names.ts';
import type { Outcome, UnfinishedWhy } from '../model/outcome.ts';
import { type MalformedRecord, type StreamRecord, streamArnOf } from '../model/stream-record.ts';
import { classifyFailure } from '../model/write-failure.ts';
import { failureBound, keepLedgerRow } from '../model/ledger-row.ts';
import type { StreamRules } from '../model/rules.ts';
import type { DeadLetterQueue } from '../ports.ts';
import type { Rejection, WriteOutcome } from './apply-lane.ts';
import type { BatchRecord } from './control-keeper.ts';
import { send, type SendContext } from './send.ts';

export interface PutAsideContext extends SendContext {
  readonly rules: StreamRules;
  readonly deadLetters: DeadLetterQueue;
}

export interface SettledBatch {
  /** As Lambda delivered them. */
  readonly raw: readonly unknown[];
  readonly records: ReadonlyArray<BatchRecord['record']>;
  readonly outcomes: readonly WriteOutcome[];
}

/** Letters on their way at the same time: so many may be repeated when the queue fails. */
const WINDOW = 64;

/** @returns how each record ended: what could not be put aside is unfinished. Never rejects. */
export async function putAside(batch: SettledBatch, asides: PutAsideContext): Promise<Outcome[]> {
  // A bound that lands late does no harm.
  const context = { ...asides, leastMs: TAIL_TIME_MS };
  const lowest = batch.outcomes.findIndex(({ kind }) => kind === 'unfinished');
  const below = lowest < 0 ? batch.outcomes.length : lowest;
  const due = [...batch.outcomes.entries()].flatMap(([position, { kind }]) =>
    kind === 'rejected' && position < below ? [position] : [],
  );
  const final = batch.outcomes.map(
    (outcome): Outcome =>
      outcome.kind === 'rejected' ? { kind: 'unfinished', why: 'behind' } : outcome,
  );
  for (let from = 0; from < due.length; from += WINDOW) {
    const window = due.slice(from, from + WINDOW);
    const ends = await putWindowAside(batch, window, context);
    for (const [index, position] of window.entries()) final[position] = ends[index] as Outcome;
    if (ends.some(({ kind }) => kind === 'unfinished')) break;
  }
  return final;
}

/** First all bounds, then letters below the first that failed: what comes again has none. */
async function putWindowAside(
  { raw, records, outcomes }: SettledBatch,
  window: readonly number[],
  context: PutAsideContext,
): Promise<Outcome[]> {
  const recordAt = (position: number) => records[position] as StreamRecord | MalformedRecord;
  const whyOf = (position: number) => outcomes[position] as Rejection;
  const obstacles = await Promise.all(
    window.map((position) => raiseFailureBound(recordAt(position), context)),
  );
  const failed = obstacles.findIndex((obstacle) => obstacle !== undefined);
  // Looked at once: either there is time for all of them, or none is sent.
  const hasTime = context.remainingMs() >= TAIL_TIME_MS;
  const ends = window.map(async (position, index): Promise<Outcome> => {
    if (failed >= 0 && index >= failed)
      return { kind: 'unfinished', why: obstacles[index] ?? 'behind' };
    if (!hasTime) return { kind: 'unfinished', why: 'deadline' };
    const letter = { record: recordAt(position), why: whyOf(position), raw: raw[position] };
    return sendLetter(letter, context);
  });
  return Promise.all(ends);
}

async function raiseFailureBound(
  { key, keyText, version }: StreamRecord | MalformedRecord,
  context: PutAsideContext,
): Promise<UnfinishedWhy | undefined> {
  // Without a key and a version there is no item that a redrive could make older.
  if (key === undefined || keyText === undefined || version === undefined) return undefined;
  const row = { key, keyText };
  const nowMs = context.clock.now();
  let result = await send(failureBound(row, version, context.rules, nowMs), context);
  // A higher bound is known and stays; only the row's life is prolonged, for this letter's sake.
  if (result.kind === 'refused') {
    result = await send(keepLedgerRow(row, context.rules, nowMs), context);
  }
  if (result.kind === 'no-time') return 'deadline';
  if (result.kind === 'halted') return 'halted';
  return result.kind === 'failed' ? result.failure.kind : undefined;
}

interface Letter {
  readonly record: StreamRecord | MalformedRecord;
  readonly why: Rejection;
  readonly raw: unknown;
}

async function sendLetter(letter: Letter, context: PutAsideContext): Promise<Outcome> {
  const { record, why } = letter;
  const { sequenceNumber, version, key } = record;
  const { replication, deadLetters } = context.rules;
  try {
    await context.deadLetters.send({
      replication,
      reason: why.reason,
      attempts: why.attempts,
      failedAt: new Date(context.clock.now()).toISOString(),
      sequenceNumber,
      version,
      key,
      ...(deadLetters === 'whole' ? { record: letter.raw } : withoutRecord(letter)),
    });
    return { kind: 'dead-lettered', reason: why.reason.name };
  } catch (error) {
    const failure = classifyFailure(error);
    context.health.noteError(`queue: ${failure.name}`);
    // Whatever the queue says, the record is not put aside, and waits in the stream.
    return { kind: 'unfinished', why: failure.kind };
  }
}

/** The record has what a projection drops. A redrive takes the item from the source instead. */
function withoutRecord({ record, why: { reason }, raw }: Letter) {
  const { version, eventName } = record;
  // A service tells of what was sent. What was not may be in the text of a module, or in names within an item.
  const wasSent = !('reason' in record);
  return {
    reason: wasSent
      ? reason
      : { ...reason, message: 'The message is not kept in projected dead letters.' },
    eventName,
    streamArn: version && streamArnOf(raw),
  };
}
