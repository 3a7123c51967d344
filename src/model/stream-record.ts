// A Lambda event's record -> a checked StreamRecord, or the reason why it cannot be one.
// From here on nothing has to be doubted: keys, image, sequence number and version are what they say.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { DeadLetterReason } from './dead-letter.ts';
import {
  canonicalKey,
  decodeItem,
  isSameValue,
  MalformedValue,
  type Item,
} from './attribute-value.ts';
import { type Series, type SeriesOf, type Version, versionOf } from './guard.ts';

interface RecordFacts {
  /** Index in its batch. */
  readonly position: number;
  readonly sequenceNumber: string;
  readonly version: Version;
  readonly key: Item;
  /** Canonical text of `key`: records of one item share it. */
  readonly keyText: string;
  /** When the source accepted the write, rounded down to the second; absent if the event lacks it. */
  readonly createdAtSeconds?: number | undefined;
  /** Of a stamped write: the version that it had seen. */
  readonly seen?: Version | undefined;
  /** Of a stamped write: its stamp is far ahead of its record. */
  readonly isAhead?: boolean | undefined;
}

export interface PutRecord extends RecordFacts {
  readonly eventName: 'INSERT' | 'MODIFY';
  /** What the twin should have. */
  readonly newImage: Item;
  /** What the source has, where a projection has made `newImage` of it. */
  readonly sourceImage?: Item;
}

export interface RemoveRecord extends RecordFacts {
  readonly eventName: 'REMOVE';
  /** Deleted by the source table's TTL, not by the application. */
  readonly expired: boolean;
  /** The projection leaves the item out, and did so before this change, too. */
  readonly leftOut?: boolean;
}

export type StreamRecord = PutRecord | RemoveRecord;

/** A record that can never be applied, with as much of its identity as could be read. */
export interface MalformedRecord {
  readonly position: number;
  readonly reason: DeadLetterReason;
  /** These two where only its projection fails. */
  readonly eventName?: StreamRecord['eventName'] | undefined;
  readonly createdAtSeconds?: number | undefined;
  readonly sequenceNumber?: string | undefined;
  readonly version?: Version | undefined;
  readonly key?: Item | undefined;
  readonly keyText?: string | undefined;
}

export type ParsedRecord =
  | { readonly kind: 'record'; readonly record: StreamRecord }
  | { readonly kind: 'malformed'; readonly record: MalformedRecord };

/**
 * Parses one member of `event.Records`. Never throws: a record that makes no sense is an answer.
 * @param seriesOf what versions of its stream begin with.
 */
export function parseStreamRecord(
  raw: unknown,
  position: number,
  seriesOf: SeriesOf,
): ParsedRecord {
  const known: Identity = {};
  try {
    return { kind: 'record', record: checkedRecord(raw, { position, seriesOf }, known) };
  } catch (error) {
    if (!(error instanceof Malformed) && !(error instanceof MalformedValue)) throw error;
    const reason = { class: 'malformed' as const, name: error.name, message: error.message };
    return { kind: 'malformed', record: { position, reason, ...known } };
  }
}

/** Filled as far as parsing gets, so that a malformed record keeps the identity it has. */
type Identity = {
  -readonly [Name in 'sequenceNumber' | 'version' | 'key' | 'keyText']?: RecordFacts[Name];
};

class Malformed extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

/** The key of a record and its canonical text, for who only has to find it; undefined where it has none. */
export function recordKey(raw: unknown): Pick<RecordFacts, 'key' | 'keyText'> | undefined {
  const { key, keyText } = parseStreamRecord(raw, 0, () => undefined).record;
  return key === undefined || keyText === undefined ? undefined : { key, keyText };
}

/** The stream that a record says it comes from; undefined where it does not say so. */
export function streamArnOf(raw: unknown): string | undefined {
  const arn = (raw as { eventSourceARN?: unknown } | null | undefined)?.eventSourceARN;
  return typeof arn === 'string' ? arn : undefined;
}

/** A record that names no stream is one that makes no sense, and is dealt with as such. */
export function streamArnsIn(raw: readonly unknown[]): ReadonlySet<string> {
  return new Set(raw.map(streamArnOf).filter((arn) => arn !== undefined));
}

interface Place {
  readonly position: number;
  readonly seriesOf: SeriesOf;
}

function checkedRecord(raw: unknown, { position, seriesOf }: Place, known: Identity): StreamRecord {
  const outer = asObject(raw, 'the record');
  const change = asObject(outer['dynamodb'], 'dynamodb');
  const sequenceNumber = (known.sequenceNumber = parseSequenceNumber(change['SequenceNumber']));
  const key = (known.key = parseKeys(change['Keys']));
  const keyText = (known.keyText = canonicalKey(key));
  const series = parseSeries(outer['eventSourceARN'], seriesOf);
  const version = (known.version = versionOf(series, sequenceNumber));
  const createdAtSeconds = parseTime(change['ApproximateCreationDateTime']);
  const eventName = outer['eventName'];
  // Each written out: common facts, spread into either, would cost as much as all the rest of parsing.
  switch (eventName) {
    case 'INSERT':
    case 'MODIFY':
      return {
        position,
        sequenceNumber,
        version,
        key,
        keyText,
        createdAtSeconds,
        eventName,
        newImage: parseNewImage(change, key),
      };
    case 'REMOVE':
      return {
        position,
        sequenceNumber,
        version,
        key,
        keyText,
        createdAtSeconds,
        eventName,
        expired: isExpiry(outer['userIdentity']),
      };
    default:
      throw new Malformed(
        'UnknownEventName',
        `eventName must be INSERT, MODIFY or REMOVE, got ${show(eventName)}`,
      );
  }
}

function parseSequenceNumber(value: unknown): string {
  if (typeof value === 'string' && /^\d{1,40}$/.test(value)) return value;
  throw new Malformed(
    'MalformedRecord',
    `SequenceNumber must be 1 to 40 digits, got ${show(value)}`,
  );
}

function parseSeries(streamArn: unknown, seriesOf: SeriesOf): Series {
  const series = typeof streamArn === 'string' ? seriesOf(streamArn) : undefined;
  if (series !== undefined) return series;
  throw new Malformed(
    'MalformedRecord',
    `eventSourceARN must end in a stream label, got ${show(streamArn)}`,
  );
}

function parseKeys(value: unknown): Item {
  const key = decodeItem(value, 'Keys');
  const attributes = Object.values(key);
  if (attributes.length < 1 || attributes.length > 2 || !attributes.every(isKeyValue)) {
    throw new Malformed('MalformedRecord', 'Keys must be one or two attributes of type S, N or B');
  }
  return key;
}

function parseNewImage(change: Readonly<Record<string, unknown>>, key: Item): Item {
  if (change['NewImage'] === undefined) {
    throw new Malformed(
      'NewImageMissing',
      `the record has no new image; the stream's view type is ${show(change['StreamViewType'])} and must be NEW_IMAGE or NEW_AND_OLD_IMAGES`,
    );
  }
  const image = decodeItem(change['NewImage'], 'NewImage');
  if (!Object.keys(key).every((name) => isSameValue(key[name], image[name]))) {
    throw new Malformed('KeysNotInImage', 'NewImage does not carry the key that Keys names');
  }
  return image;
}

function parseTime(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return value;
  throw new Malformed(
    'MalformedRecord',
    `ApproximateCreationDateTime must be epoch seconds, got ${show(value)}`,
  );
}

function isExpiry(userIdentity: unknown): boolean {
  if (typeof userIdentity !== 'object' || userIdentity === null) return false;
  const { type, principalId } = userIdentity as { type?: unknown; principalId?: unknown };
  return type === 'Service' && principalId === 'dynamodb.amazonaws.com';
}

function isKeyValue(value: AttributeValue): boolean {
  return value.S !== undefined || value.N !== undefined || value.B !== undefined;
}

function asObject(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw new Malformed('MalformedRecord', `${what} must be an object, got ${show(value)}`);
}

/** Short, and never an item's content: only what stands where a name or number should. */
function show(value: unknown): string {
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? 'a list' : 'an object';
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
