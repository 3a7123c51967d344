// One record that was put aside -> the twin, only where its place in the order is known: by compare-and-set,
// or as the source has the item by now. What was read ahead is good for the first attempt.

import { type ControlRow, newestEpoch } from '../model/control-row.ts';
import { floorIn, type Replay, replay } from './replay.ts';
import type { ItemStates } from '../resync/resynchronization.ts';
import type { StreamRecord } from '../model/stream-record.ts';
import type { Version } from '../model/guard.ts';
import { classifyFailure } from '../model/write-failure.ts';
import { type LedgerRowKey, ledgerRowKey } from '../model/write-request.ts';
import { FerryError } from '../errors.ts';
import type { HandlerSettings } from '../config/handler-settings.ts';
import type { Item, ItemReader } from '../ports.ts';
import { retry } from '../pacing/retry.ts';
import {
  CONTENDED,
  type ResynchronizationContext,
  resynchronizeKey,
} from '../resync/resynchronize-key.ts';
import { send, type SendResult } from '../replicate/write-record.ts';

export interface RecordContext extends Omit<ResynchronizationContext, 'rules' | 'epoch'> {
  readonly rules: HandlerSettings;
  readonly control: ControlRow;
  /** The source is lost: what would be read there is replayed by its version. */
  readonly withoutSource: boolean;
}

/** A record as far as it could be read. */
export interface ParkedItem extends LedgerRowKey {
  readonly streamArn: string | undefined;
  readonly version: Version | undefined;
  /** Absent where only its key could be read. */
  readonly record?: StreamRecord | undefined;
  /** Its place in the order is not known. */
  readonly asksSource: boolean;
}

export type ItemOutcome =
  | {
      readonly kind: 'applied' | 'superseded' | 'resynchronized';
      /** A delete that is to be announced before the record is final. */
      readonly deleted?: Version | undefined;
      /** What has been written to the twin's item. */
      readonly written: 'put' | 'delete' | 'nothing';
      /** The source does not have the item, which is no reason to remove it: an older delete may be one. */
      readonly leavesExtraneous?: boolean | undefined;
    }
  /** It can never be applied as things are: the next older record gets its turn. */
  | { readonly kind: 'rejected'; readonly why: string }
  | {
      readonly kind: 'unfinished';
      readonly why: string;
      /** A write was given up that may still be applied. */
      readonly isUnknown?: boolean;
    };

/** Each attempt fails only because somebody else has written the item or its ledger row meanwhile. */
const ATTEMPTS_MAX = 10;

/** What was read of an item before its turn; what is absent is read then. */
export interface ReadAhead {
  /** The control row has changed since: what is known of the record's place may be wrong. */
  readonly isOutdated?: boolean | undefined;
  /** Made of what twin and state table had. */
  readonly decision?: Replay | undefined;
  /** All of the twin's item, and the source's, read last. */
  readonly states?: ItemStates | undefined;
}

/**
 * @param ahead rejects as a read does.
 * @throws what a read throws and repeating cannot help, unless only this item is to blame.
 */
export async function redriveItem(
  item: ParkedItem,
  context: RecordContext,
  stop: AbortSignal,
  ahead: Promise<ReadAhead> | ReadAhead = {},
): Promise<ItemOutcome> {
  const reading = patiently(context, stop);
  try {
    const { record, asksSource } = item;
    const { decision, states, isOutdated } = await ahead;
    if (isOutdated === true) return { kind: 'unfinished', why: 'the control row has changed' };
    return record === undefined || asksSource
      ? await resynchronize(item, reading, states)
      : await replayRecord(record, { ...item, decision, states }, reading);
  } catch (error) {
    if (stop.aborted) return { kind: 'unfinished', why: 'stopped' };
    if (error instanceof FerryError && error.code === 'item.unreadable')
      return { kind: 'rejected', why: error.code };
    const { kind, name } = classifyFailure(error);
    if (kind !== 'rejected') throw error;
    // No table here takes such a key.
    return { kind: 'rejected', why: name };
  }
}

/** A table that throttles reads must not end the run. */
function patiently(context: RecordContext, stop: AbortSignal): RecordContext {
  const { clock, random } = context;
  const patient = (reader: ItemReader): ItemReader => ({
    get: (key) => retry(() => reader.get(key), { clock, random, stop }),
  });
  const [source, twin] = [patient(context.source), patient(context.twin)];
  return { ...context, source, twin, ledger: patient(context.ledger) };
}

async function replayRecord(
  record: StreamRecord,
  item: ParkedItem & ReadAhead,
  context: RecordContext,
): Promise<ItemOutcome> {
  let known = item.decision;
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const decision = known ?? decide(record, await read(item, context), context);
    known = undefined;
    switch (decision.kind) {
      case 'superseded':
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
  item: ParkedItem,
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
    return { kind: 'resynchronized', written, leavesExtraneous: keepsExtraneous && !found };
  }
  const { why, failure } = result;
  if (failure?.kind === 'rejected') return { kind: 'rejected', why };
  return { kind: 'unfinished', why, isUnknown: failure?.kind === 'unknown' };
}
