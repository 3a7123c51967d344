// What an estimate and a comparison with it are made of: figures of the last 14 days from CloudWatch, and the sizes of
// the tables.

import type { Access, Sides } from '../aws/access.ts';
import { serviceSettings } from '../aws/client-settings.ts';
import { cloudWatchClient, type MetricQuery, readSeries } from '../aws/cloudwatch-metrics.ts';
import { functionName } from '../config/names.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { DeployedFigures } from '../cost/actual.ts';
import type { SourceFigures } from '../cost/workload.ts';
import { FerryError } from '../errors.ts';
import type { Series } from '../model/vitals.ts';
import { requireTable } from './table-check.ts';

const DAYS = 14;
const HOUR_MS = 3_600_000;
const DAYS_MS = DAYS * 24 * HOUR_MS;

export interface CostFigures {
  readonly source: SourceFigures;
  /** Of the deployment, where that is asked for. */
  readonly deployed: DeployedFigures | undefined;
}

interface Asked {
  readonly nowMs: number;
  readonly isDeployed: boolean;
}

/** @throws FerryError where a table is missing, or nothing is deployed; or what the services throw. */
export async function costFigures(
  replication: ReplicationConfig,
  sides: Sides,
  { nowMs, isDeployed }: Asked,
): Promise<CostFigures> {
  const { name, source, destination, stateTable } = replication;
  const { items, sizeBytes } = await requireTable(sides.source, source.table, 'source');
  const ofSource = await hourly(sides.source, sourceQueries(source.table), nowMs);
  const since = (fromMs: number) => {
    const seconds = (nowMs - fromMs) / 1000;
    return { seconds, items, sizeBytes, ...sumsFrom(fromMs, ofSource) };
  };
  if (!isDeployed) return { source: since(nowMs - DAYS_MS), deployed: undefined };
  const twin = await requireTable(sides.destination, destination.table, 'destination');
  const ofFunction = await hourly(sides.source, functionQueries(functionName(name)), nowMs);
  const fromMs = ofFunction.invocations[0]?.[0] ?? notDeployed(replication);
  const queries = {
    twinWriteUnits: query('AWS/DynamoDB', UNITS, { TableName: destination.table }),
    stateWriteUnits: query('AWS/DynamoDB', UNITS, { TableName: stateTable }),
  };
  const sums = sumsFrom(fromMs, await hourly(sides.destination, queries, nowMs));
  const found = since(fromMs);
  const { seconds } = found;
  const deployed = { seconds, twinBytes: twin.sizeBytes, ...sumsFrom(fromMs, ofFunction), ...sums };
  return { source: found, deployed };
}

const UNITS = 'ConsumedWriteCapacityUnits';

function sourceQueries(TableName: string) {
  // It counts requests that succeeded.
  const requests = (Operation: string) => ({
    ...query('AWS/DynamoDB', 'SuccessfulRequestLatency', { TableName, Operation }),
    statistic: 'SampleCount',
  });
  return {
    writeUnits: query('AWS/DynamoDB', UNITS, { TableName }),
    expiries: query('AWS/DynamoDB', 'TimeToLiveDeletedItemCount', { TableName }),
    puts: requests('PutItem'),
    updates: requests('UpdateItem'),
    deletes: requests('DeleteItem'),
    batches: requests('BatchWriteItem'),
    transactions: requests('TransactWriteItems'),
  };
}

function functionQueries(FunctionName: string) {
  return {
    invocations: query('AWS/Lambda', 'Invocations', { FunctionName }),
    durationMs: query('AWS/Lambda', 'Duration', { FunctionName }),
    logBytes: query('AWS/Logs', 'IncomingBytes', { LogGroupName: `/aws/lambda/${FunctionName}` }),
  };
}

function query(
  namespace: string,
  name: string,
  dimensions: MetricQuery['dimensions'],
): MetricQuery {
  return { namespace, name, dimensions, statistic: 'Sum' };
}

type Named<Name extends string, T> = Readonly<Record<Name, T>>;

async function hourly<Name extends string>(
  access: Access,
  queries: Named<Name, MetricQuery>,
  nowMs: number,
): Promise<Named<Name, Series>> {
  const client = cloudWatchClient(serviceSettings(access, 'cloudwatch'));
  const range = { fromMs: nowMs - DAYS_MS, toMs: nowMs, periodMs: HOUR_MS };
  try {
    const all = await readSeries(client, Object.values<MetricQuery>(queries), range);
    const named = Object.keys(queries).map((name, index) => [name, all[index] ?? []]);
    return Object.fromEntries(named) as Named<Name, Series>;
  } finally {
    client.destroy();
  }
}

function sumsFrom<Name extends string>(fromMs: number, all: Named<Name, Series>) {
  const sums = Object.entries<Series>(all).map(([name, series]) => [
    name,
    series.reduce((sum, [atMs, value]) => (atMs < fromMs ? sum : sum + value), 0),
  ]);
  return Object.fromEntries(sums) as Named<Name, number>;
}

function notDeployed({ name, source }: ReplicationConfig): never {
  throw new FerryError(
    `CloudWatch has no invocation of ${functionName(name)} in ${source.region} in the last ${DAYS} days.`,
    {
      code: 'deployment.missing',
      hint: 'Leave out --actual, check Region and name, or wait until the function has run for an hour.',
    },
  );
}
