// One delete of a table with stamps: Ferry's own, or one of this side, which is remembered here before it is brought to
// the other side. Never is anything deleted here: that could be an item that was created again.

import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import { nextVersion, uniqueOf } from '../model/clock-version.ts';
import { isConflict } from '../model/conflict.ts';
import { epochIn, type Version } from '../model/guard.ts';
import { type LedgerFacts, ledgerFacts, raisedVersion } from '../model/ledger-row.ts';
import type { Outcome } from '../model/outcome.ts';
import type { StampedRecord } from '../model/stamped-record.ts';
import type { RemoveRecord } from '../model/stream-record.ts';
import type { WriteOutcome } from './apply-lane.ts';
import { nearOutcome } from './near.ts';
import { send } from './send.ts';
import { isLocal, NOTHING_SEEN, pushDelete, type StampedItem } from './stamped-item.ts';
import { removeRecord } from './write-change.ts';

/** @throws what a read of the near side throws in the end. */
export async function removeStamped(one: StampedRecord, item: StampedItem): Promise<WriteOutcome> {
  if (one.isHeartbeat) return removeRecord(one.record as RemoveRecord, item.far);
  let row = await item.row.facts();
  for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
    const end = await removeBeside(row, one, item);
    if (!('refusedBy' in end)) return end;
    row = end.refusedBy;
  }
  return { kind: 'unfinished', why: 'throttled' };
}

/** Each try fails only because the row has changed meanwhile. */
const TRIES_MAX = 5;

interface Refusal {
  readonly refusedBy: LedgerFacts;
}

async function removeBeside(
  row: LedgerFacts,
  one: StampedRecord,
  item: StampedItem,
): Promise<WriteOutcome | Refusal> {
  if (isHandled(row, one.sequence)) return pushAgain(one.record as RemoveRecord, row, item);
  if (isTheirs(one.before, row.deleted, item))
    return { kind: 'own', isConflict: isConflict(one.before, row.seen, item.twoWay.origin) };
  return removeLocally(one, row, item);
}

function isHandled({ handled }: LedgerFacts, sequence: Version): boolean {
  return handled !== undefined && handled >= sequence;
}

/** Whether the item was removed by the other side's delete that is remembered here. */
function isTheirs(
  before: Version | undefined,
  deleted: Version | undefined,
  item: StampedItem,
): boolean {
  if (deleted === undefined || isLocal(deleted, item)) return false;
  if (before !== undefined) return deleted >= before;
  // Of an older epoch, it was before everything of this one.
  return (epochIn(deleted) ?? 0) >= item.twoWay.epoch;
}

async function removeLocally(
  one: StampedRecord,
  row: LedgerFacts,
  item: StampedItem,
): Promise<WriteOutcome | Refusal> {
  const { near } = item;
  const record = one.record as RemoveRecord;
  const { key, keyText } = record;
  const attribute = LEDGER_ATTRIBUTES.deleted;
  const version = versionOfDelete(one, row, item);
  const seen = one.before ?? NOTHING_SEEN;
  const decided = { handled: one.sequence, after: row.deleted };
  const raise = { key, keyText, attribute, version, seen, decided };
  item.row.written();
  const result = await send(raisedVersion(raise, near.near, near.clock.now()), near);
  if (result.kind === 'written') return pushDelete(record, { version, seen }, item);
  if (result.kind === 'refused') return { refusedBy: ledgerFacts(result.item) };
  return nearOutcome(result, { written: DELETED, refused: DELETED });
}

const DELETED: Outcome = { kind: 'superseded', cause: 'deleted' };

/** Above all that it has seen. An expiry is below all that it has not. */
function versionOfDelete(
  { record, before }: StampedRecord,
  { deleted }: LedgerFacts,
  item: StampedItem,
): Version {
  const unique = uniqueOf(record.sequenceNumber);
  const above = (version: Version) => nextVersion(version, item.twoWay.origin, unique);
  const own = deleted !== undefined && isLocal(deleted, item) ? deleted : undefined;
  // What a function has put back is above that delete, and may have been deleted already.
  const aboveOwn = own === undefined ? '' : above(above(own));
  const aboveSeen = before === undefined ? '' : above(before);
  // The item had come late, below that delete, or a slow clock had stamped it. By the time of this record, the delete would
  // be above puts of the other side that came later.
  if (own !== undefined && before !== undefined && own >= before) return aboveOwn;
  const least = aboveSeen > aboveOwn ? aboveSeen : aboveOwn;
  return least > record.version ? least : record.version;
}

/** The invocation that remembered it may have got no further. A delete of the other side comes from there. */
async function pushAgain(
  record: RemoveRecord,
  { deleted, seen }: LedgerFacts,
  item: StampedItem,
): Promise<WriteOutcome> {
  if (deleted === undefined || !isLocal(deleted, item)) return DELETED;
  return pushDelete(record, { version: deleted, seen }, item);
}
