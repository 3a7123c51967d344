// Parked records -> the guard again, or, where they are older than the tombstones, their items from the
// source. Hands on how many of them are final.

import { TOMBSTONE_LIFE_SECONDS } from '../contract.ts';
import { toLanes } from '../core/item-lanes.ts';
import { floorOf, streamLabelMs } from '../core/ordering-guard.ts';
import type { Outcome } from '../core/outcome.ts';
import type { ParkedRecord } from '../core/parcel.ts';
import type { ControlRow } from '../core/control-row.ts';
import { parseStreamRecord, type StreamRecord } from '../core/stream-record.ts';
import type { HandlerSettings } from '../handler-settings.ts';
import { classifyFailure } from '../core/write-failure.ts';
import { applyLane, type RecordWriter } from './apply-lane.ts';
import { inParallel } from './in-parallel.ts';
import type { Pace } from './pace.ts';
import { noteFailure, type RedriveReport } from './redrive-report.ts';
import {
  type KeyToResynchronize,
  type ResynchronizationContext,
  type ResynchronizationResult,
  resynchronizeKey,
} from './resynchronize-key.ts';
import { type WriteContext, writeRecord } from './write-record.ts';

export interface RecordContext extends Omit<ResynchronizationContext, 'settings' | 'epoch'> {
  readonly settings: HandlerSettings;
  readonly control: ControlRow;
  /** The source is lost: what would be read there is replayed by its version. */
  readonly withoutSource: boolean;
}

export interface RecordRun {
  readonly context: RecordContext;
  readonly report: RedriveReport;
  readonly pace: Pace;
}

const LANES_AT_ONCE_MAX = 16;
/** A day less than a tombstone lives, so that none expires in between. */
const REPLAYABLE_MS = (TOMBSTONE_LIFE_SECONDS - 24 * 60 * 60) * 1000;

/** @returns how many records are final now. */
export async function redriveRecords(
  parked: readonly ParkedRecord[],
  run: RecordRun,
): Promise<number> {
  const nowMs = run.context.clock.now();
  const isOld = ({ parkedAtMs }: ParkedRecord) => nowMs - parkedAtMs > REPLAYABLE_MS;
  const replayed = await replay(
    parked.filter((one) => !isOld(one)),
    run,
  );
  return replayed + (await resynchronizeAll(parked.filter(isOld), run));
}

/** Sends records through the guard again. @returns how many are final now. */
async function replay(parked: readonly ParkedRecord[], run: RecordRun): Promise<number> {
  const { context } = run;
  const outcomes: Outcome[] = parked.map(() => ({ kind: 'unfinished', why: 'behind' }));
  const writer: RecordWriter = {
    write: (record) => writeRecord(record, context),
    // It lies where it lies; what matters is that the record before it gets its turn.
    putAside: async (_, { reason }) => ({ kind: 'dead-lettered', reason: reason.name }),
  };
  const lanes = toLanes(readable(parked, outcomes), context.settings.ttlDeletes);
  const tasks = lanes.map((lane) => async () => {
    await run.pace.take(lane.runs.flat().length);
    await applyLane(lane, writer, outcomes);
  });
  await inParallel(tasks, LANES_AT_ONCE_MAX);
  return outcomes.filter((outcome) => countOutcome(outcome, run)).length;
}

/** The records that can be read; the others are marked in `outcomes`. */
function readable(parked: readonly ParkedRecord[], outcomes: Outcome[]): StreamRecord[] {
  return parked.flatMap(({ record }, position) => {
    const parsed = parseStreamRecord(record, position);
    if (parsed.kind === 'record') return [parsed.record];
    outcomes[position] = { kind: 'dead-lettered', reason: parsed.record.reason.name };
    return [];
  });
}

/** Reads the items of records that are too old to replay. @returns how many are final now. */
async function resynchronizeAll(parked: readonly ParkedRecord[], run: RecordRun): Promise<number> {
  let final = 0;
  for (const { record } of parked) {
    await run.pace.take(1);
    const { key, keyText } = parseStreamRecord(record, 0).record;
    if (key === undefined || keyText === undefined) {
      noteFailure('KeyUnknown', run.report);
      continue;
    }
    const floor = floorOf(labelOf(record));
    const result = await resynchronizeOrRefuse({ key, keyText, floor }, run.context);
    if (result.kind === 'unfinished') noteFailure(result.why, run.report);
    else final += 1;
  }
  run.report.resynchronized += final;
  return final;
}

/** A key that no table here takes must not stand in the way of those behind it. */
async function resynchronizeOrRefuse(
  item: KeyToResynchronize,
  context: RecordContext,
): Promise<ResynchronizationResult> {
  try {
    return await resynchronizeKey(item, context);
  } catch (error) {
    const { kind, name } = classifyFailure(error);
    if (kind !== 'rejected') throw error;
    return { kind: 'unfinished', why: name };
  }
}

/** 0, which is below every stream, where the record does not tell its own. */
function labelOf(record: unknown): number {
  const { eventSourceARN } = record as { eventSourceARN?: unknown };
  return (typeof eventSourceARN === 'string' ? streamLabelMs(eventSourceARN) : undefined) ?? 0;
}

/** @returns whether it is final. */
function countOutcome(outcome: Outcome, run: RecordRun): boolean {
  switch (outcome.kind) {
    case 'applied':
    case 'superseded':
    case 'coalesced':
    case 'skipped':
      run.report[outcome.kind] += 1;
      return true;
    case 'dead-lettered':
      noteFailure(outcome.reason, run.report);
      return false;
    case 'unfinished':
      noteFailure(outcome.why, run.report);
      return false;
  }
}
