// Makes one item of the twin equal to the source, never over anything newer: reads twin and ledger row
// before the source, writes only if both are still as they were read, and announces what it deletes.

import {
  decideResynchronization,
  type ItemStates,
  type ResynchronizationDecision,
} from './resynchronization.ts';
import type { Version } from '../model/guard.ts';
import type { WriteFailure } from '../model/write-failure.ts';
import type { WriteRules } from '../model/rules.ts';
import { type LedgerRowKey, ledgerRowKey } from '../model/ledger-row.ts';
import type { Item, ItemReader, LookAgainQueue } from '../ports.ts';
import { announceDeletes } from '../replicate/announce-deletes.ts';
import { send, type SendContext, type SendResult } from '../replicate/send.ts';

export interface ResynchronizationContext extends SendContext {
  readonly rules: WriteRules;
  readonly source: ItemReader;
  readonly twin: ItemReader;
  readonly ledger: ItemReader;
  /** Deletes are announced there, with "checked" tombstones. */
  readonly lookAgain: LookAgainQueue;
  /** The newest of the control row: announcements name it. */
  readonly epoch: number;
}

export type ResynchronizationResult =
  | {
      readonly kind: 'equal';
      /** Whether anything had to be written. */
      readonly changed: boolean;
      /** Whether the source had the item. */
      readonly found: boolean;
      /** Nothing was written, because the twin's item is not Ferry's and is kept: it may differ. */
      readonly kept?: true;
    }
  /** Something newer came by each time, or a request failed; another run may do better. */
  | {
      readonly kind: 'unfinished';
      readonly why: string;
      /** Of the write, where it is to blame. */
      readonly failure?: WriteFailure;
    };

/** Each attempt fails only because a newer record was applied meanwhile. */
const ATTEMPTS_MAX = 10;

/** Why it is unfinished if each attempt was refused. */
export const CONTENDED = 'newer changes came by';

/** Why it is unfinished if an `adopt` has run since the command began, perhaps of another source. */
export const LATER_EPOCH = 'written in a later epoch, which was opened after this command began';

export interface KeyToResynchronize extends LedgerRowKey {
  /** Below every record of the source's stream. */
  readonly floor: Version;
  /** Of the record that is redriven. */
  readonly redriven?: Version | undefined;
  /** The twin keeps an item that the source does not have. */
  readonly keepsExtraneous?: boolean;
  /** Asked before each attempt: whether the source is as the caller wants it. @default it always is */
  readonly isExpected?: (source: Item | undefined) => boolean;
  /** What the first attempt goes by: the source read last. @default it reads them itself */
  readonly states?: ItemStates | undefined;
}

/** @throws what a read throws; nothing has been written by the attempt then. */
export async function resynchronizeKey(
  item: KeyToResynchronize,
  context: ResynchronizationContext,
): Promise<ResynchronizationResult> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const states = attempt === 1 ? item.states : undefined;
    const { decision, found } = await decide({ ...item, states }, context);
    if (decision.kind === 'later-epoch' || decision.kind === 'unexpected')
      return { kind: 'unfinished', why: OBSTACLES[decision.kind] };
    if (decision.kind === 'kept') return { kind: 'equal', changed: false, found, kept: true };
    const { request, deleted } = { request: undefined, deleted: undefined, ...decision };
    const result = request && (await send(request, context));
    if (result?.kind === 'refused') continue;
    if (result !== undefined && result.kind !== 'written') {
      // It may have been done all the same, and the next run would find nothing to announce.
      if (isUnknown(result)) await announce(item, deleted, context);
      return unfinished(result);
    }
    const obstacle = await announce(item, deleted, context);
    if (obstacle !== undefined) return { kind: 'unfinished', why: `announcement: ${obstacle}` };
    return { kind: 'equal', changed: request !== undefined, found };
  }
  return { kind: 'unfinished', why: CONTENDED };
}

/**
 * What `resynchronizeKey` would do in its first attempt: for a dry run.
 * @throws what a read throws.
 */
export async function decideKey(
  item: KeyToResynchronize,
  context: ResynchronizationContext,
): Promise<ResynchronizationDecision> {
  return (await decide(item, context)).decision;
}

/** Why nothing can be done, by the decision. */
export const OBSTACLES = {
  'later-epoch': LATER_EPOCH,
  unexpected: 'the source has changed',
} as const;

async function decide(item: KeyToResynchronize, context: ResynchronizationContext) {
  const read = item.states ?? (await readStates(item, context));
  const isInDoubt = item.keepsExtraneous === true && read.source === undefined;
  const isLeftOut = isInDoubt && ((await context.source.leavesOut?.(item.key)) ?? false);
  const states = { ...read, isLeftOut };
  const { rules, clock, epoch } = context;
  const plan = { ...item, states, rules, epoch, nowMs: clock.now() };
  return { decision: decideResynchronization(plan), found: states.source !== undefined };
}

async function readStates(
  { key, keyText }: KeyToResynchronize,
  { rules, ...context }: ResynchronizationContext,
): Promise<ItemStates> {
  const twin = await context.twin.get(key);
  const ledgerRow = await context.ledger.get(ledgerRowKey(rules, keyText));
  // Last: a change after this read has a stream record above what is written here, and will win.
  const source = await context.source.get(key);
  return { source, twin, ledgerRow };
}

function isUnknown(result: SendResult): boolean {
  return result.kind === 'failed' && result.failure.kind === 'unknown';
}

function unfinished(
  result: Exclude<SendResult, { kind: 'written' | 'refused' }>,
): ResynchronizationResult {
  if (result.kind !== 'failed') return { kind: 'unfinished', why: result.kind };
  const { failure } = result;
  return { kind: 'unfinished', why: failure.name, failure };
}

async function announce(
  { key }: KeyToResynchronize,
  deleted: Version | undefined,
  context: ResynchronizationContext,
): Promise<string | undefined> {
  if (deleted === undefined) return undefined;
  return announceDeletes([{ key, version: deleted }], context.epoch, context);
}
