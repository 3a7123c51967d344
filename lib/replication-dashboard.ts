// The dashboard of a replication: one row per question that an operator asks, each with a text that says
// what the row means and where the runbook goes on.

import { Duration } from 'aws-cdk-lib';
import {
  Dashboard,
  GraphWidget,
  type GraphWidgetProps,
  type IWidget,
  PeriodOverride,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { alarmRules } from '../src/alarms/alarm-rules.ts';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { expiringHours, retentionText, WAITING_HOURS } from '../src/config/record-age.ts';
import { dashboardName, isUrl } from './alarm-text.ts';
import {
  alarmLines,
  costGraphs,
  destinationGraphs,
  flowGraphs,
  lagGraphs,
  lossGraphs,
  reconcileGraphs,
} from './dashboard-graphs.ts';
import type { ReplicationMetrics } from './replication-metrics.ts';
import { entriesFor, entryTitle } from './runbook-entries.ts';

export function createDashboard(
  scope: Construct,
  replication: ReplicationConfig,
  metrics: ReplicationMetrics,
): Dashboard {
  const { name, source, destination, alarms } = replication;
  const runbook = isUrl(alarms.runbook) ? `[the runbook](${alarms.runbook})` : 'the runbook below';
  const title = text(
    `# ${name}: ${source.table} (${source.region}) to ${destination.table} (${destination.region})\nEach row answers one question. A red line is the threshold of the alarm that it names. When an alarm fires, see ${runbook}. In a terminal: \`ferry status --replication ${name}\`.`,
  );
  return new Dashboard(new Construct(scope, 'Monitoring'), 'Dashboard', {
    dashboardName: dashboardName(name),
    defaultInterval: Duration.hours(3),
    periodOverride: PeriodOverride.INHERIT,
    widgets: [[title], ...rows(replication, metrics), ...runbookRows(replication, metrics)],
  });
}

const WIDTH = 24;
const HEIGHT = 6;
/** Room for a heading and two lines. */
const TEXT_HEIGHT = 2;

function rows(replication: ReplicationConfig, metrics: ReplicationMetrics): IWidget[][] {
  const { runbook } = replication.alarms;
  const alarmLine = alarmLines(replication);
  const row = (question: string, anchor: string, graphs: GraphWidgetProps[]): IWidget[][] => [
    [text(`## ${question} ${whatToDo(runbook, anchor)}`)],
    graphs.map(
      (graph) => new GraphWidget({ width: WIDTH / graphs.length, height: HEIGHT, ...graph }),
    ),
  ];
  return [
    ...row(
      `Is it behind?\nTime from a write at the source to the write on the twin. ${precision(replication)} The stream keeps records for ${retentionText(replication.source)}. Alarms fire when a record has waited for ${WAITING_HOURS} hour and for ${expiringHours(replication)} hours.`,
      'latency-high',
      lagGraphs(replication, metrics, alarmLine),
    ),
    ...row(
      `Is it moving?\nEvery record has one of these outcomes. Superseded: the twin already had something newer. The causes separate conflicts from redeliveries.${bothSides(replication)}`,
      'records-waiting',
      flowGraphs(replication, metrics),
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
    ...(replication.reconcile === undefined
      ? []
      : row(
          `Do the tables agree?\nA comparison on a schedule, every ${replication.reconcile.every}. \`ferry status\` has its result.`,
          'tables-that-differ',
          reconcileGraphs(metrics, alarmLine),
        )),
    ...(metrics.services.listPrices
      ? row(
          'What does it cost?\nAn estimate with the on-demand list prices of us-east-1. It does not include reads, queue requests, logs, alarms and indexes of the twin.',
          'costs',
          costGraphs(replication, metrics),
        )
      : []),
  ];
}

function bothSides({ twoWay }: ReplicationConfig): string {
  if (twoWay === undefined) return '';
  const own = ' Own: Ferry itself wrote it.';
  return twoWay.mode === 'home'
    ? `${own} Stray: an application wrote it, and its home is the other Region.`
    : `${own} Stray: an application wrote it without a stamp. Conflict: neither side had seen the other's write, and the older one is gone.`;
}

function precision({ timestampAttribute, heartbeat, source }: ReplicationConfig): string {
  if (timestampAttribute !== undefined)
    return `Measured by the timestamp in \`${timestampAttribute}\`. Items without it are measured in whole seconds, up to one second too high.`;
  if (source.kinesisStreamArn !== undefined)
    return 'Measured from the time that DynamoDB gives the change, in microseconds.';
  const exact = heartbeat === undefined ? '' : ' The latency of a heartbeat is exact.';
  return `Measured in whole seconds, up to one second too high.${exact}`;
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
  const ofAlarms = alarmRules(replication).map(({ anchor, runbook = anchor }) => runbook);
  const givenUp = metrics.storesBatches ? [] : ['batches-given-up'];
  const costs = metrics.services.listPrices ? ['costs'] : [];
  const anchors = new Set([...ofAlarms, ...givenUp, ...costs, ...MORE_ENTRIES]);
  const entries = entriesFor(replication, anchors).map(
    (markdown) => new TextWidget({ markdown, width: WIDTH / 2, height: ENTRY_HEIGHT }),
  );
  const title = text(
    '## Runbook\nWhat to do when an alarm fires. Ferry’s `docs/runbook.md` has more.',
  );
  return [[title], entries];
}

/** Entries that other entries name. */
const MORE_ENTRIES = ['outage-longer-than-a-day', 'tables-that-differ'];
