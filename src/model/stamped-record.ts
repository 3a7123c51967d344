// A change of a table with stamped writes -> what is to become of it. Pure: what the ledger remembers is asked for later,
// where a verdict needs it.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { clockMsOf, clockVersion, epochOf, originOf, uniqueOf } from './clock-version.ts';
import { type Version, versionIn } from './guard.ts';
import type { StampedModeRules, StreamRules } from './rules.ts';
import { oldVersion } from './stray.ts';
import type { PutRecord, RemoveRecord, StreamRecord } from './stream-record.ts';

/** `push`: by an application of X. `own`: by Ferry. `stray`: by an application that does not stamp. */
export type StampedVerdict = 'push' | 'own' | 'stray' | 'delete' | 'skip' | 'later-epoch';

export interface StampedRecord {
  /** Its version is what would be pushed: of a put, the one in its image; of a delete, the time of its record. */
  readonly record: StreamRecord;
  /** By which records of one stream are ordered. */
  readonly sequence: Version;
  readonly verdict: StampedVerdict;
  /** Version of the old image; undefined where it has none. */
  readonly before: Version | undefined;
  /** Version of the new image; undefined where it has none. */
  readonly held: Version | undefined;
  /** Of a write of Ferry's: the version that it had seen. */
  readonly seen: Version | undefined;
  /** A put on a place that may have been empty, or that had an item without a version of this epoch. */
  readonly isNew: boolean;
  /** It is the heartbeat of this direction: at home here, and never in conflict. */
  readonly isHeartbeat: boolean;
}

export type StampingRules = Pick<
  StreamRules,
  'reservedAttribute' | 'heartbeatKeyText' | 'ttlDeletes'
> & { readonly twoWay: StampedModeRules };

/** @param raw the record as Lambda delivered it: the stream has old images. */
export function stampedRecord(
  record: StreamRecord,
  raw: unknown,
  rules: StampingRules,
): StampedRecord {
  const { twoWay, reservedAttribute } = rules;
  const { keyText } = record;
  if (keyText === twoWay.otherHeartbeatKeyText) return withoutStamp(record, 'own', false);
  const isHeartbeat = keyText === rules.heartbeatKeyText;
  const before = oldVersion(raw, reservedAttribute);
  if (record.eventName !== 'REMOVE')
    return isHeartbeat
      ? withoutStamp(record, 'push', true)
      : stampedPut(record, record.newImage[reservedAttribute], { before, twoWay });
  if (record.expired && rules.ttlDeletes === 'skip')
    return withoutStamp(record, 'skip', isHeartbeat);
  if (isHeartbeat) return withoutStamp(record, 'delete', true);
  const isLater = before !== undefined && epochOf(before) > twoWay.epoch;
  const verdict = isLater ? 'later-epoch' : 'delete';
  return { ...withoutStamp(record, verdict, false), record: atItsSecond(record, twoWay), before };
}

function withoutStamp(
  record: StreamRecord,
  verdict: StampedVerdict,
  isHeartbeat: boolean,
): StampedRecord {
  const sequence = record.version;
  const nothing = { before: undefined, held: undefined, seen: undefined };
  return { record, sequence, verdict, ...nothing, isNew: false, isHeartbeat };
}

interface Stamping {
  readonly before: Version | undefined;
  readonly twoWay: StampedModeRules;
}

/** Written out: spreads would cost as much as all the rest. */
function stampedPut(
  put: PutRecord,
  stamp: AttributeValue | undefined,
  { before, twoWay }: Stamping,
): StampedRecord {
  const held = versionIn(stamp);
  const verdict = putVerdict(held, stamp, { before, twoWay });
  const isPush = verdict === 'push' && held !== undefined;
  return {
    record: isPush ? withVersion(put, held, before) : put,
    sequence: put.version,
    verdict,
    before,
    held,
    seen: stamp?.M?.['b']?.S,
    isNew: put.eventName === 'INSERT' || before === undefined || epochOf(before) < twoWay.epoch,
    isHeartbeat: false,
  };
}

function putVerdict(
  held: Version | undefined,
  stamp: AttributeValue | undefined,
  { before = '', twoWay }: Stamping,
): StampedVerdict {
  if (before !== '' && epochOf(before) > twoWay.epoch) return 'later-epoch';
  // An update that keeps the version that it has found is no stamped one.
  if (held === undefined || held <= before) return 'stray';
  const epoch = epochOf(held);
  if (epoch > twoWay.epoch) return 'later-epoch';
  if (epoch < twoWay.epoch) return stamp?.M?.['o'] === undefined ? 'stray' : 'own';
  return originOf(held) === twoWay.origin ? 'push' : 'own';
}

/** A stamp so far ahead of its record is counted: the clock of its host is wrong. */
const AHEAD_MS = 5_000;

function withVersion(put: PutRecord, version: Version, seen: Version | undefined): PutRecord {
  const { position, sequenceNumber, key, keyText, createdAtSeconds, eventName, newImage } = put;
  // The time of a record is that of its second.
  const aheadMs = clockMsOf(version) - ((createdAtSeconds ?? Infinity) + 1) * 1000;
  const isAhead = aheadMs > AHEAD_MS;
  return {
    position,
    sequenceNumber,
    version,
    key,
    keyText,
    createdAtSeconds,
    seen,
    isAhead,
    eventName,
    newImage,
  };
}

/** At least this is the version of a delete: the second of its record, and of an expiry, the least of its epoch. */
function atItsSecond(record: RemoveRecord, { epoch, origin }: StampedModeRules): RemoveRecord {
  const { createdAtSeconds = 0, sequenceNumber, expired } = record;
  const ms = expired ? 0 : createdAtSeconds * 1000;
  const unique = uniqueOf(sequenceNumber);
  return { ...record, version: clockVersion({ epoch, ms, counter: 0, origin, unique }) };
}

/** One of Ferry's that may have come late, below a delete. */
export function isLateInsert({ verdict, isNew }: StampedRecord): boolean {
  return verdict === 'own' && isNew;
}
