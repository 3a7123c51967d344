// An item that was written again below a delete of its own side gets a version above that delete: its contents are those
// of the last of the records that tell of it.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { TAIL_TIME_MS } from '../config/names.ts';
import type { Item } from '../model/attribute-value.ts';
import { isOfFunction, nextVersion, originOf } from '../model/clock-version.ts';
import { type Version, versionIn } from '../model/guard.ts';
import { putBack, putBackFor, stampAgain, uniqueFor } from '../model/near-request.ts';
import type { Outcome } from '../model/outcome.ts';
import { oldImageOf } from '../model/projected-record.ts';
import { itemRequest } from '../model/read-request.ts';
import type { Origin } from '../model/rules.ts';
import type { StampedRecord } from '../model/stamped-record.ts';
import type { PutRecord } from '../model/stream-record.ts';
import { retryInTime } from '../pacing/retry.ts';
import type { WriteOutcome } from './apply-lane.ts';
import { nearOutcome } from './near.ts';
import { send } from './send.ts';
import type { StampedItem } from './stamped-item.ts';

const OWN: Outcome = { kind: 'own' };
/** Each try fails only because the item has been written meanwhile. */
const STAMPS_MAX = 5;

/** Re-created by a host whose clock is slow: it gets a version above the delete, and its own record travels. */
export async function aboveOwnDelete(
  made: StampedRecord,
  deleted: Version,
  item: StampedItem,
): Promise<WriteOutcome> {
  return (await stampAbove(made, { deleted, isLater: isOurs }, item)) ?? { kind: 'coalesced' };
}

/** The same of what a late put of the other side has replaced: what is in the old image. */
export async function putBackReplaced(
  late: StampedRecord,
  deleted: Version,
  item: StampedItem,
): Promise<WriteOutcome> {
  const image = oldImageOf(late.raw);
  if (image === undefined) return OWN;
  const replaced = { ...late, record: { ...(late.record as PutRecord), newImage: image } };
  const isLater: IsLater = (stamp, origin) =>
    isOurs(stamp, origin) && !isOfFunction(versionIn(stamp) ?? '');
  return (await stampAbove(replaced, { deleted, isLater }, item)) ?? OWN;
}

/** Whether an item that is below the delete was written after what is to be put back. */
type IsLater = (stamp: AttributeValue | undefined, origin: Origin) => boolean;

/** By an application of this side: a merge copies what this side has lost. */
const isOurs: IsLater = (stamp, origin) => {
  const held = versionIn(stamp);
  return held !== undefined && originOf(held) === origin && stamp?.M?.['o'] === undefined;
};

/**
 * Gives the item a version above the delete: as it is, or as the record has it.
 * @returns undefined where it is done, or not to be done.
 */
async function stampAbove(
  { record, sequence }: Pick<StampedRecord, 'record' | 'sequence'>,
  { deleted, isLater }: { readonly deleted: Version; readonly isLater: IsLater },
  item: StampedItem,
): Promise<WriteOutcome | undefined> {
  const { near, twoWay } = item;
  const { key, newImage, sequenceNumber } = record as PutRecord;
  for (let tries = 1; tries <= STAMPS_MAX; tries += 1) {
    const read = await itemNow(key, item);
    // Deleted since: another record tells.
    if (read === undefined) return undefined;
    const stamp = read[near.near.reservedAttribute];
    const held = versionIn(stamp) ?? '';
    const isAbove = held > deleted;
    if (isAbove && !isPutBackBefore(read, sequence, item)) return undefined;
    const isKept = !isAbove && isLater(stamp, twoWay.origin);
    const unique = uniqueFor(sequenceNumber, isKept ? read : newImage, near.near);
    const version = nextVersion(isAbove ? held : deleted, twoWay.origin, unique);
    const request = isKept
      ? stampAgain(key, version, read, near.near)
      : putBack(newImage, { key, read, version, sequence }, near.near);
    const result = await send(request, near);
    if (result.kind === 'written') return undefined;
    if (result.kind !== 'refused') return nearOutcome(result, { written: OWN, refused: OWN });
  }
  return { kind: 'unfinished', why: 'throttled' };
}

/** What was put back for an earlier record is older than this one's. Whatever else is above the delete came later. */
function isPutBackBefore(read: Item, sequence: Version, { near }: StampedItem): boolean {
  const earlier = putBackFor(read, near.near);
  return earlier !== undefined && earlier < sequence;
}

async function itemNow(key: Item, { near }: StampedItem): Promise<Item | undefined> {
  const read = () => near.reader.read(itemRequest(near.near.destinationTable, key));
  const { items } = await retryInTime(read, { ...near, leastMs: TAIL_TIME_MS });
  return items[0];
}
