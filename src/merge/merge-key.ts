// Makes one item equal on both sides of a replication in both directions: reads it on both, decides, and writes only
// where a side is still as it was read.

import { createHash } from 'node:crypto';
import type { Item } from '../model/attribute-value.ts';
import { itemDigest } from '../model/discrepancy.ts';
import type { LedgerRowKey } from '../model/ledger-row.ts';
import { loserObject } from '../model/loser.ts';
import type { Origin } from '../model/rules.ts';
import type { WriteFailure } from '../model/write-failure.ts';
import { send, type SendContext } from '../replicate/send.ts';
import { whyUnreadable } from '../resync/unreadable-item.ts';
import type { MergeChoice, MergeDecision, MergeStep } from './decision.ts';
import { decideHome, type HomePlan, homeSide } from './decide-home.ts';
import { decideMerge, type StampedPlan } from './decide-merge.ts';
import {
  type BySide,
  bothSides,
  type MergeSide,
  type MergeStates,
  otherSide,
  readSide,
} from './sides.ts';
import { mergeUnique } from './unique.ts';

/** How the two tables are merged. */
export type MergeMode =
  | (Pick<StampedPlan, 'epoch'> & { readonly mode: 'stamped' })
  | (Pick<HomePlan, 'home' | 'regions' | 'directions'> & { readonly mode: 'home' });

export interface MergeContext extends Pick<SendContext, 'clock' | 'random' | 'remainingMs'> {
  readonly sides: BySide<MergeSide>;
  readonly mode: MergeMode;
  /** Canonical texts of the keys of both heartbeats: each is at home on its side, and not merged. */
  readonly heartbeats: ReadonlySet<string>;
}

export type MergeResult =
  | {
      readonly kind: 'equal' | 'copied' | 'removed' | 'stamped';
      /** The sides that were written. */
      readonly at: readonly Origin[];
      /** Writes of applications that have lost by it. */
      readonly losses: number;
    }
  /** Both sides differ, and neither versions nor options tell which one is newer. Nothing was written. */
  | { readonly kind: 'undecided' }
  | {
      readonly kind: 'unfinished';
      readonly why: string;
      /** Of the request, where it is to blame. */
      readonly failure?: WriteFailure;
    };

/** Each attempt fails only because the item has been written meanwhile. */
const ATTEMPTS_MAX = 10;

/** Why an item is unfinished. */
const CONTENDED = 'newer changes came by';
const LATER_EPOCH = 'written in a later epoch than that of the configuration';

/**
 * Makes an item equal on both sides, or says why it is not.
 *
 * Each write is made only if its side is as it was read: item and ledger row, or, for a stamp, the version of the item.
 * A refused one starts over, so that nothing newer is ever lost. The winner is copied with its own version; one that has
 * none gets a version on its own side, and the stream of that side carries it: `stamped` is not equal yet. Such a version
 * is below those of all applications, so that no later write loses against it. With a bucket, what an application has
 * written is kept before it is overwritten or removed.
 *
 * Safe to end between any two requests, to repeat, and to run beside applications, functions and other merges.
 * With homes, the item of its home wins, and the options do not count.
 * @throws what a read or the bucket throws; a write of that attempt may have been made.
 */
export async function mergeKey(
  item: LedgerRowKey,
  context: MergeContext,
  choice: MergeChoice = {},
): Promise<MergeResult> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const { decision, why } = await decided(item, context, choice);
    if (why !== undefined) return { kind: 'unfinished', why };
    if (decision.kind === 'undecided') return decision;
    if (decision.kind === 'later-epoch') return { kind: 'unfinished', why: LATER_EPOCH };
    const { kind, steps } = decision;
    const end = await taken(item, steps, context);
    if (end === 'refused') continue;
    if (end !== 'written') return { kind: 'unfinished', ...end };
    return { kind, at: steps.map(({ at }) => at), losses: lossesOf(decision) };
  }
  return { kind: 'unfinished', why: CONTENDED };
}

/** What `mergeKey` would do in its first attempt: for a dry run. @throws what a read throws. */
export async function decideMergeKey(
  item: LedgerRowKey,
  context: MergeContext,
  choice: MergeChoice = {},
): Promise<MergeResult> {
  const { decision, why } = await decided(item, context, choice);
  if (why !== undefined) return { kind: 'unfinished', why };
  if (decision.kind === 'undecided') return decision;
  if (decision.kind === 'later-epoch') return { kind: 'unfinished', why: LATER_EPOCH };
  const at = decision.steps.map((step) => step.at);
  return { kind: decision.kind, at, losses: lossesOf(decision) };
}

function lossesOf(decision: MergeDecision): number {
  return 'steps' in decision ? decision.steps.filter(({ loss }) => loss !== undefined).length : 0;
}

interface Decided {
  readonly decision: MergeDecision;
  /** Why the item cannot be read. */
  readonly why?: string;
}

async function decided(
  item: LedgerRowKey,
  context: MergeContext,
  choice: MergeChoice,
): Promise<Decided> {
  const nothing: MergeDecision = { kind: 'equal', steps: [] };
  if (context.heartbeats.has(item.keyText)) return { decision: nothing };
  try {
    const states = await readStates(item, context);
    return { decision: decide(states, item, context, choice) };
  } catch (error) {
    const why = whyUnreadable(error)?.reason;
    if (why === undefined) throw error;
    return { decision: nothing, why };
  }
}

function decide(
  states: MergeStates,
  { key, keyText }: LedgerRowKey,
  { mode, sides, clock, random }: MergeContext,
  choice: MergeChoice,
): MergeDecision {
  const rules = bothSides((side) => sides[side].rules);
  const plan = { key, keyText, rules, nowMs: clock.now() };
  if (mode.mode === 'home') return decideHome(states, { ...plan, ...mode });
  const unique = mergeUnique(plan.nowMs, random);
  return decideMerge(states, { ...plan, ...mode, choice, unique });
}

/** Of a home, last: what it changes later has a record that comes after everything read here. */
async function readStates(item: LedgerRowKey, { mode, sides }: MergeContext): Promise<MergeStates> {
  const read = (side: Origin) => readSide(item, sides[side]);
  const last = mode.mode === 'home' ? homeSide({ ...mode, key: item.key }) : 1;
  const first = otherSide(last);
  const before = await read(first);
  const after = await read(last);
  return bothSides((side) => (side === first ? before : after));
}

type End = 'written' | 'refused' | { readonly why: string; readonly failure?: WriteFailure };

async function taken(
  item: LedgerRowKey,
  steps: readonly MergeStep[],
  context: MergeContext,
): Promise<End> {
  for (const { at, request, loss } of steps) {
    if (loss !== undefined) await keep(item, loss, context);
    const { clock, random, remainingMs, sides } = context;
    const { twinWriter, health } = sides[at];
    const result = await send(request, { clock, random, remainingMs, twinWriter, health });
    if (result.kind === 'refused') return 'refused';
    if (result.kind === 'failed') return { why: result.failure.name, failure: result.failure };
    if (result.kind !== 'written') return { why: result.kind };
  }
  return 'written';
}

/** The same loss on the same day makes the same object. */
async function keep(
  { key, keyText }: LedgerRowKey,
  { at, what }: NonNullable<MergeStep['loss']>,
  { sides, clock }: MergeContext,
): Promise<void> {
  const { bucket } = sides[at];
  if (bucket === undefined) return;
  // As its function has it: the direction whose source this side is.
  const { replication } = sides[otherSide(at)].rules;
  const createdAtSeconds = Math.floor(clock.now() / 1000);
  const sequenceNumber = `merge-${digestOf(what.lost)}`;
  const object = loserObject({
    ...what,
    replication,
    key,
    keyText,
    sequenceNumber,
    createdAtSeconds,
  });
  await bucket.put(object.key, object.body);
}

function digestOf(lost: Item): string {
  return createHash('sha256').update(itemDigest(lost)).digest('hex').slice(0, 34);
}
