// Figures of invocations -> requests of PutMetricData, with the values of a minute as distributions. Pure.

import {
  METRIC_DIMENSIONS,
  METRIC_NAMESPACE,
  RUN_METRIC_UNITS,
  type RunMetricName,
} from '../config/names.ts';
import type { MetricValues } from '../model/metric-values.ts';

export interface MetricDatum {
  readonly MetricName: RunMetricName;
  readonly Unit: 'Milliseconds' | 'Count';
  readonly Timestamp: Date;
  readonly Dimensions: Array<{ readonly Name: string; readonly Value: string }>;
  readonly Values: number[];
  /** How often each of them was there. */
  readonly Counts: number[];
}

export interface MetricRequest {
  readonly Namespace: string;
  readonly MetricData: MetricDatum[];
}

/** CloudWatch takes so many different values of a metric in one request. */
const VALUES_MAX = 150;
const MINUTE_MS = 60_000;

type Distribution = Map<number, number>;

/** Gathers figures until they are taken. Its size is bounded by rounding, as long as they are taken every minute. */
export class MetricDistributions {
  readonly #dimensions: MetricDatum['Dimensions'];
  #minutes = new Map<number, Map<RunMetricName, Distribution>>();

  /** @param dimensions in the order of METRIC_DIMENSIONS. */
  constructor(dimensions: readonly string[]) {
    this.#dimensions = METRIC_DIMENSIONS.map((Name, index) => ({
      Name,
      Value: dimensions[index] ?? '',
    }));
  }

  add(values: MetricValues, nowMs: number): void {
    const minute = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
    const metrics = this.#minutes.get(minute) ?? new Map<RunMetricName, Distribution>();
    this.#minutes.set(minute, metrics);
    for (const [name, given] of Object.entries(values) as Array<
      [RunMetricName, number | number[]]
    >) {
      const distribution = metrics.get(name) ?? new Map<number, number>();
      metrics.set(name, distribution);
      for (const value of [given].flat()) {
        const rounded = RUN_METRIC_UNITS[name] === 'Milliseconds' ? threeDigits(value) : value;
        distribution.set(rounded, (distribution.get(rounded) ?? 0) + 1);
      }
    }
  }

  /** Everything that was added since. Each metric is in a request once, so that none comes near 1,000 of them or 1 MB. */
  take(): MetricRequest[] {
    const requests = [...this.#minutes].flatMap(([minute, metrics]) => {
      const data = [...metrics].flatMap(([name, values]) => this.#data(name, minute, values));
      const parts = Math.max(0, ...data.map(({ part }) => part + 1));
      return Array.from({ length: parts }, (_, index) => ({
        Namespace: METRIC_NAMESPACE,
        MetricData: data.flatMap(({ part, datum }) => (part === index ? [datum] : [])),
      }));
    });
    this.#minutes = new Map();
    return requests;
  }

  #data(name: RunMetricName, minute: number, values: Distribution) {
    const all = [...values];
    return Array.from({ length: Math.ceil(all.length / VALUES_MAX) }, (_, part) => {
      const some = all.slice(part * VALUES_MAX, (part + 1) * VALUES_MAX);
      const datum: MetricDatum = {
        MetricName: name,
        Unit: RUN_METRIC_UNITS[name],
        Timestamp: new Date(minute),
        Dimensions: this.#dimensions,
        Values: some.map(([value]) => value),
        Counts: some.map(([, count]) => count),
      };
      return { part, datum };
    });
  }
}

/** Half a percent off at most. Otherwise a minute of different latencies would need a request for every 150. */
function threeDigits(value: number): number {
  return Number(value.toPrecision(3));
}
