// The figures of an invocation as CloudWatch embedded metric format: one line of JSON on standard
// output, from which CloudWatch Logs extracts the metrics. No request, no failure path.

import {
  METRIC_DIMENSIONS,
  METRIC_NAMESPACE,
  RECONCILE_METRIC_UNITS,
  RUN_METRIC_UNITS,
} from '../config/names.ts';
import type { BatchSummary } from '../model/batch-response.ts';
import { metricValues, type MetricValues } from '../model/metric-values.ts';
import type { HandlerSettings } from '../config/handler-settings.ts';
import type { Clock, Metrics } from '../ports.ts';

const UNITS = { ...RUN_METRIC_UNITS, ...RECONCILE_METRIC_UNITS };
/** The format takes 100 values per metric in one document; more make further documents. */
const VALUES_MAX = 100;

export interface EmfOptions {
  readonly settings: Pick<HandlerSettings, 'replication' | 'sourceRegion' | 'destinationRegion'>;
  readonly clock: Clock;
  readonly writeLine: (line: string) => void;
}

export function emfMetrics(options: EmfOptions): Metrics {
  return {
    publish(summary) {
      for (const values of toDocuments(summary)) writeMetrics(values, options);
    },
  };
}

/** Writes one document. */
export function writeMetrics(
  values: MetricValues,
  { settings, clock, writeLine }: EmfOptions,
): void {
  const dimensions = [settings.replication, settings.sourceRegion, settings.destinationRegion];
  const named = Object.fromEntries(
    METRIC_DIMENSIONS.map((name, index) => [name, dimensions[index]]),
  );
  const _aws = directive(Object.keys(values), clock.now());
  writeLine(JSON.stringify({ _aws, ...named, ...values }));
}

function toDocuments(summary: BatchSummary): MetricValues[] {
  const { ReplicationLatency: latencies, ...first } = metricValues(summary);
  const [head, ...tail] = chunks(latencies ?? []);
  return [
    head === undefined ? first : { ...first, ReplicationLatency: head },
    ...tail.map((values) => ({ ReplicationLatency: values })),
  ];
}

function directive(names: readonly string[], timestamp: number): object {
  const Metrics = names.map((name) => ({
    Name: name,
    Unit: UNITS[name as keyof typeof UNITS],
  }));
  return {
    Timestamp: timestamp,
    CloudWatchMetrics: [{ Namespace: METRIC_NAMESPACE, Dimensions: [METRIC_DIMENSIONS], Metrics }],
  };
}

function chunks(values: readonly number[]): number[][] {
  const count = Math.ceil(values.length / VALUES_MAX);
  return Array.from({ length: count }, (_, index) =>
    values.slice(index * VALUES_MAX, (index + 1) * VALUES_MAX),
  );
}
