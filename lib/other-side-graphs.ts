// Graphs of a stream in which Ferry finds its own writes: of a table that can be the twin, or that both sides write.

import type { GraphWidgetProps } from 'aws-cdk-lib/aws-cloudwatch';
import type { TwoWayConfig } from '../src/config/schema.ts';
import { left, right, sum } from './graph-parts.ts';
import type { ReplicationMetrics } from './replication-metrics.ts';

/** No metric can tell a Region: where this direction has own records, the other one is active. */
export function switchingGraph(metrics: ReplicationMetrics): GraphWidgetProps {
  return {
    title: 'While the source is the twin',
    ...left(
      'per minute',
      metrics.own('OwnRecords', sum('own records')),
      metrics.own('HeldRecords', sum('held')),
      metrics.own('StrandedRecords', sum('stranded')),
    ),
    ...right(
      'per minute',
      metrics.own('StrayWrites', sum('stray writes')),
      metrics.own('ControlUnreadable', sum('control row unreadable')),
    ),
  };
}

/** Of records that are not replicated, and of concurrent writes. */
export function twoWayGraph(metrics: ReplicationMetrics, { mode }: TwoWayConfig): GraphWidgetProps {
  const ofStamps = [
    metrics.own('Conflicts', sum('conflicts lost')),
    metrics.own('FutureStamps', sum('stamps ahead of their time')),
  ];
  return {
    title: 'Writes of both sides',
    ...left('per minute', metrics.own('OwnRecords', sum('own records'))),
    ...right(
      'per minute',
      metrics.own('StrayWrites', sum('stray writes')),
      metrics.own('Revenants', sum('deleted items that came back')),
      ...(mode === 'stamped' ? ofStamps : []),
    ),
  };
}
