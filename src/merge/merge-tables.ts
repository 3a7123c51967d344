// Merges two tables: they are compared as by a verify, and each item that differs while both sides stand still is
// merged, or listed for it. Safe to stop, to repeat and to run twice.

import { canonicalKey, type Item } from '../model/attribute-value.ts';
import type { Origin } from '../model/rules.ts';
import type { Pace } from '../pacing/pace.ts';
import { destinationHealth } from '../replicate/destination-health.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import {
  newReport,
  verify,
  type VerifyContext,
  type VerifyOptions,
  type VerifyReport,
} from '../verify/verify.ts';
import type { MergeChoice } from './decision.ts';
import { decideMergeKey, type MergeContext, mergeKey, type MergeResult } from './merge-key.ts';
import { bothSides } from './sides.ts';

export type MergedItem =
  | {
      readonly kind: 'copied' | 'removed' | 'stamped';
      readonly key: Item;
      readonly at: readonly Origin[];
      readonly losses: number;
    }
  | { readonly kind: 'undecided' | 'in-flight'; readonly key: Item }
  /** It could not be merged. */
  | { readonly kind: 'left'; readonly key: Item; readonly why: string };

type Action = Extract<MergedItem, { readonly at: unknown }>['kind'];

export interface MergeReport {
  compared: VerifyReport;
  /** By the side that was written, or would be. */
  readonly changed: Readonly<Record<Action, Record<Origin, number>>>;
  /** Writes of applications that have lost, or would. */
  losses: number;
  /** Versions and options do not tell which side is newer. */
  undecided: number;
  /** Kept changing: applications and functions still write them. */
  inFlight: number;
  /** Could not be merged. */
  left: number;
}

export interface TablesContext {
  readonly merge: MergeContext;
  readonly compare: Omit<VerifyContext, 'onDifference' | 'onInFlight' | 'onUnreadable'>;
  /** Items per second at most. */
  readonly pace: Pace;
}

export interface MergeTablesOptions extends Omit<VerifyOptions, 'onProgress'> {
  /** Without it, nothing is changed: what would be done is decided in the same way, and reported. */
  readonly apply: boolean;
  /** So many items that differ are listed before the first of them is changed. */
  readonly agreed: { readonly itemsMax: number; readonly onMore: () => Promise<void> };
  readonly choice: MergeChoice;
  /** Called with each item that is not equal, and what became of it, or would. */
  readonly onItem: (item: MergedItem) => void;
  readonly onProgress: (report: MergeReport) => void;
}

export function newMergeReport(): MergeReport {
  const none = () => ({ 1: 0, 2: 0 });
  const changed = { copied: none(), removed: none(), stamped: none() };
  const counts = { losses: 0, undecided: 0, inFlight: 0, left: 0 };
  return { compared: newReport(), changed, ...counts };
}

const ITEMS_AT_ONCE = 16;

/** @throws what `agreed.onMore` throws: nothing has been changed then. */
export async function mergeTables(
  context: TablesContext,
  options: MergeTablesOptions,
): Promise<MergeReport> {
  const report = newMergeReport();
  const waiting: Item[] = [];
  let isAgreed = !options.apply;
  // Several items are found at the same time, and it is asked once.
  let agreement: Promise<void> | undefined;
  const merge = (key: Item) => mergeOne(key, { report, context, options });
  const mergeWaiting = async () => {
    const keys = waiting.splice(0);
    await inParallel(
      keys.map((key) => () => merge(key)),
      ITEMS_AT_ONCE,
    );
  };
  const onDifference = async ({ key }: { readonly key: Item }) => {
    if (isAgreed) return merge(key);
    waiting.push(key);
    if (waiting.length <= options.agreed.itemsMax) return undefined;
    agreement ??= options.agreed.onMore();
    await agreement;
    isAgreed = true;
    return mergeWaiting();
  };
  report.compared = await verify(
    { ...context.compare, onDifference, ...countingLeft(report, options) },
    {
      ...options,
      onProgress(compared) {
        report.compared = compared;
        options.onProgress(report);
      },
    },
  );
  await mergeWaiting();
  return report;
}

/** Counts and tells the items that a comparison leaves. */
export function countingLeft(
  report: MergeReport,
  { onItem }: Pick<MergeTablesOptions, 'onItem'>,
): Pick<VerifyContext, 'onInFlight' | 'onUnreadable'> {
  return {
    onInFlight(key) {
      report.inFlight += 1;
      onItem({ kind: 'in-flight', key });
    },
    onUnreadable(key, { reason }) {
      report.left += 1;
      onItem({ kind: 'left', key, why: reason });
    },
  };
}

interface One {
  readonly report: MergeReport;
  readonly context: TablesContext;
  readonly options: Pick<MergeTablesOptions, 'apply' | 'choice' | 'onItem'>;
}

/** An item that differs: merged, and counted. */
export async function mergeOne(key: Item, { report, context, options }: One): Promise<void> {
  const { pace, compare } = context;
  if (options.apply) await pace.take(1, compare.stop);
  compare.stop.throwIfAborted();
  const work = options.apply ? mergeKey : decideMergeKey;
  const item = { key, keyText: canonicalKey(key) };
  const result = await work(item, withOwnHealth(context.merge), options.choice);
  const merged = count(key, result, report);
  if (merged !== undefined) options.onItem(merged);
}

/** An outage that is over must not end the rest of the run. */
function withOwnHealth(merge: MergeContext): MergeContext {
  const { sides } = merge;
  return {
    ...merge,
    sides: bothSides((side) => ({ ...sides[side], health: destinationHealth() })),
  };
}

function count(key: Item, result: MergeResult, report: MergeReport): MergedItem | undefined {
  report.losses += result.losses;
  switch (result.kind) {
    case 'equal':
      return undefined;
    case 'undecided':
      report.undecided += 1;
      return { kind: 'undecided', key };
    case 'unfinished':
      report.left += 1;
      return { kind: 'left', key, why: result.why };
    case 'copied':
    case 'removed':
    case 'stamped': {
      const { kind, at, losses } = result;
      for (const side of at) report.changed[kind][side] += 1;
      return { kind, key, at, losses };
    }
  }
}

/** Items that were changed, or would be; one that is removed on both sides counts twice. */
export function changedItems({ changed }: MergeReport): number {
  return Object.values(changed).reduce((sum, sides) => sum + sides[1] + sides[2], 0);
}
