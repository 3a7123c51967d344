// A dead letter's record -> its place in the order, and what to do with it, given what twin and ledger row have now.

import { type ArrivalRules, kinesisSourceOf } from '../config/change-source.ts';
import { LEDGER_ATTRIBUTES, TOMBSTONE_LIFE_SECONDS } from '../config/names.ts';
import type { TtlDeletes } from '../config/schema.ts';
import { deleteAsRead, type ItemAsRead, putAsRead } from '../resync/compare-and-set.ts';
import {
  type ControlRow,
  listedSources,
  newestEpoch,
  seriesIn,
  standingOf,
  tableArnOf,
} from '../model/control-row.ts';
import {
  epochIn,
  floorOf,
  isUnnamed,
  type RefusalCause,
  type SeriesOf,
  streamLabelMs,
  type Version,
  versionIn,
} from '../model/guard.ts';
import { isKept } from '../resync/resynchronization.ts';
import type { PutRecord, RemoveRecord, StreamRecord } from '../model/stream-record.ts';
import type { WriteRequest } from '../model/write-request.ts';

/**
 * A day less than a tombstone lives, so that none expires in between. Where a Kinesis stream keeps its records longer,
 * tombstones live longer, too, but not those that were written before its retention was raised.
 */
const REPLAYABLE_MS = (TOMBSTONE_LIFE_SECONDS - 24 * 60 * 60) * 1000;

/**
 * Whether a stream belongs to a table that this replication has never had as its source. A Kinesis stream does not by
 * itself: its records name their tables.
 */
export function isForeign(streamArn: string, control: ControlRow): boolean {
  const tableArn = tableArnOf(streamArn);
  return !listedSources(control).some(
    (listed) =>
      tableArnOf(listed) === tableArn || kinesisSourceOf(listed)?.kinesisStreamArn === streamArn,
  );
}

export interface Place {
  readonly failedAtMs: number;
  /** When the source accepted the write; absent where the record does not tell. */
  readonly writtenAtMs?: number | undefined;
  /** Absent where the record does not name it. */
  readonly streamArn: string | undefined;
}

/** Whether the place of a record in the order is known: then it may be replayed by its version. */
export function isInOrder(
  { failedAtMs, writtenAtMs = failedAtMs, streamArn }: Place,
  control: ControlRow,
  nowMs: number,
  { arrival }: Pick<ArrivalRules, 'arrival'>,
): boolean {
  // In any order, a later delete may have arrived long before the record failed.
  const sinceMs = arrival === 'any-order' ? Math.min(failedAtMs, writtenAtMs) : failedAtMs;
  if (nowMs - sinceMs > REPLAYABLE_MS) return false;
  // What an earlier epoch has applied and forgotten may be newer than what was written before this one.
  const isLater = newestEpoch(control).n > 1;
  const knownSinceMs = isLater ? Math.min(failedAtMs, writtenAtMs) : failedAtMs;
  if (knownSinceMs < control.sinceMs) return false;
  return streamArn === undefined || standingOf(streamArn, control).kind === 'current';
}

/** Series of records that were put aside: also of earlier streams of a table that is listed. */
export function seriesOfFailed(control: ControlRow): SeriesOf {
  const listed = seriesIn(control);
  return (streamArn) => listed(streamArn) ?? earlierSeries(streamArn, control);
}

function earlierSeries(streamArn: string, { epochs }: ControlRow) {
  const labelMs = streamLabelMs(streamArn);
  const tableArn = tableArnOf(streamArn);
  const first = epochs.find(({ streams }) => streams.some((arn) => tableArnOf(arn) === tableArn));
  return first === undefined || labelMs === undefined ? undefined : { epoch: first.n, labelMs };
}

/**
 * Below every record of the source's stream that is still to come.
 * @param streamArns further streams that may be later than those of the control row.
 */
export function floorIn(
  control: ControlRow,
  streamArns: ReadonlyArray<string | undefined> = [],
): Version {
  const seriesOf = seriesIn(control);
  const current = [...newestEpoch(control).streams, ...streamArns].flatMap((arn) => {
    if (arn === undefined || standingOf(arn, control).kind !== 'current') return [];
    const series = seriesOf(arn);
    return series === undefined ? [] : [floorOf(series)];
  });
  const lowest = floorOf({ epoch: newestEpoch(control).n, labelMs: 0 });
  return current.reduce((high, floor) => (floor > high ? floor : high), lowest);
}

/** A record and what was read for it. */
export interface ReplayPlan extends Pick<ItemAsRead, 'twin' | 'ledgerRow' | 'rules'> {
  readonly record: StreamRecord;
  readonly ttlDeletes: TtlDeletes;
  /** Everything is replayed by its version. */
  readonly withoutSource: boolean;
  readonly nowMs: number;
}

export type Replay =
  /** `deleted`: the tombstone that was found, to be announced. */
  | { readonly kind: 'superseded'; readonly cause: RefusalCause; readonly deleted?: Version }
  /** It is not known which records the twin's item contains, or whether the item has expired. */
  | { readonly kind: 'resynchronize' }
  /** The item has the reserved attribute, but no version of Ferry's. */
  | { readonly kind: 'taken' }
  | {
      readonly kind: 'write';
      /** Refused if anything has changed since. */
      readonly request: WriteRequest;
      readonly outcome: 'applied' | 'superseded';
      /** Version of the tombstone then, to be announced. */
      readonly deleted?: Version;
    };

export function replay(plan: ReplayPlan): Replay {
  const { record, twin, ledgerRow, rules } = plan;
  const reserved = twin?.[rules.reservedAttribute];
  const [held, deleted] = [versionIn(reserved), ledgerRow?.[LEDGER_ATTRIBUTES.deleted]?.S];
  if (held !== undefined && held >= record.version)
    return { kind: 'superseded', cause: held === record.version ? 'redelivery' : 'newer' };
  const isPut = record.eventName !== 'REMOVE';
  if (isPut && deleted !== undefined && deleted >= record.version) {
    const isTied = deleted === record.version && rules.arrival === 'any-order';
    return { kind: 'superseded', cause: isTied ? 'tied' : 'deleted' };
  }
  if (reserved !== undefined && held === undefined) return { kind: 'taken' };
  if (isPut && isKept(twin, rules)) return { kind: 'superseded', cause: 'unversioned' };
  if (!plan.withoutSource && isUnclear({ held, deleted, isPut }, plan))
    return { kind: 'resynchronize' };
  return isPut ? putReplay(record, plan) : deleteReplay(record, deleted, plan);
}

interface Found {
  readonly held: Version | undefined;
  readonly deleted: Version | undefined;
  readonly isPut: boolean;
}

function isUnclear(
  { held, deleted, isPut }: Found,
  { record, twin, ttlDeletes, rules }: ReplayPlan,
): boolean {
  // Records of another epoch tell of the same writes under other numbers.
  const isOther = (version: Version) => epochIn(version) !== epochIn(record.version);
  const known = [held, deleted].filter((version) => version !== undefined);
  if (known.some((version) => isUnnamed(version) || isOther(version))) return true;
  // A skipped expiry leaves no tombstone, nor does what an earlier projection has left out.
  const mayBeUntold = ttlDeletes === 'skip' || rules.projection !== undefined;
  return isPut && twin === undefined && mayBeUntold;
}

function putReplay(record: PutRecord, plan: ReplayPlan): Replay {
  const request = putAsRead(asRead(record, plan), record.newImage, record);
  return { kind: 'write', request, outcome: 'applied' };
}

function deleteReplay(
  record: RemoveRecord,
  deleted: Version | undefined,
  plan: ReplayPlan,
): Replay {
  const { twin, rules, nowMs } = plan;
  const keepsItem = isKept(twin, rules);
  if (deleted !== undefined && deleted >= record.version && (twin === undefined || keepsItem)) {
    const cause = deleted === record.version ? 'redelivery' : 'deleted';
    return { kind: 'superseded', cause, deleted };
  }
  const version = deleted !== undefined && deleted > record.version ? deleted : record.version;
  const request = deleteAsRead(asRead(record, plan), { version, nowMs, keepsItem });
  const isOwn = version === record.version && !keepsItem;
  return { kind: 'write', request, outcome: isOwn ? 'applied' : 'superseded', deleted: version };
}

function asRead({ key, keyText }: StreamRecord, { twin, ledgerRow, rules }: ReplayPlan) {
  return { key, keyText, twin, ledgerRow, rules };
}
