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

export type MergeResult = {
  /** Writes of applications that have lost by it. */
  readonly losses: number;
} & (
  | {
      readonly kind: 'equal' | 'copied' | 'removed' | 'stamped';
      /** The sides whose item was changed. */
      readonly at: readonly Origin[];
    }
  /** Both sides differ, and neither versions nor options tell which one is newer. */
  | { readonly kind: 'undecided' }
  | {
      readonly kind: 'unfinished';
      readonly why: string;
      /** Of the request, where it is to blame. */
      readonly failure?: WriteFailure;
    }
);

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
  /** Of attempts that were refused half way. */
  const earlier: MergeStep[] = [];
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const due = await decided(item, context, choice);
    if (!('steps' in due)) return { ...due, losses: lossesOf(earlier) };
    const { written, end } = await taken(item, due.steps, context);
    if (end === 'written') return resultOf(due, earlier);
    earlier.push(...written);
    if (end !== 'refused') return { kind: 'unfinished', ...end, losses: lossesOf(earlier) };
  }
  return { kind: 'unfinished', why: CONTENDED, losses: lossesOf(earlier) };
}

/** What `mergeKey` would do in its first attempt: for a dry run. @throws what a read throws. */
export async function decideMergeKey(
  item: LedgerRowKey,
  context: MergeContext,
  choice: MergeChoice = {},
): Promise<MergeResult> {
  const due = await decided(item, context, choice);
  return 'steps' in due ? resultOf(due, []) : { ...due, losses: 0 };
}

function resultOf({ kind, steps }: Due, earlier: readonly MergeStep[]): MergeResult {
  const losses = lossesOf([...earlier, ...steps]);
  const at = changedBy(steps);
  const before = changedBy(earlier);
  // Only removals have several steps.
  if (kind === 'equal' && before.length > 0) return { kind: 'removed', at: before, losses };
  return { kind, at, losses };
}

function changedBy(steps: readonly MergeStep[]): Origin[] {
  return [...new Set(steps.flatMap(({ at, isMemory }) => (isMemory ? [] : [at])))];
}

function lossesOf(steps: readonly MergeStep[]): number {
  return steps.filter(({ loss }) => loss !== undefined).length;
}

type Due = Extract<MergeDecision, { readonly steps: unknown }>;
type NothingDue = { readonly kind: 'undecided' } | { readonly kind: 'unfinished'; why: string };

/** @throws what a read throws, unless it says that the item cannot be read at all. */
async function decided(
  item: LedgerRowKey,
  context: MergeContext,
  choice: MergeChoice,
): Promise<Due | NothingDue> {
  if (context.heartbeats.has(item.keyText)) return { kind: 'equal', steps: [] };
  try {
    const decision = decide(await readStates(item, context), item, context, choice);
    return decision.kind === 'later-epoch' ? { kind: 'unfinished', why: LATER_EPOCH } : decision;
  } catch (error) {
    const why = whyUnreadable(error)?.reason;
    if (why === undefined) throw error;
    return { kind: 'unfinished', why };
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

interface Taken {
  readonly written: readonly MergeStep[];
  /** Of the step after those. */
  readonly end: 'written' | 'refused' | { readonly why: string; readonly failure?: WriteFailure };
}

async function taken(
  item: LedgerRowKey,
  steps: readonly MergeStep[],
  context: MergeContext,
): Promise<Taken> {
  const written: MergeStep[] = [];
  for (const step of steps) {
    const { at, request, loss } = step;
    if (loss !== undefined) await keep(item, loss, context);
    const { clock, random, remainingMs, sides } = context;
    const { twinWriter, health } = sides[at];
    const result = await send(request, { clock, random, remainingMs, twinWriter, health });
    if (result.kind === 'refused') return { written, end: 'refused' };
    if (result.kind === 'failed') {
      const { failure } = result;
      return { written, end: { why: failure.name, failure } };
    }
    if (result.kind !== 'written') return { written, end: { why: result.kind } };
    written.push(step);
  }
  return { written, end: 'written' };
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
