// A message of the dead-letter queue, or an object of the on-failure bucket -> the records that failed. Four forms:
// Ferry's own dead letters, whole or projected, Lambda's batches with their payload, and Lambda's messages without one.

import { DEAD_LETTER_OBJECT_PREFIX, functionName } from '../config/names.ts';
import { formatProblem } from './stored-format.ts';

/** A record that was put aside. */
export interface FailedRecord {
  /** Why: the name of an error, or of the condition under which Lambda gave the batch up. */
  readonly reason: string;
  /** When it was put aside, epoch milliseconds. */
  readonly failedAtMs: number;
  /** The stream record as Lambda delivered it. */
  readonly record: unknown;
  /** Lambda gave it up for the function of this replication, which acknowledges records of other tables. */
  readonly isDelivered?: boolean | undefined;
  /** It has no image: its letter is a projected one. */
  readonly isProjected?: boolean | undefined;
}

/** Records of a shard, where Lambda's message has their sequence numbers only. */
export interface StreamRange {
  readonly streamArn: string;
  readonly shardId: string;
  readonly startSequenceNumber: string;
  readonly endSequenceNumber: string;
}

export type FailureMessage =
  | { readonly kind: 'records'; readonly records: readonly FailedRecord[] }
  /** One record, too large for the queue, kept as an object of the bucket. */
  | {
      readonly kind: 'stored';
      readonly objectKey: string;
      readonly reason: string;
      readonly failedAtMs: number;
    }
  | {
      readonly kind: 'range';
      readonly range: StreamRange;
      readonly reason: string;
      readonly failedAtMs: number;
      readonly isDelivered: boolean;
    }
  /** A letter of another replication, which must not reach this one's twin. */
  | { readonly kind: 'foreign' }
  | { readonly kind: 'unreadable'; readonly problem: string };

/**
 * Reads a message's body or an object's. Never throws: what makes no sense is an answer, and so is a
 * letter of another replication than `replication`.
 */
export function parseFailureMessage(body: string, replication: string): FailureMessage {
  try {
    const value: unknown = JSON.parse(body);
    if (!isObject(value)) return { kind: 'unreadable', problem: 'it is not an object' };
    const isDeadLetter = 'format' in value || 'schemaVersion' in value;
    return isDeadLetter ? deadLetterMessage(value, replication) : batchMessage(value, replication);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { kind: 'unreadable', problem: 'it is not JSON' };
  }
}

function deadLetterMessage(letter: Fields, replication: string): FailureMessage {
  const { schemaVersion, format = schemaVersion, reason, failedAt, recordObject } = letter;
  const problem = formatProblem(format);
  if (problem !== undefined) return { kind: 'unreadable', problem };
  if (isText(letter['replication']) && letter['replication'] !== replication)
    return { kind: 'foreign' };
  if (letter['replication'] !== replication)
    return { kind: 'unreadable', problem: 'it does not name its replication' };
  const about = { reason: textOf(reason, 'name'), failedAtMs: timeOf(failedAt) };
  if (recordObject !== undefined) {
    return isLetterObject(recordObject)
      ? { kind: 'stored', objectKey: recordObject, ...about }
      : { kind: 'unreadable', problem: 'its record is not where Ferry keeps records' };
  }
  return { kind: 'records', records: [{ ...about, ...recordOf(letter) }] };
}

function recordOf(letter: Fields): Pick<FailedRecord, 'record' | 'isProjected'> {
  if ('record' in letter) return { record: letter['record'] };
  const {
    key: Keys,
    sequenceNumber: SequenceNumber,
    streamArn: eventSourceARN,
    eventName,
  } = letter;
  const record = { eventName, eventSourceARN, dynamodb: { Keys, SequenceNumber } };
  return { record, isProjected: true };
}

/** The object is read, and deleted in the end: its key must be one that Ferry gives to dead letters. */
function isLetterObject(key: unknown): key is string {
  return typeof key === 'string' && LETTER_OBJECT.test(key);
}

const LETTER_OBJECT = new RegExp(`^${DEAD_LETTER_OBJECT_PREFIX}[0-9A-Za-z/-]{1,200}\\.json$`);

function batchMessage(document: Fields, replication: string): FailureMessage {
  const info = document['DDBStreamBatchInfo'] ?? document['KinesisBatchInfo'];
  if (!isObject(info))
    return {
      kind: 'unreadable',
      problem: 'it is neither a letter of Ferry’s nor a batch of Lambda’s',
    };
  const reason = textOf(document['requestContext'], 'condition');
  const failedAtMs = timeOf(document['timestamp']);
  const isDelivered = isOfFunction(document['requestContext'], replication);
  const records = payloadRecords(document['payload']);
  if (records !== undefined) {
    return {
      kind: 'records',
      records: records.map((record) => ({ reason, failedAtMs, record, isDelivered })),
    };
  }
  const [streamArn, shardId, startSequenceNumber, endSequenceNumber] = [
    'streamArn',
    'shardId',
    'startSequenceNumber',
    'endSequenceNumber',
  ].map((name) => info[name]);
  if (
    !isText(streamArn) ||
    !isText(shardId) ||
    !isText(startSequenceNumber) ||
    !isText(endSequenceNumber)
  ) {
    return {
      kind: 'unreadable',
      problem: 'its batch information lacks stream, shard or sequence numbers',
    };
  }
  return {
    kind: 'range',
    range: { streamArn, shardId, startSequenceNumber, endSequenceNumber },
    reason,
    failedAtMs,
    isDelivered,
  };
}

function isOfFunction(context: unknown, replication: string): boolean {
  const arn = isObject(context) ? context['functionArn'] : undefined;
  return isText(arn) && arn.split(':').includes(functionName(replication));
}

/** Lambda writes the invocation's event as text; an object is read as well. */
function payloadRecords(payload: unknown): readonly unknown[] | undefined {
  const event: unknown = isText(payload) ? JSON.parse(payload) : payload;
  const records = isObject(event) ? event['Records'] : undefined;
  return Array.isArray(records) ? (records as readonly unknown[]) : undefined;
}

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** A name to show and to choose by, made fit for one line of a terminal. */
function textOf(value: unknown, name: string): string {
  const text = isObject(value) ? value[name] : undefined;
  return isText(text) ? text.slice(0, NAME_LENGTH_MAX).replaceAll(/\p{C}/gu, '?') : 'unknown';
}

const NAME_LENGTH_MAX = 100;

/** Epoch milliseconds; 0, which is older than anything, where there is no time. */
function timeOf(value: unknown): number {
  const ms = isText(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? 0 : ms;
}

/** A bulk run's input carries it: its fields keep their names. */
export interface RedriveFilter {
  /** A reason’s name. */
  readonly reason?: string | undefined;
  /** Canonical text of one item's key. */
  readonly keyText?: string | undefined;
  readonly parkedBeforeMs?: number | undefined;
  readonly parkedAfterMs?: number | undefined;
}
