// One record that was put aside -> the twin, only where its place in the order is known: by compare-and-set,
// or as the source has the item by now. What was read ahead is good for the first attempt.

import { newestEpoch } from '../model/control-row.ts';
import { ProjectionFailed } from '../model/projection.ts';
import type { RefusalCause } from '../model/guard.ts';
import type { StreamRecord } from '../model/stream-record.ts';
import { leaves } from '../model/ties.ts';
import { classifyFailure } from '../model/write-failure.ts';
import { type LedgerRowKey, ledgerRowKey } from '../model/ledger-row.ts';
import { FerryError } from '../errors.ts';
import type { Item } from '../ports.ts';
import { retryingReader } from '../pacing/retrying.ts';
import { send, type SendResult } from '../replicate/send.ts';
import type { ItemStates } from '../resync/resynchronization.ts';
import { CONTENDED, resynchronizeKey } from '../resync/resynchronize-key.ts';
import type { RecordContext } from './context.ts';
import type { ItemOutcome } from './outcome.ts';
import type { PlacedLetter } from './place.ts';
import { floorIn, type Replay, replay } from './replay.ts';

/** Each attempt fails only because another writer has changed the item or its ledger row meanwhile. */
const ATTEMPTS_MAX = 10;

/** What was read of an item before its turn; what is absent is read then. */
export interface ReadBefore {
  /** The control row has changed since: what is known of the record's place may be wrong. */
  readonly isOutdated?: boolean | undefined;
  /** Made of what twin and state table had. */
  readonly decision?: Replay | undefined;
  /** All of the twin's item, and the source's, read last. */
  readonly states?: ItemStates | undefined;
}

/**
 * @param before rejects as a read does.
 * @throws what a read throws and repeating cannot help, unless only this item is to blame.
 */
export async function redriveItem(
  item: PlacedLetter,
  context: RecordContext,
  stop: AbortSignal,
  before: Promise<ReadBefore> | ReadBefore = {},
): Promise<ItemOutcome> {
  const reading = withRetries(context, stop);
  try {
    const { record, asksSource } = item;
    const { decision, states, isOutdated } = await before;
    if (isOutdated === true) return { kind: 'unfinished', why: 'the control row has changed' };
    return record === undefined || asksSource
      ? await resynchronize(item, reading, states)
      : await replayRecord(record, { ...item, decision, states }, reading);
  } catch (error) {
    if (stop.aborted) return { kind: 'unfinished', why: 'stopped' };
    if (error instanceof FerryError && error.code === 'item.unreadable')
      return { kind: 'rejected', why: failureOf(error) };
    const { kind, name } = classifyFailure(error);
    if (kind !== 'rejected') throw error;
    // No table here takes such a key.
    return { kind: 'rejected', why: name };
  }
}

function failureOf({ cause, code }: FerryError): string {
  return cause instanceof ProjectionFailed ? cause.name : code;
}

/** A table that throttles reads must not end the run. */
function withRetries(context: RecordContext, stop: AbortSignal): RecordContext {
  const { clock, random, source, twin, ledger } = context;
  const retries = { clock, random, stop };
  return {
    ...context,
    source: retryingReader(source, retries),
    twin: retryingReader(twin, retries),
    ledger: retryingReader(ledger, retries),
  };
}

async function replayRecord(
  record: StreamRecord,
  item: PlacedLetter & ReadBefore,
  context: RecordContext,
): Promise<ItemOutcome> {
  let known = item.decision;
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const decision = known ?? decide(record, await read(item, context), context);
    known = undefined;
    switch (decision.kind) {
      case 'superseded':
        if (await isTied(record, decision.cause, context)) return resynchronize(item, context);
        return { kind: 'superseded', deleted: decision.deleted, written: 'nothing' };
      case 'taken':
        return { kind: 'rejected', why: 'ReservedAttributeTaken' };
      case 'resynchronize':
        return resynchronize(item, context, attempt === 1 ? item.states : undefined);
      case 'write': {
        const result = await send(decision.request, context);
        if (result.kind === 'written') return doneBy(decision);
        if (result.kind !== 'refused') return notWritten(result);
      }
    }
  }
  return { kind: 'unfinished', why: CONTENDED };
}

/** Which of two changes of the same time is the later one, only the source can tell. */
async function isTied(
  record: StreamRecord,
  cause: RefusalCause,
  { rules, twin, withoutSource }: RecordContext,
): Promise<boolean> {
  if (rules.arrival === 'in-order' || withoutSource) return false;
  if (cause === 'tied') return true;
  return cause === 'redelivery' && !leaves(record, await twin.get(record.key), rules);
}

/** Of the twin's item, at least its key and the reserved attribute. */
export interface TwinStates {
  readonly twin: Item | undefined;
  readonly ledgerRow: Item | undefined;
}

/** The ledger row last: a delete between the two is seen there. */
async function read(
  { key, keyText }: LedgerRowKey,
  { rules, twin, ledger }: RecordContext,
): Promise<TwinStates> {
  const item = await twin.get(key);
  return { twin: item, ledgerRow: await ledger.get(ledgerRowKey(rules, keyText)) };
}

/** What becomes of a record whose place is known, as things were read. */
export function decide(record: StreamRecord, states: TwinStates, context: DecisionContext): Replay {
  const { rules, withoutSource, clock } = context;
  const { ttlDeletes } = rules;
  const nowMs = clock.now();
  return replay({ ...states, record, rules, ttlDeletes, withoutSource, nowMs });
}

type DecisionContext = Pick<RecordContext, 'rules' | 'withoutSource' | 'clock'>;

function doneBy({ outcome: kind, deleted }: Extract<Replay, { kind: 'write' }>): ItemOutcome {
  return { kind, deleted, written: deleted === undefined ? 'put' : 'delete' };
}

function notWritten(result: Exclude<SendResult, { kind: 'written' | 'refused' }>): ItemOutcome {
  if (result.kind !== 'failed') return { kind: 'unfinished', why: result.kind };
  const { kind, name } = result.failure;
  if (kind === 'rejected') return { kind: 'rejected', why: name };
  return { kind: 'unfinished', why: name, isUnknown: kind === 'unknown' };
}

async function resynchronize(
  item: PlacedLetter,
  context: RecordContext,
  states?: ItemStates,
): Promise<ItemOutcome> {
  const { control, rules } = context;
  const { key, keyText, version, streamArn, record } = item;
  // A delete is reason enough to remove what the source does not have either.
  const keepsExtraneous = rules.ttlDeletes === 'skip' && record?.eventName !== 'REMOVE';
  const result = await resynchronizeKey(
    {
      key,
      keyText,
      redriven: version,
      states,
      floor: floorIn(control, [rules.streamArn, streamArn]),
      keepsExtraneous,
    },
    { ...context, epoch: newestEpoch(control).n },
  );
  if (result.kind === 'equal') {
    const { changed, found } = result;
    const written = changed ? (found ? 'put' : 'delete') : 'nothing';
    return {
      kind: 'resynchronized',
      written,
      leavesExtraneous: keepsExtraneous && !found && !changed,
    };
  }
  const { why, failure } = result;
  if (failure?.kind === 'rejected') return { kind: 'rejected', why };
  return { kind: 'unfinished', why, isUnknown: failure?.kind === 'unknown' };
}
