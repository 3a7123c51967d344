// What each row of the dashboard shows: its graphs, with the lines of the alarms that watch the same metric.

import { Duration } from 'aws-cdk-lib';
import {
  Color,
  type GraphWidgetProps,
  type HorizontalAnnotation,
  type IMetric,
  Stats,
} from 'aws-cdk-lib/aws-cloudwatch';
import { alarmRules } from '../src/alarms/alarm-rules.ts';
import { LIST_PRICES, type MetricName, type ReconcileMetricName } from '../src/config/names.ts';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { left, line, most, percentile, right, sum } from './graph-parts.ts';
import { switchingGraph, twoWayGraph } from './other-side-graphs.ts';
import { expression, MAXIMUM, PERIOD, type ReplicationMetrics } from './replication-metrics.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** The line of an alarm in a graph, by the alarm's name, in the unit of the graph. */
export type AlarmLine = (anchor: string, perUnit?: number) => HorizontalAnnotation;

export function alarmLines(replication: ReplicationConfig): AlarmLine {
  const rules = alarmRules(replication);
  return (anchor, perUnit = 1) => {
    const rule = rules.find((one) => one.anchor === anchor);
    if (rule === undefined) throw new Error(`No alarm is called ${anchor}.`);
    return line(rule.threshold / perUnit, `alarm ${anchor}`);
  };
}

export function lagGraphs(
  { heartbeat, timestampAttribute }: ReplicationConfig,
  metrics: ReplicationMetrics,
  alarmLine: AlarmLine,
): GraphWidgetProps[] {
  const latency = (p: number) => metrics.own('ReplicationLatency', percentile(p));
  const beat = metrics.own('HeartbeatLatency', most('heartbeat'));
  const negative = metrics.own('NegativeLatencies', sum('below zero, counted as 0'));
  const fallbacks = metrics.own('TimestampFallbacks', sum('without a usable timestamp'));
  return [
    {
      // Not with p99: the line of its alarm would flatten these.
      title: 'Latency, p50 and p90',
      ...left('ms', latency(50), latency(90)),
      ...right('per minute', negative, ...(timestampAttribute === undefined ? [] : [fallbacks])),
    },
    {
      title: 'Latency, p99',
      ...left('ms', latency(99), ...(heartbeat ? [beat] : [])),
      leftAnnotations: [alarmLine('latency-high')],
    },
    {
      title: 'Age of the oldest waiting record',
      ...left(
        'minutes',
        inMinutes('unapplied', metrics.own('OldestUnappliedAge', MAXIMUM), 'not applied'),
        inMinutes('read', metrics.handler('IteratorAge', MAXIMUM), 'when read'),
      ),
      // Not the alarm at half of the retention: its line would flatten the graph.
      leftAnnotations: [alarmLine('records-waiting', MINUTE_MS)],
    },
    {
      title: 'Pending records in the longest shard',
      ...left('records (estimate)', metrics.own('PendingRecords', most('pending'))),
    },
  ];
}

function inMinutes(id: string, ms: IMetric, label: string): IMetric {
  return expression(`${id} / ${MINUTE_MS}`, { [id]: ms }, label);
}

export function flowGraphs(
  { switching, twoWay, source }: ReplicationConfig,
  metrics: ReplicationMetrics,
): GraphWidgetProps[] {
  const isKinesis = source.kinesisStreamArn !== undefined;
  const outcome = (name: MetricName, label: string, color: string) =>
    metrics.own(name, sum(label)).with({ color });
  return [
    {
      title: 'Records by outcome',
      stacked: true,
      ...left(
        'per minute',
        // Rare outcomes lie at the bottom, where small numbers can be read.
        outcome('DeadLetteredRecords', 'dead-lettered', Color.RED),
        outcome('RetriedRecords', 'to be retried', Color.ORANGE),
        outcome('SupersededRecords', 'superseded', Color.PURPLE),
        outcome('SkippedRecords', 'skipped', Color.GREY),
        outcome('CoalescedRecords', 'coalesced', Color.GREEN),
        outcome('AppliedRecords', 'applied', Color.BLUE),
      ),
    },
    ...(switching ? [switchingGraph(metrics)] : []),
    ...(twoWay ? [twoWayGraph(metrics, twoWay)] : []),
    {
      title: 'Superseded records by cause',
      ...left(
        'per minute',
        metrics.own('SupersededByRedelivery', sum('redelivered')),
        metrics.own('SupersededByNewerItem', sum('newer item')),
        metrics.own('SupersededByTombstone', sum('deleted since')),
        ...(isKinesis ? [metrics.own('TiedRecords', sum('of the same time'))] : []),
      ),
      ...(isKinesis && right('per minute', metrics.own('ForeignRecords', sum('of other tables')))),
    },
    ...(metrics.services.mappingMetrics ? [mappingGraph(metrics)] : []),
  ];
}

function mappingGraph(metrics: ReplicationMetrics): GraphWidgetProps {
  return {
    title: 'Stream records at the event source mapping',
    ...left(
      'per minute',
      metrics.mapping('PolledEventCount', sum('polled')),
      metrics.mapping('FilteredOutEventCount', sum('filtered out')),
      metrics.mapping('InvokedEventCount', sum('invoked')),
      metrics.mapping('FailedInvokeEventCount', sum('failed')),
      metrics.mapping('DroppedEventCount', sum('dropped')),
    ),
  };
}

export function lossGraphs(metrics: ReplicationMetrics, alarmLine: AlarmLine): GraphWidgetProps[] {
  const place = metrics.storesBatches ? 'bucket' : 'queue';
  const { mappingMetrics } = metrics.services;
  const ofMapping = mappingMetrics
    ? [
        metrics.mapping('OnFailureDestinationDeliveredEventCount', sum(`given up to the ${place}`)),
        metrics.mapping('DroppedEventCount', sum('lost')),
      ]
    : [];
  const age = metrics.lookAgainAge({ label: 'oldest delete to be looked at again' });
  const lookAgain = {
    title: 'Deletes looked at again',
    ...left('per minute', metrics.own('Revenants', sum('deleted items that came back'))),
  };
  return [
    {
      title: 'Dead letters in the queue',
      ...left('records', metrics.deadLetters({ label: 'dead letters' })),
      leftAnnotations: [alarmLine('dead-letters')],
    },
    {
      title: 'Oldest dead letter',
      ...left('days', metrics.oldestDeadLetter('oldest dead letter')),
      leftAnnotations: [line(14, 'deleted from the queue')],
    },
    {
      title: 'Held, given up or lost',
      ...left(
        'per minute',
        metrics.own('HeldRecords', sum('held')),
        ...ofMapping,
        metrics.handler('DestinationDeliveryFailures', sum(`failed deliveries to the ${place}`)),
      ),
      leftAnnotations: [alarmLine(mappingMetrics ? 'batches-given-up' : 'deliveries-failed')],
    },
    ...(age === undefined ? [] : [{ ...lookAgain, ...right('seconds', age) }]),
  ];
}

/** Of comparisons on a schedule. Their figures come once a day. */
export function reconcileGraphs(
  metrics: ReplicationMetrics,
  alarmLine: AlarmLine,
): GraphWidgetProps[] {
  const period = Duration.days(1);
  const daily = (name: ReconcileMetricName, statistic: string, label: string) =>
    metrics.own(name, { statistic, label, period });
  const age = daily('ReconciliationAge', Stats.MAXIMUM, 'since the last good run');
  const days = expression(`age / ${DAY_MS}`, { age }, 'since the last good run', period);
  return [
    {
      title: 'Differences',
      ...left('items', daily('Differences', Stats.MAXIMUM, 'left after the last run')),
      ...right('items', daily('RepairedItems', Stats.SUM, 'repaired')),
      leftAnnotations: [alarmLine('differences')],
    },
    { title: 'Items compared', ...left('items', daily('ItemsCompared', Stats.SUM, 'compared')) },
    {
      title: 'Age of the last good run',
      ...left('days', days),
      leftAnnotations: [alarmLine('reconciliation-overdue', DAY_MS)],
    },
  ].map((graph) => ({ ...graph, start: '-P28D' }));
}

export function destinationGraphs(
  { destination, stateTable, function: { timeoutSeconds } }: ReplicationConfig,
  metrics: ReplicationMetrics,
): GraphWidgetProps[] {
  const written = (table: string, label: string) =>
    metrics.destination('ConsumedWriteCapacityUnits', table, sum(label));
  const throttled = (table: string, label: string) =>
    metrics.destination('WriteThrottleEvents', table, sum(label));
  const writes = {
    title: 'Writes at the destination',
    ...left(
      'write units per minute',
      written(destination.table, 'twin'),
      written(stateTable, 'state table'),
    ),
    ...right(
      'throttles per minute',
      throttled(destination.table, 'twin throttled'),
      throttled(stateTable, 'state table throttled'),
    ),
  };
  return [
    ...(metrics.seesDestination ? [writes] : []),
    {
      title: 'Failed requests and invocations',
      ...left(
        'per minute',
        metrics.own('DestinationThrottles', sum('throttled')),
        metrics.own('DestinationUnreachable', sum('unreachable')),
        metrics.own('DestinationDenied', sum('denied')),
        metrics.handler('Errors', sum('function errors')),
        metrics.handler('Throttles', sum('function throttled')),
      ),
    },
    {
      title: 'Invocations of the function',
      ...left(
        'ms',
        metrics.handler('Duration', percentile(99, 'duration p99')),
        metrics.handler('Duration', most('longest')),
      ),
      leftAnnotations: [line(timeoutSeconds * 1000, 'timeout')],
      ...right('concurrent', metrics.handler('ConcurrentExecutions', most('concurrent'))),
    },
  ];
}

/** Dollars per hour at the rate of each minute, by what they are paid for. */
export function costGraphs(
  { destination, stateTable, function: { memoryMiB } }: ReplicationConfig,
  metrics: ReplicationMetrics,
): GraphWidgetProps[] {
  const perMs = ((memoryMiB / 1_024) * LIST_PRICES.lambdaGBSecond) / 1_000;
  const written = (table: string) => metrics.destination('ConsumedWriteCapacityUnits', table);
  const writes = expression(
    `(FILL(twin, 0) + FILL(state, 0)) * ${hourly(LIST_PRICES.writeUnit)}`,
    { twin: written(destination.table), state: written(stateTable) },
    'writes at the destination',
  );
  return [
    {
      title: 'Cost per hour, at the rate of each minute (estimate)',
      stacked: true,
      ...left(
        'US dollars per hour',
        expression(
          `FILL(ms, 0) * ${hourly(perMs)} + FILL(invocations, 0) * ${hourly(LIST_PRICES.lambdaRequest)}`,
          { ms: metrics.handler('Duration'), invocations: metrics.handler('Invocations') },
          'function',
        ),
        ...(metrics.seesDestination ? [writes] : []),
      ),
    },
  ];
}

const PERIODS_PER_HOUR = 3_600 / PERIOD.toSeconds();

/** Metric math knows no exponents. */
function hourly(dollars: number): string {
  return (dollars * PERIODS_PER_HOUR).toFixed(12).replace(/0+$/, '');
}
