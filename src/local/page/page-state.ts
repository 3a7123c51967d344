// Snapshots of a run -> what the live page shows. Remembers two minutes, and since when the oldest change waits.
// Its first sentence is the verdict of `ferry status`, on these figures. Pure.

import { verdictOf, verdictText } from '../../status/verdict.ts';
import type { RunResult } from '../run/run-result.ts';
import { type Counts, vitalsOf } from './page-vitals.ts';
import {
  DRAWN_OUTCOMES,
  type ControlsView,
  type PageView,
  type Point,
  type Sentence,
  type StoryView,
  type WatchedCounts,
} from './page-view.ts';

export type RunPhase =
  | 'starting'
  | 'writing'
  /** The workload is over; its last changes are being replicated. */
  | 'settling'
  | 'comparing'
  /** After the comparison, with --keep. */
  | 'replicating'
  | 'ended';

export interface Snapshot {
  readonly atMs: number;
  readonly writes: number;
  /** Sums since the start of the run. */
  readonly sums: Counts;
  /** Records that were read from the stream and have no final outcome yet. */
  readonly pending: number;
  /** Age of the oldest record that could not be applied, as the function published it last. */
  readonly oldestUnappliedMs: number;
  /** Of the records applied since the snapshot before; undefined if there was none. */
  readonly latencyMs: { readonly p50: number; readonly p99: number } | undefined;
}

export interface PageState {
  readonly points: readonly Point[];
  /** One for each point. */
  readonly sums: readonly Counts[];
  readonly last: Snapshot | undefined;
  /** Since when the oldest change waits; undefined where none does. */
  readonly waitingSinceMs: number | undefined;
  /** The last p99 latency, and when it was measured. */
  readonly latency: readonly [atMs: number, p99: number] | undefined;
}

/** What is known at the moment, beside the snapshots. */
export interface Present extends WatchedCounts {
  readonly nowMs: number;
  readonly phase: RunPhase;
  readonly route: string;
  readonly controls: ControlsView;
  readonly story?: StoryView | undefined;
  /** State of the event source mapping. */
  readonly readerState: string;
  /** What the comparison of the tables has shown. */
  readonly result?: RunResult | undefined;
}

/** Two minutes, at one snapshot a second. */
const POINTS_MAX = 120;
/** Stream times are whole seconds, so a change may look up to a second older than it is. */
const BEHIND_MS = 2_000;

export const EMPTY_STATE: PageState = {
  points: [],
  sums: [],
  last: undefined,
  waitingSinceMs: undefined,
  latency: undefined,
};

/** The state with one more snapshot, which must not be older than those before. */
export function withSnapshot(state: PageState, snapshot: Snapshot): PageState {
  const waitingSinceMs = waitingSince(state, snapshot);
  const point = pointOf(state.last, snapshot, waitingSinceMs);
  return {
    points: [...state.points, point].slice(-POINTS_MAX),
    sums: [...state.sums, snapshot.sums].slice(-POINTS_MAX),
    last: snapshot,
    waitingSinceMs,
    latency: point.p99 === null ? state.latency : [point.atMs, point.p99],
  };
}

export function viewOf(state: PageState, present: Present): PageView {
  const { phase, result, route, controls, story } = present;
  const { waitingLetters, sourceItems, leftOutItems, destinationItems } = present;
  const { points, last } = state;
  return {
    verdict: sentenceOf(state, present),
    note: phase === 'ended' ? '' : (result?.text ?? ''),
    route,
    points,
    totals: { writes: last?.writes ?? 0, ...drawn(last?.sums) },
    waitingLetters,
    sourceItems,
    leftOutItems,
    destinationItems,
    controls,
    story,
    ended: phase === 'ended',
  };
}

function sentenceOf(state: PageState, present: Present): Sentence {
  const { phase, result } = present;
  switch (phase) {
    case 'starting':
      return busy('starting', 'Starting two Regions, and the function between them.');
    case 'comparing':
      return busy('comparing', 'Comparing the tables, item by item.');
    case 'ended':
      return result === undefined
        ? { kind: 'ended', tone: 'bad', text: 'The run ended before its tables were compared.' }
        : { kind: 'ended', tone: result.clean ? 'good' : 'bad', text: result.text };
    case 'settling': {
      const sentence = statusOf(state, present);
      if (sentence.tone !== 'good') return sentence;
      return busy('settling', 'Finishing: the last changes are being replicated.');
    }
    case 'writing':
    case 'replicating':
      return statusOf(state, present);
  }
}

const busy = (kind: string, text: string): Sentence => ({ kind, tone: 'busy', text });

/** What the runbook has an entry for needs a person. Everything else passes by itself. */
function statusOf(
  { points, sums, waitingSinceMs, latency }: PageState,
  { nowMs, readerState, waitingLetters = 0, controls }: Present,
): Sentence {
  const vitals = vitalsOf({
    nowMs,
    points,
    sums,
    waitedMs: waitingSinceMs === undefined ? 0 : nowMs - waitingSinceMs,
    latency,
    readerState,
    deadLetters: waitingLetters,
    outage: controls.faults.outage,
  });
  const verdict = verdictOf(vitals, { behindMs: BEHIND_MS, heartbeat: false });
  const { level, runbook = '' } = verdict;
  const text = verdictText(verdict);
  const unwell = runbook === '' ? 'busy' : 'bad';
  return {
    kind: `${level} ${runbook}`,
    tone: level === 'healthy' ? 'good' : unwell,
    text: `${text[0]?.toUpperCase()}${text.slice(1)}.`,
  };
}

/**
 * The function publishes the age of its oldest unapplied record only when it has finished a batch. Between two
 * batches the age grows; before the first, it counts from when records were first seen to wait. A batch without
 * applied and without unapplied records says nothing about the records behind it.
 */
function waitingSince({ last, waitingSinceMs }: PageState, snapshot: Snapshot): number | undefined {
  const { atMs, pending, oldestUnappliedMs, latencyMs } = snapshot;
  if (pending === 0) return undefined;
  const published = last === undefined || outcomes(snapshot) !== outcomes(last);
  const tells = oldestUnappliedMs > 0 || latencyMs !== undefined;
  return published && tells ? atMs - oldestUnappliedMs : (waitingSinceMs ?? atMs);
}

/** Rises with every batch that the function publishes. */
function outcomes({ sums }: Snapshot): number {
  return Object.values(drawn(sums)).reduce((sum, count) => sum + count, 0);
}

function pointOf(
  last: Snapshot | undefined,
  { atMs, sums, latencyMs }: Snapshot,
  waitingSinceMs: number | undefined,
): Point {
  const seconds = last === undefined ? 0 : (atMs - last.atMs) / 1000;
  const [now, before] = [drawn(sums), drawn(last?.sums)];
  const rate = (name: keyof Point['rates']) =>
    seconds <= 0 ? 0 : Math.round(Math.max(0, now[name] - before[name]) / seconds);
  return {
    atMs,
    p50: latencyMs?.p50 ?? null,
    p99: latencyMs?.p99 ?? null,
    waitedMs: waitingSinceMs === undefined ? null : Math.max(0, atMs - waitingSinceMs),
    rates: byOutcome(rate),
  };
}

const METRICS = {
  applied: 'AppliedRecords',
  coalesced: 'CoalescedRecords',
  superseded: 'SupersededRecords',
  retried: 'RetriedRecords',
  deadLettered: 'DeadLetteredRecords',
} as const satisfies Record<keyof Point['rates'], keyof Counts>;

function drawn(sums: Counts | undefined): Point['rates'] {
  return byOutcome((name) => sums?.[METRICS[name]] ?? 0);
}

function byOutcome(valueOf: (name: keyof Point['rates']) => number): Point['rates'] {
  const entries = DRAWN_OUTCOMES.map((name) => [name, valueOf(name)]);
  return Object.fromEntries(entries) as Point['rates'];
}
