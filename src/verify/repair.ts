// Keys of a verify report -> the twin's items made equal to the source's. Each key is read again first. Only a difference
// that is still there is repaired, by compare-and-set, never over anything newer. Repaired items are compared once more.

import { contentDigest } from '../model/discrepancy.ts';
import { canonicalKey } from '../model/attribute-value.ts';
import { destinationHealth } from '../replicate/destination-health.ts';
import type { Version } from '../model/guard.ts';
import type { ResynchronizationDecision } from '../resync/resynchronization.ts';
import type { Item } from '../ports.ts';
import { confirmDifferences, type ConfirmContext, type Difference } from './confirm-differences.ts';
import type { Suspect } from './segment-join.ts';
import { retryingQueue } from '../pacing/retrying.ts';
import type { Pace } from '../pacing/pace.ts';
import {
  decideKey,
  type KeyToResynchronize,
  OBSTACLES,
  type ResynchronizationContext,
  resynchronizeKey,
} from '../resync/resynchronize-key.ts';
import { type WhyUnreadable, whyUnreadable } from '../resync/unreadable-item.ts';

export interface RepairContext extends Omit<ResynchronizationContext, 'health'> {
  /** Longer than records are under way, and than a request that was given up may still be applied. */
  readonly settleMs: number;
  readonly stop: AbortSignal;
  /** Below every record of the source's stream. */
  readonly floor: Version;
  /** Items per second at most. */
  readonly pace: Pace;
}

export interface RepairOptions {
  /** Without it, nothing is changed: what would be done is decided in the same way, and reported. */
  readonly apply: boolean;
  /** Called after each batch. */
  readonly onProgress: (report: RepairReport) => void;
  /** Called with each item that is not equal, and what became of it, or would. */
  readonly onItem: (item: RepairedItem) => void;
}

export type RepairedItem =
  | {
      readonly kind: 'put' | 'deleted';
      readonly key: Item;
      readonly difference: Pick<Difference, 'kind' | 'attributes'>;
    }
  | { readonly kind: 'in-flight'; readonly key: Item }
  /** It could not be repaired. */
  | { readonly kind: 'left'; readonly key: Item; readonly why: string };

export interface RepairReport {
  /** Keys that were looked at. */
  looked: number;
  /** Not different any more. */
  equal: number;
  /** Still missing or different: written, or to be written. */
  put: number;
  /** Still extraneous: deleted, or to be deleted. */
  deleted: number;
  /** Kept changing: the stream still writes to them. */
  inFlight: number;
  /** Could not be repaired. */
  left: number;
}

const BATCH_KEYS = 1_000;

/** Safe to stop, to repeat and to run twice. */
export async function repair(
  keys: AsyncIterable<Item>,
  context: RepairContext,
  options: RepairOptions,
): Promise<RepairReport> {
  const report = { looked: 0, equal: 0, put: 0, deleted: 0, inFlight: 0, left: 0 };
  for await (const batch of batchesOf(keys)) {
    context.stop.throwIfAborted();
    await repairBatch(batch, report, context, options);
    options.onProgress(report);
  }
  return report;
}

/** Without their items, which may be large. */
type Touched = Extract<RepairedItem, { readonly kind: 'put' | 'deleted' }>;

async function repairBatch(
  keys: readonly Item[],
  report: RepairReport,
  context: RepairContext,
  options: RepairOptions,
): Promise<void> {
  const touched: Touched[] = [];
  const unsettled = () => report.left + report.inFlight;
  const before = unsettled();
  // Of this batch alone: an outage that is over must not end the rest of the run.
  const health = destinationHealth();
  const onDifference = async (difference: Difference) => {
    const { key, kind, attributes } = difference;
    const result = await fix(difference, { ...context, health }, options);
    if (result.kind === 'left') reportLeft(key, result.why, report, options);
    else if (result.kind !== 'equal')
      touched.push({ kind: result.kind, key, difference: { kind, attributes } });
  };
  const onInFlight = (key: Item) => {
    report.inFlight += 1;
    options.onItem({ kind: 'in-flight', key });
  };
  const onUnreadable = (key: Item, why: WhyUnreadable) =>
    reportLeft(key, why.reason, report, options);
  const events = { onDifference, onInFlight, onUnreadable };
  await confirmDifferences(suspects(keys), confirmContext(context, events));
  report.looked += keys.length;
  report.equal += keys.length - touched.length - (unsettled() - before);
  const differsAgain = options.apply ? await stillDifferent(touched, context) : new Set();
  for (const item of touched) {
    if (differsAgain.has(canonicalKey(item.key)))
      reportLeft(item.key, STILL_DIFFERENT, report, options);
    else {
      report[item.kind] += 1;
      options.onItem(item);
    }
  }
}

/** A report that two runs have written may list a key twice. */
function distinct(keys: readonly Item[]): Item[] {
  return [...new Map(keys.map((key) => [canonicalKey(key), key])).values()];
}

type Fix =
  | { readonly kind: 'put' | 'deleted' | 'equal' }
  | { readonly kind: 'left'; readonly why: string };

/** Without `apply`, what it would do: by the same decision, of the same reads. */
async function fix(
  { key, source }: Difference,
  context: RepairContext & ResynchronizationContext,
  { apply }: RepairOptions,
): Promise<Fix> {
  const digest = (item: Item | undefined) => item && contentDigest(item, context.rules);
  const item = {
    key,
    keyText: canonicalKey(key),
    floor: context.floor,
    // A source that has not changed for as long as the looks are apart has no records on the way
    // that could take the item back and forth.
    isExpected: (now: Item | undefined) => digest(now) === digest(source),
  };
  try {
    return apply ? await repairOne(item, context) : fixOf(await decideKey(item, context));
  } catch (error) {
    const why = whyUnreadable(error);
    if (why === undefined) throw error;
    return { kind: 'left', why: why.reason };
  }
}

function fixOf(decision: ResynchronizationDecision): Fix {
  switch (decision.kind) {
    case 'later-epoch':
    case 'unexpected':
      return { kind: 'left', why: OBSTACLES[decision.kind] };
    case 'kept':
      return { kind: 'left', why: KEPT };
    case 'delete':
      return { kind: 'deleted' };
    case 'equal':
    case 'put':
      return { kind: decision.kind };
  }
}

async function repairOne(
  item: KeyToResynchronize,
  context: RepairContext & ResynchronizationContext,
): Promise<Fix> {
  await context.pace.take(1, context.stop);
  context.stop.throwIfAborted();
  // A deleted item is not found again: its announcement is not left to the next run.
  const result = await resynchronizeKey(item, {
    ...context,
    lookAgain: retryingQueue(context.lookAgain, context),
  });
  if (result.kind === 'unfinished') return { kind: 'left', why: result.why };
  if (result.kept === true) return { kind: 'left', why: KEPT };
  if (!result.changed) return { kind: 'equal' };
  return { kind: result.found ? 'put' : 'deleted' };
}

/**
 * A repaired item that differs again has been written by another writer, or a bug took it back.
 * @returns the texts of their keys.
 */
async function stillDifferent(
  touched: readonly Touched[],
  context: RepairContext,
): Promise<Set<string>> {
  const differing = new Set<string>();
  const onDifference = ({ key }: Difference) => void differing.add(canonicalKey(key));
  // It changes: that is the stream's work, and the repair was done.
  const onInFlight = () => undefined;
  const keys = touched.map(({ key }) => key);
  const events = { onDifference, onInFlight, onUnreadable: onInFlight };
  await confirmDifferences(suspects(keys), confirmContext(context, events));
  return differing;
}

const KEPT = 'the item is not Ferry’s and is kept (unversionedItems)';
const STILL_DIFFERENT = 'still different: another program writes to the item';

function reportLeft(key: Item, why: string, report: RepairReport, { onItem }: RepairOptions): void {
  report.left += 1;
  onItem({ kind: 'left', key, why });
}

function suspects(keys: readonly Item[]): Suspect[] {
  return keys.map((key) => ({ key, side: 'source' }));
}

function confirmContext(
  { source, twin, rules, clock, settleMs, stop }: RepairContext,
  events: Pick<ConfirmContext, 'onDifference' | 'onInFlight' | 'onUnreadable'>,
): ConfirmContext {
  return { source, destination: twin, rules, clock, settleMs, stop, ...events };
}

/** Keys that are looked at together, each once. */
export async function* batchesOf(all: AsyncIterable<Item>): AsyncGenerator<Item[]> {
  let batch: Item[] = [];
  for await (const key of all) {
    batch.push(key);
    if (batch.length < BATCH_KEYS) continue;
    yield distinct(batch);
    batch = [];
  }
  if (batch.length > 0) yield distinct(batch);
}
