// How a deployed replication is: its figures from CloudWatch, its reader from Lambda, its queue from SQS, and
// its stream from DynamoDB, all read at the same time.

import type { Access, Sides } from '../aws/access.ts';
import { serviceSettings } from '../aws/client-settings.ts';
import { cloudWatchClient, type MetricQuery, readSeries } from '../aws/cloudwatch-metrics.ts';
import { deployedSettings, deployedSinceMs } from '../aws/deployed-function.ts';
import { eventSources } from '../aws/event-source.ts';
import { queueClient, sqsMessages } from '../aws/sqs-messages.ts';
import { describeStreaming } from '../aws/kinesis-facts.ts';
import { streamOfTable } from '../aws/table-facts.ts';
import { kinesisSourceArn } from '../config/change-source.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import {
  deadLetterQueueName,
  functionName,
  heartbeatName,
  lookAgainName,
  METRIC_NAMESPACE,
  METRIC_UNITS,
  type MetricName,
} from '../config/names.ts';
import { newestEpoch } from '../model/control-row.ts';
import {
  MINUTE_MS,
  type Percentile,
  type Series,
  type ServiceMetric,
  type Vitals,
} from '../model/vitals.ts';
import { isStreaming } from '../model/kinesis-facts.ts';
import { whatHappened } from '../failures/what-happened.ts';
import type { EventSource } from '../ports.ts';
import { controlNow, reconciliationNow } from './pause-place.ts';
import { protectionOf } from './protection.ts';

/** The hour that is shown. */
const HOUR_MS = 60 * MINUTE_MS;
const PERCENTILES: readonly Percentile[] = ['p50', 'p90', 'p99'];

/**
 * @throws FerryError `deployment.missing` where the replication is not deployed, or what the services throw.
 */
export async function readVitals(
  replication: ReplicationConfig,
  sides: Sides,
  nowMs: number,
): Promise<Vitals> {
  const { name } = replication;
  const { source, destination } = sides;
  const deployed = await deployedSettings(source, name);
  const { deadLetterQueueUrl, isOlder } = deployed;
  const [
    mappings,
    stream,
    deadLetters,
    { written, ...control },
    reconciliation,
    protection,
    since,
  ] = await Promise.all([
    eventSources(source, replication),
    streamNow(source, replication),
    queueSize(source, deadLetterQueueUrl),
    controlOf(replication, sides),
    replication.reconcile && reconciliationOf(replication, sides),
    protectionOf(destination, replication.destination.table),
    replication.heartbeat && deployedSinceMs(source, heartbeatName(name)),
  ]);
  const { streamArn } = stream;
  // While a stream is replaced, there may be two.
  const mapping = mappings.find((one) => one.streamArn === streamArn) ?? mappings[0];
  return {
    nowMs,
    mapping,
    ...stream,
    deadLetters,
    isOlder,
    ...control,
    projection: { deployed: deployed.projectionDigest ?? null, written },
    heartbeatSinceMs: since,
    reconciliation,
    protection,
    ...(await figures({ replication, source, mapping, nowMs })),
  };
}

/** Where the changes of the source are read now. */
async function streamNow(
  access: Access,
  { source: { kinesisStreamArn, table } }: ReplicationConfig,
): Promise<Pick<Vitals, 'streamArn' | 'streamView' | 'streamProblem'>> {
  if (kinesisStreamArn === undefined) {
    const stream = await streamOfTable(access, table);
    return { streamArn: stream?.arn, streamView: stream?.viewType };
  }
  const streaming = await describeStreaming(access, { table, kinesisStreamArn });
  if (isStreaming(streaming)) return { streamArn: kinesisSourceArn(kinesisStreamArn, table) };
  const { status = 'not enabled' } = streaming;
  const streamProblem = `the source does not send its changes to ${kinesisStreamArn} (${status})`;
  return { streamArn: undefined, streamProblem };
}

/** A status is wanted most when the destination does not answer: then the control row is not known, and all else is. */
export async function controlOf(
  replication: ReplicationConfig,
  sides: Sides,
): Promise<
  Pick<Vitals, 'paused' | 'controlProblem' | 'epoch'> & {
    readonly written?: string | null | undefined;
  }
> {
  try {
    const found = await controlNow(replication, sides);
    if (found.kind === 'unreadable') return { paused: 'unknown', controlProblem: found.problem };
    if (found.kind === 'missing') return { written: null };
    const { paused, projection = null } = found.row;
    return { paused, epoch: newestEpoch(found.row).n, written: projection };
  } catch (error) {
    return { paused: 'unknown', controlProblem: whatHappened(error) };
  }
}

async function reconciliationOf(
  replication: ReplicationConfig,
  sides: Sides,
): Promise<Vitals['reconciliation']> {
  try {
    const found = await reconciliationNow(replication, sides);
    return found === 'unreadable' ? 'a later release has written the row' : found;
  } catch (error) {
    return whatHappened(error);
  }
}

async function queueSize(source: Access, queueUrl: string): Promise<number> {
  const client = queueClient({ ...serviceSettings(source, 'sqs'), queueUrl });
  try {
    return await sqsMessages(client, queueUrl).size();
  } finally {
    client.destroy();
  }
}

type Figures = Pick<Vitals, 'own' | 'services' | 'latency' | 'leastUnapplied'>;

interface Asked {
  readonly replication: ReplicationConfig;
  readonly source: Access;
  readonly mapping: EventSource | undefined;
  readonly nowMs: number;
}

async function figures({ replication, source, mapping, nowMs }: Asked): Promise<Figures> {
  const own = ownQueries(replication);
  const services = serviceQueries(replication, mapping);
  const latency = PERCENTILES.map((statistic) => ({
    ...own.get('ReplicationLatency')!,
    statistic,
  }));
  const client = cloudWatchClient(serviceSettings(source, 'cloudwatch'));
  try {
    const least = { ...own.get('OldestUnappliedAge')!, statistic: 'Minimum' };
    const queries = [...own.values(), ...services.values(), ...latency, least];
    const all = await readSeries(client, queries, { fromMs: nowMs - HOUR_MS, toMs: nowMs });
    return {
      own: zip(own.keys(), all),
      services: zip(services.keys(), all.slice(own.size)),
      leastUnapplied: all.at(-1),
      latency: zip(PERCENTILES, all.slice(own.size + services.size)) as Record<Percentile, Series>,
    };
  } finally {
    client.destroy();
  }
}

function zip<Name extends string>(
  names: Iterable<Name>,
  series: readonly Series[],
): Partial<Record<Name, Series>> {
  const pairs = [...names].map((name, index) => [name, series[index] ?? []] as const);
  return Object.fromEntries(pairs) as Partial<Record<Name, Series>>;
}

/** Of the oldest and the most, the highest; of all others, the sum. */
const HIGHEST: ReadonlyArray<MetricName | ServiceMetric> = [
  'ReplicationLatency',
  'HeartbeatLatency',
  'HeartbeatAge',
  'OldestUnappliedAge',
  'PendingRecords',
  'IteratorAge',
  'ApproximateAgeOfOldestMessage',
  'LookAgainAge',
];

/** Whether a metric counts what happens, so that its figures can be added up. */
export function isCount(name: string): boolean {
  return !HIGHEST.some((one) => one === name);
}

function statisticOf(name: MetricName | ServiceMetric): string {
  return isCount(name) ? 'Sum' : 'Maximum';
}

function ownQueries({
  name,
  source,
  destination,
}: ReplicationConfig): Map<MetricName, MetricQuery> {
  const dimensions = {
    Replication: name,
    SourceRegion: source.region,
    ReceivingRegion: destination.region,
  };
  const names = Object.keys(METRIC_UNITS) as MetricName[];
  return new Map(
    names.map((metric) => {
      const statistic = statisticOf(metric);
      return [metric, { namespace: METRIC_NAMESPACE, name: metric, dimensions, statistic }];
    }),
  );
}

function serviceQueries(
  { name }: ReplicationConfig,
  mapping: EventSource | undefined,
): Map<ServiceMetric, MetricQuery> {
  const ofFunction = { FunctionName: functionName(name) };
  const ofMapping = { EventSourceMappingUUID: mapping?.id ?? 'none' };
  const ageIn = (QueueName: string) => ({
    namespace: 'AWS/SQS',
    name: 'ApproximateAgeOfOldestMessage',
    dimensions: { QueueName },
    statistic: 'Maximum',
  });
  const ofLambda = (metric: ServiceMetric, dimensions: Readonly<Record<string, string>>) =>
    [
      metric,
      { namespace: 'AWS/Lambda', name: metric, dimensions, statistic: statisticOf(metric) },
    ] as const;
  return new Map<ServiceMetric, MetricQuery>([
    ofLambda('IteratorAge', ofFunction),
    ofLambda('Errors', ofFunction),
    ofLambda('Throttles', ofFunction),
    ofLambda('DestinationDeliveryFailures', ofFunction),
    ofLambda('OnFailureDestinationDeliveredEventCount', ofMapping),
    ofLambda('DroppedEventCount', ofMapping),
    ['ApproximateAgeOfOldestMessage', ageIn(deadLetterQueueName(name))],
    ['LookAgainAge', ageIn(lookAgainName(name))],
  ]);
}
