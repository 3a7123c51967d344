// The dashboard of a fleet: a row for each replication, whose heading links to the replication's own dashboard. With
// the 100 replications that a file can have, it stays below CloudWatch's limit of 500 widgets and of 2,500 metrics.

import { Duration, type Stack } from 'aws-cdk-lib';
import {
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  Metric,
  PeriodOverride,
  Stats,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import { FLEET } from '../src/config/fleet.ts';
import { deadLetterQueueName } from '../src/config/names.ts';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { dashboardName, dashboardUrl } from './alarm-text.ts';
import { expression, MAXIMUM, ownMetric } from './replication-metrics.ts';

const WIDTH = 24;
const GRAPH_HEIGHT = 4;
const MINUTE_MS = 60_000;

export function createFleetDashboard(
  stack: Stack,
  replications: readonly ReplicationConfig[],
): Dashboard {
  const title = `# All replications from ${stack.region}\nIn a terminal, \`ferry status\` lists them, the worst first.`;
  return new Dashboard(stack, 'Dashboard', {
    dashboardName: dashboardName(FLEET),
    defaultInterval: Duration.hours(3),
    periodOverride: PeriodOverride.INHERIT,
    widgets: [[text(title, 2)], ...replications.flatMap(rowsOf)],
  });
}

function rowsOf(replication: ReplicationConfig): IWidget[][] {
  const { name, source, destination } = replication;
  const url = replication.dashboard ? dashboardUrl(source.region, dashboardName(name)) : undefined;
  const heading = url === undefined ? name : `[${name}](${url})`;
  const tables = `${source.table} to ${destination.table} (${destination.region})`;
  return [[text(`## ${heading}: ${tables}`, 1)], graphs(replication)];
}

function graphs(replication: ReplicationConfig): IWidget[] {
  const age = ownMetric(replication, 'OldestUnappliedAge', MAXIMUM);
  const applied = ownMetric(replication, 'AppliedRecords', { label: 'applied' });
  return [
    graph('Latency, p99', 'ms', [
      ownMetric(replication, 'ReplicationLatency', {
        statistic: Stats.percentile(99),
        label: 'p99',
      }),
    ]),
    graph('Age of the oldest waiting record', 'minutes', [
      expression(`age / ${MINUTE_MS}`, { age }, 'not applied'),
    ]),
    graph('Records', 'per minute', [applied], [deadLetters(replication)]),
  ];
}

function deadLetters({ name }: ReplicationConfig): Metric {
  return new Metric({
    namespace: 'AWS/SQS',
    metricName: 'ApproximateNumberOfMessagesVisible',
    dimensionsMap: { QueueName: deadLetterQueueName(name) },
    label: 'dead letters',
    ...MAXIMUM,
  });
}

function graph(title: string, label: string, left: IMetric[], right: IMetric[] = []): IWidget {
  return new GraphWidget({
    title,
    width: WIDTH / 3,
    height: GRAPH_HEIGHT,
    left,
    leftYAxis: { label, min: 0, showUnits: false },
    ...(right.length > 0 && {
      right,
      rightYAxis: { label: 'dead letters', min: 0, showUnits: false },
    }),
  });
}

function text(markdown: string, height: number): TextWidget {
  return new TextWidget({ markdown, width: WIDTH, height });
}
