// The figures of an invocation as CloudWatch embedded metric format: one line of JSON on standard
// output, from which CloudWatch Logs extracts the metrics. No request, no failure path.

import {
  METRIC_DIMENSIONS,
  METRIC_NAMESPACE,
  METRIC_UNITS,
  type MetricName,
} from '../config/names.ts';
import type { BatchSummary } from '../model/batch-response.ts';
import type { HandlerSettings } from '../config/handler-settings.ts';
import type { Clock, Metrics } from '../ports.ts';

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
      for (const values of toMetricValues(summary)) writeMetrics(values, options);
    },
  };
}

export type MetricValues = Partial<Record<MetricName, number | readonly number[]>>;

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

function toMetricValues(summary: BatchSummary): MetricValues[] {
  const { counts, superseded, retried, failures, latenciesMs, heartbeatsMs, timestampFallbacks } =
    summary;
  const first: MetricValues = {
    AppliedRecords: counts.applied,
    SupersededRecords: counts.superseded,
    SupersededByRedelivery: superseded.redelivery,
    SupersededByNewerItem: superseded.newer,
    SupersededByTombstone: superseded.deleted,
    CoalescedRecords: counts.coalesced,
    SkippedRecords: counts.skipped,
    RetriedRecords: retried,
    HeldRecords: summary.held,
    DeadLetteredRecords: counts['dead-lettered'],
    DestinationThrottles: failures.throttled,
    DestinationUnreachable: failures.unreachable + failures.unknown,
    DestinationDenied: failures.denied,
    OldestUnappliedAge: Math.round(summary.oldestUnappliedMs),
    PendingRecords: summary.pendingRecords,
    NegativeLatencies: summary.negativeLatencies,
    // Only where there are any: a metric costs money, and most replications have no stamps and no switches.
    ...(timestampFallbacks > 0 ? { TimestampFallbacks: timestampFallbacks } : {}),
    ...(counts.own > 0 ? { OwnRecords: counts.own } : {}),
    ...(counts.stray > 0 ? { StrayWrites: counts.stray } : {}),
    ...(counts.stranded > 0 ? { StrandedRecords: counts.stranded } : {}),
    ...(summary.isUnreadable ? { ControlUnreadable: 1 } : {}),
    ...(heartbeatsMs.length > 0 ? { HeartbeatLatency: heartbeatsMs.map(Math.round) } : {}),
  };
  const [head, ...tail] = chunks(latenciesMs.map(Math.round));
  return [
    head === undefined ? first : { ...first, ReplicationLatency: head },
    ...tail.map((values) => ({ ReplicationLatency: values })),
  ];
}

function directive(names: readonly string[], timestamp: number): object {
  const Metrics = names.map((name) => ({ Name: name, Unit: METRIC_UNITS[name as MetricName] }));
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
