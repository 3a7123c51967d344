// What is emitted, what is shown, and what rings: the three must speak of the same metrics.

import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type GraphWidgetBody,
  type MetricRow,
  parseDashboardBody,
} from '../fixtures/dashboard/dashboard-body.ts';
import {
  type MetricQuery,
  MINUTES,
  queryOf,
  shownSeries,
} from '../fixtures/dashboard/widget-series.ts';
import { emfMetrics } from '../../src/aws/emf-metrics.ts';
import { parseConfig } from '../../src/config/config.ts';
import { functionVariables } from '../../src/config/function-variable.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import {
  METRIC_DIMENSIONS,
  METRIC_UNITS,
  type MetricName,
  RECONCILE_METRIC_UNITS,
  type ReconcileMetricName,
} from '../../src/config/names.ts';
import type { BatchSummary } from '../../src/model/batch-response.ts';
import { useEngine } from '../fixtures/engine.ts';
import { SETTINGS } from '../fixtures/records.ts';
import {
  BEATING,
  only,
  resources,
  templates,
  temporary,
  type TemplateJson,
} from './stack-templates.ts';

afterAll(() => rmSync(temporary, { recursive: true }));

const NAMES = Object.keys({ ...METRIC_UNITS, ...RECONCILE_METRIC_UNITS }) as Array<
  MetricName | ReconcileMetricName
>;

/** The statistics that tell something true of each. A sum of gauges or of latencies would not. */
const SENSIBLE: Readonly<Record<MetricName | ReconcileMetricName, readonly string[]>> = {
  ReplicationLatency: ['p50', 'p90', 'p99'],
  HeartbeatLatency: ['Maximum'],
  HeartbeatAge: ['Maximum'],
  NegativeLatencies: ['Sum'],
  TimestampFallbacks: ['Sum'],
  AppliedRecords: ['Sum'],
  SupersededRecords: ['Sum'],
  SupersededByRedelivery: ['Sum'],
  SupersededByNewerItem: ['Sum'],
  SupersededByTombstone: ['Sum'],
  CoalescedRecords: ['Sum'],
  TiedRecords: ['Sum'],
  Conflicts: ['Sum'],
  FutureStamps: ['Sum'],
  ForeignRecords: ['Sum'],
  SkippedRecords: ['Sum'],
  RetriedRecords: ['Sum'],
  HeldRecords: ['Sum'],
  OwnRecords: ['Sum'],
  StrayWrites: ['Sum'],
  StrandedRecords: ['Sum'],
  ControlUnreadable: ['Sum'],
  Revenants: ['Sum'],
  DeadLetteredRecords: ['Sum'],
  DestinationThrottles: ['Sum'],
  DestinationUnreachable: ['Sum'],
  DestinationDenied: ['Sum'],
  OldestUnappliedAge: ['Maximum'],
  PendingRecords: ['Maximum'],
  ReconciliationAge: ['Maximum'],
  Differences: ['Maximum'],
  ItemsCompared: ['Sum'],
  RepairedItems: ['Sum'],
};

const { source } = templates({
  ...BEATING,
  timestampAttribute: 'updatedAt',
  switching: {},
  reconcile: {},
});
const graphs = graphsOf(source);
const { source: kinesis } = templates({
  ...BEATING,
  source: {
    region: 'us-east-1',
    table: 'Orders',
    kinesisStreamArn: 'arn:aws:kinesis:us-east-1:111122223333:stream/order-changes',
    kinesisRetentionHours: 168,
  },
});
const { source: bothWays } = templates({
  ...BEATING,
  direction: 'both',
  twoWay: { mode: 'stamped' },
});
const rows = [...graphs, ...graphsOf(kinesis), ...graphsOf(bothWays)].flatMap(
  ({ properties }) => properties.metrics,
);
const onGraphs = rows.filter((row) => lookOf(row).expression === undefined).map(queryOf);
const alarms = [source, kinesis, bothWays]
  .flatMap((one) => resources(one, 'AWS::CloudWatch::Alarm'))
  .map(([, { Properties }]) => Properties);
const inAlarms = alarms.flatMap(queriesOf);

interface MetricOfAlarm {
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions: ReadonlyArray<{ readonly Name: string; readonly Value: unknown }>;
}

function queriesOf(alarm: Readonly<Record<string, unknown>>): MetricQuery[] {
  const stats = (alarm['Metrics'] ?? []) as Array<{
    MetricStat?: { Metric: MetricOfAlarm; Stat: string };
  }>;
  const own = alarm as unknown as MetricOfAlarm;
  const stat = (alarm['Statistic'] ?? alarm['ExtendedStatistic']) as string;
  const found = stats.flatMap(({ MetricStat }) => MetricStat ?? []);
  return (own.MetricName === undefined ? found : [{ Metric: own, Stat: stat }]).map(
    ({ Metric, Stat }) => ({
      namespace: Metric.Namespace,
      name: Metric.MetricName,
      dimensions: Metric.Dimensions.flatMap(({ Name, Value }) => [Name, JSON.stringify(Value)]),
      stat: Stat,
    }),
  );
}

function graphsOf(template: TemplateJson): GraphWidgetBody[] {
  const { Properties } = only(template, 'AWS::CloudWatch::Dashboard');
  const { widgets } = parseDashboardBody(Properties['DashboardBody']);
  return widgets.filter((one): one is GraphWidgetBody => one.type === 'metric');
}

function lookOf(row: MetricRow) {
  return row.at(-1) as Exclude<MetricRow[number], string>;
}

describe('every metric of Ferry’s', () => {
  it.each(NAMES)('%s is on a graph or rings', (name) => {
    const uses = [...onGraphs, ...inAlarms].filter(
      (query) => query.namespace === 'Ferry' && query.name === name,
    );

    expect(uses).not.toEqual([]);
  });

  it('that is used is one that there is, with a statistic that makes sense', () => {
    const used = [...onGraphs, ...inAlarms].filter(({ namespace }) => namespace === 'Ferry');

    expect(used.length).toBeGreaterThan(NAMES.length);
    for (const { name, stat } of used) expect(SENSIBLE[name as MetricName]).toContain(stat);
  });

  it('that is used has the dimensions that it is emitted with', () => {
    const used = [...onGraphs, ...inAlarms].filter(({ namespace }) => namespace === 'Ferry');

    for (const { dimensions } of used) {
      const names = dimensions.filter((_, index) => index % 2 === 0);
      expect(names.toSorted()).toEqual([...METRIC_DIMENSIONS].toSorted());
      expect(dimensions.map((one) => one.replaceAll('"', ''))).toEqual(
        expect.arrayContaining(['orders', 'us-east-1', 'eu-west-1']),
      );
    }
  });
});

describe('the dashboard', () => {
  it.each(graphs.map((graph) => [graph.properties.title, graph] as const))(
    'shows in "%s" all that it fetches, each with a label',
    (_, { properties: { metrics } }) => {
      const shown = metrics.filter((row) => lookOf(row).visible !== false);
      const hidden = metrics.filter((row) => lookOf(row).visible === false);
      const expressions = metrics.map((row) => lookOf(row).expression ?? '').join(' ');

      for (const row of shown) expect(lookOf(row).label).toMatch(/\S/);
      for (const row of hidden) expect(expressions).toMatch(new RegExp(`\\b${lookOf(row).id}\\b`));
    },
  );

  it.each(graphs.map((graph) => [graph.properties.title, graph] as const))(
    'names the unit of each axis of "%s", and begins it at zero',
    (_, { properties: { metrics, yAxis } }) => {
      const shown = metrics.filter((row) => lookOf(row).visible !== false);
      for (const row of shown) {
        expect(yAxis?.[lookOf(row).yAxis ?? 'left']).toMatchObject({
          label: expect.stringMatching(/\S/) as string,
          min: 0,
        });
      }
    },
  );
});

describe('the lines of alarms', () => {
  const lines = graphs.flatMap((graph) =>
    (graph.properties.annotations?.horizontal ?? [])
      .filter(({ label }) => label?.startsWith('alarm '))
      .map(({ label = '', value }) => [label.slice('alarm '.length), value, graph] as const),
  );

  it('are drawn for these, each under its name', () => {
    expect(lines.map(([anchor]) => anchor)).toEqual([
      'latency-high',
      'records-waiting',
      'dead-letters',
      'batches-given-up',
      'differences',
      'reconciliation-overdue',
    ]);
  });

  it.each(lines)('"%s" stand where the alarm rings', (anchor, value, graph) => {
    const alarm = alarms.find(({ AlarmName }) => AlarmName === `ferry-orders-${anchor}`) ?? {};
    const metrics = queriesOf(alarm).map(nameOf);
    // What the graph would show if the alarm's metric, and nothing else, were at its threshold.
    const series = shownSeries(graph, (query) =>
      Array.from({ length: MINUTES }, () =>
        metrics.includes(nameOf(query)) ? Number(alarm['Threshold']) : undefined,
      ),
    );

    const reached = series.flatMap(({ values }) => values[0] ?? []);

    expect(Math.max(...reached)).toBe(value);
    expect(alarm['ComparisonOperator']).toBe('GreaterThanOrEqualToThreshold');
  });

  function nameOf({ namespace, name, stat }: MetricQuery): string {
    return `${namespace} ${name} ${stat}`;
  }
});

describe('what is emitted', () => {
  const engine = useEngine();
  beforeAll(async () => {
    for (const table of ['Orders', 'OrdersTwin'])
      await engine().createTable(table, [{ name: 'pk', type: 'S' }]);
  });

  it('is every metric that there is, with its unit, by the function and the heartbeat', async () => {
    const byFunction = unitsIn(emittedForABatch());
    const byHeartbeat = unitsIn(await emittedByHeartbeat(engine().endpoint));

    const { HeartbeatAge, ...others } = METRIC_UNITS;
    expect(byFunction).toEqual(others);
    const { OldestUnappliedAge } = METRIC_UNITS;
    expect(byHeartbeat).toEqual({ OldestUnappliedAge, HeartbeatAge });
  });
});

/** Of a summary with everything in it. */
function emittedForABatch(): string[] {
  const lines: string[] = [];
  const clock = { now: () => 1_234, sleep: async () => undefined };
  const kinds = { throttled: 1, unreachable: 1, denied: 1, rejected: 1, switching: 1, unknown: 1 };
  const summary: BatchSummary = {
    batchItemFailures: [{ itemIdentifier: '1' }],
    counts: {
      applied: 1,
      superseded: 1,
      coalesced: 1,
      skipped: 1,
      foreign: 1,
      own: 1,
      stray: 1,
      stranded: 1,
      'dead-lettered': 1,
    },
    twoWay: { conflicts: 1, revenants: 1, futureStamps: 1 },
    superseded: {
      redelivery: 1,
      tied: 1,
      newer: 1,
      deleted: 1,
      unversioned: 1,
      'not-returned': 1,
      'not-comparable': 1,
      ended: 1,
    },
    retried: 1,
    held: 1,
    isUnreadable: true,
    latenciesMs: [1],
    heartbeatsMs: [1],
    negativeLatencies: 1,
    timestampFallbacks: 1,
    causes: {},
    failures: kinds,
    oldestUnappliedMs: 1,
    pendingRecords: 1,
  };
  emfMetrics({ settings: SETTINGS, clock, writeLine: (line) => lines.push(line) }).publish(summary);
  return lines;
}

/** By the handler itself, on two tables. */
async function emittedByHeartbeat(endpoint: string): Promise<string[]> {
  const replication = {
    ...BEATING,
    source: { region: 'us-east-1', table: 'Orders', create: true, endpoint, ...PARTITION },
    destination: { region: 'eu-west-1', table: 'OrdersTwin', create: true, endpoint, ...PARTITION },
    heartbeat: { key: { pk: 'ferry-heartbeat' } },
  };
  const [checked] = parseConfig({ replications: [replication] }).replications;
  const environment = functionVariables({
    replication: checked as ReplicationConfig,
    streamArn: 'known at deployment',
    deadLetterQueueUrl: 'http://127.0.0.1:1/queue',
    onFailureBucket: 'failures',
    lookAgainQueueUrl: 'http://127.0.0.1:1/look-again',
  });
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  const lines: string[] = [];
  const out = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    lines.push(String(text));
    return true;
  });
  try {
    const { handler } = await import('../../src/handlers/heartbeat.ts');
    await handler();
  } finally {
    out.mockRestore();
    vi.unstubAllEnvs();
  }
  return lines.filter((line) => line.startsWith('{"_aws"'));
}

const PARTITION = { partitionKey: { name: 'pk', type: 'S' } };

/** Of the metrics that have values, too. */
function unitsIn(lines: readonly string[]): Record<string, string> {
  const documents = lines.map(
    (line) =>
      JSON.parse(line) as Record<string, unknown> & {
        _aws: { CloudWatchMetrics: Array<{ Metrics: Array<{ Name: string; Unit: string }> }> };
      },
  );
  return Object.fromEntries(
    documents.flatMap((document) =>
      document._aws.CloudWatchMetrics.flatMap(({ Metrics }) => Metrics)
        .filter(({ Name }) => document[Name] !== undefined)
        .map(({ Name, Unit }) => [Name, Unit]),
    ),
  );
}
