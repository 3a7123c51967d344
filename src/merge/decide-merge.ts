// An item of stamped tables, as it was read on both sides -> the writes that make both sides equal. The largest version
// wins; what is below the newest delete goes, and gets a version above it where it was written again at the side of the
// delete. Pure.

import type { Item } from '../model/attribute-value.ts';
import { clockVersion, nextVersion, originOf } from '../model/clock-version.ts';
import { contentDigest } from '../model/discrepancy.ts';
import { epochIn, type Version, versionIn } from '../model/guard.ts';
import { ledgerFacts, raisedVersion } from '../model/ledger-row.ts';
import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import { stampAgain } from '../model/near-request.ts';
import type { Origin } from '../model/rules.ts';
import { timestampMs } from '../model/timestamp.ts';
import { deleteAsRead, type ItemAsRead, putAsRead } from '../resync/compare-and-set.ts';
import type { Loss, MergeChoice, MergeDecision, MergePlan, MergeStep } from './decision.ts';
import { type BySide, bothSides, type MergeStates, otherSide, SIDES } from './sides.ts';

export interface StampedPlan extends MergePlan {
  readonly choice: MergeChoice;
  readonly epoch: number;
  /** 34 digits: two merges never make the same version. */
  readonly unique: string;
}

/** What one side has, by the versions of the epoch. Those of earlier epochs count as none. */
interface Found {
  readonly side: Origin;
  readonly item: Item | undefined;
  readonly version: Version | undefined;
  /** It has no version at all: no application that stamps has written it, and Ferry neither. */
  readonly isStray: boolean;
  /** Ferry has stamped it, and no application that stamps since. */
  readonly isByFerry: boolean;
}

/** How an item of one side takes part. */
interface Claim {
  readonly version: Version;
  /** The item does not have this version yet. */
  readonly isStamp: boolean;
  /** It is older than everything that has a version. */
  readonly isWeak: boolean;
}

interface Case {
  readonly plan: StampedPlan;
  readonly states: MergeStates;
  readonly found: BySide<Found>;
  readonly deleted: Version | undefined;
}

export function decideMerge(states: MergeStates, plan: StampedPlan): MergeDecision {
  const found = bothSides((side) => foundAt(side, states, plan));
  const facts = bothSides((side) => ledgerFacts(states[side].row));
  const all = SIDES.flatMap((side) => [anyVersion(side, states, plan), facts[side].deleted]);
  if (all.some((version) => (epochIn(version ?? '') ?? 0) > plan.epoch))
    return { kind: 'later-epoch' };
  const deletes = [facts[1].deleted, facts[2].deleted].map((one) => ofEpoch(one, plan));
  const at: Case = { plan, states, found, deleted: largest(deletes) };
  return settle(at);
}

function settle(at: Case): MergeDecision {
  const isSame = hasSameContents(at);
  const claims = bothSides((side) => claimOf(side, at, isSame));
  const [first, second] = [claims[1], claims[2]];
  if (first === undefined && second === undefined) return withoutWinner(at);
  const winner = largerClaim(first, second);
  if (winner !== undefined) return wonBy(winner, claims[winner] as Claim, at);
  if (isSame) return { kind: 'equal', steps: [] };
  const choice = laterBefore(claims, at) ?? chosen(at);
  if (choice === undefined) return { kind: 'undecided' };
  return wonBy(choice, stampOverTie(choice, claims[choice] as Claim, at), at);
}

/** @returns undefined where the versions do not tell: they are the same, or both are still to be made. */
function largerClaim(first: Claim | undefined, second: Claim | undefined): Origin | undefined {
  if (first === undefined || second === undefined) return first === undefined ? 2 : 1;
  if (first.isStamp && second.isStamp) return undefined;
  if (first.isWeak || second.isWeak) return first.isWeak ? 2 : 1;
  if (first.version === second.version) return undefined;
  return first.version > second.version ? 1 : 2;
}

/** Of two that were stamped in the same earlier epoch, the one that was later then. */
function laterBefore(
  claims: BySide<Claim | undefined>,
  { states, plan }: Case,
): Origin | undefined {
  const [first, second] = SIDES.map((side) =>
    claims[side]?.isWeak === true ? anyVersion(side, states, plan) : undefined,
  );
  if (first === undefined || second === undefined || first === second) return undefined;
  // The order of sequence versions means nothing between two streams.
  const isClock = originOf(first) !== undefined && originOf(second) !== undefined;
  if (!isClock || epochIn(first) !== epochIn(second)) return undefined;
  return first > second ? 1 : 2;
}

function anyVersion(side: Origin, states: MergeStates, { rules }: StampedPlan) {
  return versionIn(states[side].item?.[rules[side].reservedAttribute]);
}

function foundAt(side: Origin, states: MergeStates, plan: StampedPlan): Found {
  const { item } = states[side];
  const version = anyVersion(side, states, plan);
  const isStray = item !== undefined && version === undefined;
  const isByFerry = item?.[plan.rules[side].reservedAttribute]?.M?.['o'] !== undefined;
  return { side, item, version: ofEpoch(version, plan), isStray, isByFerry };
}

/** A sequence version of an earlier mode cannot be compared with a clock, nor with that of the other stream. */
function ofEpoch(version: Version | undefined, { epoch }: StampedPlan): Version | undefined {
  return version !== undefined && epochIn(version) === epoch ? version : undefined;
}

function largest(versions: ReadonlyArray<Version | undefined>): Version | undefined {
  return versions.reduce(
    (high, one) => (one !== undefined && one > (high ?? '') ? one : high),
    undefined,
  );
}

function hasSameContents({ states, plan }: Case): boolean {
  const [first, second] = [states[1].item, states[2].item];
  if (first === undefined || second === undefined) return false;
  return contentDigest(first, plan.rules[1]) === contentDigest(second, plan.rules[2]);
}

/** @returns undefined where there is no item, or where the newest delete takes it away. */
function claimOf(side: Origin, at: Case, isSame: boolean): Claim | undefined {
  const { plan, deleted, found } = at;
  const { item, version, isStray, isByFerry } = found[side];
  if (item === undefined) return undefined;
  if (version !== undefined && version > (deleted ?? ''))
    return { version, isStamp: false, isWeak: false };
  const isKept = isStray && plan.choice.keepStrays === true && !isSame;
  const other = isKept ? found[otherSide(side)].version : undefined;
  const below = largest([deleted, other]);
  if (below === undefined) return { version: weakStamp(side, plan), isStamp: true, isWeak: true };
  // The place was empty then: its item was written later at the same side, by a host with a slow clock or without one. What
  // an earlier merge has copied back there, while the record of the delete was on its way, was not written again.
  const isLater =
    deleted !== undefined &&
    !isByFerry &&
    originOf(deleted) === side &&
    (version === undefined || originOf(version) === side);
  if (!isKept && !isLater) return undefined;
  return { version: nextVersion(below, side, plan.unique), isStamp: true, isWeak: false };
}

/** Above all earlier epochs, and below every stamp of an application: only what has none loses against it. */
function weakStamp(side: Origin, { epoch, unique }: StampedPlan): Version {
  return clockVersion({ epoch, ms: 0, counter: 0, origin: side, unique });
}

/** @returns the side that wins by the options; undefined where they do not tell. */
function chosen({ states, plan }: Case): Origin | undefined {
  const { newerBy, prefer } = plan.choice;
  if (newerBy === undefined) return prefer;
  const [first, second] = SIDES.map((side) => timestampMs(states[side].item?.[newerBy]));
  if (first === undefined || second === undefined || first === second) return prefer;
  return first > second ? 1 : 2;
}

/** Where both have the same version, the winner gets the next one. */
function stampOverTie(winner: Origin, claim: Claim, { plan }: Case): Claim {
  if (claim.isStamp) return claim;
  const version = nextVersion(claim.version, winner, plan.unique);
  return { ...claim, version, isStamp: true };
}

function wonBy(winner: Origin, claim: Claim, at: Case): MergeDecision {
  const { plan, states, found } = at;
  const loser = otherSide(winner);
  const item = states[winner].item as Item;
  const loss = lossAt(loser, { item, claim }, at);
  if (claim.isStamp) {
    const request = stampAgain(plan.key, claim.version, item, plan.rules[winner]);
    return { kind: 'stamped', steps: [{ at: winner, request, loss }] };
  }
  const seen = found[loser].version;
  // It counts as having seen what it replaces: the merge counts the loss, and not the function again.
  const request = putAsRead(asRead(loser, at), item, { version: claim.version, seen });
  return { kind: 'copied', steps: [{ at: loser, request, loss }] };
}

interface Winner {
  readonly item: Item;
  readonly claim: Claim;
}

/** What an application has written at the side that loses, where no function counts it when the winner arrives. */
function lossAt(side: Origin, { item: won, claim }: Winner, at: Case): MergeStep['loss'] {
  const { item, version } = at.found[side];
  if (item === undefined || hasSameContents(at)) return undefined;
  if (version !== undefined && !isOwnLoss(side, version, at, claim)) return undefined;
  return lossOf(side, { kind: 'replaced', lost: item, lostVersion: version, won }, claim.version);
}

/** Not of what the other side has written there before, nor of what the same side has replaced itself. */
function isOwnLoss(side: Origin, version: Version, { found }: Case, claim: Claim): boolean {
  if (claim.isStamp) return found[otherSide(side)].version === version;
  return originOf(version) === side && originOf(claim.version) !== side;
}

function lossOf(at: Origin, what: Loss, wonVersion: Version | undefined): MergeStep['loss'] {
  return { at, what: { ...what, wonVersion } };
}

function asRead(side: Origin, { plan, states }: Case): ItemAsRead {
  const { key, keyText } = plan;
  const { item: twin, row: ledgerRow } = states[side];
  return { key, keyText, twin, ledgerRow, rules: plan.rules[side] };
}

/** No item is above the newest delete. */
function withoutWinner(at: Case): MergeDecision {
  const { deleted, found } = at;
  if (deleted === undefined) return { kind: 'equal', steps: [] };
  const steps = SIDES.flatMap((side) =>
    found[side].item === undefined ? forgotten(side, deleted, at) : [removal(side, deleted, at)],
  );
  return { kind: steps.every(({ isMemory }) => isMemory) ? 'equal' : 'removed', steps };
}

function removal(side: Origin, deleted: Version, at: Case): MergeStep {
  const { item, version } = at.found[side];
  const seen = seenBy(deleted, at);
  const { nowMs } = at.plan;
  const request = deleteAsRead(asRead(side, at), { version: deleted, nowMs, seen });
  if (item === undefined || version !== undefined) return { at: side, request };
  // One that has a version is compared by the function, with what the delete had seen.
  return { at: side, request, loss: lossOf(side, { kind: 'removed', lost: item }, deleted) };
}

/** What the newest delete had seen, as its row tells. */
function seenBy(deleted: Version, { states }: Case): Version | undefined {
  const rows = [states[1].row, states[2].row].map(ledgerFacts);
  return rows.find((row) => row.deleted === deleted)?.seen;
}

/** Where one side does not remember the delete, a late put of the other side would stay. */
function forgotten(side: Origin, deleted: Version, at: Case): MergeStep[] {
  const { plan, states } = at;
  if (ledgerFacts(states[side].row).deleted === deleted) return [];
  const { key, keyText, nowMs } = plan;
  const attribute = LEDGER_ATTRIBUTES.deleted;
  const raise = { key, keyText, attribute, version: deleted, seen: seenBy(deleted, at) };
  return [{ at: side, request: raisedVersion(raise, plan.rules[side], nowMs), isMemory: true }];
}
