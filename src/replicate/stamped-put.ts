// One stamped put. Of this side: it is pushed to the other one, unless a delete above it is remembered. Of Ferry: it may
// have come late, below a delete, and is taken away, or what it has replaced is put back.

import type { Item } from '../model/attribute-value.ts';
import { isOfFunction, nextVersion, originOf } from '../model/clock-version.ts';
import { isConflict } from '../model/conflict.ts';
import { TAIL_TIME_MS } from '../config/names.ts';
import { type Version, versionIn } from '../model/guard.ts';
import { GuardedPut } from '../model/guarded-put.ts';
import {
  putBack,
  removeAsRead,
  removeBelow,
  stampAgain,
  uniqueFor,
} from '../model/near-request.ts';
import type { Outcome } from '../model/outcome.ts';
import { oldImageOf } from '../model/projected-record.ts';
import { itemRequest } from '../model/read-request.ts';
import type { StampedRecord } from '../model/stamped-record.ts';
import type { StampedRun } from '../model/stamped-lanes.ts';
import type { PutRecord } from '../model/stream-record.ts';
import { retryInTime } from '../pacing/retry.ts';
import type { WriteOutcome } from './apply-lane.ts';
import { nearOutcome } from './near.ts';
import { send } from './send.ts';
import { isLocal, type StampedItem } from './stamped-item.ts';
import { outcomeOf } from './write-change.ts';

/** @throws what a read of the near side throws in the end. */
export async function checkLate(one: StampedRecord, item: StampedItem): Promise<WriteOutcome> {
  const { deleted, handled = '' } = await item.row.facts();
  const isLate = deleted !== undefined && deleted > (one.held ?? '');
  if (one.isNew) return isLate ? removeLate(one, deleted, item) : { kind: 'own' };
  // What it has replaced was made after that delete, unless that delete is a later one.
  if (isLate && isLocal(deleted, item) && handled < one.sequence)
    return putBackReplaced(one, deleted, item);
  return { kind: 'own', isConflict: isConflict(one.before, one.seen, item.twoWay.origin) };
}

/** The other side has the item no more, or will not: that delete is brought there by its own record. */
async function removeLate(
  { record: { key } }: StampedRecord,
  deleted: Version,
  { near }: StampedItem,
): Promise<WriteOutcome> {
  return nearOutcome(await send(removeBelow(key, deleted, near.near), near), {
    written: { kind: 'own', isRevenant: true },
    refused: { kind: 'own' },
  });
}

/** @throws what a read of the near side throws in the end. */
export async function pushPut(
  one: StampedRecord,
  run: Pick<StampedRun, 'isNew' | 'seen' | 'pushes'>,
  item: StampedItem,
): Promise<WriteOutcome> {
  const { isNew, seen } = run;
  const record = one.record as PutRecord;
  const put = record.seen === seen ? record : { ...record, seen };
  if (one.isHeartbeat) return putFree(put, item);
  if (isNew) return (await belowDelete(one, run, item)) ?? putFree(put, item);
  const { far } = item;
  const result = await send(new GuardedPut(put, far.rules, 'older-item'), far);
  const isEmpty = result.kind === 'refused' && result.item === undefined;
  if (!isEmpty) return outcomeOf(result, put, far);
  // It may be below a delete that has come there, of an item that was created again.
  item.row.written();
  return (await belowDelete(one, run, item)) ?? putFree(put, item);
}

async function putFree(put: PutRecord, { far }: StampedItem): Promise<WriteOutcome> {
  return outcomeOf(await send(new GuardedPut(put, far.rules, 'free'), far), put, far);
}

/** @returns undefined where no delete is remembered that is above the put. */
async function belowDelete(
  one: StampedRecord,
  { pushes }: Pick<StampedRun, 'pushes'>,
  item: StampedItem,
): Promise<WriteOutcome | undefined> {
  const put = one.record as PutRecord;
  const { deleted, handled } = await item.row.facts();
  if (handled !== undefined && handled >= one.sequence) return DELETED;
  if (deleted === undefined || deleted < put.version) return undefined;
  if (!isLocal(deleted, item)) return belowTheirDelete(put, deleted, item);
  // A function has stamped it above an earlier delete: what an application has put tells whether it is there still.
  const made = pushes.find(({ record }) => !isOfFunction(record.version));
  return made === undefined
    ? removeStamp(put, item)
    : aboveOwnDelete(made.record as PutRecord, deleted, item);
}

const DELETED: Outcome = { kind: 'superseded', cause: 'deleted' };
const COALESCED: Outcome = { kind: 'coalesced' };
const OWN: Outcome = { kind: 'own' };
/** Each try fails only because the item has been written meanwhile. */
const STAMPS_MAX = 5;

/** Re-created by a host whose clock is slow: it gets a version above the delete, and its own record travels. */
async function aboveOwnDelete(
  put: PutRecord,
  deleted: Version,
  item: StampedItem,
): Promise<WriteOutcome> {
  const end = await stampAbove(put, deleted, item, (held, isByFerry) => {
    if (held === undefined) return 'put-back';
    // A put of the other side has replaced it: the record of that one tells.
    if (originOf(held) !== item.twoWay.origin) return 'leave';
    return isByFerry ? 'put-back' : 'stamp';
  });
  return end ?? COALESCED;
}

/** The same of what a late put of the other side has replaced. */
async function putBackReplaced(
  { record, raw }: StampedRecord,
  deleted: Version,
  item: StampedItem,
): Promise<WriteOutcome> {
  const image = oldImageOf(raw);
  if (image === undefined) return OWN;
  const put = { ...(record as PutRecord), newImage: image };
  const end = await stampAbove(put, deleted, item, (held, isByFerry) => {
    const isOurs = held !== undefined && originOf(held) === item.twoWay.origin && !isByFerry;
    return isOurs && !isOfFunction(held) ? 'stamp' : 'put-back';
  });
  return end ?? OWN;
}

type Way = 'stamp' | 'put-back' | 'leave';

/**
 * @param wayOf by its version, and by whether Ferry has written it: a merge copies what this side has lost. Says what
 * is to become of an item that is below the delete.
 * @returns undefined where it is done, or not to be done.
 */
async function stampAbove(
  put: PutRecord,
  deleted: Version,
  item: StampedItem,
  wayOf: (held: Version | undefined, isByFerry: boolean) => Way,
): Promise<WriteOutcome | undefined> {
  const { near, twoWay } = item;
  for (let tries = 1; tries <= STAMPS_MAX; tries += 1) {
    const read = await itemNow(put.key, item);
    const stamp = read?.[near.near.reservedAttribute];
    const held = versionIn(stamp);
    // Deleted since, or written above the delete: another record tells.
    if (read === undefined || (held !== undefined && held > deleted)) return undefined;
    const way = wayOf(held, stamp?.M?.['o'] !== undefined);
    if (way === 'leave') return undefined;
    const contents = way === 'stamp' ? read : put.newImage;
    const unique = uniqueFor(put.sequenceNumber, contents, near.near);
    const version = nextVersion(deleted, twoWay.origin, unique);
    const request =
      way === 'stamp'
        ? stampAgain(put.key, version, read, near.near)
        : putBack(put.newImage, { key: put.key, read, version }, near.near);
    const result = await send(request, near);
    if (result.kind === 'written') return undefined;
    if (result.kind !== 'refused') return nearOutcome(result, { written: OWN, refused: OWN });
  }
  return { kind: 'unfinished', why: 'throttled' };
}

/** It was deleted before it was stamped, and that delete has been handled since. */
async function removeStamp(
  { key, newImage }: PutRecord,
  { near }: StampedItem,
): Promise<WriteOutcome> {
  const result = await send(removeAsRead(key, newImage, near.near), near);
  return nearOutcome(result, { written: DELETED, refused: DELETED });
}

async function itemNow(key: Item, { near }: StampedItem): Promise<Item | undefined> {
  const read = () => near.reader.read(itemRequest(near.near.destinationTable, key));
  const { items } = await retryInTime(read, { ...near, leastMs: TAIL_TIME_MS });
  return items[0];
}

/** The record of its removal tells whether it has lost a conflict. */
async function belowTheirDelete(
  { key }: PutRecord,
  deleted: Version,
  { near }: StampedItem,
): Promise<WriteOutcome> {
  const result = await send(removeBelow(key, deleted, near.near), near);
  return nearOutcome(result, { written: DELETED, refused: DELETED });
}
