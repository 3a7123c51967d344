// The stated exceptions under which an item may step back, recognised exactly:
// - back for a while: with "checked" tombstones, a plain put of a record that is or stands for an insert
//   lands where its item has been deleted; it was decided before the tombstone could be seen, or its record
//   was young. Looking again at the delete has not been yet.
// - later than D: the same after the delete was looked at, by a request that landed later than Z.
// - forgotten: the state table was lost, and the twin had no item: nothing says that there was a past.
// - tied: the Kinesis stream says that two writes were in the same microsecond, or tells times in milliseconds.
// - catching up: a copy or a repair ran ahead of the stream, or a new epoch begins with older records; what
//   is applied is still waiting in the stream.

import { type Change, STALE_MS_MAX } from './memory-dynamodb.ts';
import { SECOND } from './plan.ts';
import type { Sent } from './process.ts';
import type { StreamEntry } from './stream.ts';

/** A request, and Z: how long after its sending a request lands at the latest. */
const REQUEST_MS = 5 * SECOND;
const LATE_MS = 10 * SECOND;
const YOUNG_MS = 30 * SECOND;
/** By how much clocks may differ. */
const CLOCKS_MS = 20 * SECOND;

export interface ItemHistory {
  /** Place in the history that is visible now; 0 before anything. */
  shown: number;
  /** The epoch in which it became so, and when. */
  shownIn: number;
  shownAtMs: number;
  /** Highest that was ever visible. */
  high: number;
  /** The same, whatever has become of the tables since; and when it was so last. */
  top: number;
  topAtMs: number;
  /** Highest place of a record that was applied, in the epoch of the latest one. */
  streamed: number;
  epoch: number;
  /** Highest place that was reached by reading the source, and when it was last written. */
  read: number;
  readAtMs: number;
  /**
   * Highest place among records whose letters the queue has: now, when a delete was last remembered by other
   * than its record, and when a repair last wrote.
   */
  lettered: number;
  remembered: number;
  repairedAbove: number;
  isRepaired: boolean;
  /** Tombstones since when, oldest first. */
  readonly tombstones: Array<{ readonly atMs: number; readonly version: string }>;
  /** The highest version of a delete that has been looked at again. */
  looked: string;
  /** Tombstones were lost with the state table: what was applied before may be applied again. */
  hasForgotten: boolean;
  /** Nor did the twin show anything of its past. */
  isForgotten: boolean;
  /** Since when it is back for a while. */
  backSinceMs: number | undefined;
  /** Has stepped back by an exception that does not heal by itself. */
  stays: Exception | undefined;
  isTampered: boolean;
}

type Exception =
  | 'catching up'
  | 'back for a while'
  | 'later than D'
  | 'tampered with'
  | 'tied'
  | 'forgotten';

export interface StepBack {
  readonly item: ItemHistory;
  readonly change: Change;
  readonly sent: Sent;
  readonly place: number;
  /** The record that is applied, under which version; and whatever says the same. */
  readonly applied: StreamEntry | undefined;
  readonly copies: readonly StreamEntry[];
  readonly version: string | undefined;
  readonly nowMs: number;
  /** Whether the stream does not tell if it was written before what is shown. */
  readonly isTied: boolean;
  /** Whether a record is an insert, as the twin sees it. */
  readonly isInsert: (entry: StreamEntry) => boolean;
}

/** The exception, or why it is none. */
export type Excuse = { readonly is: Exception } | { readonly isNot: string };

export function excuseOf(back: StepBack): Excuse {
  const { item, change, sent, applied, isTied } = back;
  if (item.isTampered) return { is: 'tampered with' };
  if (item.isForgotten) return { is: 'forgotten' };
  if (isTied) return { is: 'tied' };
  if (isGivenUpSince(back)) return { is: 'catching up' };
  if (sent.process.facts.kind !== 'handler') return { isNot: 'it comes out of order' };
  if (isCatchingUp(back)) return { is: 'catching up' };
  const isPut = change.before === undefined && change.after !== undefined;
  if (!isPut || applied === undefined) return { isNot: 'its place was not empty' };
  return excuseOfReturn(back, applied);
}

function isCatchingUp({ item, place, copies, version }: StepBack): boolean {
  if (!copies.some(isInStream)) return false;
  const epoch = epochOf(version);
  if (epoch > item.epoch) return true;
  if (epoch > item.shownIn && place > item.streamed) return true;
  const isKnown = item.isRepaired && place <= item.repairedAbove;
  const isNew = item.hasForgotten ? place >= item.streamed : place > item.streamed;
  return item.read >= item.shown && isNew && !isKnown;
}

/** It was in the stream when what is shown was read at the source, and comes from the bucket now. */
function isGivenUpSince({ item, sent, copies }: StepBack): boolean {
  if (sent.process.facts.kind !== 'redrive' || item.read < item.shown) return false;
  return copies.some(({ givenUpAtMs = -Infinity }) => givenUpAtMs > item.readAtMs);
}

/** Not done with: given up, put aside or lost by one poller, a record may still be with another. */
function isInStream({ status, letters }: StreamEntry): boolean {
  return status !== 'done' || letters > 0;
}

function excuseOfReturn(back: StepBack, applied: StreamEntry): Excuse {
  const { item, sent, version = '', nowMs } = back;
  const { process, intent, sentAtMs } = sent;
  const { deadlineMs = Infinity, settings } = process.facts;
  if (settings.tombstones === 'strict') return { isNot: 'tombstones are strict' };
  if (intent?.operation !== 'PutItem') return { isNot: 'a transaction sees the tombstone' };
  const isOwn = ({ write }: StreamEntry) =>
    write.key === applied.write.key && write.number <= applied.write.number;
  if (!process.entries.some((one) => isOwn(one) && back.isInsert(one)))
    return { isNot: 'it is an update' };
  if (sentAtMs + REQUEST_MS + LATE_MS > deadlineMs) return { isNot: 'it was sent too late' };
  const tombstone = item.tombstones.find((one) => one.version > version);
  if (tombstone === undefined) return { isNot: 'nothing remembers the delete' };
  // From a Kinesis stream, each is looked up, and sees every tombstone that is there.
  const isKinesis = applied.kinesis !== undefined;
  const isEarly = process.startedAtMs <= tombstone.atMs + (isKinesis ? 0 : STALE_MS_MAX);
  const isYoung = !isKinesis && process.startedAtMs <= applied.write.atMs + YOUNG_MS + CLOCKS_MS;
  if (!isEarly && !isYoung) return { isNot: 'the tombstone could be seen' };
  if (version >= item.looked) return { is: 'back for a while' };
  if (nowMs > sentAtMs + REQUEST_MS + LATE_MS) return { is: 'later than D' };
  return { isNot: 'its delete was looked at again too early' };
}

/** Of a version; 0 of none. */
export function epochOf(version: string | undefined): number {
  return Number(version?.slice(0, 4) ?? 0);
}

export function newHistory(): ItemHistory {
  return {
    shown: 0,
    shownIn: 0,
    shownAtMs: 0,
    high: 0,
    top: 0,
    topAtMs: 0,
    streamed: 0,
    epoch: 0,
    read: 0,
    readAtMs: Infinity,
    lettered: 0,
    remembered: 0,
    repairedAbove: 0,
    isRepaired: false,
    tombstones: [],
    looked: '',
    hasForgotten: false,
    isForgotten: false,
    backSinceMs: undefined,
    stays: undefined,
    isTampered: false,
  };
}
