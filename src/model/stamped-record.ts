// A change of a table with stamped writes -> what is to become of it. Pure: what the ledger remembers is asked for later,
// where a verdict needs it.

import type { Item } from './attribute-value.ts';
import { clockMsOf, clockVersion, originOf, uniqueOf } from './clock-version.ts';
import { epochIn, type Version, versionIn } from './guard.ts';
import type { StreamRules } from './rules.ts';
import type { PutRecord, RemoveRecord, StreamRecord } from './stream-record.ts';
import { oldVersion } from './stray.ts';
import type { StampedModeRules } from './rules.ts';

/** `push`: by an application of X. `own`: by Ferry. `stray`: by an application that does not stamp. */
export type StampedVerdict = 'push' | 'own' | 'stray' | 'delete' | 'skip' | 'later-epoch';

export interface StampedRecord {
  /** Its version is what would be pushed: of a put, the one in its image; of a delete, the time of its record. */
  readonly record: StreamRecord;
  /** By which records of one stream are ordered. */
  readonly sequence: Version;
  readonly verdict: StampedVerdict;
  /** Version of the old image; undefined where it has none, or an older epoch's. */
  readonly before: Version | undefined;
  /** Version of the new image; undefined where it has none. */
  readonly held: Version | undefined;
  /** Of a write of Ferry's: the version that it had seen. */
  readonly seen: Version | undefined;
  /** The place may have been empty, or with an item that nothing protected. */
  readonly isNew: boolean;
  /** It is the heartbeat of this direction: at home here, and never in conflict. */
  readonly isHeartbeat: boolean;
}

export type StampingRules = Pick<
  StreamRules,
  'reservedAttribute' | 'heartbeatKeyText' | 'ttlDeletes'
> & { readonly twoWay: StampedModeRules };

/** A stamp so far ahead of its record is counted: the clock of its host is wrong. */
const AHEAD_MS = 5_000;

/** @param raw the record as Lambda delivered it: the stream has old images. */
export function stampedRecord(
  record: StreamRecord,
  raw: unknown,
  rules: StampingRules,
): StampedRecord {
  const { twoWay, reservedAttribute } = rules;
  const old = oldVersion(raw, reservedAttribute);
  const before = old !== undefined && epochIn(old) === twoWay.epoch ? old : undefined;
  const sequence = record.version;
  const isHeartbeat = record.keyText === rules.heartbeatKeyText;
  const facts = { sequence, before, held: undefined, seen: undefined, isNew: false, isHeartbeat };
  if (record.keyText === twoWay.otherHeartbeatKeyText) return { ...facts, record, verdict: 'own' };
  if (record.eventName === 'REMOVE') {
    const isSkipped = record.expired && rules.ttlDeletes === 'skip';
    const timed = isHeartbeat ? record : atItsSecond(record, twoWay);
    return { ...facts, record: timed, verdict: isSkipped ? 'skip' : 'delete' };
  }
  if (isHeartbeat) return { ...facts, record, verdict: 'push' };
  const stamp = record.newImage[reservedAttribute];
  const version = versionIn(stamp);
  const verdict = putVerdict(version, { old, stamp, twoWay });
  const isNew = record.eventName === 'INSERT' || old === undefined;
  const seen = stamp?.M?.['b']?.S;
  if (verdict !== 'push' || version === undefined)
    return { ...facts, record, verdict, held: version, seen, isNew };
  return { ...facts, record: withVersion(record, version), verdict, held: version, isNew };
}

interface Stamped {
  readonly old: Version | undefined;
  readonly stamp: Item[string] | undefined;
  readonly twoWay: StampedModeRules;
}

function putVerdict(version: Version | undefined, { old, stamp, twoWay }: Stamped): StampedVerdict {
  if (version === undefined || (old !== undefined && version <= old)) return 'stray';
  const epoch = epochIn(version) ?? 0;
  if (epoch > twoWay.epoch) return 'later-epoch';
  if (epoch < twoWay.epoch) return stamp?.M?.['o'] === undefined ? 'stray' : 'own';
  return originOf(version) === twoWay.origin ? 'push' : 'own';
}

/** Written out: a spread would cost as much as all the rest. */
function withVersion(put: PutRecord, version: Version): PutRecord {
  const { position, sequenceNumber, key, keyText, createdAtSeconds, eventName, newImage } = put;
  const aheadMs = clockMsOf(version) - (createdAtSeconds ?? Infinity) * 1000 - 1_000;
  return {
    position,
    sequenceNumber,
    version,
    key,
    keyText,
    createdAtSeconds,
    eventName,
    newImage,
    ...(aheadMs > AHEAD_MS && { isAhead: true }),
  };
}

/** At least this is the version of a delete: the second of its record. */
function atItsSecond(record: RemoveRecord, { epoch, origin }: StampedModeRules): RemoveRecord {
  const { createdAtSeconds = 0, sequenceNumber } = record;
  const ms = record.expired ? 0 : createdAtSeconds * 1000;
  const unique = uniqueOf(sequenceNumber);
  return { ...record, version: clockVersion({ epoch, ms, counter: 0, origin, unique }) };
}
