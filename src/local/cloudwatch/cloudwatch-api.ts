// CloudWatch's GetMetricData as far as `ferry status` uses it: each query names a metric and a statistic, and every
// period is a minute.

import type { Points } from './metric-history.ts';

export interface MetricAsked {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly statistic: string;
  readonly range: { readonly fromMs: number; readonly toMs: number };
}

/** Where the values are. */
export type MetricSource = (metric: MetricAsked) => Points;

interface GetMetricData {
  /** Epoch seconds. */
  readonly StartTime: number;
  readonly EndTime: number;
  readonly MetricDataQueries: ReadonlyArray<{
    readonly Id: string;
    readonly MetricStat: {
      readonly Metric: {
        readonly Namespace: string;
        readonly MetricName: string;
        readonly Dimensions?: ReadonlyArray<{ readonly Name: string; readonly Value: string }>;
      };
      readonly Stat: string;
    };
  }>;
}

/** @param text the request's body. @returns the answer's. */
export function answerMetricData(text: string, source: MetricSource): object {
  const { StartTime, EndTime, MetricDataQueries } = JSON.parse(text) as GetMetricData;
  const range = { fromMs: StartTime * 1000, toMs: EndTime * 1000 };
  return {
    MetricDataResults: MetricDataQueries.map(({ Id, MetricStat: { Metric, Stat } }) => {
      const { Namespace, MetricName, Dimensions = [] } = Metric;
      const dimensions = Object.fromEntries(Dimensions.map(({ Name, Value }) => [Name, Value]));
      const asked = { namespace: Namespace, name: MetricName, dimensions, statistic: Stat, range };
      const points = source(asked);
      return {
        Id,
        Label: Id,
        StatusCode: 'Complete',
        Timestamps: points.map(([atMs]) => atMs / 1000),
        Values: points.map(([, value]) => value),
      };
    }),
  };
}
