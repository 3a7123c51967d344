// Records of a window of messages and objects -> one lane per item, each newest first, side by side; what is
// deleted is announced. Hands on which records are final.

import type { AnnouncedDelete } from '../model/announcement.ts';
import { newestEpoch } from '../model/control-row.ts';
import type { FailedRecord } from '../model/failure-message.ts';
import { isInOrder, seriesOfParked } from './replay.ts';
import { BATCH_KEYS_MAX } from '../model/read-request.ts';
import { parseStreamRecord, streamArnOf } from '../model/stream-record.ts';
import type { Item } from '../ports.ts';
import { announceDeletes } from '../replicate/announce-deletes.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import type { Pace } from '../pacing/pace.ts';
import { ReadsAhead } from './read-ahead.ts';
import {
  type ItemOutcome,
  type ParkedItem,
  type ReadAhead,
  type RecordContext,
  redriveItem,
} from './item.ts';
import { noteFailure, type Outcomes } from './report.ts';

export interface RecordRun {
  readonly context: RecordContext;
  readonly report: Outcomes;
  readonly pace: Pace;
  readonly stop: AbortSignal;
  /** Items with a write that was given up and may still be applied: nothing more is written for them. */
  readonly unknown: Set<string>;
  /** Items that are read together, at most: what a rate allows in a second. @default as many as a batch has */
  readonly readTogether?: number | undefined;
  /** Asked before each item: whether the control row is still the one of `context`. @default it is */
  readonly isCurrent?: (() => Promise<boolean>) | undefined;
  /** Told what became of each item. */
  readonly onItem?: ((item: RedrivenItem) => void) | undefined;
}

/** An item, and what became of the newest of its records that could be tried. */
export interface RedrivenItem {
  readonly key: Item;
  readonly outcome: ItemOutcome;
  readonly records: number;
}

/** Until the destination has answered, no more lanes than this are tried at once. */
const FIRST_LANES_MAX = 16;

type Redriven = ItemOutcome | { readonly kind: 'coalesced' | 'skipped' };

/** @returns of each record, whether it is final now. */
export async function redriveRecords(
  parked: readonly FailedRecord[],
  run: RecordRun,
): Promise<boolean[]> {
  const outcomes: Redriven[] = parked.map(() => ({ kind: 'unfinished', why: 'behind' }));
  const lanes = lanesOf(parked, outcomes, run.context);
  await redriveLanes(lanes, outcomes, run);
  const announced = await announceAll(lanes.flat(), outcomes, run.context);
  return announced.map((outcome) => isFinal(outcome, run.report));
}

async function redriveLanes(
  lanes: ReadonlyArray<readonly Placed[]>,
  outcomes: Redriven[],
  run: RecordRun,
): Promise<void> {
  const { context, pace, stop, readTogether = BATCH_KEYS_MAX } = run;
  const reads = new ReadsAhead(
    lanes.map(([newest]) => newest),
    { ...run, readTogether },
  );
  let isAnswering = false;
  const tasks = lanes.map((lane, index) => async () => {
    await pace.take(lane.length, stop);
    const kind = await redriveLane(lane, outcomes, { ...run, ahead: () => reads.of(index) });
    isAnswering ||= kind !== 'unfinished';
    reads.done(index);
  });
  const { limit } = context;
  await inParallel(tasks, () =>
    limit === undefined || !isAnswering ? FIRST_LANES_MAX : limit.current(),
  );
}

interface Placed extends ParkedItem {
  /** In the message or object. */
  readonly position: number;
}

/** By item, newest first. What needs no write, and what cannot be read, is settled in `outcomes`. */
function lanesOf(
  parked: readonly FailedRecord[],
  outcomes: Redriven[],
  context: RecordContext,
): Placed[][] {
  const seriesOf = seriesOfParked(context.control);
  const lanes = new Map<string, Placed[]>();
  for (const [position, one] of parked.entries()) {
    const found = placeOne(one, position, { context, seriesOf });
    if ('kind' in found) {
      outcomes[position] = found;
      continue;
    }
    const lane = lanes.get(found.keyText);
    if (lane === undefined) lanes.set(found.keyText, [found]);
    else lane.push(found);
  }
  return [...lanes.values()].map((lane) => lane.toSorted(newestFirst));
}

function newestFirst({ version: a = '' }: Placed, { version: b = '' }: Placed): number {
  return a > b ? -1 : Number(a < b);
}

interface Placing {
  readonly context: RecordContext;
  readonly seriesOf: ReturnType<typeof seriesOfParked>;
}

function placeOne(
  { record: raw, failedAtMs }: FailedRecord,
  position: number,
  { context, seriesOf }: Placing,
): Placed | Redriven {
  const { rules, control, clock, withoutSource } = context;
  const streamArn = streamArnOf(raw);
  const { kind, record } = parseStreamRecord(raw, position, seriesOf);
  const isRemoval = kind === 'record' && record.eventName === 'REMOVE';
  if (isRemoval && record.expired && rules.ttlDeletes === 'skip') return { kind: 'skipped' };
  const { key, keyText, version } = record;
  const createdAtSeconds = kind === 'record' ? record.createdAtSeconds : undefined;
  const writtenAtMs = createdAtSeconds === undefined ? undefined : createdAtSeconds * 1000;
  const place = { failedAtMs, writtenAtMs, streamArn };
  const mayReplay = withoutSource || isInOrder(place, control, clock.now());
  if (mayReplay && kind === 'malformed') return { kind: 'rejected', why: record.reason.name };
  if (key === undefined || keyText === undefined) return { kind: 'rejected', why: 'KeyUnknown' };
  const item = { position, key, keyText, version, streamArn };
  if (kind === 'malformed') return { ...item, asksSource: true };
  return { ...item, record, asksSource: !mayReplay };
}

interface LaneRun extends RecordRun {
  /** What was read of the newest. */
  readonly ahead: () => Promise<ReadAhead>;
}

/** @returns what became of it in the end. */
async function redriveLane(
  lane: readonly Placed[],
  outcomes: Redriven[],
  run: LaneRun,
): Promise<ItemOutcome['kind']> {
  let last: ItemOutcome = { kind: 'unfinished', why: 'behind' };
  for (const [index, item] of lane.entries()) {
    if (isCovered(item, last)) {
      outcomes[item.position] = { kind: 'coalesced' };
      continue;
    }
    if (run.unknown.has(item.keyText)) break;
    if (run.context.health.isDown()) {
      outcomes[item.position] = { kind: 'unfinished', why: 'halted' };
      break;
    }
    const ahead = whileCurrent(index === 0 ? run.ahead() : {}, run);
    last = await redriveItem(item, run.context, run.stop, ahead);
    outcomes[item.position] = last;
    if (last.kind !== 'unfinished') continue;
    if (last.isUnknown === true) run.unknown.add(item.keyText);
    break;
  }
  run.onItem?.({ key: lane[0]?.key ?? {}, outcome: last, records: lane.length });
  return last.kind;
}

/** Asked last: reads may take longer than an adoption waits. */
async function whileCurrent(
  ahead: Promise<ReadAhead> | ReadAhead,
  { isCurrent }: LaneRun,
): Promise<ReadAhead> {
  const read = await ahead;
  return isCurrent === undefined || (await isCurrent()) ? read : { isOutdated: true };
}

/** Whether what became of a newer record of the item is all that an older one could ask for. */
function isCovered({ version, record }: Placed, newer: ItemOutcome): boolean {
  if (newer.kind === 'rejected' || newer.kind === 'unfinished') return false;
  // A record without a version may be the newest; the source knows what it has brought.
  if (newer.kind !== 'resynchronized') return version !== undefined;
  return newer.leavesExtraneous !== true || record?.eventName !== 'REMOVE';
}

/** A delete that is not announced is not final. */
async function announceAll(
  items: readonly Placed[],
  outcomes: readonly Redriven[],
  context: RecordContext,
): Promise<Redriven[]> {
  const deletes = new Map<number, AnnouncedDelete>();
  for (const { position, key } of items) {
    const outcome = outcomes[position];
    if (outcome === undefined || !('deleted' in outcome)) continue;
    if (outcome.deleted !== undefined) deletes.set(position, { key, version: outcome.deleted });
  }
  const obstacle = await announceDeletes(
    [...deletes.values()],
    newestEpoch(context.control).n,
    context,
  );
  if (obstacle === undefined) return [...outcomes];
  const undone: Redriven = { kind: 'unfinished', why: `announcement: ${obstacle}` };
  return outcomes.map((outcome, position) => (deletes.has(position) ? undone : outcome));
}

/** Counts it. */
function isFinal(outcome: Redriven, report: Outcomes): boolean {
  switch (outcome.kind) {
    case 'applied':
    case 'superseded':
    case 'coalesced':
    case 'skipped':
    case 'resynchronized':
      report[outcome.kind] += 1;
      return true;
    case 'rejected':
    case 'unfinished':
      noteFailure(outcome.why, report);
      return false;
  }
}
