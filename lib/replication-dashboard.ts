// The dashboard of a replication: one row per question that an operator asks, each with a text that says
// what the row means and where the runbook goes on.

import { Duration } from 'aws-cdk-lib';
import {
  Color,
  Dashboard,
  GraphWidget,
  type GraphWidgetProps,
  type HorizontalAnnotation,
  type IWidget,
  PeriodOverride,
  Stats,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { ReplicationConfig } from '../src/config.ts';
import { EXPIRING_MS, WAITING_MS } from './alarm-specs.ts';
import { costPerHour } from './cost-estimate.ts';
import type { ReplicationMetrics } from './replication-metrics.ts';

export interface ReplicationDashboardProps {
  readonly replication: ReplicationConfig;
  readonly metrics: ReplicationMetrics;
}

export class ReplicationDashboard extends Construct {
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, { replication, metrics }: ReplicationDashboardProps) {
    super(scope, id);
    const { name, source, destination } = replication;
    this.dashboard = new Dashboard(this, 'Dashboard', {
      dashboardName: `ferry-${name}`,
      defaultInterval: Duration.hours(3),
      periodOverride: PeriodOverride.INHERIT,
      widgets: [
        [
          text(
            `# ${name}: ${source.table} (${source.region}) to ${destination.table} (${destination.region})\nEach row answers one question. What to do: [runbook](${replication.alarms.runbook}). The same in a terminal: \`ferry status --replication ${name}\`.`,
            2,
          ),
        ],
        ...rows(replication, metrics),
      ],
    });
  }
}

const WIDTH = 24;
const HEIGHT = 6;

function rows(replication: ReplicationConfig, metrics: ReplicationMetrics): IWidget[][] {
  const { runbook } = replication.alarms;
  const row = (question: string, anchor: string, graphs: GraphWidgetProps[]): IWidget[][] => [
    [text(`## ${question} [What to do](${runbook}#${anchor})`, 2)],
    graphs.map(
      (graph) => new GraphWidget({ width: WIDTH / graphs.length, height: HEIGHT, ...graph }),
    ),
  ];
  return [
    ...row(
      'Is it behind?\nTime from a write at the source to its copy on the twin. The stream tells the time in whole seconds, so that figures read up to a second too high, unless `timestampAttribute` is set; a heartbeat is exact.',
      'latency-high',
      lagGraphs(replication, metrics),
    ),
    ...row(
      'Is it moving?\nEvery record ends as one of these. Superseded: something newer was there already; the causes show conflicts and redeliveries.',
      'records-waiting',
      flowGraphs(metrics),
    ),
    ...row(
      'Is anything stuck or lost?\nAll of these should be empty.',
      'dead-letters',
      lossGraphs(metrics),
    ),
    ...row(
      'Is the destination coping?\nThrottles and errors are tried again; what cannot be written waits in the stream.',
      'destination-unreachable',
      destinationGraphs(replication, metrics),
    ),
    ...row(
      'What does it cost?\nAn estimate by the on-demand list prices of us-east-1, without logs, alarms and indexes of the twin.',
      'costs',
      [{ title: 'US dollars per hour (estimate)', left: costPerHour(replication, metrics) }],
    ),
  ];
}

function lagGraphs(
  { alarms, heartbeat }: ReplicationConfig,
  metrics: ReplicationMetrics,
): GraphWidgetProps[] {
  const percentile = (p: number) =>
    metrics.own('ReplicationLatency', { statistic: Stats.percentile(p), label: `p${p}` });
  const beat = metrics.own('HeartbeatLatency', { statistic: Stats.MAXIMUM, label: 'heartbeat' });
  return [
    {
      title: 'Replication latency (ms)',
      left: [percentile(50), percentile(90), percentile(99), ...(heartbeat ? [beat] : [])],
      leftAnnotations: [line(alarms.latencySeconds * 1000, 'alarm: p99')],
      right: [
        metrics.own('NegativeLatencies', {
          statistic: Stats.SUM,
          label: 'below zero, counted as 0',
        }),
      ],
    },
    {
      title: 'Age of what waits (ms); the stream keeps it for 24 h',
      left: [
        metrics.waiting(),
        metrics.handler('IteratorAge', { statistic: Stats.MAXIMUM, label: 'iterator age' }),
      ],
      leftAnnotations: [line(WAITING_MS, 'alarm: 1 h'), line(EXPIRING_MS, 'act now: 12 h')],
    },
    {
      title: 'Pending records, longest shard (estimate)',
      left: [metrics.own('PendingRecords', { statistic: Stats.MAXIMUM, label: 'pending' })],
    },
  ];
}

function flowGraphs(metrics: ReplicationMetrics): GraphWidgetProps[] {
  const sum = (label: string) => ({ statistic: Stats.SUM, label });
  return [
    {
      title: 'Records by outcome, per minute',
      stacked: true,
      left: [
        metrics.own('AppliedRecords', sum('applied')),
        metrics.own('SupersededRecords', sum('superseded')),
        metrics.own('CoalescedRecords', sum('coalesced')),
        metrics.own('SkippedRecords', sum('skipped')),
        metrics.own('DeadLetteredRecords', sum('dead-lettered')),
        metrics.own('RetriedRecords', sum('to be retried')),
      ],
    },
    {
      title: 'Superseded, by cause, per minute',
      left: [
        metrics.own('SupersededByRedelivery', sum('redelivered')),
        metrics.own('SupersededByNewerItem', sum('newer item')),
        metrics.own('SupersededByTombstone', sum('deleted since')),
      ],
    },
    {
      title: 'Stream events, per minute',
      left: [
        metrics.mapping('PolledEventCount', sum('polled')),
        metrics.mapping('FilteredOutEventCount', sum('filtered out')),
        metrics.mapping('InvokedEventCount', sum('invoked')),
        metrics.mapping('FailedInvokeEventCount', sum('failed')),
        metrics.mapping('DroppedEventCount', sum('dropped')),
      ],
    },
  ];
}

function lossGraphs(metrics: ReplicationMetrics): GraphWidgetProps[] {
  const delivered = metrics.mapping('OnFailureDestinationDeliveredEventCount', {
    statistic: Stats.SUM,
    label: 'given up to the bucket',
  });
  return [
    {
      title: 'Dead letters waiting',
      left: [metrics.deadLetters('dead letters')],
      leftAnnotations: [line(1, 'alarm')],
    },
    {
      title: 'Oldest dead letter (days); the queue keeps it for 14',
      left: [metrics.oldestDeadLetter('oldest dead letter')],
      leftAnnotations: [line(14, 'gone')],
    },
    { title: 'Given up and lost, per minute', left: [delivered, metrics.lost()] },
  ];
}

function destinationGraphs(
  { destination, stateTable, function: { timeoutSeconds } }: ReplicationConfig,
  metrics: ReplicationMetrics,
): GraphWidgetProps[] {
  const sum = (label: string) => ({ statistic: Stats.SUM, label });
  const most = (label: string) => ({ statistic: Stats.MAXIMUM, label });
  const written = (table: string, label: string) =>
    metrics.destination('ConsumedWriteCapacityUnits', table, sum(label));
  const throttled = (table: string, label: string) =>
    metrics.destination('WriteThrottleEvents', table, sum(label));
  return [
    {
      title: 'Write units of the destination, per minute',
      left: [written(destination.table, 'twin'), written(stateTable, 'state table')],
      right: [
        throttled(destination.table, 'twin throttled'),
        throttled(stateTable, 'state throttled'),
      ],
    },
    {
      title: 'Requests that failed, per minute',
      left: [
        metrics.own('DestinationThrottles', sum('throttled')),
        metrics.own('DestinationUnreachable', sum('unreachable')),
        metrics.own('DestinationDenied', sum('denied')),
        metrics.handler('Errors', sum('function errors')),
        metrics.handler('Throttles', sum('function throttled')),
      ],
    },
    {
      title: 'Duration of an invocation (ms)',
      left: [
        metrics.handler('Duration', { statistic: Stats.percentile(99), label: 'p99' }),
        metrics.handler('Duration', most('longest')),
      ],
      leftAnnotations: [line(timeoutSeconds * 1000, 'time-out')],
      right: [metrics.handler('ConcurrentExecutions', most('concurrent'))],
    },
  ];
}

function line(value: number, label: string): HorizontalAnnotation {
  return { value, label, color: Color.RED };
}

function text(markdown: string, height: number): TextWidget {
  return new TextWidget({ markdown, width: WIDTH, height });
}
