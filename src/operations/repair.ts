// Keys of a verify report -> the twin's items made equal to the source's. Each key is looked at again
// first, and only a difference that is still there is touched, by compare-and-set, never over anything
// newer. What was touched is compared once more.

import { itemDigest } from '../core/discrepancy.ts';
import { canonicalKey } from '../core/attribute-value.ts';
import { destinationHealth } from '../core/destination-health.ts';
import type { Version } from '../core/ordering-guard.ts';
import { isKept } from '../core/resynchronization.ts';
import type { Item, LookAgainQueue } from '../ports.ts';
import {
  confirmDifferences,
  type ConfirmContext,
  type Difference,
  type Suspect,
} from './confirm-differences.ts';
import { insist } from './insist.ts';
import type { Pace } from './pace.ts';
import { type ResynchronizationContext, resynchronizeKey } from './resynchronize-key.ts';

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
  /** Without it, nothing is changed. */
  readonly apply: boolean;
  /** Called after each batch. */
  readonly onProgress: (report: RepairReport) => void;
  /** Told of each item that could not be repaired. */
  readonly onLeft: (left: { readonly key: Item; readonly why: string }) => void;
}

export interface RepairReport {
  /** Keys that were looked at. */
  looked: number;
  /** Not different any more. */
  equal: number;
  /** Still missing or different: written, or to be written. */
  put: number;
  /** Still extraneous: deleted, or to be deleted. */
  deleted: number;
  /** Kept changing; the stream is at work on them. */
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
  for await (const batch of batches(keys, BATCH_KEYS)) {
    context.stop.throwIfAborted();
    await repairBatch(batch, report, { context, options });
    options.onProgress(report);
  }
  return report;
}

/** Without their items, which may be large. */
type Touched = Pick<Difference, 'key' | 'kind'>;

interface Call {
  readonly context: RepairContext;
  readonly options: RepairOptions;
}

async function repairBatch(
  keys: readonly Item[],
  report: RepairReport,
  { context, options }: Call,
): Promise<void> {
  const touched: Touched[] = [];
  let open = 0;
  // Of this batch alone: an outage that is over must not end the rest of the run.
  const health = destinationHealth();
  const onDifference = async (difference: Difference) => {
    open += 1;
    const why = await fix(difference, { ...context, health }, options);
    const { key, kind } = difference;
    if (why === undefined) touched.push({ key, kind });
    else leave(key, why, report, options);
  };
  let others = 0;
  const onInFlight = () => {
    others += 1;
    report.inFlight += 1;
  };
  const onUnreadable = (key: Item) => {
    others += 1;
    leave(key, UNREADABLE, report, options);
  };
  const events = { onDifference, onInFlight, onUnreadable };
  await confirmDifferences(suspects(keys), looking(context, events));
  report.looked += keys.length;
  report.equal += keys.length - open - others;
  for (const { kind } of touched) report[kind === 'extraneous' ? 'deleted' : 'put'] += 1;
  if (options.apply) await checkAgain(touched, report, { context, options });
}

/** @returns why it could not be done, or undefined. Without `apply`, as far as the items tell. */
async function fix(
  difference: Difference,
  context: RepairContext & ResynchronizationContext,
  { apply }: RepairOptions,
): Promise<string | undefined> {
  if (isKept(difference.destination, context.settings)) return KEPT;
  return apply ? repairOne(difference, context) : undefined;
}

/** @returns why it could not be done, or undefined. */
async function repairOne(
  { key, source }: Difference,
  context: RepairContext & ResynchronizationContext,
): Promise<string | undefined> {
  const { reservedAttribute } = context.settings;
  const digest = (item: Item | undefined) => item && itemDigest(item, reservedAttribute);
  await context.pace.take(1, context.stop);
  context.stop.throwIfAborted();
  const result = await resynchronizeKey(
    {
      key,
      keyText: canonicalKey(key),
      floor: context.floor,
      // A source that has not changed for as long as the looks are apart has no records on the way
      // that could take the item back and forth.
      isExpected: (now) => digest(now) === digest(source),
    },
    { ...context, lookAgain: patient(context) },
  );
  return result.kind === 'unfinished' ? result.why : undefined;
}

/** An item that is deleted already is not met again: the announcement is not left to the next run. */
function patient({ lookAgain, ...context }: RepairContext): LookAgainQueue {
  return { announce: (body) => insist(() => lookAgain.announce(body), context) };
}

/** A repaired item that differs again has been written by somebody else, or a bug took it back. */
async function checkAgain(
  touched: readonly Touched[],
  report: RepairReport,
  { context, options }: Call,
): Promise<void> {
  const kinds = new Map(touched.map(({ key, kind }) => [canonicalKey(key), kind]));
  const onDifference = ({ key }: Difference) => {
    report[kinds.get(canonicalKey(key)) === 'extraneous' ? 'deleted' : 'put'] -= 1;
    leave(key, STILL_DIFFERENT, report, options);
  };
  // It changes: that is the stream's work, and the repair was done.
  const onInFlight = () => undefined;
  const keys = touched.map(({ key }) => key);
  const events = { onDifference, onInFlight, onUnreadable: onInFlight };
  await confirmDifferences(suspects(keys), looking(context, events));
}

const UNREADABLE = 'the AWS SDK cannot read an attribute of it, called __proto__';
const KEPT = 'the item is not Ferry’s and is kept (unversionedItems)';
const STILL_DIFFERENT = 'still different: somebody else writes to the item';

function leave(key: Item, why: string, report: RepairReport, { onLeft }: RepairOptions): void {
  report.left += 1;
  onLeft({ key, why });
}

function suspects(keys: readonly Item[]): Suspect[] {
  return keys.map((key) => ({ key, side: 'source' }));
}

function looking(
  { source, twin, settings, clock, settleMs, stop }: RepairContext,
  events: Pick<ConfirmContext, 'onDifference' | 'onInFlight' | 'onUnreadable'>,
): ConfirmContext {
  const { reservedAttribute } = settings;
  return { source, destination: twin, reservedAttribute, clock, settleMs, stop, ...events };
}

async function* batches<T>(all: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let batch: T[] = [];
  for await (const one of all) {
    batch.push(one);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
