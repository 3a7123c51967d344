// One item's source, twin and ledger row, as they were read -> the write that makes the twin equal to the
// source, good only as long as twin and ledger row are still as they were read.

import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import type { Item } from '../model/attribute-value.ts';
import { deleteAsRead, type ItemAsRead, putAsRead } from './compare-and-set.ts';
import { findDiscrepancy } from '../model/discrepancy.ts';
import { above, epochIn, type Version, versionIn } from '../model/guard.ts';
import type { WriteRules } from '../model/rules.ts';
import type { LedgerRowKey } from '../model/ledger-row.ts';
import type { WriteRequest } from '../model/write-request.ts';

/** What source, twin and state table have of an item. */
export interface ItemStates {
  /** Read after the other two: what changes later has a stream record of its own, which will win. */
  readonly source: Item | undefined;
  /** The projection leaves the source's item out. Read if the twin would keep it otherwise. */
  readonly isLeftOut?: boolean | undefined;
  readonly twin: Item | undefined;
  readonly ledgerRow: Item | undefined;
}

interface Resynchronization extends LedgerRowKey {
  readonly states: ItemStates;
  /** Below every record of the source's stream. */
  readonly floor: Version;
  /** Of a record that is redriven: what is written must be above it. */
  readonly redriven?: Version | undefined;
  /** The twin keeps an item that the source does not have: it may have expired there. Not one that is left out. */
  readonly keepsExtraneous?: boolean | undefined;
  readonly rules: WriteRules;
  readonly nowMs: number;
}

/** What becomes of an item. A run does it, and a dry run shows it. */
export type ResynchronizationDecision =
  /** An `adopt` has run since the command began, perhaps of another source. */
  | { readonly kind: 'later-epoch' }
  /** The source is not as the caller wants it. */
  | { readonly kind: 'unexpected' }
  /** The twin's item is not Ferry's, and the policy is to keep it. */
  | { readonly kind: 'kept' }
  /** Nothing has to be written. `deleted` is known, and to be announced. */
  | { readonly kind: 'equal'; readonly deleted?: Version | undefined }
  | { readonly kind: 'put'; readonly request: WriteRequest }
  | { readonly kind: 'delete'; readonly request: WriteRequest; readonly deleted: Version };

export interface DecisionPlan extends Resynchronization {
  /** The newest of the control row that the command began with. */
  readonly epoch: number;
  /** Whether the source is as the caller wants it. @default it always is */
  readonly isExpected?: ((source: Item | undefined) => boolean) | undefined;
}

export function decideResynchronization(plan: DecisionPlan): ResynchronizationDecision {
  const { states, rules, epoch, isExpected } = plan;
  if (isOfLaterEpoch(states, epoch, rules)) return { kind: 'later-epoch' };
  if (isExpected?.(states.source) === false) return { kind: 'unexpected' };
  if (isKept(states.twin, rules)) return { kind: 'kept' };
  const isGone = states.source === undefined && states.isLeftOut !== true;
  if (isGone && plan.keepsExtraneous === true) return { kind: 'equal' };
  return isSettled(plan) ? { kind: 'equal', deleted: knownDelete(states) } : writeOf(plan);
}

/** Refused if something newer came by. */
function writeOf(plan: Resynchronization): ResynchronizationDecision {
  const { states, rules, nowMs, key, keyText } = plan;
  const { source, twin, ledgerRow } = states;
  const read: ItemAsRead = { key, keyText, twin, ledgerRow, rules };
  const version = versionAbove(plan);
  if (source !== undefined) return { kind: 'put', request: putAsRead(read, source, { version }) };
  const request = deleteAsRead(read, { version, nowMs });
  return { kind: 'delete', request, deleted: version };
}

/** The item is not Ferry's, and the policy is to keep it. */
export function isKept(
  twin: Item | undefined,
  {
    unversionedItems,
    reservedAttribute,
  }: Pick<WriteRules, 'unversionedItems' | 'reservedAttribute'>,
): boolean {
  return unversionedItems === 'keep' && twin !== undefined && twin[reservedAttribute] === undefined;
}

/** Equal, and no record that failed, or is redriven, is above what the twin holds. */
function isSettled({ states, rules, redriven }: Resynchronization): boolean {
  const { source, twin } = states;
  if (findDiscrepancy(source, twin, rules) !== undefined) return false;
  const { held, deleted, failed } = versionsIn(states, rules);
  const settled = source === undefined ? deleted : held;
  const isBelow = (due: Version | undefined) =>
    due === undefined || (settled !== undefined && due <= settled);
  return isBelow(failed) && isBelow(redriven);
}

function versionAbove(plan: Resynchronization): Version {
  const { held, deleted, failed } = versionsIn(plan.states, plan.rules);
  return above([held, deleted, failed, plan.floor, plan.redriven]);
}

/** Whether the item has been written in a later epoch than `epoch`, whose source may be another table. */
function isOfLaterEpoch(
  states: Omit<ItemStates, 'source'>,
  epoch: number,
  target: WriteRules,
): boolean {
  const { held, deleted, failed } = versionsIn(states, target);
  return [held, deleted, failed].some((version) => (epochIn(version ?? '') ?? 0) > epoch);
}

function versionsIn(
  { twin, ledgerRow }: Omit<ItemStates, 'source'>,
  { reservedAttribute }: WriteRules,
) {
  return {
    held: versionIn(twin?.[reservedAttribute]),
    deleted: ledgerRow?.[LEDGER_ATTRIBUTES.deleted]?.S,
    failed: ledgerRow?.[LEDGER_ATTRIBUTES.failed]?.S,
  };
}

/** The process that wrote the tombstone may not have announced it. */
function knownDelete({ source, ledgerRow }: ItemStates): Version | undefined {
  return source === undefined ? ledgerRow?.[LEDGER_ATTRIBUTES.deleted]?.S : undefined;
}
