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
  const asked = isDeployed ? ofFunctionNamed(functionName(name)) : [];
  const table = await requireTable(sides.source, source.table, 'source');
  const twin = isDeployed
    ? await requireTable(sides.destination, destination.table, 'destination')
    : undefined;
  const beside = await hourly(sides.source, [...ofSource(source.table), ...asked], nowMs);
  const there = isDeployed
    ? await hourly(sides.destination, ofTables(destination.table, stateTable), nowMs)
    : [];
  const ofFunction = beside.slice(beside.length - asked.length);
  const fromMs = isDeployed
    ? (ofFunction[0]?.[0]?.[0] ?? notDeployed(replication))
    : nowMs - DAYS * 24 * HOUR_MS;
  const sums = (all: readonly Series[]) => all.map((one) => sumFrom(one, fromMs));
  const seconds = (nowMs - fromMs) / 1000;
  const { items, sizeBytes } = table;
  return {
    source: { seconds, items, sizeBytes, ...sourceSums(sums(beside)) },
    deployed: twin && {
      seconds,
      twinBytes: twin.sizeBytes,
      ...deployedSums(sums([...ofFunction, ...there])),
    },
  };
}

function sourceSums(sums: readonly number[]) {
  const [writeUnits = 0, expiries = 0, puts = 0, updates = 0, deletes = 0] = sums;
  const [batches = 0, transactions = 0] = sums.slice(5);
  return { writeUnits, expiries, puts, updates, deletes, batches, transactions };
}

function deployedSums(sums: readonly number[]) {
  const [invocations = 0, durationMs = 0, logBytes = 0, twinWriteUnits = 0] = sums;
  const [stateWriteUnits = 0] = sums.slice(4);
  return { invocations, durationMs, logBytes, twinWriteUnits, stateWriteUnits };
}

const UNITS = 'ConsumedWriteCapacityUnits';

/** In the order of `sourceSums`. */
function ofSource(TableName: string): MetricQuery[] {
  const operations = [
    'PutItem',
    'UpdateItem',
    'DeleteItem',
    'BatchWriteItem',
    'TransactWriteItems',
  ];
  return [
    query('AWS/DynamoDB', UNITS, { TableName }),
    query('AWS/DynamoDB', 'TimeToLiveDeletedItemCount', { TableName }),
    // It counts requests that succeeded.
    ...operations.map((Operation) => ({
      ...query('AWS/DynamoDB', 'SuccessfulRequestLatency', { TableName, Operation }),
      statistic: 'SampleCount',
    })),
  ];
}

/** In the order of `deployedSums`. */
function ofFunctionNamed(FunctionName: string): MetricQuery[] {
  return [
    query('AWS/Lambda', 'Invocations', { FunctionName }),
    query('AWS/Lambda', 'Duration', { FunctionName }),
    query('AWS/Logs', 'IncomingBytes', { LogGroupName: `/aws/lambda/${FunctionName}` }),
  ];
}

/** Behind those of the function. */
function ofTables(twin: string, stateTable: string): MetricQuery[] {
  return [twin, stateTable].map((TableName) => query('AWS/DynamoDB', UNITS, { TableName }));
}

function query(
  namespace: string,
  name: string,
  dimensions: MetricQuery['dimensions'],
): MetricQuery {
  return { namespace, name, dimensions, statistic: 'Sum' };
}

async function hourly(
  access: Access,
  queries: readonly MetricQuery[],
  nowMs: number,
): Promise<Series[]> {
  const client = cloudWatchClient(serviceSettings(access, 'cloudwatch'));
  const fromMs = nowMs - DAYS * 24 * HOUR_MS;
  try {
    return await readSeries(client, queries, { fromMs, toMs: nowMs, periodMs: HOUR_MS });
  } finally {
    client.destroy();
  }
}

function sumFrom(series: Series, fromMs: number): number {
  return series.reduce((sum, [atMs, value]) => (atMs < fromMs ? sum : sum + value), 0);
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
