// Messages and objects -> the records in them that this redrive is about. Counts what it finds, and what is
// not for it.

import type { ControlRow } from '../model/control-row.ts';
import {
  matches,
  type FailureMessage,
  type FailedRecord,
  type RedriveFilter,
  type StreamRange,
} from '../model/failure-message.ts';
import { isForeign } from './replay.ts';
import { streamArnOf } from '../model/stream-record.ts';
import { classifyFailure } from '../model/write-failure.ts';
import { FerryError } from '../errors.ts';
import type { ObjectStore } from '../ports.ts';
import { describeRecord, noteFound, type RedriveReport } from './report.ts';

export interface UnpackContext {
  readonly bucket: ObjectStore;
  /**
   * The stream's records of a range, or `trimmed` where it no longer has them all.
   * @default ranges are left to another run
   */
  readonly readRange?: (range: StreamRange) => Promise<readonly unknown[] | 'trimmed'>;
}

/** The records of a message or object, or why it stays where it is: as the report counts it. */
export type Unpacked = readonly FailedRecord[] | 'trimmed' | 'unreadable' | 'foreign' | 'remaining';

export async function unpack(
  parcel: FailureMessage,
  control: ControlRow,
  context: UnpackContext,
): Promise<Unpacked> {
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
      if (isForeign(parcel.range.streamArn, control)) return 'foreign';
      const records = await readRange(parcel.range, context);
      return typeof records === 'string'
        ? records
        : records.map((record) => ({ ...parcel, record }));
    }
  }
}

/** A message or object with records that are to be redriven. */
export interface Load {
  readonly chosen: readonly FailedRecord[];
  /** Records of this replication. */
  readonly own: number;
  /** All records. */
  readonly all: number;
  /** To be called once every record is final. */
  readonly remove: () => Promise<void>;
}

export interface Choice {
  readonly filter: RedriveFilter;
  /** Records at most. */
  readonly limit: number;
}

/** @returns undefined where it stays as it is. */
export function choose(
  records: Unpacked,
  { filter, limit }: Choice,
  control: ControlRow,
  report: RedriveReport,
): Omit<Load, 'remove'> | undefined {
  if (typeof records === 'string') {
    report[records] += 1;
    return undefined;
  }
  const own = records.filter(({ record }) => !isOfOthers(streamArnOf(record), control));
  report.foreign += records.length - own.length;
  noteFound(own, report);
  const chosen = own
    .filter((record) => matches(record, filter))
    .slice(0, Math.max(0, limit - report.matched));
  for (const record of chosen) describeRecord(record, report);
  return { chosen, own: own.length, all: records.length };
}

/** A record that names no stream is one that makes no sense, and is counted as such. */
function isOfOthers(streamArn: string | undefined, control: ControlRow): boolean {
  return streamArn !== undefined && isForeign(streamArn, control);
}

export type ObjectText =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'gone' }
  | { readonly kind: 'unreadable'; readonly problem: string };

/** An object that is no text stays where it is, like one that is no dead letter; what is behind it goes on. */
export async function objectText(key: string, bucket: ObjectStore): Promise<ObjectText> {
  try {
    const text = await bucket.get(key);
    return text === undefined ? { kind: 'gone' } : { kind: 'text', text };
  } catch (error) {
    if (!(error instanceof FerryError) || error.code !== 'objects.unreadable') throw error;
    return { kind: 'unreadable', problem: error.message };
  }
}

/** A range that the stream's service refuses to look for is none. */
async function readRange(
  range: StreamRange,
  context: UnpackContext,
): Promise<readonly unknown[] | 'trimmed' | 'unreadable' | 'remaining'> {
  try {
    return (await context.readRange?.(range)) ?? 'remaining';
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
