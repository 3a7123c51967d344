// One stamped put. Of this side: it is pushed to the other one, unless a delete above it is remembered. Of Ferry: where
// its place was empty, it may have come late, below a delete, and is taken away.

import type { Item } from '../model/attribute-value.ts';
import { nextVersion, originOf, uniqueOf } from '../model/clock-version.ts';
import { TAIL_TIME_MS } from '../config/names.ts';
import { type Version, versionIn } from '../model/guard.ts';
import { GuardedPut } from '../model/guarded-put.ts';
import { putBack, removeBelow, stampAgain } from '../model/near-request.ts';
import type { Outcome } from '../model/outcome.ts';
import { itemRequest } from '../model/read-request.ts';
import type { StampedRecord } from '../model/stamped-record.ts';
import type { StampedRun } from '../model/stamped-lanes.ts';
import type { PutRecord } from '../model/stream-record.ts';
import { retryInTime } from '../pacing/retry.ts';
import type { WriteOutcome } from './apply-lane.ts';
import { nearOutcome } from './near.ts';
import { send } from './send.ts';
import { isLocal, pushDelete, type StampedItem } from './stamped-item.ts';
import { outcomeOf } from './write-change.ts';

/** @throws what a read of the near side throws in the end. */
export async function checkInsert(
  { record, held = '' }: StampedRecord,
  item: StampedItem,
): Promise<WriteOutcome> {
  const { near } = item;
  const { deleted, seen } = await item.row.facts();
  if (deleted === undefined || deleted <= held) return { kind: 'own' };
  const end = nearOutcome(await send(removeBelow(record.key, deleted, near.near), near), {
    written: { kind: 'own', isRevenant: true },
    refused: { kind: 'own' },
  });
  if (end.kind === 'unfinished' || !isLocal(deleted, item)) return end;
  // Its put came from the other side, which may have the item still.
  const pushed = await pushDelete(record, { version: deleted, seen }, item);
  return pushed.kind === 'unfinished' || pushed.kind === 'rejected' ? pushed : end;
}

/** @throws what a read of the near side throws in the end. */
export async function pushPut(
  one: StampedRecord,
  { isNew, seen }: Pick<StampedRun, 'isNew' | 'seen'>,
  item: StampedItem,
): Promise<WriteOutcome> {
  const { far } = item;
  const record = one.record as PutRecord;
  if (isNew && !one.isHeartbeat) {
    const end = await belowDelete(record, one.sequence, item);
    if (end !== undefined) return end;
  }
  const put = record.seen === seen ? record : { ...record, seen };
  return outcomeOf(await send(new GuardedPut(put, far.rules, 'free'), far), put, far);
}

/** @returns undefined where no delete is remembered that is above the put. */
async function belowDelete(
  put: PutRecord,
  sequence: Version,
  item: StampedItem,
): Promise<WriteOutcome | undefined> {
  const { deleted, handled } = await item.row.facts();
  if (handled !== undefined && handled >= sequence) return DELETED;
  if (deleted === undefined || deleted < put.version) return undefined;
  return isLocal(deleted, item)
    ? aboveOwnDelete(put, deleted, item)
    : belowTheirDelete(put, deleted, item);
}

const DELETED: Outcome = { kind: 'superseded', cause: 'deleted' };
const COALESCED: Outcome = { kind: 'coalesced' };
/** Each try fails only because the item has been written meanwhile. */
const STAMPS_MAX = 5;

/** Re-created by a host whose clock is slow: it gets a version above the delete, and its own record travels. */
async function aboveOwnDelete(
  put: PutRecord,
  deleted: Version,
  item: StampedItem,
): Promise<WriteOutcome> {
  const { near, twoWay } = item;
  const version = nextVersion(deleted, twoWay.origin, uniqueOf(put.sequenceNumber));
  for (let tries = 1; tries <= STAMPS_MAX; tries += 1) {
    const read = await itemNow(put.key, item);
    const held = versionIn(read?.[near.near.reservedAttribute]);
    // Deleted since, or written above the delete: another record tells.
    if (read === undefined || (held !== undefined && held > deleted)) return COALESCED;
    const isOurs = held !== undefined && originOf(held) === twoWay.origin;
    const request = isOurs
      ? stampAgain(put.key, version, read, near.near)
      : putBack(put.newImage, { key: put.key, read, version }, near.near);
    const result = await send(request, near);
    if (result.kind !== 'refused')
      return nearOutcome(result, { written: COALESCED, refused: COALESCED });
  }
  return { kind: 'unfinished', why: 'throttled' };
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
