// One stamped put. Of this side: it is pushed to the other one, unless a delete above it is remembered. Of Ferry: it may
// have come late, below a delete, and is taken away, or what it has replaced is put back.

import { isOfFunction } from '../model/clock-version.ts';
import { isConflict } from '../model/conflict.ts';
import type { Version } from '../model/guard.ts';
import { GuardedPut } from '../model/guarded-put.ts';
import { removeAsRead, removeBelow } from '../model/near-request.ts';
import type { Outcome } from '../model/outcome.ts';
import type { StampedRecord } from '../model/stamped-record.ts';
import type { StampedRun } from '../model/stamped-lanes.ts';
import type { PutRecord } from '../model/stream-record.ts';
import type { WriteOutcome } from './apply-lane.ts';
import { nearOutcome } from './near.ts';
import { send } from './send.ts';
import { aboveOwnDelete, putBackReplaced } from './stamp-above.ts';
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
  return made === undefined ? removeStamp(put, item) : aboveOwnDelete(made, deleted, item);
}

const DELETED: Outcome = { kind: 'superseded', cause: 'deleted' };

/** It was deleted before it was stamped, and that delete has been handled since. */
async function removeStamp(
  { key, newImage }: PutRecord,
  { near }: StampedItem,
): Promise<WriteOutcome> {
  const result = await send(removeAsRead(key, newImage, near.near), near);
  return nearOutcome(result, { written: DELETED, refused: DELETED });
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
