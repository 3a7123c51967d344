// Snapshots of a run -> what the live page shows. Remembers two minutes, and since when the oldest
// change waits. Pure.

import { DRAWN_OUTCOMES, type ControlsView, type PageView, type Point } from './page-view.ts';
import { type Ending, type RunPhase, type Trouble, verdictOn } from './verdict.ts';

/** Counts are sums since the start of the run. */
export interface Snapshot {
  readonly atMs: number;
  readonly totals: PageView['totals'];
  /** Records that were read from the stream and have no final outcome yet. */
  readonly pending: number;
  /** Age of the oldest record that could not be applied, as the function has said last. */
  readonly oldestUnappliedMs: number;
  readonly troubles: Readonly<Record<Trouble, number>>;
  /** Of the records applied since the snapshot before; undefined if there was none. */
  readonly latencyMs: { readonly p50: number; readonly p99: number } | undefined;
}

export interface PageState {
  readonly points: readonly Point[];
  readonly last: Snapshot | undefined;
  /** Since when the oldest change waits; undefined where none does. */
  readonly waitingSinceMs: number | undefined;
  /** The latest trouble with the destination, and when it was noticed. */
  readonly trouble: { readonly kind: Trouble; readonly atMs: number } | undefined;
}

/** What is known at the moment, beside the snapshots. */
export interface Present {
  readonly nowMs: number;
  readonly phase: RunPhase;
  readonly route: string;
  readonly controls: ControlsView;
  readonly waitingLetters?: number | undefined;
  readonly sourceItems?: number | undefined;
  readonly destinationItems?: number | undefined;
  readonly ending?: Ending | undefined;
}

/** Two minutes, at one snapshot a second. */
const POINTS_MAX = 120;
/** Latencies count as current for so long. */
const RECENT_MS = 5_000;
/** What came before them, to tell whether they fall. */
const EARLIER_MS = 15_000;
/** A function that waits for requests to land says nothing for so long; see LATE_REQUEST_MS. */
const TROUBLE_MS = 20_000;

export const EMPTY_STATE: PageState = {
  points: [],
  last: undefined,
  waitingSinceMs: undefined,
  trouble: undefined,
};

/** The state with one more snapshot, which must not be older than those before. */
export function withSnapshot(state: PageState, snapshot: Snapshot): PageState {
  const waitingSinceMs = waitingSince(state, snapshot);
  const point = pointOf(state.last, snapshot, waitingSinceMs);
  return {
    points: [...state.points, point].slice(-POINTS_MAX),
    last: snapshot,
    waitingSinceMs,
    trouble: newTrouble(state.last, snapshot) ?? state.trouble,
  };
}

/** What the page shows of it. */
export function viewOf(state: PageState, present: Present): PageView {
  const { points, last } = state;
  const { nowMs, phase, ending, controls, waitingLetters } = present;
  const recent = recentPoint(points, nowMs);
  const verdict = verdictOn({
    phase,
    ending,
    waitedMs: state.waitingSinceMs === undefined ? 0 : nowMs - state.waitingSinceMs,
    latencyMs: recent?.p50 ?? undefined,
    earlierMs: earlierThan(recent, points, nowMs),
    pending: last?.pending ?? 0,
    trouble: recentTrouble(state, nowMs),
    faults: controls.faults,
    waitingLetters: waitingLetters ?? 0,
  });
  const { route, sourceItems, destinationItems } = present;
  return {
    verdict,
    note: phase === 'ended' ? '' : (ending?.text ?? ''),
    route,
    points,
    totals: last?.totals ?? NO_TOTALS,
    waitingLetters,
    sourceItems,
    destinationItems,
    controls,
    ended: phase === 'ended',
  };
}

const NO_TOTALS = {
  writes: 0,
  applied: 0,
  coalesced: 0,
  superseded: 0,
  retried: 0,
  deadLettered: 0,
};

/**
 * The function says how old its oldest unapplied record is only when it has finished a batch. Between
 * two reports the age grows; where it has said nothing yet, it counts from the first sight of work. A
 * report of nothing unapplied and nothing applied tells nothing about what waits behind that batch.
 */
function waitingSince({ last, waitingSinceMs }: PageState, snapshot: Snapshot): number | undefined {
  const { atMs, pending, oldestUnappliedMs, latencyMs } = snapshot;
  if (pending === 0) return undefined;
  const reported = last === undefined || reports(snapshot) !== reports(last);
  const telling = oldestUnappliedMs > 0 || latencyMs !== undefined;
  return reported && telling ? atMs - oldestUnappliedMs : (waitingSinceMs ?? atMs);
}

/** Rises with every batch that the function reports on. */
function reports({ totals }: Snapshot): number {
  return DRAWN_OUTCOMES.reduce((sum, name) => sum + totals[name], 0);
}

function pointOf(
  last: Snapshot | undefined,
  { atMs, totals, latencyMs }: Snapshot,
  waitingSinceMs: number | undefined,
): Point {
  const seconds = last === undefined ? 0 : (atMs - last.atMs) / 1000;
  const rate = (name: keyof Point['rates']) =>
    last === undefined || seconds <= 0
      ? 0
      : Math.round(Math.max(0, totals[name] - last.totals[name]) / seconds);
  return {
    atMs,
    p50: latencyMs?.p50 ?? null,
    p99: latencyMs?.p99 ?? null,
    waitedMs: waitingSinceMs === undefined ? null : Math.max(0, atMs - waitingSinceMs),
    rates: {
      applied: rate('applied'),
      coalesced: rate('coalesced'),
      superseded: rate('superseded'),
      retried: rate('retried'),
      deadLettered: rate('deadLettered'),
    },
  };
}

function newTrouble(last: Snapshot | undefined, { atMs, troubles }: Snapshot) {
  const kinds = ['unreachable', 'denied', 'throttled'] as const;
  const kind = kinds.find((name) => troubles[name] > (last?.troubles[name] ?? 0));
  return kind === undefined ? undefined : { kind, atMs };
}

function recentTrouble({ trouble }: PageState, nowMs: number): Trouble | undefined {
  return trouble !== undefined && nowMs - trouble.atMs <= TROUBLE_MS ? trouble.kind : undefined;
}

function recentPoint(points: readonly Point[], nowMs: number): Point | undefined {
  return points.findLast(({ atMs, p50 }) => p50 !== null && nowMs - atMs <= RECENT_MS);
}

function earlierThan(recent: Point | undefined, points: readonly Point[], nowMs: number): number {
  const before = points.filter(
    ({ atMs }) => atMs >= nowMs - EARLIER_MS && atMs < (recent?.atMs ?? nowMs),
  );
  return Math.max(0, ...before.flatMap(({ p50, waitedMs }) => [p50 ?? 0, waitedMs ?? 0]));
}
