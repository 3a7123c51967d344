// An item that was written again below a delete of its own side gets a version above that delete: its contents are those
// of the last of the records that tell of it.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Item } from '../model/attribute-value.ts';
import { nextVersion, originOf } from '../model/clock-version.ts';
import { contentDigest } from '../model/discrepancy.ts';
import { type Version, versionIn } from '../model/guard.ts';
import { putBack, putBackFor, stampAgain, uniqueFor } from '../model/near-request.ts';
import type { Outcome } from '../model/outcome.ts';
import { oldImageOf } from '../model/projected-record.ts';
import type { StampedModeRules, WriteRules } from '../model/rules.ts';
import type { StampedRecord } from '../model/stamped-record.ts';
import type { PutRecord } from '../model/stream-record.ts';
import type { WriteRequest } from '../model/write-request.ts';
import type { WriteOutcome } from './apply-lane.ts';
import { nearItem, nearOutcome } from './near.ts';
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
  return (await stampAbove(made, deleted, item)) ?? { kind: 'coalesced' };
}

/** The same of what a late put of the other side has replaced: what is in the old image. */
export async function putBackReplaced(
  late: StampedRecord,
  deleted: Version,
  item: StampedItem,
): Promise<WriteOutcome> {
  const image = oldImageOf(late.raw);
  if (image === undefined) return OWN;
  const record = { ...(late.record as PutRecord), newImage: image };
  return (await stampAbove({ ...late, record }, deleted, item)) ?? OWN;
}

/** @returns undefined where it is done, or not to be done. */
async function stampAbove(
  { record, sequence }: Pick<StampedRecord, 'record' | 'sequence'>,
  deleted: Version,
  item: StampedItem,
): Promise<WriteOutcome | undefined> {
  const { near } = item;
  const put = { ...(record as PutRecord), sequence };
  for (let tries = 1; tries <= STAMPS_MAX; tries += 1) {
    const read = await nearItem(near.near.destinationTable, put.key, near);
    // Deleted since: another record tells.
    const request = read && requestOver(read, put, deleted, item);
    if (request === undefined) return undefined;
    const result = await send(request, near);
    if (result.kind === 'written') return undefined;
    if (result.kind !== 'refused') return nearOutcome(result, { written: OWN, refused: OWN });
  }
  return { kind: 'unfinished', why: 'throttled' };
}

/** @returns undefined where what is there is above the delete, and came later. */
function requestOver(
  read: Item,
  { key, newImage, sequence, sequenceNumber }: PutRecord & { readonly sequence: Version },
  deleted: Version,
  { near: { near }, twoWay }: StampedItem,
): WriteRequest | undefined {
  const held = versionIn(read[near.reservedAttribute]) ?? '';
  const isEarlier = (putBackFor(read, near) ?? sequence) < sequence;
  const above = (contents: Item) =>
    nextVersion(deleted, twoWay.origin, uniqueFor(sequenceNumber, contents, near));
  if (held <= deleted && !isEarlier && isOurs(read[near.reservedAttribute], twoWay))
    return stampAgain(key, above(read), read, near);
  // All that is put back above one delete is below the next one: of two records, the later one's is larger.
  const version = above(newImage);
  if (held > deleted && (!isEarlier || held >= version || hasContents(read, newImage, near)))
    return undefined;
  return putBack(newImage, { key, read, version, sequence }, near);
}

/** By an application of this side: a merge copies what this side has lost. */
function isOurs(stamp: AttributeValue | undefined, { origin }: StampedModeRules): boolean {
  const held = versionIn(stamp);
  return held !== undefined && originOf(held) === origin && stamp?.M?.['o'] === undefined;
}

function hasContents(read: Item, image: Item, rules: WriteRules): boolean {
  return contentDigest(read, rules) === contentDigest(image, rules);
}
