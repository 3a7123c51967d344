// The stated exceptions under which an item may step back, recognised exactly:
// - E1: an insert is delivered again, and the delete that followed it is still to be delivered again, or
//   lies in the on-failure bucket with its batch.
// - E2: a put that outlived its invocation, or ten seconds, lands where its item has been deleted since. If
//   the clock jumps forward while the function waits, the ten seconds are shorter by as much.
// - repaired too early: a repair deletes an item whose delete has no record that could do it, and the put
//   that it has undone is still to be delivered again.
// - catching up: a copy or a repair ran ahead of the stream, whose records show once more in between.

import type { Change } from './memory-dynamodb.ts';
import type { Sent } from './process.ts';
import type { SourceWrite, StreamEntry } from './stream.ts';

const LATE_MS = 10_000;
/** An invocation that answers so close to its end was not free to wait any longer. */
const CUT_SHORT_MS = 600;

export interface ItemHistory {
  /** Place in the history that is visible now; 0 before anything. */
  shown: number;
  /** Highest that was ever visible. */
  high: number;
  /** Highest place of a record that was applied. */
  streamed: number;
  /** Highest place that was reached by reading the source. */
  read: number;
  /**
   * Highest place among records whose letters the queue has: now, when a delete was last remembered by other
   * than its record, and when a repair last wrote.
   */
  lettered: number;
  remembered: number;
  repairedAbove: number;
  isRepaired: boolean;
  /** Has stepped back by an exception that does not heal by itself. */
  stays: Exception | undefined;
  isTampered: boolean;
}

export type Exception = 'catching up' | 'repaired too early' | 'E1' | 'E2' | 'tampered with';

export interface StepBack {
  readonly item: ItemHistory;
  readonly change: Change;
  readonly sent: Sent;
  readonly place: number;
  /** The write whose state was visible. */
  readonly shown: SourceWrite | undefined;
  /** The record that is applied. */
  readonly applied: StreamEntry | undefined;
  readonly nowMs: number;
}

export function exceptionOf(back: StepBack): Exception | undefined {
  const { item, change, sent, place, shown, applied, nowMs } = back;
  if (item.isTampered) return 'tampered with';
  const isAhead = item.read >= item.shown && place > item.streamed;
  const isKnown = item.isRepaired && place <= item.repairedAbove;
  if (isAhead && !isKnown) return 'catching up';
  const isInsert = change.before === undefined && sent.process.facts.kind === 'handler';
  if (!isInsert) return undefined;
  if (isBeyondHelp(sent, nowMs)) return 'E2';
  if (applied === undefined || applied.deliveries < 2) return undefined;
  const isHealing = isComing(shown?.entry) && shown?.malformed !== true;
  if (isHealing) return 'E1';
  const hasNoRecord = shown?.lost !== undefined || shown?.malformed === true;
  const isByRepair = item.isRepaired && item.read === item.shown && hasNoRecord;
  return isByRepair && isComing(applied) ? 'repaired too early' : undefined;
}

/** Whether a record is to be delivered again, or put back. */
function isComing(entry: StreamEntry | undefined): boolean {
  return entry?.status === 'waiting' || entry?.status === 'given-up';
}

/** Whether a request lands so late that nobody could have waited for it. */
function isBeyondHelp({ process, gaveUpAtMs }: Sent, nowMs: number): boolean {
  const { killedAtMs, endedAtMs, facts } = process;
  if (killedAtMs !== undefined) return true;
  if (gaveUpAtMs === undefined) return false;
  const jumpMs = process.jumpBetween(gaveUpAtMs, endedAtMs ?? nowMs);
  if (nowMs > gaveUpAtMs + LATE_MS - Math.max(0, jumpMs)) return true;
  return endedAtMs !== undefined && (facts.deadlineMs ?? Infinity) - endedAtMs <= CUT_SHORT_MS;
}

export function newHistory(): ItemHistory {
  const places = {
    shown: 0,
    high: 0,
    streamed: 0,
    read: 0,
    lettered: 0,
    remembered: 0,
    repairedAbove: 0,
  };
  return { ...places, isRepaired: false, stays: undefined, isTampered: false };
}
