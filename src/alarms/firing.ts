// Whether an alarm fires, by the rule that CloudWatch evaluates: for where there is no CloudWatch.

import type { AlarmRule, MetricReference } from './rule.ts';

/** Values by the minute, oldest first; minutes without a value are not there. */
export type Points = ReadonlyArray<readonly [atMs: number, value: number]>;

/** @param points of the rule's metric and statistic: those of all its periods, and earlier ones. */
export function isFiring(rule: AlarmRule, points: Points, nowMs: number): boolean {
  const { metric, threshold, minutes, periods, silence = false } = rule;
  const periodMs = metric.periodSeconds * 1000;
  const fromMs = nowMs - (nowMs % periodMs) - (periods - 1) * periodMs;
  const recent = points.filter(([atMs]) => atMs >= fromMs && atMs <= nowMs);
  const breaching = valuesOf(metric, recent).filter((value) => value >= threshold);
  // Before its first datapoint, an alarm notifies of nothing.
  return breaching.length >= minutes || (silence && recent.length === 0 && points.length > 0);
}

/** By the period. */
function valuesOf({ statistic, periodSeconds }: MetricReference, points: Points): number[] {
  const values = new Map<number, number>();
  for (const [atMs, value] of points) {
    const period = Math.floor(atMs / (periodSeconds * 1000));
    const known = values.get(period);
    if (known === undefined) values.set(period, value);
    else values.set(period, statistic === 'Sum' ? known + value : Math.max(known, value));
  }
  return [...values.values()];
}
