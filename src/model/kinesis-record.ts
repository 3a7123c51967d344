// A change that DynamoDB has sent to a Kinesis stream -> the same in the form of a record of the table's own stream,
// with the time of the write in microseconds as its sequence number: Kinesis' own number is the order of arrival.

import { kinesisSourceArn, kinesisSourceOf } from '../config/change-source.ts';
import type { DeadLetterReason } from './dead-letter.ts';

export type Translated =
  | { readonly kind: 'record'; readonly record: object }
  /** Of another table that sends its changes to the same Kinesis stream. */
  | { readonly kind: 'foreign' }
  | { readonly kind: 'malformed'; readonly reason: DeadLetterReason };

type Fields = Record<string, unknown>;

/**
 * Never throws: data that make no sense are an answer.
 * @param raw a member of `event.Records`.
 * @param listed the source ARNs of the replication. A record of a Kinesis stream that they do not name is translated:
 *   the control row holds it.
 */
export function translateKinesisRecord(raw: unknown, listed: readonly string[]): Translated {
  try {
    const { eventSourceARN, kinesis } = asFields(raw, 'the record');
    const change = asFields(parsedData(kinesis), 'data');
    const { tableName, awsRegion, eventName, userIdentity } = change;
    if (typeof eventSourceARN !== 'string' || typeof tableName !== 'string')
      throw new Untranslatable('eventSourceARN and tableName must be texts');
    const sourceArn = kinesisSourceArn(eventSourceARN, tableName);
    if (isForeign(sourceArn, eventSourceARN, listed)) return { kind: 'foreign' };
    const dynamodb = translatedChange(asFields(change['dynamodb'], 'dynamodb'));
    const names = { eventSource: 'aws:dynamodb', eventSourceARN: sourceArn, awsRegion };
    return { kind: 'record', record: { ...names, eventName, userIdentity, dynamodb } };
  } catch (error) {
    if (!(error instanceof Untranslatable)) throw error;
    const { name, message } = error;
    return { kind: 'malformed', reason: { class: 'malformed', name, message } };
  }
}

/** Whether Lambda delivers it from a Kinesis stream. */
export function isKinesisRecord(raw: unknown): boolean {
  return (raw as { eventSource?: unknown } | null | undefined)?.eventSource === 'aws:kinesis';
}

/** By which Lambda knows it; undefined where it has none. */
export function kinesisSequenceNumber(raw: unknown): string | undefined {
  const { kinesis } = (raw ?? {}) as { kinesis?: { sequenceNumber?: unknown } | null };
  const number = kinesis?.sequenceNumber;
  return typeof number === 'string' && /^\d{1,128}$/.test(number) ? number : undefined;
}

class Untranslatable extends Error {
  override readonly name = 'MalformedRecord';
}

function isForeign(sourceArn: string, streamArn: string, listed: readonly string[]): boolean {
  const isOfStream = (arn: string) => kinesisSourceOf(arn)?.kinesisStreamArn === streamArn;
  return !listed.includes(sourceArn) && listed.some(isOfStream);
}

function parsedData(kinesis: unknown): unknown {
  const { data } = asFields(kinesis, 'kinesis');
  try {
    return JSON.parse(Buffer.from(String(data), 'base64').toString());
  } catch {
    throw new Untranslatable('data must be the base64 text of JSON');
  }
}

/** Its members are replaced in place: they were parsed a moment ago, and nothing else has them. */
function translatedChange(change: Fields): object {
  const micros = microsecondsOf(change);
  for (const name of ['Keys', 'NewImage', 'OldImage']) unwrapAttributes(change[name], 0);
  const { ApproximateCreationDateTimePrecision: _, ...rest } = change;
  return {
    ...rest,
    SequenceNumber: String(micros),
    ApproximateCreationDateTime: micros / MICROS_PER_SECOND,
  };
}

const MICROS_PER_SECOND = 1_000_000;
const MICROS_PER_MS = 1_000;
/** 1973 and 5138: a time of the other precision is outside. */
const [MICROS_MIN, MICROS_MAX] = [1e14, 1e17];

/** The precision may change while the stream is on. The records of before it could be set do not name it. */
function microsecondsOf({
  ApproximateCreationDateTime: time,
  ApproximateCreationDateTimePrecision: precision = 'MILLISECOND',
}: Fields): number {
  const isKnown = precision === 'MICROSECOND' || precision === 'MILLISECOND';
  if (isKnown && typeof time === 'number' && Number.isInteger(time)) {
    const micros = time * (precision === 'MICROSECOND' ? 1 : MICROS_PER_MS);
    if (micros >= MICROS_MIN && micros < MICROS_MAX) return micros;
  }
  throw new Untranslatable(
    'ApproximateCreationDateTime must be milliseconds or microseconds, as its precision says',
  );
}

/** What is nested more deeply is rejected as such. */
const DEPTH_MAX = 64;

function unwrapAttributes(attributes: unknown, depth: number): void {
  if (!isFields(attributes) || depth > DEPTH_MAX) return;
  for (const value of Object.values(attributes)) unwrapValue(value, depth);
}

/** Only bytes differ from a record of the table's stream: they are the base64 text of base64 text. */
function unwrapValue(value: unknown, depth: number): void {
  if (!isFields(value) || depth > DEPTH_MAX) return;
  const { B, BS, L, M } = value;
  if (typeof B === 'string') value['B'] = unwrapped(B);
  if (Array.isArray(BS)) value['BS'] = BS.map(unwrapped);
  if (Array.isArray(L)) for (const member of L) unwrapValue(member, depth + 1);
  unwrapAttributes(M, depth + 1);
}

function unwrapped(text: unknown): string {
  const inner = decoded(text);
  if (inner === undefined || decoded(inner) === undefined)
    throw new Untranslatable('bytes must be the base64 text of base64 text');
  return inner;
}

/** Node skips what is not base64: what does not survive the way back is none. */
function decoded(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes.toString('latin1') : undefined;
}

function asFields(value: unknown, what: string): Fields {
  if (isFields(value)) return value;
  throw new Untranslatable(`${what} must be an object`);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
