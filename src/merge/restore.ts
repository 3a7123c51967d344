// Puts a write that has lost back, as a new write of its side, with a version just above what has won: only if that is
// still there. What is newer is never touched.

import type { Item } from '../model/attribute-value.ts';
import { clockVersion, nextVersion, originOf } from '../model/clock-version.ts';
import { contentDigest } from '../model/discrepancy.ts';
import { epochIn, type Version, versionIn } from '../model/guard.ts';
import { deletedIn, type LedgerFacts, ledgerFacts } from '../model/ledger-row.ts';
import type { Loser } from '../model/loser.ts';
import { putBack } from '../model/near-request.ts';
import type { Origin, WriteRules } from '../model/rules.ts';
import type { WriteRequest } from '../model/write-request.ts';
import type { SideState } from './sides.ts';

export interface RestorePlan {
  readonly loser: Loser;
  /** Of the side that has lost: what is there now. */
  readonly state: SideState;
  readonly side: Origin;
  readonly rules: WriteRules;
  readonly epoch: number;
  /** At most 34 digits. */
  readonly unique: string;
}

export type RestoreDecision =
  | { readonly kind: 'restore'; readonly version: Version; readonly request: WriteRequest }
  /** The same contents are there already. */
  | { readonly kind: 'equal' }
  | { readonly kind: 'refused'; readonly why: string };

const refused = (why: string): RestoreDecision => ({ kind: 'refused', why });

export function decideRestore(plan: RestorePlan): RestoreDecision {
  const { loser, state, rules } = plan;
  const { lost, kind } = loser;
  if (kind === 'stray') return refused('it was never replicated, so that nothing has won over it');
  if (lost === undefined) return refused('it was a delete');
  const { item } = state;
  if (item !== undefined && contentDigest(item, rules) === contentDigest(lost, rules))
    return { kind: 'equal' };
  const why = whyGone(plan);
  return why === undefined ? restoreOf(lost, plan) : refused(why);
}

/** @returns why what has won is not there any more. */
function whyGone({ loser, state, side, rules }: RestorePlan): string | undefined {
  const held = versionIn(state.item?.[rules.reservedAttribute]);
  const facts = ledgerFacts(state.row);
  const { deleted } = facts;
  const now =
    state.item === undefined
      ? 'no item is there now'
      : `the item there now has ${held === undefined ? 'no version' : `version ${held}`}`;
  if (loser.kind === 'replaced')
    return held !== undefined && held === loser.wonVersion ? undefined : now;
  if (state.item !== undefined) return now;
  // Of a delete that a function has found, the version is not kept.
  const isSame =
    loser.wonVersion === undefined ? mayBeIt(facts, loser, side) : isIt(deleted, loser);
  return isSame ? undefined : `a later delete of it is known: ${deleted}`;
}

/** A forgotten delete cannot be a later one. The one that has won had not seen what lost. */
function mayBeIt(
  { deleted, seen = '' }: LedgerFacts,
  { lostVersion = '' }: Loser,
  side: Origin,
): boolean {
  if (deleted === undefined) return true;
  return originOf(deleted) !== side && (lostVersion === '' || seen < lostVersion);
}

function isIt(deleted: Version | undefined, { wonVersion }: Loser): boolean {
  return deleted === undefined || deleted === wonVersion;
}

function restoreOf(lost: Item, { loser, state, side, rules, epoch, unique }: RestorePlan) {
  const known = [loser.lostVersion, loser.wonVersion, deletedIn(state.row)];
  const highest = known.reduce<Version>((high, one = '') => (one > high ? one : high), '');
  if ((epochIn(highest) ?? 0) > epoch)
    return refused('it is of a later epoch than that of the configuration');
  // Above all earlier epochs, and below every later write.
  const lowest = { epoch, ms: 0, counter: 0, origin: side, unique };
  const version =
    epochIn(highest) === epoch ? nextVersion(highest, side, unique) : clockVersion(lowest);
  const request = putBack(lost, { key: loser.key, read: state.item, version }, rules);
  return { kind: 'restore' as const, version, request };
}
