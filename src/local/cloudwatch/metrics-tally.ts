// Reads the handler's log as CloudWatch Logs would: adds up the metrics of every embedded metric
// format document and passes over all other lines.

import { METRIC_NAMESPACE, METRIC_UNITS, type MetricName } from '../../config/names.ts';

export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

export interface MetricsTally {
  addLine(line: string): void;
  /** Sum of a metric's values since the start. */
  sum(name: MetricName): number;
  /** A metric's latest value; undefined before the first. */
  latest(name: MetricName): number | undefined;
  /** Of every latency since the start, in milliseconds; undefined before the first. */
  latencies(): Percentiles | undefined;
  /** Of the latencies since the last call. */
  latestLatencies(): Percentiles | undefined;
  /** One more `latestLatencies`, with last calls of its own. */
  latencyReader(): () => Percentiles | undefined;
}

/**
 * @param onValues called with the values of each metric of each document.
 * @param whole what counts the same lines, and others.
 */
export function createMetricsTally(
  onValues: (name: string, values: readonly number[]) => void = () => undefined,
  whole?: Pick<MetricsTally, 'addLine'>,
): MetricsTally {
  const sums = new Map<string, number>();
  const latest = new Map<string, number>();
  const all: number[] = [];
  const latencyReader = () => {
    let seen = all.length;
    return () => {
      const unseen = all.slice(seen);
      seen = all.length;
      return percentiles(unseen);
    };
  };
  return {
    addLine(line) {
      whole?.addLine(line);
      for (const [name, values] of metricsOf(line)) {
        onValues(name, values);
        sums.set(
          name,
          values.reduce((total, value) => total + value, sums.get(name) ?? 0),
        );
        latest.set(name, values.at(-1) ?? 0);
        if (name === 'ReplicationLatency') for (const value of values) all.push(value);
      }
    },
    sum: (name) => sums.get(name) ?? 0,
    latest: (name) => latest.get(name),
    latencies: () => percentiles(all),
    latestLatencies: latencyReader(),
    latencyReader,
  };
}

/** By nearest rank: each figure is one that was measured. */
export function percentiles(values: readonly number[]): Percentiles | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return sorted.length === 0
    ? undefined
    : { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

interface EmfDocument {
  readonly _aws?: { readonly CloudWatchMetrics?: ReadonlyArray<{ readonly Namespace?: string }> };
  readonly [name: string]: unknown;
}

function metricsOf(line: string): Array<[string, number[]]> {
  if (!line.startsWith('{"_aws"')) return [];
  const document = JSON.parse(line) as EmfDocument;
  if (document._aws?.CloudWatchMetrics?.[0]?.Namespace !== METRIC_NAMESPACE) return [];
  return Object.keys(METRIC_UNITS)
    .filter((name) => document[name] !== undefined)
    .map((name) => [name, [document[name]].flat() as number[]]);
}
