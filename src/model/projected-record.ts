// A change at the source -> the same change as the twin sees it. An item that enters the projection is new there, and
// one that leaves it is deleted. Without a projection, both are the same.

import { decodeItem, type Item, MalformedValue } from './attribute-value.ts';
import { ProjectionFailed } from './projection.ts';
import type { ProjectingRules } from './rules.ts';
import type { ParsedRecord, PutRecord, RemoveRecord, StreamRecord } from './stream-record.ts';
import { twinContent } from './twin-item.ts';

/** @param raw the record as Lambda delivered it: its old image tells whether the twin had the item. */
export function projectRecord(
  parsed: ParsedRecord,
  raw: unknown,
  rules: ProjectingRules,
): ParsedRecord {
  if (rules.projection === undefined || parsed.kind === 'malformed') return parsed;
  const { record } = parsed;
  try {
    return { kind: 'record', record: asTwinSees(record, raw, rules) };
  } catch (error) {
    if (!(error instanceof ProjectionFailed)) throw error;
    const { position, sequenceNumber, version, key, keyText, createdAtSeconds, eventName } = record;
    const facts = { position, sequenceNumber, version, key, keyText, createdAtSeconds, eventName };
    const reason = { class: 'rejected' as const, name: error.name, message: error.message };
    return { kind: 'malformed', record: { ...facts, reason } };
  }
}

/**
 * Whether a change leaves an item out, and its record does not have the old image, which would tell whether the twin
 * had the item.
 */
export function lacksOldImage({ kind, record }: ParsedRecord, raw: unknown): boolean {
  if (kind === 'malformed' || record.eventName !== 'REMOVE') return false;
  const { eventName, dynamodb } = raw as { eventName?: unknown; dynamodb?: { OldImage?: unknown } };
  return eventName === 'MODIFY' && dynamodb?.OldImage === undefined;
}

function asTwinSees(record: StreamRecord, raw: unknown, rules: ProjectingRules): StreamRecord {
  if (record.eventName === 'REMOVE')
    return wasLeftOut(record, raw, rules) ? { ...record, leftOut: true } : record;
  const content = twinContent(record.newImage, record.key, rules);
  if (content === undefined) return removal(record, wasLeftOut(record, raw, rules));
  const enters = record.eventName === 'MODIFY' && wasLeftOut(record, raw, rules);
  const { position, sequenceNumber, version, key, keyText, createdAtSeconds } = record;
  // Written out: to copy the record with a spread would cost as much as its projection.
  return {
    position,
    sequenceNumber,
    version,
    key,
    keyText,
    createdAtSeconds,
    eventName: enters ? 'INSERT' : record.eventName,
    newImage: content,
    sourceImage: record.newImage,
  };
}

function removal(put: PutRecord, leftOut: boolean): RemoveRecord {
  const { position, sequenceNumber, version, key, keyText, createdAtSeconds } = put;
  const facts = { position, sequenceNumber, version, key, keyText, createdAtSeconds };
  return { ...facts, eventName: 'REMOVE', expired: false, leftOut };
}

/** Where that is not known, the twin may have had the item. */
function wasLeftOut(
  { eventName, key }: StreamRecord,
  raw: unknown,
  rules: ProjectingRules,
): boolean {
  if (rules.projection?.filters !== true) return false;
  // The twin may have an item whose expiry was skipped, and no reprojection can tell it from a deleted one.
  if (rules.ttlDeletes === 'skip' && eventName !== 'MODIFY') return false;
  if (eventName === 'INSERT') return true;
  const before = oldImageOf(raw);
  if (before === undefined) return false;
  try {
    return twinContent(before, key, rules) === undefined;
  } catch (error) {
    if (error instanceof ProjectionFailed) return false;
    throw error;
  }
}

/** The old image of a record, as Lambda delivered it; undefined where it has none, or where it makes no sense. */
export function oldImageOf(raw: unknown): Item | undefined {
  const { dynamodb } = (raw ?? {}) as { dynamodb?: { OldImage?: unknown } };
  if (dynamodb?.OldImage === undefined) return undefined;
  try {
    return decodeItem(dynamodb.OldImage, 'OldImage');
  } catch (error) {
    if (error instanceof MalformedValue) return undefined;
    throw error;
  }
}
