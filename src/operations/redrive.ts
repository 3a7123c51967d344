// Puts back what was put aside, through the same guard as the stream, so that it lands only where
// nothing newer has been applied. A message or object is removed only after all its records are final.

import { ON_FAILURE_OBJECT_PREFIX, TOMBSTONE_LIFE_SECONDS } from '../contract.ts';
import { toLanes } from '../core/item-lanes.ts';
import { floorOf, streamLabelMs } from '../core/ordering-guard.ts';
import type { Outcome } from '../core/outcome.ts';
import {
  matches,
  type Parcel,
  parseParcel,
  type ParkedRecord,
  type RedriveFilter,
  type StreamRange,
} from '../core/parcel.ts';
import { parseStreamRecord, type StreamRecord } from '../core/stream-record.ts';
import type { Item, MessageQueue, ObjectStore, QueuedMessage } from '../ports.ts';
import { applyLane, type RecordWriter } from './apply-lane.ts';
import { inParallel } from './in-parallel.ts';
import { type ResynchronizationContext, resynchronizeKey } from './resynchronize-key.ts';
import { writeRecord } from './write-record.ts';

export interface RedriveContext extends ResynchronizationContext {
  readonly queue: MessageQueue;
  readonly bucket: ObjectStore;
  /** The stream's records of a range, or `trimmed` where it no longer has them all. */
  readonly readRange: (range: StreamRange) => Promise<readonly unknown[] | 'trimmed'>;
}

export interface RedriveOptions {
  /** Without it, nothing is changed. */
  readonly apply: boolean;
  readonly filter: RedriveFilter;
  /** Records at most. */
  readonly limit: number;
  /** Records per second at most. */
  readonly recordsPerSecond: number;
  /** For how long messages are hidden from others while this run works on them. */
  readonly hiddenSeconds: number;
  readonly stop: AbortSignal;
  readonly onProgress: (report: RedriveReport) => void;
}

/** Fields are added, never renamed: `ferry redrive --json` prints it. */
export interface RedriveReport {
  /** Records found, whether or not they match. */
  found: number;
  matched: number;
  /** Matching records by the reason for which they were put aside. */
  readonly reasons: Record<string, number>;
  /** Epoch milliseconds; absent where nothing matches. */
  oldestMs?: number;
  newestMs?: number;
  /** Keys of a few matching records. */
  readonly sampleKeys: Item[];
  applied: number;
  superseded: number;
  coalesced: number;
  skipped: number;
  /** Older than the tombstones: the item was read from the source instead. */
  resynchronized: number;
  /** Failed again, or could not be tried; they stay where they are. */
  failing: number;
  /** Why, by name. */
  readonly failures: Record<string, number>;
  /** Batches of which only the sequence numbers are known, and which the stream no longer has. */
  trimmed: number;
  /** Messages and objects that are not dead letters. */
  unreadable: number;
  /** Records that were met and stay: not chosen, failing, or beyond the limit. */
  left: number;
  /** Messages and objects that a run which ended early leaves behind; an estimate. */
  remaining: number;
}

const SAMPLE_KEYS_MAX = 5;
const LANES_AT_ONCE_MAX = 16;
/** A short poll that finds nothing does not prove a queue empty. */
const EMPTY_RECEIVES_MAX = 2;
/** A day less than a tombstone lives, so that none expires in between. */
const REPLAYABLE_MS = (TOMBSTONE_LIFE_SECONDS - 24 * 60 * 60) * 1000;

/** Goes through the whole queue and the whole bucket once. Safe to stop, to repeat and to run twice. */
export async function redrive(
  context: RedriveContext,
  options: RedriveOptions,
): Promise<RedriveReport> {
  const run = newRun(context, options);
  try {
    for await (const messages of queuedMessages(run)) {
      await Promise.all(messages.map((message) => redriveMessage(message, run)));
      options.onProgress(run.report);
    }
    for await (const objects of context.bucket.list(ON_FAILURE_OBJECT_PREFIX)) {
      for (const { key } of objects) if (!isOver(run)) await redriveObject(key, run);
      options.onProgress(run.report);
    }
  } finally {
    for (const message of run.held) await context.queue.release(message);
  }
  if (isOver(run)) run.report.remaining = await remaining(context);
  return run.report;
}

async function remaining({ queue, bucket }: RedriveContext): Promise<number> {
  let count = await queue.size();
  for await (const objects of bucket.list(ON_FAILURE_OBJECT_PREFIX)) count += objects.length;
  return count;
}

interface Run {
  readonly context: RedriveContext;
  readonly options: RedriveOptions;
  readonly report: RedriveReport;
  readonly seen: Set<string>;
  /** Messages to be made visible again at the end, so that this run does not meet them twice. */
  readonly held: QueuedMessage[];
  /** Earliest time for the next record. */
  nextMs: number;
}

function newRun(context: RedriveContext, options: RedriveOptions): Run {
  const counts = { applied: 0, superseded: 0, coalesced: 0, skipped: 0, resynchronized: 0 };
  const rest = { failing: 0, trimmed: 0, unreadable: 0, left: 0, remaining: 0 };
  const report = {
    found: 0,
    matched: 0,
    reasons: {},
    sampleKeys: [],
    failures: {},
    ...counts,
    ...rest,
  };
  return { context, options, report, seen: new Set(), held: [], nextMs: 0 };
}

function isOver({ options, report, context }: Run): boolean {
  return options.stop.aborted || report.matched >= options.limit || context.health.isDown();
}

async function* queuedMessages(run: Run): AsyncGenerator<readonly QueuedMessage[]> {
  let empty = 0;
  while (empty < EMPTY_RECEIVES_MAX && !isOver(run)) {
    const messages = await run.context.queue.receive(run.options.hiddenSeconds);
    // A message comes back when it has been hidden for too long; it has had its turn, and is let go
    // with the others.
    const fresh = messages.filter(({ messageId }) => !run.seen.has(messageId));
    run.held.push(...messages.filter(({ messageId }) => run.seen.has(messageId)));
    for (const { messageId } of fresh) run.seen.add(messageId);
    empty = fresh.length === 0 ? empty + 1 : 0;
    yield fresh;
  }
}

async function redriveMessage(message: QueuedMessage, run: Run): Promise<void> {
  const { queue, bucket } = run.context;
  const parcel = parseParcel(message.body, run.context.settings.replication);
  const finished = await redriveParcel(parcel, run);
  if (!finished) {
    run.held.push(message);
    return;
  }
  await queue.delete(message);
  // Last: an object without a message does no harm, a message without its object is lost.
  if (parcel.kind === 'stored') await bucket.delete(parcel.objectKey);
}

async function redriveObject(key: string, run: Run): Promise<void> {
  const body = await run.context.bucket.get(key);
  // Somebody else's redrive has been faster.
  if (body === undefined) return;
  if (await redriveParcel(parseParcel(body, run.context.settings.replication), run))
    await run.context.bucket.delete(key);
}

/** @returns whether every record of it is final, so that it can be removed. */
async function redriveParcel(parcel: Parcel, run: Run): Promise<boolean> {
  const records = await unpack(parcel, run);
  if (typeof records === 'string') {
    run.report[records] += 1;
    return false;
  }
  const { report, options } = run;
  report.found += records.length;
  const chosen = records
    .filter((record) => matches(record, options.filter))
    .slice(0, Math.max(0, options.limit - report.matched));
  for (const record of chosen) describeRecord(record, report);
  if (!options.apply || options.stop.aborted) {
    report.left += records.length;
    return false;
  }
  const final = await redriveRecords(chosen, run);
  report.left += records.length - final;
  return final === records.length;
}

async function unpack(
  parcel: Parcel,
  { context }: Run,
): Promise<readonly ParkedRecord[] | 'trimmed' | 'unreadable'> {
  switch (parcel.kind) {
    case 'records':
      return parcel.records;
    case 'unreadable':
      return 'unreadable';
    case 'stored': {
      const body = await context.bucket.get(parcel.objectKey);
      return body === undefined
        ? 'unreadable'
        : [{ ...parcel, record: JSON.parse(body) as unknown }];
    }
    case 'range': {
      const records = await context.readRange(parcel.range);
      return records === 'trimmed' ? records : records.map((record) => ({ ...parcel, record }));
    }
  }
}

function describeRecord({ reason, parkedAtMs, record }: ParkedRecord, report: RedriveReport): void {
  report.matched += 1;
  report.reasons[reason] = (report.reasons[reason] ?? 0) + 1;
  report.oldestMs = Math.min(report.oldestMs ?? parkedAtMs, parkedAtMs);
  report.newestMs = Math.max(report.newestMs ?? parkedAtMs, parkedAtMs);
  const { key } = parseStreamRecord(record, 0).record;
  if (key !== undefined && report.sampleKeys.length < SAMPLE_KEYS_MAX) report.sampleKeys.push(key);
}

/** @returns how many records are final now. */
async function redriveRecords(parked: readonly ParkedRecord[], run: Run): Promise<number> {
  const nowMs = run.context.clock.now();
  const isOld = ({ parkedAtMs }: ParkedRecord) => nowMs - parkedAtMs > REPLAYABLE_MS;
  const replayed = await replay(
    parked.filter((one) => !isOld(one)),
    run,
  );
  return replayed + (await resynchronizeAll(parked.filter(isOld), run));
}

/** Sends records through the guard again. @returns how many are final now. */
async function replay(parked: readonly ParkedRecord[], run: Run): Promise<number> {
  const { context } = run;
  const outcomes: Outcome[] = parked.map(() => ({ kind: 'unfinished', why: 'behind' }));
  const writer: RecordWriter = {
    write: (record) => writeRecord(record, context),
    // It lies where it lies; what matters is that the record before it gets its turn.
    putAside: async (_, { reason }) => ({ kind: 'dead-lettered', reason: reason.name }),
  };
  const lanes = toLanes(readable(parked, outcomes), context.settings.ttlDeletes);
  const tasks = lanes.map((lane) => async () => {
    await pace(lane.runs.flat().length, run);
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
async function resynchronizeAll(parked: readonly ParkedRecord[], run: Run): Promise<number> {
  let final = 0;
  for (const { record } of parked) {
    await pace(1, run);
    const { key, keyText } = parseStreamRecord(record, 0).record;
    if (key === undefined || keyText === undefined) {
      noteFailure('KeyUnknown', run);
      continue;
    }
    const floor = floorOf(labelOf(record));
    const result = await resynchronizeKey({ key, keyText, floor }, run.context);
    if (result.kind === 'unfinished') noteFailure(result.why, run);
    else final += 1;
  }
  run.report.resynchronized += final;
  return final;
}

/** 0, which is below every stream, where the record does not tell its own. */
function labelOf(record: unknown): number {
  const { eventSourceARN } = record as { eventSourceARN?: unknown };
  return (typeof eventSourceARN === 'string' ? streamLabelMs(eventSourceARN) : undefined) ?? 0;
}

/** @returns whether it is final. */
function countOutcome(outcome: Outcome, run: Run): boolean {
  switch (outcome.kind) {
    case 'applied':
    case 'superseded':
    case 'coalesced':
    case 'skipped':
      run.report[outcome.kind] += 1;
      return true;
    case 'dead-lettered':
      noteFailure(outcome.reason, run);
      return false;
    case 'unfinished':
      noteFailure(outcome.why, run);
      return false;
  }
}

function noteFailure(name: string, { report }: Run): void {
  report.failing += 1;
  report.failures[name] = (report.failures[name] ?? 0) + 1;
}

/** Waits until `count` more records are due. */
async function pace(count: number, run: Run): Promise<void> {
  const { clock } = run.context;
  const nowMs = clock.now();
  const startMs = Math.max(nowMs, run.nextMs);
  run.nextMs = startMs + (count * 1000) / run.options.recordsPerSecond;
  if (startMs > nowMs) await clock.sleep(startMs - nowMs);
}
