// What is known of a replication: its figures of the last hour, period by period, and how its parts are now.

import type { MetricName } from '../config/names.ts';
import type { Paused } from './control-row.ts';
import type { Reconciliation } from './reconciliation-row.ts';
import type { Protection } from './table-facts.ts';

/** Values by period, oldest first; periods without a value are not there. */
export type Series = ReadonlyArray<readonly [atMs: number, value: number]>;

/**
 * Of Lambda about the function and about its event source mapping, and of SQS about the dead-letter queue;
 * `LookAgainAge` is the age of the oldest message of the look-again queue, in seconds.
 */
export type ServiceMetric =
  | 'IteratorAge'
  | 'Errors'
  | 'Throttles'
  | 'OnFailureDestinationDeliveredEventCount'
  | 'DroppedEventCount'
  | 'DestinationDeliveryFailures'
  | 'ApproximateAgeOfOldestMessage'
  | 'LookAgainAge';

export type Percentile = 'p50' | 'p90' | 'p99';

export interface Vitals {
  readonly nowMs: number;
  /** The time that each figure is for. @default a minute, as in CloudWatch */
  readonly periodMs?: number | undefined;
  /** Of the figures that are counted, sums; of ages and latencies, the highest. */
  readonly own: Readonly<Partial<Record<MetricName, Series>>>;
  readonly services: Readonly<Partial<Record<ServiceMetric, Series>>>;
  /** The lowest of `OldestUnappliedAge` in each minute; `own` has the highest. */
  readonly leastUnapplied?: Series | undefined;
  readonly latency: Readonly<Record<Percentile, Series>>;
  /** The event source mapping; undefined where there is none. */
  readonly mapping: Mapping | undefined;
  /** Messages in the dead-letter queue; an estimate. */
  readonly deadLetters: number;
  /** ARN of the source's stream now; undefined where it is off. */
  readonly streamArn: string | undefined;
  /** Why it is off, without a full stop. @default the table has none */
  readonly streamProblem?: string | undefined;
  /** What its records have, as DynamoDB has it: NEW_IMAGE, … @default enough */
  readonly streamView?: string | undefined;
  /** When the heartbeat function was created or updated last, epoch milliseconds; undefined where there is none. */
  readonly heartbeatSinceMs?: number | undefined;
  /** The pause in the control row; `unknown` where the row cannot be read. */
  readonly paused?: Paused | 'unknown' | undefined;
  /** The newest of the control row; undefined where there is none, or where it cannot be read. */
  readonly epoch?: number | undefined;
  /** Why the control row cannot be read, without a full stop; there where `paused` is `unknown`. */
  readonly controlProblem?: string | undefined;
  /** Digests of the projections that are deployed, and that wrote the twin; null for none. */
  readonly projection?: KnownProjection | undefined;
  /** Whether an older release deployed the function. */
  readonly isOlder?: boolean | undefined;
  /** The row of comparisons on a schedule, or why it cannot be read, without a full stop. @default none was made */
  readonly reconciliation?: Reconciliation | string | undefined;
  /** Of the twin; undefined where the endpoint has no backups. */
  readonly protection?: Protection | undefined;
}

interface KnownProjection {
  readonly deployed: string | null;
  /** Undefined where the control row cannot be read. */
  readonly written: string | null | undefined;
}

interface Mapping {
  /** As Lambda has it: Enabled, Disabled, Creating, … */
  readonly state: string;
  readonly lastResult: string;
  readonly streamArn: string;
  /** When it was created, or its settings or its state changed last, epoch milliseconds. */
  readonly changedAtMs?: number | undefined;
}

export const MINUTE_MS = 60_000;

export function periodMsOf({ periodMs = MINUTE_MS }: Pick<Vitals, 'periodMs'>): number {
  return periodMs;
}

/** Whether Lambda reads the stream: otherwise, no figure says what waits in it. */
export function isRead({ mapping }: Pick<Vitals, 'mapping'>): boolean {
  return mapping?.state === 'Enabled' || mapping?.state === 'Updating';
}

/** When the last value above `value` was; undefined where there is none. */
export function lastAbove(series: Series | undefined, value: number): number | undefined {
  return series?.findLast(([, one]) => one > value)?.[0];
}

/** Sum of the values since `fromMs`. */
export function sumSince(series: Series | undefined, fromMs: number): number {
  return (series ?? []).reduce((sum, [atMs, value]) => (atMs >= fromMs ? sum + value : sum), 0);
}

/** The last value, and when it was. */
export function latest(series: Series | undefined): readonly [number, number] | undefined {
  return series?.at(-1);
}

/** Minute by minute, the highest of several. */
export function highestOf(...all: ReadonlyArray<Series | undefined>): Series {
  const highest = new Map<number, number>();
  for (const [atMs, value] of all.flatMap((series) => series ?? [])) {
    highest.set(atMs, Math.max(value, highest.get(atMs) ?? value));
  }
  return [...highest].toSorted(([a], [b]) => a - b);
}
