// Values of metrics, as they come -> what CloudWatch tells of them: a statistic for each minute of the last hours.

import { percentiles } from './metrics-tally.ts';

export type Points = ReadonlyArray<readonly [atMs: number, value: number]>;

export interface MetricHistory {
  add(name: string, values: readonly number[], atMs: number): void;
  /** @param statistic Sum, Minimum, Maximum, p50, p90 or p99. @returns a point for each minute that has values. */
  points(name: string, statistic: string, range: { fromMs: number; toMs: number }): Points;
}

const MINUTE_MS = 60_000;
/** Longer than any command looks back. */
const KEPT_MS = 2 * 60 * MINUTE_MS;

/** Values of one metric by minute. */
type Minutes = Map<number, number[]>;

export function createMetricHistory(): MetricHistory {
  const metrics = new Map<string, Minutes>();
  return {
    add(name, values, atMs) {
      const minutes = metrics.get(name) ?? new Map<number, number[]>();
      metrics.set(name, minutes);
      const minute = atMs - (atMs % MINUTE_MS);
      const known = minutes.get(minute);
      if (known !== undefined) return values.forEach((value) => void known.push(value));
      minutes.set(minute, [...values]);
      forget(minutes, minute - KEPT_MS);
    },
    points(name, statistic, { fromMs, toMs }) {
      const minutes = [...(metrics.get(name) ?? [])].filter(
        ([atMs]) => atMs > fromMs - MINUTE_MS && atMs < toMs,
      );
      return minutes.map(([atMs, values]) => [atMs, statisticOf(values, statistic)]);
    },
  };
}

function forget(minutes: Minutes, beforeMs: number): void {
  for (const atMs of minutes.keys()) if (atMs < beforeMs) minutes.delete(atMs);
}

/** Of at least one value. */
function statisticOf(values: readonly number[], statistic: string): number {
  if (statistic === 'Minimum') return Math.min(...values);
  if (statistic === 'Sum') return values.reduce((sum, value) => sum + value, 0);
  const { p50 = 0, p90 = 0, p99 = 0, max = 0 } = percentiles(values) ?? {};
  return { p50, p90, p99, Maximum: max }[statistic] ?? Number.NaN;
}
