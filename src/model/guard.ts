// Decides what is newer, older or already applied, and makes the conditions under which the twin is written. A
// version is text of fixed width, EEEE.LLLLLLLLLLLLL.S..S (epoch, stream label in epoch milliseconds, sequence number),
// so that the order of texts is the order in which the source accepted the writes of an item.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { kinesisSourceOf } from '../config/change-source.ts';
import type { Item } from './attribute-value.ts';
import type { TwinRules, WriteRules } from './rules.ts';

const EPOCH_DIGITS = 4;
const LABEL_DIGITS = 13;
/** How many characters of a version are the sequence number. */
export const SEQUENCE_DIGITS = 40;

export type Version = string;

/** What the versions of all records of one stream begin with. */
export interface Series {
  /** From the control row: raised when a replication is pointed at another source. */
  readonly epoch: number;
  /**
   * Creation time of the stream: a stream that is switched on again starts a new series of sequence
   * numbers, and its later label keeps them above the old ones.
   */
  readonly labelMs: number;
}

/** The series of a stream by its ARN; undefined where the ARN has no label that can be read. */
export type SeriesOf = (streamArn: string) => Series | undefined;

/**
 * @param sequenceNumber 1 to 40 digits, too long for a number of any kind; padded, because the
 *   embedded engine's are short.
 */
export function versionOf({ epoch, labelMs }: Series, sequenceNumber: string): Version {
  const [first, second] = [
    String(epoch).padStart(EPOCH_DIGITS, '0'),
    String(labelMs).padStart(LABEL_DIGITS, '0'),
  ];
  return `${first}.${second}.${padSequenceNumber(sequenceNumber)}`;
}

/** The version of a copy: below every record of the stream. */
export function floorOf(series: Series): Version {
  return versionOf(series, '0');
}

/** Just above the highest of `versions`, and below every later record of the stream. */
export function above(versions: ReadonlyArray<Version | undefined>): Version {
  const highest = versions.reduce<Version>((high, one = '') => (one > high ? one : high), '');
  return `${highest}~`;
}

/**
 * Whether no record has this version: a copy's, or one just above others. What was written under it was
 * read at the source, and which records it contains is not known.
 */
export function isUnnamed(version: Version): boolean {
  return version.endsWith('~') || /\.0+$/.test(version);
}

/** The epoch that a version belongs to; undefined where it is not a version. */
export function epochIn(version: Version): number | undefined {
  return VERSION.test(version) ? Number(version.slice(0, EPOCH_DIGITS)) : undefined;
}

/** Fixed width, so that comparing texts compares numbers. */
export function padSequenceNumber(sequenceNumber: string): string {
  return sequenceNumber.padStart(SEQUENCE_DIGITS, '0');
}

/** The same of a number that is in no version: those of Kinesis have up to 128 digits. */
export function comparableNumber(sequenceNumber: string): string {
  return sequenceNumber.padStart(128, '0');
}

/**
 * Creation time of a stream, from the label at the end of its ARN, in epoch milliseconds.
 * AWS labels are UTC times such as 2026-01-31T12:34:56.789; the embedded engine's are epoch
 * seconds with a fraction. A Kinesis stream has none: its versions are times, whichever stream they come through.
 * @returns undefined where there is no such label.
 */
export function streamLabelMs(streamArn: string): number | undefined {
  if (kinesisSourceOf(streamArn) !== undefined) return 0;
  const label = /\/stream\/(.+)$/.exec(streamArn)?.[1];
  if (label === undefined) return undefined;
  const ms = /^\d{1,10}(\.\d+)?$/.test(label)
    ? Math.trunc(Number(label) * 1000)
    : Date.parse(`${label}Z`);
  return Number.isSafeInteger(ms) && ms >= 0 && ms < 10 ** LABEL_DIGITS ? ms : undefined;
}

/**
 * The series of a stream that must be there.
 * @throws Error where the ARN has no label that can be read.
 */
export function requireSeries(streamArn: string, epoch: number): Series {
  const labelMs = streamLabelMs(streamArn);
  if (labelMs === undefined) throw new Error(`the stream "${streamArn}" has no label in its ARN`);
  return { epoch, labelMs };
}

/** Series of streams in one epoch. All records of a batch are nearly always of one stream. */
export function seriesInEpoch(epoch: number): SeriesOf {
  let latest: { readonly streamArn: string; readonly series: Series | undefined } | undefined;
  return (streamArn) => {
    if (latest?.streamArn !== streamArn) {
      const labelMs = streamLabelMs(streamArn);
      latest = { streamArn, series: labelMs === undefined ? undefined : { epoch, labelMs } };
    }
    return latest.series;
  };
}

/** What is written: its version, and the key of its place. */
export interface Written {
  readonly version: Version;
  readonly key: Item;
}

type GuardRules = Pick<WriteRules, 'reservedAttribute' | 'unversionedItems'>;

/** Any key attribute: it exists exactly if the item does. */
export function keyAttributeOf(key: Item): string {
  return Object.keys(key)[0] ?? '';
}

/** A condition in the form that every DynamoDB write takes. */
export interface Condition {
  readonly ConditionExpression: string;
  readonly ExpressionAttributeNames: Record<string, string>;
  readonly ExpressionAttributeValues: Record<string, { S: string }>;
}

/** The place is free for this version: no item there, or an older one. */
export function freeFor(written: Written, rules: GuardRules): Condition {
  return condition(written, rules, (older) => `attribute_not_exists(#pk) OR ${older}`);
}

/**
 * An older item is there. An update asks for it: where the place is empty, its item may have been deleted
 * since, and only the ledger row can tell.
 */
export function olderItemFor(written: Written, rules: GuardRules): Condition {
  return condition(written, rules, (older) => `attribute_exists(#pk) AND (${older})`);
}

function condition(
  { version, key }: Written,
  { reservedAttribute, unversionedItems }: GuardRules,
  text: (older: string) => string,
): Condition {
  const unversioned = unversionedItems === 'replace' ? 'attribute_not_exists(#f) OR ' : '';
  return {
    ConditionExpression: text(`${unversioned}#f.#v < :v`),
    ExpressionAttributeNames: { '#pk': keyAttributeOf(key), '#f': reservedAttribute, '#v': 'v' },
    ExpressionAttributeValues: { ':v': { S: version } },
  };
}

/** The place is still as it was read: empty, or with this version. */
export function unchangedFrom(twin: Item | undefined, key: Item, { reservedAttribute }: TwinRules) {
  const pk = { '#pk': keyAttributeOf(key) };
  if (twin === undefined)
    return { ConditionExpression: 'attribute_not_exists(#pk)', ExpressionAttributeNames: pk };
  const names = { '#f': reservedAttribute };
  const reserved = twin[reservedAttribute];
  if (reserved === undefined)
    return {
      ConditionExpression: 'attribute_exists(#pk) AND attribute_not_exists(#f)',
      ExpressionAttributeNames: { ...pk, ...names },
    };
  return {
    ConditionExpression: '#f = :f',
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: { ':f': reserved },
  };
}

/** Why a guarded write was refused. */
export type RefusalCause =
  /** This very version is there: the record was delivered before. */
  | 'redelivery'
  /** This very version is there with another content: two changes have the same time. */
  | 'tied'
  /** A newer version is there. */
  | 'newer'
  /** A newer delete is known. */
  | 'deleted'
  /** The item there is not Ferry's, and the policy is to keep it. */
  | 'unversioned'
  /** The service did not return what is there. */
  | 'not-returned'
  /** What is there has the reserved attribute, but no version Ferry could have written. */
  | 'not-comparable';

/** Reads a refusal off the item that stood in the way. */
export function refusalCause(
  stored: Item | undefined,
  { version }: Pick<Written, 'version'>,
  { reservedAttribute }: TwinRules,
): RefusalCause {
  if (stored === undefined) return 'not-returned';
  const reserved = stored[reservedAttribute];
  if (reserved === undefined) return 'unversioned';
  const found = versionIn(reserved);
  if (found === version) return 'redelivery';
  return found !== undefined && found > version ? 'newer' : 'not-comparable';
}

/** The version in a reserved attribute: of a stream record, or just above one. */
export function versionIn(reserved: AttributeValue | undefined): Version | undefined {
  const text = reserved?.M?.['v']?.S;
  return text !== undefined && VERSION.test(text) ? text : undefined;
}

const VERSION = /^\d{4}\.\d{13}\.\d{40}~*$/;
