// The figures of an invocation -> metrics by their names. A latency is a list of values, and all else is a number.

import type { ReconcileMetricName, RunMetricName } from '../config/names.ts';
import type { BatchSummary } from './batch-response.ts';

export type MetricValues = Partial<
  Record<RunMetricName | ReconcileMetricName, number | readonly number[]>
>;

interface BatchMetricValues extends MetricValues {
  readonly ReplicationLatency?: readonly number[];
}

/** Whatever publishes them: as documents, in requests or on a page. */
export function metricValues(summary: BatchSummary): BatchMetricValues {
  const { counts, superseded, retried, failures, latenciesMs, heartbeatsMs, timestampFallbacks } =
    summary;
  return {
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
    ...(superseded.tied > 0 ? { TiedRecords: superseded.tied } : {}),
    ...(counts.foreign > 0 ? { ForeignRecords: counts.foreign } : {}),
    ...(counts.own > 0 ? { OwnRecords: counts.own } : {}),
    ...(counts.stray > 0 ? { StrayWrites: counts.stray } : {}),
    ...twoWayValues(summary),
    ...(counts.stranded > 0 ? { StrandedRecords: counts.stranded } : {}),
    ...(summary.isUnreadable ? { ControlUnreadable: 1 } : {}),
    ...(heartbeatsMs.length > 0 ? { HeartbeatLatency: heartbeatsMs.map(Math.round) } : {}),
    ...(latenciesMs.length > 0 ? { ReplicationLatency: latenciesMs.map(Math.round) } : {}),
  };
}

function twoWayValues({ twoWay }: BatchSummary) {
  const { conflicts, revenants, futureStamps } = twoWay;
  return {
    ...(conflicts > 0 ? { Conflicts: conflicts } : {}),
    ...(revenants > 0 ? { Revenants: revenants } : {}),
    ...(futureStamps > 0 ? { FutureStamps: futureStamps } : {}),
  };
}
