// A change of a table with stamped writes -> what is to become of it. Pure: what the ledger remembers is asked for later,
// where a verdict needs it.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import {
  clockMsAt,
  clockMsOf,
  clockVersion,
  epochOf,
  isOfFunction,
  originOf,
  uniqueOf,
} from './clock-version.ts';
import { type Version, versionIn } from './guard.ts';
import type { StampedModeRules, StreamRules } from './rules.ts';
import { oldVersion } from './stray.ts';
import type { PutRecord, RemoveRecord, StreamRecord } from './stream-record.ts';

/** `push`: by an application of X. `own`: by Ferry. `stray`: by an application that does not stamp, or not as X's. */
type StampedVerdict = 'push' | 'own' | 'stray' | 'delete' | 'skip' | 'later-epoch';

export interface StampedRecord {
  /** Its version is what would be pushed: of a put, the one in its image; of a delete, the time of its record. */
  readonly record: StreamRecord;
  /** By which records of one stream are ordered, whatever the epoch in which they are read. */
  readonly sequence: Version;
  readonly verdict: StampedVerdict;
  /** Version of the old image; undefined where it has none. */
  readonly before: Version | undefined;
  /** Version of the new image; undefined where it has none. */
  readonly held: Version | undefined;
  /** Of a write of Ferry's: the version that it had seen. */
  readonly seen: Version | undefined;
  /**
   * A put on a place that may have been empty, or that had an item without a version of this epoch; or a stamp of a
   * function, whose item may have been deleted before.
   */
  readonly isNew: boolean;
  /**
   * A put of Ferry's that has replaced one of this side without having seen it. If that one was made after a delete of
   * this side, and this one before, the clock of a host is slow.
   */
  readonly isBlind: boolean;
  /** It is the heartbeat of this direction: at home here, and never in conflict. */
  readonly isHeartbeat: boolean;
  /** As Lambda delivered it. */
  readonly raw: unknown;
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
  const plain = withoutStamp(record, raw);
  if (keyText === twoWay.otherHeartbeatKeyText) return { ...plain, verdict: 'own' };
  const isHeartbeat = keyText === rules.heartbeatKeyText;
  const before = oldVersion(raw, reservedAttribute);
  if (record.eventName !== 'REMOVE')
    return isHeartbeat
      ? { ...plain, verdict: 'push', isHeartbeat }
      : stampedPut(record, record.newImage[reservedAttribute], { before, raw, twoWay });
  if (record.expired && rules.ttlDeletes === 'skip')
    return { ...plain, verdict: 'skip', isHeartbeat };
  if (isHeartbeat) return { ...plain, verdict: 'delete', isHeartbeat };
  const isLater = before !== undefined && epochOf(before) > twoWay.epoch;
  const verdict = isLater ? 'later-epoch' : 'delete';
  return { ...plain, verdict, record: atItsSecond(record, twoWay), before };
}

function withoutStamp(record: StreamRecord, raw: unknown): Omit<StampedRecord, 'verdict'> {
  const sequence = sequenceOf(record);
  const nothing = { before: undefined, held: undefined, seen: undefined };
  return { record, sequence, ...nothing, isNew: false, isBlind: false, isHeartbeat: false, raw };
}

/** What the ledger remembers of handled records is good in every epoch. */
function sequenceOf({ version }: StreamRecord): Version {
  return `0000${version.slice(4)}`;
}

function isOf(version: Version | undefined, { origin }: StampedModeRules): boolean {
  return version !== undefined && originOf(version) === origin;
}

interface Stamping {
  readonly before: Version | undefined;
  readonly raw: unknown;
  readonly twoWay: StampedModeRules;
}

/** Written out: spreads would cost as much as all the rest. */
function stampedPut(
  put: PutRecord,
  stamp: AttributeValue | undefined,
  { before, raw, twoWay }: Stamping,
): StampedRecord {
  const held = versionIn(stamp);
  const verdict = putVerdict(held, stamp, { before, twoWay });
  const isPush = verdict === 'push' && held !== undefined;
  const isNew =
    put.eventName === 'INSERT' ||
    before === undefined ||
    epochOf(before) < twoWay.epoch ||
    (isPush && isOfFunction(held));
  const seen = stamp?.M?.['b']?.S;
  return {
    record: isPush ? withVersion(put, held, before) : put,
    sequence: sequenceOf(put),
    verdict,
    before,
    held,
    seen,
    isNew,
    isBlind: verdict === 'own' && !isNew && isOf(before, twoWay) && before !== seen,
    isHeartbeat: false,
    raw,
  };
}

function putVerdict(
  held: Version | undefined,
  stamp: AttributeValue | undefined,
  { before = '', twoWay }: Omit<Stamping, 'raw'>,
): StampedVerdict {
  if (before !== '' && epochOf(before) > twoWay.epoch) return 'later-epoch';
  // An update that keeps the version that it has found is no stamped one.
  if (held === undefined || held <= before) return 'stray';
  const epoch = epochOf(held);
  if (epoch > twoWay.epoch) return 'later-epoch';
  // With `o`, it may have been copied back from the other side by a merge: if it was deleted meanwhile, nothing has
  // re-created it.
  if (stamp?.M?.['o'] !== undefined) return 'own';
  // The plug-in of an application may have the origin of the other side, or an older epoch: that is no stamp of this side.
  return epoch === twoWay.epoch && originOf(held) === twoWay.origin ? 'push' : 'stray';
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
  const { createdAtSeconds, sequenceNumber, expired } = record;
  const ms = expired ? 0 : clockMsAt(createdAtSeconds);
  const unique = uniqueOf(sequenceNumber);
  return { ...record, version: clockVersion({ epoch, ms, counter: 0, origin, unique }) };
}

/** One of Ferry's that may have come late, below a delete: an insert, or one that has replaced what came later. */
export function mayBeLate({ verdict, isNew, isBlind }: StampedRecord): boolean {
  return verdict === 'own' && (isNew || isBlind);
}
