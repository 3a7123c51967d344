// A failure message -> the records in it, read from the bucket or the stream where it only points to them. Those of a
// Kinesis stream are translated.

import { listedSources, type ControlRow } from '../model/control-row.ts';
import type { FailedRecord, FailureMessage, StreamRange } from '../model/failure-message.ts';
import { isKinesisRecord, translateKinesisRecord } from '../model/kinesis-record.ts';
import { classifyFailure } from '../model/write-failure.ts';
import { FerryError } from '../errors.ts';
import type { ObjectStore } from '../ports.ts';
import type { RedriveContext } from './context.ts';
import { isForeign } from './replay.ts';

/** The records of a message or object, or why it stays where it is: as the report counts it. */
export type Contents = readonly FailedRecord[] | 'trimmed' | 'unreadable' | 'foreign' | 'remaining';

type Stores = Pick<RedriveContext, 'bucket' | 'readRange'>;

export async function unpack(
  message: FailureMessage,
  control: ControlRow,
  context: Stores,
): Promise<Contents> {
  const contents = await contentsOf(message, control, context);
  return typeof contents === 'string' ? contents : translated(contents, control);
}

/**
 * A batch of this replication's function may hold records of other tables: what the function would have acknowledged
 * is left out. In other messages, such a record is foreign. One that cannot be translated stays as it is.
 */
function translated(records: readonly FailedRecord[], control: ControlRow): FailedRecord[] {
  const listed = listedSources(control);
  return records.flatMap((one) => {
    if (!isKinesisRecord(one.record)) return [one];
    const found = translateKinesisRecord(one.record, one.isDelivered === true ? listed : []);
    if (found.kind === 'foreign') return [];
    return [found.kind === 'record' ? { ...one, record: found.record } : one];
  });
}

async function contentsOf(
  message: FailureMessage,
  control: ControlRow,
  context: Stores,
): Promise<Contents> {
  switch (message.kind) {
    case 'records':
      return message.records;
    case 'unreadable':
    case 'foreign':
      return message.kind;
    case 'stored': {
      const body = await objectText(message.objectKey, context.bucket);
      const record = body.kind === 'text' ? parseJson(body.text) : undefined;
      return record === undefined ? 'unreadable' : [{ ...message, record }];
    }
    case 'range': {
      if (isForeign(message.range.streamArn, control)) return 'foreign';
      const records = await readRange(message.range, context);
      return typeof records === 'string'
        ? records
        : records.map((record) => ({ ...message, record }));
    }
  }
}

export type ObjectText =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'gone' }
  | { readonly kind: 'unreadable'; readonly problem: string };

/** Objects that are not UTF-8 are skipped and left in place. */
export async function objectText(key: string, bucket: ObjectStore): Promise<ObjectText> {
  try {
    const text = await bucket.get(key);
    return text === undefined ? { kind: 'gone' } : { kind: 'text', text };
  } catch (error) {
    if (!(error instanceof FerryError) || error.code !== 'objects.unreadable') throw error;
    return { kind: 'unreadable', problem: error.message };
  }
}

/** A range that the stream's service rejects is unreadable. */
async function readRange(
  range: StreamRange,
  context: Stores,
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
