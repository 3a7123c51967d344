// The dashboard of a replication: one row per question that an operator asks, each with a text that says
// what the row means and where the runbook goes on.

import { Duration } from 'aws-cdk-lib';
import {
  Color,
  Dashboard,
  GraphWidget,
  type GraphWidgetProps,
  type HorizontalAnnotation,
  type IMetric,
  type IWidget,
  PeriodOverride,
  Stats,
  TextWidget,
  type YAxisProps,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { ReplicationConfig } from '../src/config/schema.ts';
import type { MetricName } from '../src/config/names.ts';
import { alarmSpecs, EXPIRING_MS, WAITING_MS } from './alarm-specs.ts';
import { dashboardName, isUrl } from './alarm-text.ts';
import { costPerHour } from './cost-estimate.ts';
import { expression, type ReplicationMetrics } from './replication-metrics.ts';
import { entriesFor, entryTitle } from './runbook-entries.ts';

export interface ReplicationDashboardProps {
  readonly replication: ReplicationConfig;
  readonly metrics: ReplicationMetrics;
}

export class ReplicationDashboard extends Construct {
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, { replication, metrics }: ReplicationDashboardProps) {
    super(scope, id);
    const { name, source, destination, alarms } = replication;
    this.dashboard = new Dashboard(this, 'Dashboard', {
      dashboardName: dashboardName(name),
      defaultInterval: Duration.hours(3),
      periodOverride: PeriodOverride.INHERIT,
      widgets: [
        [
          text(
            `# ${name}: ${source.table} (${source.region}) to ${destination.table} (${destination.region})\nEach row answers one question. A red line is the threshold of the alarm that it names. When an alarm fires, see ${isUrl(alarms.runbook) ? `[the runbook](${alarms.runbook})` : 'the runbook below'}. In a terminal: \`ferry status --replication ${name}\`.`,
          ),
        ],
        ...rows(replication, metrics),
        ...runbookRows(replication, metrics),
      ],
    });
  }
}

const WIDTH = 24;
const HEIGHT = 6;
/** Room for a heading and two lines. */
const TEXT_HEIGHT = 2;
const MINUTE_MS = 60_000;

function rows(replication: ReplicationConfig, metrics: ReplicationMetrics): IWidget[][] {
  const { runbook } = replication.alarms;
  const alarmLine = alarmLines(replication, metrics);
  const row = (question: string, anchor: string, graphs: GraphWidgetProps[]): IWidget[][] => [
    [text(`## ${question} ${whatToDo(runbook, anchor)}`)],
    graphs.map(
      (graph) => new GraphWidget({ width: WIDTH / graphs.length, height: HEIGHT, ...graph }),
    ),
  ];
  return [
    ...row(
      `Is it behind?\nTime from a write at the source to the write on the twin. ${precision(replication)} The stream keeps records for 24 hours. Alarms fire when a record has waited for ${hours(WAITING_MS)} hour and for ${hours(EXPIRING_MS)} hours.`,
      'latency-high',
      lagGraphs(replication, metrics, alarmLine),
    ),
    ...row(
      'Is it moving?\nEvery record has one of these outcomes. Superseded: the twin already had something newer. The causes separate conflicts from redeliveries.',
      'records-waiting',
      flowGraphs(metrics),
    ),
    ...row(
      'Is anything stuck or lost?\nThese graphs should be empty.',
      'dead-letters',
      lossGraphs(metrics, alarmLine),
    ),
    ...row(
      'Does the destination keep up?\nThrottled and failed writes are retried. Records that cannot be written wait in the stream.',
      'destination-unreachable',
      destinationGraphs(replication, metrics),
    ),
    ...row(
      'What does it cost?\nAn estimate with the on-demand list prices of us-east-1. It does not include reads, queue requests, logs, alarms and indexes of the twin.',
      'costs',
      [
        {
          title: 'Cost per hour, at the rate of each minute (estimate)',
          stacked: true,
          left: costPerHour(replication, metrics),
          leftYAxis: axis('US dollars per hour'),
        },
      ],
    ),
  ];
}

function hours(ms: number): number {
  return ms / (60 * MINUTE_MS);
}

function precision({ timestampAttribute, heartbeat }: ReplicationConfig): string {
  if (timestampAttribute !== undefined)
    return `Measured by the timestamp in \`${timestampAttribute}\`. Items without it are measured in whole seconds, up to one second too high.`;
  const exact = heartbeat === undefined ? '' : ' The latency of a heartbeat is exact.';
  return `Measured in whole seconds, up to one second too high.${exact}`;
}

/** The line of an alarm in a graph, by the alarm's name, in the unit of the graph. */
type AlarmLine = (anchor: string, perUnit?: number) => HorizontalAnnotation;

function alarmLines(replication: ReplicationConfig, metrics: ReplicationMetrics): AlarmLine {
  const specs = alarmSpecs(replication, metrics);
  return (anchor, perUnit = 1) => {
    const spec = specs.find((one) => one.anchor === anchor);
    if (spec === undefined) throw new Error(`No alarm is called ${anchor}.`);
    return line(spec.threshold / perUnit, `alarm ${anchor}`);
  };
}

function lagGraphs(
  { heartbeat, timestampAttribute }: ReplicationConfig,
  metrics: ReplicationMetrics,
  alarmLine: AlarmLine,
): GraphWidgetProps[] {
  const percentile = (p: number) =>
    metrics.own('ReplicationLatency', { statistic: Stats.percentile(p), label: `p${p}` });
  const beat = metrics.own('HeartbeatLatency', { statistic: Stats.MAXIMUM, label: 'heartbeat' });
  const negative = { statistic: Stats.SUM, label: 'below zero, counted as 0' };
  const fallbacks = { statistic: Stats.SUM, label: 'without a usable timestamp' };
  const most = { statistic: Stats.MAXIMUM };
  return [
    {
      // Not with p99: the line of its alarm would flatten these.
      title: 'Latency, p50 and p90',
      left: [percentile(50), percentile(90)],
      leftYAxis: axis('ms'),
      right: [
        metrics.own('NegativeLatencies', negative),
        ...(timestampAttribute === undefined ? [] : [metrics.own('TimestampFallbacks', fallbacks)]),
      ],
      rightYAxis: axis('per minute'),
    },
    {
      title: 'Latency, p99',
      left: [percentile(99), ...(heartbeat ? [beat] : [])],
      leftYAxis: axis('ms'),
      leftAnnotations: [alarmLine('latency-high')],
    },
    {
      title: 'Age of the oldest waiting record',
      left: [
        inMinutes('unapplied', metrics.own('OldestUnappliedAge', most), 'not applied'),
        inMinutes('read', metrics.handler('IteratorAge', most), 'when read'),
      ],
      leftYAxis: axis('minutes'),
      // Not the alarm at 12 hours: its line would flatten the graph.
      leftAnnotations: [alarmLine('records-waiting', MINUTE_MS)],
    },
    {
      title: 'Pending records in the longest shard',
      left: [metrics.own('PendingRecords', { statistic: Stats.MAXIMUM, label: 'pending' })],
      leftYAxis: axis('records (estimate)'),
    },
  ];
}

function inMinutes(id: string, ms: IMetric, label: string): IMetric {
  return expression(`${id} / ${MINUTE_MS}`, { [id]: ms }, label);
}

function flowGraphs(metrics: ReplicationMetrics): GraphWidgetProps[] {
  const sum = (label: string) => ({ statistic: Stats.SUM, label });
  const outcome = (name: MetricName, label: string, color: string) =>
    metrics.own(name, sum(label)).with({ color });
  return [
    {
      title: 'Records by outcome',
      stacked: true,
      left: [
        // Rare outcomes lie at the bottom, where small numbers can be read.
        outcome('DeadLetteredRecords', 'dead-lettered', Color.RED),
        outcome('RetriedRecords', 'to be retried', Color.ORANGE),
        outcome('SupersededRecords', 'superseded', Color.PURPLE),
        outcome('SkippedRecords', 'skipped', Color.GREY),
        outcome('CoalescedRecords', 'coalesced', Color.GREEN),
        outcome('AppliedRecords', 'applied', Color.BLUE),
      ],
      leftYAxis: axis('per minute'),
    },
    {
      title: 'Superseded records by cause',
      left: [
        metrics.own('SupersededByRedelivery', sum('redelivered')),
        metrics.own('SupersededByNewerItem', sum('newer item')),
        metrics.own('SupersededByTombstone', sum('deleted since')),
      ],
      leftYAxis: axis('per minute'),
    },
    {
      title: 'Stream records at the event source mapping',
      left: [
        metrics.mapping('PolledEventCount', sum('polled')),
        metrics.mapping('FilteredOutEventCount', sum('filtered out')),
        metrics.mapping('InvokedEventCount', sum('invoked')),
        metrics.mapping('FailedInvokeEventCount', sum('failed')),
        metrics.mapping('DroppedEventCount', sum('dropped')),
      ],
      leftYAxis: axis('per minute'),
    },
  ];
}

function lossGraphs(metrics: ReplicationMetrics, alarmLine: AlarmLine): GraphWidgetProps[] {
  const delivered = metrics.mapping('OnFailureDestinationDeliveredEventCount', {
    statistic: Stats.SUM,
    label: 'given up to the bucket',
  });
  const held = metrics.own('HeldRecords', { statistic: Stats.SUM, label: 'held' });
  const dropped = metrics.mapping('DroppedEventCount', { statistic: Stats.SUM, label: 'lost' });
  const undelivered = metrics.handler('DestinationDeliveryFailures', {
    statistic: Stats.SUM,
    label: 'failed deliveries to the bucket',
  });
  const age = metrics.lookAgainAge('oldest delete to be looked at again');
  const revenants = { statistic: Stats.SUM, label: 'deleted items that came back' };
  const lookAgain: GraphWidgetProps = {
    title: 'Deletes looked at again',
    left: [metrics.own('Revenants', revenants)],
    leftYAxis: axis('per minute'),
    right: age === undefined ? [] : [age],
    rightYAxis: axis('seconds'),
  };
  return [
    {
      title: 'Dead letters in the queue',
      left: [metrics.deadLetters('dead letters')],
      leftYAxis: axis('records'),
      leftAnnotations: [alarmLine('dead-letters')],
    },
    {
      title: 'Oldest dead letter',
      left: [metrics.oldestDeadLetter('oldest dead letter')],
      leftYAxis: axis('days'),
      leftAnnotations: [line(14, 'deleted from the queue')],
    },
    {
      title: 'Held, given up or lost',
      left: [held, delivered, dropped, undelivered],
      leftYAxis: axis('per minute'),
      leftAnnotations: [alarmLine('batches-given-up')],
    },
    ...(age === undefined ? [] : [lookAgain]),
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
      title: 'Writes at the destination',
      left: [written(destination.table, 'twin'), written(stateTable, 'state table')],
      leftYAxis: axis('write units per minute'),
      right: [
        throttled(destination.table, 'twin throttled'),
        throttled(stateTable, 'state table throttled'),
      ],
      rightYAxis: axis('throttles per minute'),
    },
    {
      title: 'Failed requests and invocations',
      left: [
        metrics.own('DestinationThrottles', sum('throttled')),
        metrics.own('DestinationUnreachable', sum('unreachable')),
        metrics.own('DestinationDenied', sum('denied')),
        metrics.handler('Errors', sum('function errors')),
        metrics.handler('Throttles', sum('function throttled')),
      ],
      leftYAxis: axis('per minute'),
    },
    {
      title: 'Invocations of the function',
      left: [
        metrics.handler('Duration', { statistic: Stats.percentile(99), label: 'duration p99' }),
        metrics.handler('Duration', most('longest')),
      ],
      leftYAxis: axis('ms'),
      leftAnnotations: [line(timeoutSeconds * 1000, 'timeout')],
      right: [metrics.handler('ConcurrentExecutions', most('concurrent'))],
      rightYAxis: axis('concurrent'),
    },
  ];
}

function axis(label: string): YAxisProps {
  return { label, min: 0, showUnits: false };
}

function line(value: number, label: string): HorizontalAnnotation {
  return { value, label, color: Color.RED };
}

function text(markdown: string): TextWidget {
  return new TextWidget({ markdown, width: WIDTH, height: TEXT_HEIGHT });
}

/** CloudWatch cannot follow a path: the entry is on the dashboard. */
function whatToDo(runbook: string, anchor: string): string {
  if (isUrl(runbook)) return `[What to do](${runbook}#${anchor})`;
  return `What to do: *${entryTitle(anchor)}* below.`;
}

const ENTRY_HEIGHT = 9;

/** The entries of the runbook, if it has no URL. */
function runbookRows(replication: ReplicationConfig, metrics: ReplicationMetrics): IWidget[][] {
  if (isUrl(replication.alarms.runbook)) return [];
  const ofAlarms = alarmSpecs(replication, metrics).map(({ anchor, runbook = anchor }) => runbook);
  const anchors = new Set([...ofAlarms, ...MORE_ENTRIES]);
  const entries = entriesFor(replication, anchors).map(
    (markdown) => new TextWidget({ markdown, width: WIDTH / 2, height: ENTRY_HEIGHT }),
  );
  const title = text(
    '## Runbook\nWhat to do when an alarm fires. Ferry’s `docs/runbook.md` has more.',
  );
  return [[title], ...pairs(entries)];
}

/** Entries that other entries name. */
const MORE_ENTRIES = ['costs', 'outage-longer-than-a-day', 'tables-that-differ'];

function pairs(widgets: readonly IWidget[]): IWidget[][] {
  return widgets.flatMap((_, index) => (index % 2 === 0 ? [widgets.slice(index, index + 2)] : []));
}
