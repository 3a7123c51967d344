// Puts back what was put aside, only where nothing newer has been applied. A message or object is removed
// only after all its records are final and their deletes are announced.

import { ON_FAILURE_OBJECT_PREFIX } from '../contract.ts';
import {
  matches,
  type Parcel,
  parseParcel,
  type ParkedRecord,
  type RedriveFilter,
  type StreamRange,
} from '../core/parcel.ts';
import { isForeign } from '../core/replay.ts';
import { streamArnOf } from '../core/stream-record.ts';
import { classifyFailure } from '../core/write-failure.ts';
import { FerryError } from '../errors.ts';
import type { MessageQueue, ObjectStore, QueuedMessage } from '../ports.ts';
import { paceOf } from './pace.ts';
import type { RecordContext } from './redrive-item.ts';
import { type RecordRun, redriveRecords } from './redrive-records.ts';
import { describeRecord, newReport, type RedriveReport } from './redrive-report.ts';

export interface RedriveContext extends RecordContext {
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

/** A short poll that finds nothing does not prove a queue empty. */
const EMPTY_RECEIVES_MAX = 2;
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

interface Run extends RecordRun {
  readonly context: RedriveContext;
  readonly options: RedriveOptions;
  readonly seen: Set<string>;
  /** Messages to be made visible again at the end, so that this run does not meet them twice. */
  readonly held: QueuedMessage[];
}

function newRun(context: RedriveContext, options: RedriveOptions): Run {
  return {
    context,
    options,
    report: newReport(),
    seen: new Set(),
    held: [],
    stop: options.stop,
    unknown: new Set(),
    pace: paceOf(options.recordsPerSecond, context.clock),
  };
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
  const { bucket, settings } = run.context;
  const body = await objectText(key, bucket);
  // Somebody else's redrive has been faster.
  if (body.kind === 'gone') return;
  const parcel = body.kind === 'unreadable' ? body : parseParcel(body.text, settings.replication);
  if (await redriveParcel(parcel, run)) await bucket.delete(key);
}

type ObjectText =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'gone' }
  | { readonly kind: 'unreadable'; readonly problem: string };

/** An object that is no text stays where it is, like one that is no dead letter; what is behind it goes on. */
async function objectText(key: string, bucket: ObjectStore): Promise<ObjectText> {
  try {
    const text = await bucket.get(key);
    return text === undefined ? { kind: 'gone' } : { kind: 'text', text };
  } catch (error) {
    if (!(error instanceof FerryError) || error.code !== 'objects.unreadable') throw error;
    return { kind: 'unreadable', problem: error.message };
  }
}

/** @returns whether every record of it is final, so that it can be removed. */
async function redriveParcel(parcel: Parcel, run: Run): Promise<boolean> {
  const records = await unpack(parcel, run);
  if (typeof records === 'string') {
    run.report[records] += 1;
    return false;
  }
  const { report, options, context } = run;
  const own = records.filter(({ record }) => !isOfOthers(streamArnOf(record), context));
  report.foreign += records.length - own.length;
  report.found += own.length;
  const chosen = own
    .filter((record) => matches(record, options.filter))
    .slice(0, Math.max(0, options.limit - report.matched));
  for (const record of chosen) describeRecord(record, report);
  if (!options.apply || options.stop.aborted) {
    report.left += own.length;
    return false;
  }
  const final = await redriveRecords(chosen, run);
  report.left += own.length - final;
  return final === records.length;
}

/** A record that names no stream is one that makes no sense, and is counted as such. */
function isOfOthers(streamArn: string | undefined, { control }: RedriveContext): boolean {
  return streamArn !== undefined && isForeign(streamArn, control);
}

async function unpack(
  parcel: Parcel,
  { context }: Run,
): Promise<readonly ParkedRecord[] | 'trimmed' | 'unreadable' | 'foreign'> {
  switch (parcel.kind) {
    case 'records':
      return parcel.records;
    case 'unreadable':
    case 'foreign':
      return parcel.kind;
    case 'stored': {
      const body = await objectText(parcel.objectKey, context.bucket);
      const record = body.kind === 'text' ? parseJson(body.text) : undefined;
      return record === undefined ? 'unreadable' : [{ ...parcel, record }];
    }
    case 'range': {
      if (isForeign(parcel.range.streamArn, context.control)) return 'foreign';
      const records = await readRange(parcel.range, context);
      return typeof records === 'string'
        ? records
        : records.map((record) => ({ ...parcel, record }));
    }
  }
}

/** A range that the stream's service refuses to look for is none. */
async function readRange(
  range: StreamRange,
  context: RedriveContext,
): Promise<readonly unknown[] | 'trimmed' | 'unreadable'> {
  try {
    return await context.readRange(range);
  } catch (error) {
    if (classifyFailure(error).kind !== 'rejected') throw error;
    return 'unreadable';
  }
}

/** Undefined where it is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
