// Records of one message or object -> one lane per item, each newest first; what is deleted is announced.
// Hands on how many records are final.

import type { AnnouncedDelete } from '../core/announcement.ts';
import { newestEpoch } from '../core/control-row.ts';
import type { ParkedRecord } from '../core/parcel.ts';
import { isInOrder, seriesOfParked } from '../core/replay.ts';
import { parseStreamRecord, streamArnOf } from '../core/stream-record.ts';
import { announceDeletes } from './announce-deletes.ts';
import { inParallel } from './in-parallel.ts';
import type { Pace } from './pace.ts';
import {
  type ItemOutcome,
  type ParkedItem,
  type RecordContext,
  redriveItem,
} from './redrive-item.ts';
import { noteFailure, type RedriveReport } from './redrive-report.ts';

export interface RecordRun {
  readonly context: RecordContext;
  readonly report: RedriveReport;
  readonly pace: Pace;
  readonly stop: AbortSignal;
  /** Items with a write that was given up and may still be applied: nothing more is written for them. */
  readonly unknown: Set<string>;
}

const LANES_AT_ONCE_MAX = 16;

type Redriven = ItemOutcome | { readonly kind: 'coalesced' | 'skipped' };

/** @returns how many records are final now. */
export async function redriveRecords(
  parked: readonly ParkedRecord[],
  run: RecordRun,
): Promise<number> {
  const outcomes: Redriven[] = parked.map(() => ({ kind: 'unfinished', why: 'behind' }));
  const lanes = lanesOf(parked, outcomes, run.context);
  const tasks = lanes.map((lane) => async () => {
    await run.pace.take(lane.length, run.stop);
    await redriveLane(lane, outcomes, run);
  });
  await inParallel(tasks, LANES_AT_ONCE_MAX);
  const announced = await announceAll(lanes.flat(), outcomes, run.context);
  return announced.filter((outcome) => isFinal(outcome, run.report)).length;
}

interface Placed extends ParkedItem {
  /** In the message or object. */
  readonly position: number;
}

/** By item, newest first. What needs no write, and what cannot be read, is settled in `outcomes`. */
function lanesOf(
  parked: readonly ParkedRecord[],
  outcomes: Redriven[],
  context: RecordContext,
): Placed[][] {
  const seriesOf = seriesOfParked(context.control);
  const lanes = new Map<string, Placed[]>();
  for (const [position, one] of parked.entries()) {
    const found = placeOne(one, position, { context, seriesOf });
    if ('kind' in found) outcomes[position] = found;
    else lanes.set(found.keyText, [...(lanes.get(found.keyText) ?? []), found]);
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
  { record: raw, parkedAtMs }: ParkedRecord,
  position: number,
  { context, seriesOf }: Placing,
): Placed | Redriven {
  const { settings, control, clock, withoutSource } = context;
  const streamArn = streamArnOf(raw);
  const { kind, record } = parseStreamRecord(raw, position, seriesOf);
  const isRemoval = kind === 'record' && record.eventName === 'REMOVE';
  if (isRemoval && record.expired && settings.ttlDeletes === 'skip') return { kind: 'skipped' };
  const { key, keyText, version } = record;
  const createdAtSeconds = kind === 'record' ? record.createdAtSeconds : undefined;
  const writtenAtMs = createdAtSeconds === undefined ? undefined : createdAtSeconds * 1000;
  const place = { parkedAtMs, writtenAtMs, streamArn };
  const mayReplay = withoutSource || isInOrder(place, control, clock.now());
  if (mayReplay && kind === 'malformed') return { kind: 'rejected', why: record.reason.name };
  if (key === undefined || keyText === undefined) return { kind: 'rejected', why: 'KeyUnknown' };
  const item = { position, key, keyText, version, streamArn };
  if (kind === 'malformed') return { ...item, asksSource: true };
  return { ...item, record, asksSource: !mayReplay };
}

async function redriveLane(
  lane: readonly Placed[],
  outcomes: Redriven[],
  run: RecordRun,
): Promise<void> {
  for (const [index, item] of lane.entries()) {
    if (run.unknown.has(item.keyText)) return;
    const outcome = await redriveItem(item, run.context, run.stop);
    outcomes[item.position] = outcome;
    if (outcome.kind === 'rejected') continue;
    if (outcome.kind === 'unfinished') {
      if (outcome.isUnknown === true) run.unknown.add(item.keyText);
      return;
    }
    for (const { position } of lane.slice(index + 1)) outcomes[position] = { kind: 'coalesced' };
    return;
  }
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
function isFinal(outcome: Redriven, report: RedriveReport): boolean {
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
