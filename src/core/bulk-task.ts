// One segment's work in a bulk run, as JSON: what the state machine hands to the function, and what the
// function hands back until the segment is done.

import { REPORT_OBJECT_PREFIX } from '../contract.ts';
import { decodeItem, itemJson } from './attribute-value.ts';
import type { BackfillRun } from './backfill-checkpoint.ts';
import type { ScanCursor, SegmentCursor } from './segment-join.ts';

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
}

export interface BulkTask {
  readonly segment: number;
  readonly task: BackfillTask | VerifyTask;
  /** How often the function has been called for this segment before. */
  readonly part: number;
  /** JSON of where a verify was left. */
  readonly cursor?: string | undefined;
  readonly done: boolean;
}

/** With the bytes of keys as text, which an object of JSON would lose. */
export function cursorJson({ source, destination }: SegmentCursor): string {
  const side = ({ after, ended }: ScanCursor) => ({
    ended,
    ...(after === undefined ? {} : { after: JSON.parse(itemJson(after)) as object }),
  });
  return JSON.stringify({ source: side(source), destination: side(destination) });
}

export function parseCursor(json: string): SegmentCursor {
  const { source, destination } = JSON.parse(json) as SegmentCursor;
  const side = ({ after, ended }: ScanCursor): ScanCursor => ({
    ended,
    ...(after === undefined ? {} : { after: decodeItem(after, 'after') }),
  });
  return { source: side(source), destination: side(destination) };
}

/** @throws Error where the event is none that the state machine sends. */
export function parseBulkTask(event: unknown): BulkTask {
  const { segment, task, part = 0, cursor } = (event ?? {}) as Partial<BulkTask>;
  const operation = task?.operation;
  if (!Number.isInteger(segment) || (operation !== 'backfill' && operation !== 'verify')) {
    throw new Error(
      `A segment's task must have a segment and an operation, got ${JSON.stringify(event)?.slice(0, 200)}.`,
    );
  }
  return { segment: segment as number, task: task as BulkTask['task'], part, cursor, done: false };
}

function runNameOf({ run }: BulkTask['task']): string {
  return typeof run === 'string' ? run : run.run;
}

export const reportPrefix = (run: string) => `${REPORT_OBJECT_PREFIX}${run}/`;

/**
 * Of a verify, the same for every try of the same part, so that a repeated one replaces what it found
 * before. A repeated backfill goes on behind what it found, so that each try has its own.
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
