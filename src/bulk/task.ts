// One segment's work in a bulk run, as JSON: what the state machine hands to the function, and what the
// function hands back until the segment is done.

import { createHash } from 'node:crypto';
import { REPORT_OBJECT_PREFIX } from '../config/names.ts';
import { decodeItem, itemAsJson } from '../model/attribute-value.ts';
import { type BackfillRun, isSegmentCount } from '../backfill/checkpoint.ts';
import type { RedriveFilter } from '../model/failure-message.ts';
import { formatProblem, STORED_FORMAT } from '../model/stored-format.ts';
import type { ScanCursor, SegmentCursor } from '../verify/segment-join.ts';
import { FerryError } from '../errors.ts';
import type { SampledRanges } from './sampled-ranges.ts';

interface Rates {
  /** Capacity units per second for this segment at most. @default no limit */
  readonly readUnits?: number | undefined;
  readonly writeUnits?: number | undefined;
}

export interface BackfillTask extends Rates {
  readonly operation: 'backfill';
  readonly run: BackfillRun;
}

export interface VerifyTask extends Rates {
  readonly operation: 'verify';
  /** Names the run's reports. */
  readonly run: string;
  readonly totalSegments: number;
  readonly settleMs: number;
  readonly values: boolean;
  /** A segment of the run is a list of ranges then. @default a segment is a range */
  readonly sample?: SampledRanges | undefined;
}

export interface RedriveTask {
  readonly operation: 'redrive';
  /** Names the run's reports. */
  readonly run: string;
  /** The last key of each slice of the bucket's objects, in order; a segment is a slice. */
  readonly boundaries: readonly string[];
  readonly filter: RedriveFilter;
  /** For this slice at most. @default no limit */
  readonly recordsPerSecond?: number | undefined;
}

/** Objects with keys above `after`, up to `upTo` and with it. */
export interface ObjectRange {
  readonly after?: string | undefined;
  readonly upTo?: string | undefined;
}

export interface BulkTask {
  readonly segment: number;
  readonly task: BackfillTask | VerifyTask | RedriveTask;
  /** How often the function has been called for this segment before. */
  readonly part: number;
  /** JSON of where a verify was left; of a redrive, the key of the last object that had its turn. */
  readonly cursor?: string | undefined;
  /** Of a sample: how many ranges of the segment are compared. @default none */
  readonly ranges?: number | undefined;
  readonly done: boolean;
}

interface BulkInput extends Pick<BulkTask, 'task'> {
  readonly segments: readonly number[];
  readonly workers: number;
}

/** What a command starts the state machine with. */
export function bulkInput({ task, ...rest }: BulkInput): object {
  return { ...rest, task: { ...task, format: STORED_FORMAT } };
}

/** With the bytes of keys as text, which an object of JSON would lose. */
export function cursorJson({ source, destination }: SegmentCursor): string {
  const side = ({ after, ended, items }: ScanCursor) => ({
    ended,
    items,
    ...(after === undefined ? {} : { after: itemAsJson(after) }),
  });
  return JSON.stringify({ source: side(source), destination: side(destination) });
}

/** @throws Error where the text is not one of `cursorJson`. */
export function parseCursor(json: string): SegmentCursor {
  const { source, destination } = objectOf(JSON.parse(json));
  const side = (value: unknown): ScanCursor => {
    const { after, ended, items } = objectOf(value);
    if (typeof ended !== 'boolean')
      throw new Error('A cursor must tell whether its side has ended.');
    const read = isCount(items) ? { items } : {};
    return {
      ended,
      ...read,
      ...(after === undefined ? {} : { after: decodeItem(after, 'after') }),
    };
  };
  return { source: side(source), destination: side(destination) };
}

/**
 * @throws Error where the event is not one of the state machine's, and FerryError `bulk.task-format` where a command of
 *   a later release has begun the run.
 */
export function parseBulkTask(event: unknown): BulkTask {
  const { segment, task, part = 0, cursor, ranges } = objectOf(event);
  const problem = formatProblem(objectOf(task)['format']);
  if (problem !== undefined)
    throw new FerryError(`The input of the bulk run cannot be read: ${problem}.`, {
      code: 'bulk.task-format',
      hint: 'The command is of a later release than the function. Deploy that release: `npx cdk deploy --all`.',
    });
  const isCursor =
    (cursor === undefined || isText(cursor)) && (ranges === undefined || isCount(ranges));
  const isWhole = isCount(segment) && isCount(part) && isTask(task) && isCursor;
  if (!isWhole || !hasSegment(task, segment)) {
    throw new Error(
      `A segment's task must have a segment, a part, a cursor or none, and a whole task, got ${namesOf(event)}.`,
    );
  }
  return { segment, task, part, cursor, ranges, done: false };
}

/** Beyond the last slice would be everything. */
function hasSegment(task: BulkTask['task'], segment: number): boolean {
  return task.operation !== 'redrive' || segment < task.boundaries.length;
}

type Fields = Readonly<Record<string, unknown>>;

/** Without fields where it is no object. */
function objectOf(value: unknown): Fields {
  return isObject(value) ? value : {};
}

/** An error shows the names of fields only: their values have keys of items. */
function namesOf(event: unknown): string {
  return Object.keys(objectOf(event)).join(', ').slice(0, 200) || 'nothing';
}

const TASKS = new Map<unknown, Readonly<Record<string, (value: unknown) => boolean>>>([
  ['backfill', { run: isBackfillRun }],
  ['verify', { run: isText, totalSegments: isSegmentCount, settleMs: isCount, sample: isSample }],
  ['redrive', { run: isText, boundaries: isTexts, filter: isObject, recordsPerSecond: isRate }],
]);

function isTask(value: unknown): value is BulkTask['task'] {
  const task = objectOf(value);
  const fields = TASKS.get(task['operation']);
  if (fields === undefined || !isRate(task['readUnits']) || !isRate(task['writeUnits']))
    return false;
  return Object.entries(fields).every(([name, isValid]) => isValid(task[name]));
}

function isBackfillRun(value: unknown): boolean {
  const { run, streamArn, totalSegments } = objectOf(value);
  return isText(run) && isText(streamArn) && isSegmentCount(totalSegments);
}

function isSample(value: unknown): boolean {
  if (value === undefined) return true;
  const { seed, count, parts } = objectOf(value);
  return isText(seed) && isCount(count) && isCount(parts);
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isRate(value: unknown): value is number | undefined {
  return value === undefined || (typeof value === 'number' && value > 0);
}

function runNameOf({ run }: BulkTask['task']): string {
  return typeof run === 'string' ? run : run.run;
}

export const reportPrefix = (run: string) => `${REPORT_OBJECT_PREFIX}${run}/`;

/**
 * Of a verify, the same for every try of the same part, so that a repeated one replaces what it found
 * before. A repeated backfill or redrive goes on behind what it did, so that each try has its own.
 */
export function reportKey({ task, segment, part }: BulkTask, requestId: string): string {
  const name =
    task.operation === 'verify' ? `${segment}-${part}` : `${segment}-${part}-${requestId}`;
  return `${reportPrefix(runNameOf(task))}${name}.jsonl`;
}

const DONE = '.done';

/** An empty object that says that a segment is done. */
export function doneKey({ task, segment }: BulkTask): string {
  return `${reportPrefix(runNameOf(task))}${segment}${DONE}`;
}

export const isDoneKey = (key: string) => key.endsWith(DONE);

/** Beside the reports, which a command of an earlier release reads all. */
export const failurePrefix = (run: string) => `${REPORT_OBJECT_PREFIX}${run}-failures/`;

/** Of an object that says why a call for a segment has failed. The segment may have ended well since. */
export function failureKey({ task, segment }: BulkTask): string {
  return `${failurePrefix(runNameOf(task))}${segment}`;
}

/** What a report of a verify says of its part: a digest of where it begins, and of where the next one does. */
export interface PartLinks {
  /** Of every part but the first. */
  readonly from?: string | undefined;
  /** Of every part but the last. */
  readonly to?: string | undefined;
}

/** @param next what the function hands back. */
export function partLinks(call: BulkTask, next: BulkTask): PartLinks {
  return {
    from: call.part === 0 ? undefined : placeOf(call),
    to: next.done ? undefined : placeOf({ ...next, part: call.part + 1 }),
  };
}

/** A cursor has keys of items. */
function placeOf({ segment, part, cursor, ranges }: BulkTask): string {
  const place = JSON.stringify([segment, part, cursor, ranges]);
  return createHash('sha256').update(place).digest('hex').slice(0, 16);
}
