// One item's stamped records, run by run: Ferry's own inserts are looked at, the largest of this side's puts is pushed,
// and a delete is remembered on both sides before it is done on the other one. Puts never write to this side but where
// a delete of this side has a version above them, because the clock of a host is slow.

import type { Item } from '../model/attribute-value.ts';
import { isConflict } from '../model/conflict.ts';
import { nextVersion, originOf, uniqueOf } from '../model/clock-version.ts';
import { LEDGER_ATTRIBUTES, TAIL_TIME_MS } from '../config/names.ts';
import { type Version, versionIn } from '../model/guard.ts';
import { GuardedPut } from '../model/guarded-put.ts';
import { deletedIn, type LedgerFacts, raisedVersion } from '../model/ledger-row.ts';
import { handledDelete, putBack, removeBelow, stampAgain } from '../model/near-request.ts';
import type { Outcome } from '../model/outcome.ts';
import { itemRequest } from '../model/read-request.ts';
import type { StampedRecord } from '../model/stamped-record.ts';
import type { StampedLane, StampedRun } from '../model/stamped-lanes.ts';
import type { PutRecord, RemoveRecord } from '../model/stream-record.ts';
import type { StampedModeRules } from '../model/rules.ts';
import { classifyFailure } from '../model/write-failure.ts';
import { retryInTime } from '../pacing/retry.ts';
import type { WriteOutcome } from './apply-lane.ts';
import { type NearContext, nearOutcome } from './near.ts';
import type { NearRows } from './near-rows.ts';
import { send, type SendResult } from './send.ts';
import { outcomeOf, removeRecord, type WriteContext } from './write-change.ts';

export interface StampedContext {
  readonly twoWay: StampedModeRules;
  readonly near: NearContext;
  readonly far: WriteContext;
  readonly rows: NearRows;
}

/** Below every version: of a delete that had seen none. */
const NEVER: Version = '0';
/** Each try fails only because the item has been written meanwhile. */
const STAMPS_MAX = 5;

/** Settles the records of `lane` in `outcomes`, by position; what it does not reach stays as it was. Never rejects. */
export async function applyStampedLane(
  lane: StampedLane,
  context: StampedContext,
  outcomes: WriteOutcome[],
): Promise<void> {
  for (const [index, run] of lane.runs.entries()) {
    const item = new StampedItem(lane.keyText, index === 0, context);
    const obstacle = await inOrder(item, run, outcomes);
    if (obstacle !== undefined) return;
  }
}

/** @returns why what comes later for the item must not overtake it; undefined where the run is finished. */
async function inOrder(
  item: StampedItem,
  run: StampedRun,
  outcomes: WriteOutcome[],
): Promise<Outcome | undefined> {
  const obstacle = await puts(item, run, outcomes);
  // What its writes had seen is known only with its first record.
  if (obstacle !== undefined && run.first !== undefined) outcomes[run.first] = obstacle;
  if (obstacle !== undefined || run.end === undefined) return obstacle;
  const end = await item.orUnfinished(() => item.remove(run.end as StampedRecord));
  outcomes[run.end.record.position] = end;
  return end.kind === 'unfinished' ? end : undefined;
}

async function puts(
  item: StampedItem,
  run: StampedRun,
  outcomes: WriteOutcome[],
): Promise<Outcome | undefined> {
  for (const check of run.checks) {
    const end = await item.orUnfinished(() => item.check(check));
    outcomes[check.record.position] = end;
    if (end.kind === 'unfinished') return end;
  }
  for (const [index, { record }] of run.pushes.entries()) {
    const put = { ...(record as PutRecord), ...(run.seen !== undefined && { seen: run.seen }) };
    const isHeartbeat = run.pushes[index]?.isHeartbeat === true;
    const end = await item.orUnfinished(() => item.push(put, run, isHeartbeat));
    outcomes[record.position] = end;
    if (end.kind === 'unfinished') return end;
    if (end.kind === 'rejected') continue;
    for (const older of run.pushes.slice(index + 1))
      outcomes[older.record.position] = { kind: 'coalesced' };
    return undefined;
  }
  return undefined;
}

class StampedItem {
  readonly #keyText: string;
  readonly #context: StampedContext;
  /** What was read before the first run is not good for later ones. */
  #isAsRead: boolean;

  constructor(keyText: string, isFirst: boolean, context: StampedContext) {
    this.#keyText = keyText;
    this.#isAsRead = isFirst;
    this.#context = context;
  }

  /** A request to the near side that fails leaves the record in the stream. */
  async orUnfinished<O>(
    work: () => Promise<O>,
  ): Promise<O | Extract<Outcome, { kind: 'unfinished' }>> {
    try {
      return await work();
    } catch (error) {
      const { kind, name } = classifyFailure(error);
      this.#context.near.health.noteError(name);
      return { kind: 'unfinished', why: kind };
    }
  }

  async #row(): Promise<LedgerFacts> {
    const { rows } = this.#context;
    return this.#isAsRead ? rows.rowOf(this.#keyText) : rows.rowNow(this.#keyText);
  }

  /** Whether an own insert has come late, below a delete. */
  async check({ record, held }: StampedRecord): Promise<WriteOutcome> {
    const { near } = this.#context;
    const { deleted, seen } = await this.#row();
    if (deleted === undefined || held === undefined || deleted <= held) return { kind: 'own' };
    const end = nearOutcome(await send(removeBelow(record.key, deleted, near.near), near), {
      written: { kind: 'own', isRevenant: true },
      refused: { kind: 'own' },
    });
    if (end.kind === 'unfinished' || !this.#isLocal(deleted)) return end;
    const pushed = await this.#pushDelete(record, deleted, seen);
    return pushed.kind === 'unfinished' ? pushed : end;
  }

  async push(put: PutRecord, run: StampedRun, isHeartbeat: boolean): Promise<WriteOutcome> {
    const { far } = this.#context;
    if (run.isNew && !isHeartbeat) {
      const end = await this.#belowDelete(put, run);
      if (end !== undefined) return end;
    }
    return outcomeOf(await send(new GuardedPut(put, far.rules, 'free'), far), put, far);
  }

  /** @returns undefined where nothing remembered is above the put. */
  async #belowDelete(put: PutRecord, run: StampedRun): Promise<WriteOutcome | undefined> {
    const { deleted, handled } = await this.#row();
    const newest = run.pushes.reduce(
      (high, { sequence }) => (sequence > high ? sequence : high),
      '',
    );
    if (handled !== undefined && handled >= newest) return { kind: 'superseded', cause: 'deleted' };
    if (deleted === undefined || deleted < put.version) return undefined;
    return this.#isLocal(deleted)
      ? this.#aboveOwnDelete(put, deleted)
      : this.#belowTheirs(put, deleted);
  }

  /** Re-created by a host whose clock is slow: it gets a version above the delete, and its own record travels. */
  async #aboveOwnDelete(put: PutRecord, deleted: Version): Promise<WriteOutcome> {
    const { near, twoWay } = this.#context;
    const version = nextVersion(deleted, twoWay.origin, uniqueOf(put.sequenceNumber));
    for (let tries = 1; tries <= STAMPS_MAX; tries += 1) {
      const read = await this.#itemNow(put.key);
      const held = versionIn(read?.[near.near.reservedAttribute]);
      if (read === undefined || (held !== undefined && held > deleted)) return COALESCED;
      const isTheirs = held !== undefined && originOf(held) !== twoWay.origin;
      const request = isTheirs
        ? putBack(put.newImage, { key: put.key, read, version }, near.near)
        : stampAgain(put.key, version, read, near.near);
      const result = await send(request, near);
      if (result.kind !== 'refused')
        return nearOutcome(result, { written: COALESCED, refused: COALESCED });
    }
    return { kind: 'unfinished', why: 'throttled' };
  }

  async #belowTheirs({ key }: PutRecord, deleted: Version): Promise<WriteOutcome> {
    const { near } = this.#context;
    const removed: Outcome = { kind: 'superseded', cause: 'deleted', isConflict: true };
    return nearOutcome(await send(removeBelow(key, deleted, near.near), near), {
      written: removed,
      refused: { kind: 'superseded', cause: 'deleted' },
    });
  }

  async remove(one: StampedRecord): Promise<WriteOutcome> {
    const { twoWay, far } = this.#context;
    const record = one.record as RemoveRecord;
    if (one.isHeartbeat) return removeRecord(record, far);
    const row = await this.#row();
    const { deleted, handled, seen } = row;
    if (handled !== undefined && handled >= one.sequence)
      return deleted === undefined
        ? { kind: 'superseded', cause: 'redelivery' }
        : this.#pushDelete(record, deleted, seen);
    const isTheirs = deleted !== undefined && !this.#isLocal(deleted);
    if (isTheirs && (one.before === undefined || deleted >= one.before))
      return { kind: 'own', isConflict: isConflict(one.before, seen, twoWay.origin) };
    return this.#removeLocally(one, record, row);
  }

  /** A delete of this side: remembered here, then there, and then done there. */
  async #removeLocally(
    { before, sequence }: StampedRecord,
    record: RemoveRecord,
    { deleted, failed }: LedgerFacts,
  ): Promise<WriteOutcome> {
    const { near, twoWay } = this.#context;
    this.#isAsRead = false;
    const own = deleted !== undefined && this.#isLocal(deleted) ? deleted : undefined;
    const next = before && nextVersion(before, twoWay.origin, uniqueOf(record.sequenceNumber));
    const version = [next, own, failed].reduce<Version>(
      (high, value = '') => (value > high ? value : high),
      record.version,
    );
    const seen = before ?? NEVER;
    const raise = {
      key: record.key,
      keyText: record.keyText,
      attribute: LEDGER_ATTRIBUTES.deleted,
      version,
      seen,
      handled: sequence,
    };
    const request = raisedVersion(raise, near.near, near.clock.now());
    const result = await send(returningOld(request), near);
    if (result.kind === 'written') return this.#pushDelete(record, version, seen);
    if (result.kind !== 'refused') return unfinishedBy(result);
    const known = deletedIn(result.item) ?? (await this.#row()).deleted;
    if (known === undefined) return { kind: 'unfinished', why: 'throttled' };
    if (this.#isLocal(known)) return this.#pushDelete(record, known, seen);
    return nearOutcome(await send(handledDelete(record, sequence, near.near), near), {
      written: { kind: 'superseded', cause: 'deleted' },
      refused: { kind: 'superseded', cause: 'deleted' },
    });
  }

  #pushDelete(
    { position, sequenceNumber, key, keyText, createdAtSeconds }: StampedRecord['record'],
    version: Version,
    seen: Version | undefined = NEVER,
  ): Promise<WriteOutcome> {
    const facts = { position, sequenceNumber, key, keyText, createdAtSeconds };
    const record: RemoveRecord = { ...facts, version, seen, eventName: 'REMOVE', expired: false };
    return removeRecord(record, this.#context.far);
  }

  #isLocal(version: Version): boolean {
    return originOf(version) === this.#context.twoWay.origin;
  }

  async #itemNow(key: Item): Promise<Item | undefined> {
    const { near } = this.#context;
    const read = () => near.reader.read(itemRequest(near.near.destinationTable, key));
    const { items } = await retryInTime(read, { ...near, leastMs: TAIL_TIME_MS });
    return items[0];
  }
}

const COALESCED: Outcome = { kind: 'coalesced' };

function returningOld(request: ReturnType<typeof raisedVersion>): ReturnType<typeof raisedVersion> {
  if (request.operation !== 'UpdateItem') return request;
  const ReturnValuesOnConditionCheckFailure = 'ALL_OLD';
  return { ...request, input: { ...request.input, ReturnValuesOnConditionCheckFailure } };
}

function unfinishedBy(result: Exclude<SendResult, { kind: 'written' | 'refused' }>): Outcome {
  const nothing: Outcome = { kind: 'unfinished', why: 'halted' };
  return nearOutcome(result, { written: nothing, refused: nothing });
}
