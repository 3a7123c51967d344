// The figures of this process as Prometheus reads them: text format 0.0.4. Pure.

import { RUN_METRIC_UNITS, type RunMetricName } from '../config/names.ts';
import type { MetricValues } from '../model/metric-values.ts';

export const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Of latencies, in seconds. */
const BUCKETS = [0.05, 0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 30, 60, 300, 900, 3_600, 14_400];
/** As in CloudWatch, a gauge shows the highest value of a minute. */
const GAUGE_MS = 60_000;

type Kind = 'counter' | 'gauge' | 'histogram';

/** Beside those of RUN_METRIC_UNITS: what only a process knows. */
const OWN = {
  ferry_lease_held:
    'Whether this process holds the lease of the replication. Otherwise it is a standby.',
  ferry_keeping_up: 'Whether the replication is well, as GET /healthz has it.',
  ferry_iterator_age_seconds: 'Age of the oldest record that was read and is not settled.',
} as const;
export type OwnGauge = keyof typeof OWN;

interface Histogram {
  /** Values in each bucket, and above the last. */
  readonly counts: number[];
  sum: number;
}

/** Figures of one replication. */
export class PrometheusFigures {
  readonly #labels: Readonly<Record<string, string>>;
  readonly #counters = new Map<RunMetricName, number>();
  readonly #histograms = new Map<RunMetricName, Histogram>();
  readonly #gauges = new Map<RunMetricName, Array<readonly [atMs: number, value: number]>>();

  constructor(labels: Readonly<Record<string, string>>) {
    this.#labels = labels;
  }

  add(values: MetricValues, nowMs: number): void {
    for (const [name, given] of Object.entries(values) as Array<
      [RunMetricName, number | number[]]
    >) {
      const all = [given].flat();
      if (kindOf(name) === 'counter')
        this.#counters.set(
          name,
          all.reduce((sum, one) => sum + one, this.#counters.get(name) ?? 0),
        );
      else if (kindOf(name) === 'histogram') for (const one of all) this.#observe(name, one / 1000);
      else {
        const kept = (this.#gauges.get(name) ?? []).filter(([at]) => at > nowMs - GAUGE_MS);
        this.#gauges.set(name, [...kept, ...all.map((one) => [nowMs, one] as const)]);
      }
    }
  }

  samples(name: RunMetricName, nowMs: number): string[] {
    const metric = metricName(name);
    if (kindOf(name) === 'counter') return [this.#sample(metric, this.#counters.get(name) ?? 0)];
    if (kindOf(name) === 'gauge') {
      const recent = (this.#gauges.get(name) ?? []).filter(([at]) => at > nowMs - GAUGE_MS);
      const highest = Math.max(0, ...recent.map(([, value]) => value));
      return [this.#sample(metric, inSeconds(name) ? highest / 1000 : highest)];
    }
    return this.#histogramSamples(metric, this.#histograms.get(name) ?? emptyHistogram());
  }

  own(name: OwnGauge, value: number): string {
    return this.#sample(name, value);
  }

  #observe(name: RunMetricName, seconds: number): void {
    const histogram = this.#histograms.get(name) ?? emptyHistogram();
    this.#histograms.set(name, histogram);
    const bucket = BUCKETS.findIndex((limit) => seconds <= limit);
    const index = bucket < 0 ? BUCKETS.length : bucket;
    histogram.counts[index] = (histogram.counts[index] ?? 0) + 1;
    histogram.sum += seconds;
  }

  #histogramSamples(metric: string, { counts, sum }: Histogram): string[] {
    let total = 0;
    const buckets = counts.map((count, index) => {
      total += count;
      return this.#sample(`${metric}_bucket`, total, { le: String(BUCKETS[index] ?? '+Inf') });
    });
    return [...buckets, this.#sample(`${metric}_sum`, sum), this.#sample(`${metric}_count`, total)];
  }

  #sample(name: string, value: number, more: Readonly<Record<string, string>> = {}): string {
    const labels = Object.entries({ ...this.#labels, ...more });
    return `${name}{${labels.map(([key, text]) => `${key}="${escaped(text)}"`).join(',')}} ${value}`;
  }
}

export interface ShownReplication {
  readonly figures: PrometheusFigures;
  readonly own: Readonly<Record<OwnGauge, number>>;
}

/** The whole page. */
export function prometheusText(replications: readonly ShownReplication[], nowMs: number): string {
  const names = Object.keys(RUN_METRIC_UNITS) as RunMetricName[];
  const metrics = names.flatMap((name) => [
    ...header(metricName(name), kindOf(name), `${name} in docs/metrics.md.`),
    ...replications.flatMap(({ figures }) => figures.samples(name, nowMs)),
  ]);
  const own = (Object.entries(OWN) as Array<[OwnGauge, string]>).flatMap(([name, help]) => [
    ...header(name, 'gauge', help),
    ...replications.map(({ figures, own: values }) => figures.own(name, values[name])),
  ]);
  return [...metrics, ...own, ''].join('\n');
}

function header(name: string, kind: Kind, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`];
}

function kindOf(name: RunMetricName): Kind {
  if (name === 'ReplicationLatency' || name === 'HeartbeatLatency') return 'histogram';
  return RUN_METRIC_UNITS[name] === 'Count' && name !== 'PendingRecords' ? 'counter' : 'gauge';
}

function inSeconds(name: RunMetricName): boolean {
  return RUN_METRIC_UNITS[name] === 'Milliseconds';
}

/** AppliedRecords -> ferry_applied_records_total. */
function metricName(name: RunMetricName): string {
  const words = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const unit = inSeconds(name) ? '_seconds' : '';
  return `ferry${words}${kindOf(name) === 'counter' ? '_total' : unit}`;
}

function emptyHistogram(): Histogram {
  return { counts: Array.from({ length: BUCKETS.length + 1 }, () => 0), sum: 0 };
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
