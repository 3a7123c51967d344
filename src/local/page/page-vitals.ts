// The figures of a run, second by second -> the vitals that `ferry status` judges a replication by. Pure.

import type { MetricName } from '../../config/names.ts';
import type { Series, Vitals } from '../../model/vitals.ts';
import type { Point } from './page-view.ts';

export const COUNTED = [
  'AppliedRecords',
  'CoalescedRecords',
  'SupersededRecords',
  'SkippedRecords',
  'RetriedRecords',
  'HeldRecords',
  'DeadLetteredRecords',
  'DestinationThrottles',
  'DestinationUnreachable',
  'DestinationDenied',
] as const satisfies readonly MetricName[];

export type Counts = Readonly<Record<(typeof COUNTED)[number], number>>;

export interface Figures {
  readonly nowMs: number;
  readonly points: readonly Point[];
  /** Sums since the start of the run, one for each point. */
  readonly sums: readonly Counts[];
  /** How long the oldest change has waited by now; 0 where none waits. */
  readonly waitedMs: number;
  /** The last p99 latency of the run, and when it was measured. */
  readonly latency: readonly [atMs: number, p99: number] | undefined;
  readonly readerState: string;
  readonly deadLetters: number;
  /** An outage shows in no figure before the function has given up a request. */
  readonly outage: boolean;
}

const SECOND_MS = 1_000;
/** The age of the oldest change is known over all shards, so that two values tell its trend. */
const TREND_MS = 3_000;
const STREAM = 'the stream of this run';

export function vitalsOf({ nowMs, points, sums, waitedMs, ...now }: Figures): Vitals {
  const counted = COUNTED.map((name) => [name, perSecond(points, sums, name)] as const);
  const own: Partial<Record<MetricName, Series>> = Object.fromEntries(counted);
  const unreachable = own.DestinationUnreachable ?? [];
  const before = points.findLast(({ atMs }) => atMs <= nowMs - TREND_MS);
  const age = [nowMs, waitedMs] as const;
  return {
    nowMs,
    periodMs: SECOND_MS,
    own: {
      ...own,
      OldestUnappliedAge:
        before === undefined ? [age] : [[before.atMs, before.waitedMs ?? 0] as const, age],
      DestinationUnreachable: now.outage ? [...unreachable, [nowMs, 1]] : unreachable,
    },
    services: {},
    latency: { p50: [], p90: [], p99: now.latency === undefined ? [] : [now.latency] },
    mapping: { state: now.readerState, lastResult: 'OK', streamArn: STREAM },
    streamArn: STREAM,
    deadLetters: now.deadLetters,
  };
}

/** What was counted before the first point counts as its own. */
function perSecond(
  points: readonly Point[],
  sums: readonly Counts[],
  name: (typeof COUNTED)[number],
): Series {
  return points.map(({ atMs }, index) => [
    atMs,
    Math.max(0, (sums[index]?.[name] ?? 0) - (sums[index - 1]?.[name] ?? 0)),
  ]);
}
